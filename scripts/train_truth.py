"""Trains architectures from scratch with one fixed recipe: the truth a supernet is held against.

    python scripts/train_truth.py --data ~/.cache/evonas/digits --table runs/truth/table

Random architectures, spread evenly over the logarithm of their multiply-adds; the first ones are
trained with three seeds, the others with one. It can be stopped at any moment: what is in the
table is not trained again, and the training under way goes on from its checkpoint. Losses are
appended to `curves.jsonl` beside the table, a line for each training.

With `--front` the architectures on the front of a searched table follow, so that the truth also
holds what a supernet takes to be the best.
"""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.data import data_fingerprint, load_coco
from evonas.data.tensors import load_tensors
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import create_table, open_table
from evonas.training.loop import Progress
from evonas.training.recipe import Recipe, describe_recipe
from evonas.training.static import train_detector
from evonas.training.validation import Validation

TRUTH_RECIPE = Recipe(steps=1000, warmup_steps=100)


def spread_sample(space: SearchSpace, count: int, seed: int) -> Genotypes:
    """Returns distinct architectures spread evenly over the logarithm of their multiply-adds."""
    rng = np.random.default_rng(seed)
    pool = np.unique(space.sample(50 * count, rng), axis=0)
    pool = rng.permutation(pool)
    cost = np.log(space.costs(pool)["madds"])
    low, high = np.quantile(cost, [0.01, 0.99])
    chosen: list[int] = []
    # Van der Corput's sequence fills the range evenly wherever one stops.
    for number in range(count):
        target = low + (high - low) * _van_der_corput(number)
        order = np.argsort(abs(cost - target))
        chosen.append(next(int(i) for i in order if i not in chosen))
    return pool[chosen]


def front_genotypes(path: Path, space: SearchSpace, objectives: str) -> Genotypes:
    """Returns the genotypes on a table's front, best in the first objective first."""
    table = open_table(path)
    return table.genotypes(space)[table.front(objectives.split(","), space=space)]


def _van_der_corput(number: int) -> float:
    value, scale = 0.0, 0.5
    while number:
        value, number, scale = value + scale * (number & 1), number >> 1, scale / 2
    return value


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    table: Annotated[Path, typer.Option(help="Table that takes the results.")],
    space: str = "nano",
    count: int = 150,
    repeated: Annotated[int, typer.Option(help="Architectures with three seeds.")] = 20,
    steps: int = TRUTH_RECIPE.steps,
    threads: int = 1,
    front: Annotated[Path | None, typer.Option(help="Searched table.")] = None,
    objectives: Annotated[str, typer.Option(help="Of that front.")] = "map,madds",
) -> None:
    """Trains until all are in the table; prints a line for each."""
    torch.set_num_threads(threads)
    the_space = load_space(space)
    recipe = replace(TRUTH_RECIPE, steps=steps)
    results = open_table(table) if table.exists() else create_table(table)
    train = load_tensors(load_coco(data, "train"), the_space.skeleton.image_size)
    validation = Validation(load_coco(data, "val"), the_space.skeleton.image_size)
    genotypes = spread_sample(the_space, count, seed=0)
    if front is not None:
        genotypes = np.concatenate([genotypes, front_genotypes(front, the_space, objectives)])
    fingerprint = data_fingerprint(data)
    jobs = [(i, 0) for i in range(len(genotypes))]
    jobs[2 * repeated : 2 * repeated] = [(i, seed) for i in range(repeated) for seed in (1, 2)]
    for i, seed in jobs:
        column = "trained_map" if seed == 0 else f"trained_map:{seed}"
        if not np.isnan(results.lookup(genotypes[i : i + 1], [column], the_space)[column][0]):
            continue
        began = time.monotonic()
        [arch_id] = the_space.arch_ids(genotypes[i : i + 1])
        checkpoint = table.parent / f"{arch_id}-{seed}.pt"
        curve: list[tuple[int, float]] = []

        def report(progress: Progress, curve: list[tuple[int, float]] = curve) -> None:
            curve.append((progress.step, round(progress.loss, 4)))

        architecture = the_space.decode(genotypes[i])
        detector = train_detector(architecture, train, recipe, seed, checkpoint, report)
        detector.fold()
        ap, ap50 = validation.score(detector)
        seconds = time.monotonic() - began
        provenance = {
            "source": "trained",
            "recipe": str(describe_recipe(recipe)),
            "seed": str(seed),
            "data": fingerprint,
            "torch": torch.__version__,
        }
        columns = {column: [ap]}
        if seed == 0:
            columns |= {"trained_map50": [ap50], "trained_seconds": [seconds]}
        results.append(the_space, genotypes[i : i + 1], columns, provenance=provenance)
        with (table.parent / "curves.jsonl").open("a") as file:
            line = {"arch_id": arch_id, "seed": seed, "step_loss": curve, "map": ap}
            file.write(json.dumps(line) + "\n")
        checkpoint.unlink(missing_ok=True)
        print(f"{i:4d} seed {seed}  AP {ap:.4f}  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    typer.run(main)
