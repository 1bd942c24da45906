"""Trains every network of a small space from scratch on `boards`: an exhaustive trained table.

    python -m scripts.build.boards --data boards/tiles64 --table runs/boards/table

Networks come in one random order, so that those done at any time are a random sample; the first
64 are trained with three seeds, a further seed after every second new network, so that the
deviation between seeds is known early. It can be stopped at any moment: what is in the table is
not trained again, and the training under way resumes from the last eighth of its steps. Several
of it may run at once on one table.

For every seed (`trained_map`, `trained_map:1`, `trained_map:2`) the table gets AP, AP50 and AP of
small, medium and large objects (a third of them each), and the processor seconds of training,
without validation; all of it after each eighth of the steps too, as `trained_map#STEP`.

With `--networks` the networks of a CSV file with a column `arch_id` are trained instead, such as
those of a truth on other data: all with one seed, then the first 16 with another.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.benchmark.columns import every, is_small
from evonas.errors import ConfigurationError
from evonas.locks import locked
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import create_table, open_table
from evonas.training.memory import keep_freed_memory
from evonas.training.recipes import load_recipe
from scripts.build.boards_training import CurveTrainer, column

_ORDER = 0  # seed of the order
_REPEATED, _SEEDS = 64, 3
_NAMED_REPEATED = 16
_BETWEEN = 2  # new networks between two further seeds


def in_order(genotypes: Genotypes, repeated: int = _REPEATED) -> Iterator[tuple[Genotypes, int]]:
    """Yields genotypes (1, n_genes) with seeds, in the order in which they are trained.

    Args:
        genotypes: (n, n_genes) canonical; their own order, and how often each stands there, do
            not matter.
        repeated: How many are trained with three seeds.
    """
    genotypes = np.unique(genotypes, axis=0)
    genotypes = np.random.default_rng(_ORDER).permutation(genotypes)
    further = ((g[None], seed) for g in genotypes[:repeated] for seed in range(1, _SEEDS))
    for number, genotype in enumerate(genotypes, start=1):
        yield genotype[None], 0
        if number % _BETWEEN == 0:
            yield from [job for job in [next(further, None)] if job]
    yield from further


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder of tiles.")],
    table: Annotated[Path, typer.Option(help="Table that takes the results.")],
    space: str = "femto",
    recipe: str = "boards",
    networks: Annotated[Path | None, typer.Option(help="CSV with a column arch_id.")] = None,
    most: Annotated[int | None, typer.Option(help="Trainings after which to stop.")] = None,
    threads: int = 1,
) -> None:
    """Trains until all are in the table; prints a line for each."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    the_space = load_space(space)
    jobs = _all(the_space) if networks is None else _named(the_space, networks)
    results = open_table(table) if table.exists() else create_table(table)
    trainer = CurveTrainer(the_space, data, results, load_recipe(recipe))
    done = 0
    for genotype, seed in jobs:
        if done == most:
            break
        [arch_id] = the_space.arch_ids(genotype)
        with locked(table.parent / f"{arch_id}-{seed}.lock", patience=0) as mine:
            if mine and not _is_known(table, the_space, genotype, seed):
                print(trainer(genotype, seed, table.parent), flush=True)
                done += 1


def _all(space: SearchSpace) -> Iterator[tuple[Genotypes, int]]:
    if not is_small(space):
        raise ConfigurationError(f"{space.name} is too large to train every network; --networks")
    return in_order(space.canonical(every(space)))


def _named(space: SearchSpace, path: Path) -> Iterator[tuple[Genotypes, int]]:
    with open(path, newline="") as file:
        arch_ids = dict.fromkeys(row["arch_id"] for row in csv.DictReader(file))
    genotypes = space.genotypes(list(arch_ids))
    for seed, part in enumerate((genotypes, genotypes[:_NAMED_REPEATED])):
        yield from ((genotype[None], seed) for genotype in part)


def _is_known(path: Path, space: SearchSpace, genotype: Genotypes, seed: int) -> bool:
    name = column("trained_map", seed)
    known = open_table(path).known(genotype, [name], space)[name]
    return not np.isnan(known[0])


if __name__ == "__main__":
    typer.run(main)
