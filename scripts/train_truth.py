"""Trains architectures from scratch with one fixed recipe: the truth a supernet is held against.

    python scripts/train_truth.py --data ~/.cache/evonas/digits --table runs/truth/table

Random architectures, spread evenly over the logarithm of their multiply-adds; the first ones are
trained with three seeds, the others with one. It can be stopped at any moment: what is in the
table is not trained again, and the training under way goes on from its checkpoint.
"""

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
) -> None:
    """Trains until all are in the table; prints a line for each."""
    torch.set_num_threads(threads)
    the_space = load_space(space)
    recipe = replace(TRUTH_RECIPE, steps=steps)
    results = open_table(table) if table.exists() else create_table(table)
    train = load_tensors(load_coco(data, "train"), the_space.skeleton.image_size)
    validation = Validation(load_coco(data, "val"), the_space.skeleton.image_size)
    genotypes = spread_sample(the_space, count, seed=0)
    fingerprint = data_fingerprint(data)
    jobs = [(i, 0) for i in range(count)]
    jobs[2 * repeated : 2 * repeated] = [(i, seed) for i in range(repeated) for seed in (1, 2)]
    for i, seed in jobs:
        column = "trained_map" if seed == 0 else f"trained_map:{seed}"
        if not np.isnan(results.lookup(genotypes[i : i + 1], [column], the_space)[column][0]):
            continue
        began = time.monotonic()
        checkpoint = table.parent / f"{the_space.arch_ids(genotypes[i : i + 1])[0]}-{seed}.pt"
        detector = train_detector(the_space.decode(genotypes[i]), train, recipe, seed, checkpoint)
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
        checkpoint.unlink(missing_ok=True)
        print(f"{i:4d} seed {seed}  AP {ap:.4f}  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    typer.run(main)
