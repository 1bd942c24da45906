"""Trains architectures from scratch with one fixed recipe: the truth a supernet is held against.

    python -m scripts.build.truth --data ~/.cache/evonas/digits --table runs/truth/table

Random architectures, spread evenly over the logarithm of their multiply-adds; the first ones are
trained with three seeds, the others with one. It can be stopped at any moment: what is in the
table is not trained again, and the training under way goes on from its checkpoint. Several of it
may run at once on one table.

The table gets `trained_map`, with `trained_map:1` and `trained_map:2` for further seeds, AP after
each quarter of the steps as `trained_map#STEP`, and `trained_seconds`: processor time of one
thread, validation included.

With `--networks` those of a CSV file with a column `arch_id` come first, such as a search's
front.csv or docs/mobiledets/to_train.csv, each with several seeds; `--count 0` trains no others.
"""

import csv
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.data import data_fingerprint, load_coco
from evonas.data.tensors import load_tensors
from evonas.detector import Detector
from evonas.files import read_json, write_json
from evonas.locks import locked
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import BenchmarkTable, create_table, open_table
from evonas.training.loop import Progress
from evonas.training.memory import keep_freed_memory
from evonas.training.recipe import Recipe, describe_recipe
from evonas.training.recipes import RECIPES
from evonas.training.static import train_detector
from evonas.training.validation import Validation

TRUTH_RECIPE = replace(RECIPES["nano"], steps=1000, validations=4)
# The costliest twentieth would take a third of the time.
_CHEAPEST, _COSTLIEST = 0.01, 0.95


def spread_sample(space: SearchSpace, count: int, seed: int) -> Genotypes:
    """Returns distinct architectures spread evenly over the logarithm of their multiply-adds.

    However large the count, the first ones are the same.
    """
    rng = np.random.default_rng(seed)
    pool = rng.permutation(np.unique(space.sample(10_000, rng), axis=0))
    cost = np.log(space.costs(pool)["madds"])
    low, high = np.quantile(cost, [_CHEAPEST, _COSTLIEST])
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


class Trainer:
    """Trains architectures on one data set, one after the other, into one table."""

    def __init__(self, space: SearchSpace, data: Path, table: BenchmarkTable, recipe: Recipe):
        size = space.skeleton.image_size
        self.space, self.table, self.recipe = space, table, recipe
        self.train = load_tensors(load_coco(data, "train"), size)
        self.validation = Validation(load_coco(data, "val"), size)
        self.provenance = {
            "source": "trained",
            "recipe": str(describe_recipe(recipe)),
            "data": data_fingerprint(data),
            "torch": torch.__version__,
        }

    def __call__(self, genotype: Genotypes, seed: int, folder: Path) -> None:
        """Trains the architecture of genotype (1, n_genes); its state is kept in the folder.

        Raises:
            DataError: The table has the column of another recipe, other data or another torch;
                nothing was trained.
        """
        [arch_id] = self.space.arch_ids(genotype)
        column, provenance = _column(seed), self.provenance | {"seed": str(seed)}
        self.table.append(self.space, genotype[:0], {column: []}, provenance=provenance)
        checkpoint = folder / f"{arch_id}-{seed}.pt"
        state = folder / f"{arch_id}-{seed}.json"
        curve: dict[str, tuple[float, float]] = {}
        before, began = 0.0, time.process_time()
        if checkpoint.exists() and state.exists():
            known = read_json(state, "the state of a training")
            before, curve = known["seconds"], known["curve"]

        def keep(_: Progress | None = None) -> None:
            spent = before + time.process_time() - began
            write_json(state, {"seconds": spent, "curve": curve})

        def validate(step: int, detector: Detector) -> None:
            detector.fold()
            curve[str(step)] = self.validation.score(detector)
            keep()  # the checkpoint comes after it

        architecture = self.space.decode(genotype[0])
        train_detector(architecture, self.train, self.recipe, seed, checkpoint, keep, validate)
        seconds = before + time.process_time() - began
        ap, ap50 = curve[str(self.recipe.steps)]
        columns = {column: [ap]}
        if seed == 0:
            columns |= {"trained_map50": [ap50], "trained_seconds": [seconds]}
            columns |= {f"{column}#{step}": [value] for step, (value, _) in curve.items()}
        self.table.append(self.space, genotype, columns, provenance=provenance)
        for path in (checkpoint, state):
            path.unlink(missing_ok=True)
        print(f"{arch_id} seed {seed}  AP {ap:.4f}  {seconds:.0f} s", flush=True)


def _in_order(genotypes: Genotypes, repeated: int) -> list[tuple[Genotypes, int]]:
    """Returns genotypes with seeds: further seeds of the first ones after every third new one."""
    further = iter([(g, seed) for seed in (1, 2) for g in genotypes[:repeated]])
    jobs: list[tuple[Genotypes, int]] = []
    for number, genotype in enumerate(genotypes, start=1):
        jobs.append((genotype, 0))
        if number % 3 == 0:
            jobs.extend(islice(further, 1))
    return [*jobs, *further]


def _column(seed: int) -> str:
    return "trained_map" if seed == 0 else f"trained_map:{seed}"


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    table: Annotated[Path, typer.Option(help="Table that takes the results.")],
    space: str = "nano",
    count: int = 150,
    repeated: Annotated[int, typer.Option(help="Architectures with three seeds.")] = 20,
    steps: int = TRUTH_RECIPE.steps,
    threads: int = 1,
    networks: Annotated[Path | None, typer.Option(help="CSV with a column arch_id.")] = None,
    seeds: Annotated[int, typer.Option(help="Of each of those networks.")] = 3,
) -> None:
    """Trains until all are in the table; prints a line for each."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    the_space = load_space(space)
    results = open_table(table) if table.exists() else create_table(table)
    trainer = Trainer(the_space, data, results, replace(TRUTH_RECIPE, steps=steps))
    genotypes = spread_sample(the_space, count, seed=0)
    jobs = _in_order(genotypes, repeated)
    if networks is not None:
        with open(networks, newline="") as file:
            arch_ids = dict.fromkeys(row["arch_id"] for row in csv.DictReader(file))
        named = the_space.genotypes(list(arch_ids))
        jobs = [(genotype, seed) for seed in range(seeds) for genotype in named] + jobs
    for genotype, seed in jobs:
        [arch_id] = the_space.arch_ids(genotype[None])
        with locked(table.parent / f"{arch_id}-{seed}.lock", patience=0) as mine:
            if mine and not _is_known(table, the_space, genotype[None], seed):
                trainer(genotype[None], seed, table.parent)


def _is_known(path: Path, space: SearchSpace, genotype: Genotypes, seed: int) -> bool:
    column = _column(seed)
    known = open_table(path).known(genotype, [column], space)[column]
    return not np.isnan(known[0])


if __name__ == "__main__":
    typer.run(main)
