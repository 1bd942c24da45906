r"""Scores a whole small space, or a random sample of a large one, by a supernet.

    python scripts/score_space.py --space pico --data data/digits --table runs/pico/table
    python scripts/score_space.py --space nano --count 20000 --family 5 --data data/digits \
        --table runs/nano/table

It can be stopped at any moment: what is in the table is not scored again. Architectures go in the
order of their genotypes, so that neighbours share the layers that they have in common; families,
whose members differ in the later blocks alone, share most of the time. `--part 0/2` and
`--part 1/2` at once score the two halves.
"""

import time
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.paths import benchmark_data_dir
from evonas.scoring.scorer import CachedScorer
from evonas.scoring.supernet import SupernetScorer
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import create_table, open_table
from evonas.training.memory import keep_freed_memory

_LARGEST = 10**6  # architectures that one may want to score exhaustively
_ROWS = 200  # between two lines of progress


def whole(space: SearchSpace) -> Genotypes:
    """Returns every architecture of a small space once, (space.size, n_genes), in order."""
    if space.size > _LARGEST:
        raise typer.BadParameter(f"{space.name} has {space.size:.3g} architectures; give --count")
    every = np.array(list(product(*map(range, space.gene_sizes))), np.uint8)
    genotypes = np.unique(space.canonical(every), axis=0)
    assert len(genotypes) == space.size
    return genotypes


def sample(space: SearchSpace, count: int, family: int, seed: int) -> Genotypes:
    """Returns distinct random architectures, (count, n_genes), in order.

    Args:
        space: The space to draw from.
        count: How many.
        family: How many have the stem and the first half of the blocks in common. Each is as
            likely as if it were drawn alone.
        seed: Seed of what is drawn.
    """
    rng = np.random.default_rng(seed)
    pool = space.sample(2 * count, rng)
    early = [slot.block <= len(space.blocks) // 2 for slot in space.genes]
    begins = space.sample(-(-len(pool) // family), rng)
    pool[:, early] = np.repeat(begins, family, axis=0)[: len(pool), early]
    _, distinct = np.unique(pool, axis=0, return_index=True)
    return np.unique(pool[np.sort(distinct)[:count]], axis=0)


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    table: Annotated[Path, typer.Option(help="Table that takes the scores.")],
    space: str = "pico",
    weights: Annotated[Path | None, typer.Option(help="Supernet; by default nano's.")] = None,
    count: Annotated[int | None, typer.Option(help="Random ones; by default all.")] = None,
    family: Annotated[int, typer.Option(help="Random ones that begin alike.")] = 1,
    seed: int = 0,
    part: Annotated[str, typer.Option(metavar="I/N", help="Which of N runs at once.")] = "0/1",
    threads: int = 1,
) -> None:
    """Scores until all are in the table."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    the_space = load_space(space)
    genotypes = whole(the_space) if count is None else sample(the_space, count, family, seed)
    index, parts = map(int, part.split("/"))
    genotypes = np.array_split(genotypes, parts)[index]
    results = open_table(table) if table.exists() else create_table(table)
    weights = weights or benchmark_data_dir() / "supernets" / "nano.safetensors"
    scorer = CachedScorer(the_space, SupernetScorer(weights, data, the_space), results)
    began = time.monotonic()
    for first in range(0, len(genotypes), _ROWS):
        scorer(genotypes[first : first + _ROWS])
        done = min(first + _ROWS, len(genotypes))
        seconds = time.monotonic() - began
        print(f"{done} of {len(genotypes)}, {scorer.scored} scored in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    typer.run(main)
