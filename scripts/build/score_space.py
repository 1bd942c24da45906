r"""Scores a whole small space, or a random sample of a large one, by a supernet.

    python -m scripts.build.score_space --space pico --data data/digits --table runs/pico/table
    python -m scripts.build.score_space --space nano --count 20000 --kin 3 --data data/digits \
        --table runs/nano/table

It can be stopped at any moment: what is in the table is not scored again. Architectures go in the
order of their genotypes, so that neighbours share the layers that they have in common, and with
`--kin` most differ from another one in their last block alone. `--part 0/2` and `--part 1/2` at
once score the two halves.
"""

import time
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.paths import shipped_data
from evonas.scoring.scorer import CachedScorer
from evonas.scoring.supernet import SupernetScorer
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import create_table, open_table
from evonas.training.memory import keep_freed_memory

_LARGEST = 10**6  # architectures that one may want to score exhaustively
_ROWS = 200  # between two lines of progress
_SORTED = 5000  # so many random ones are put in order, so that those done first are random too


def whole(space: SearchSpace) -> Genotypes:
    """Returns every architecture of a small space once, (space.size, n_genes), in order."""
    if space.size > _LARGEST:
        raise typer.BadParameter(f"{space.name} has {space.size:.3g} architectures; give --count")
    every = np.array(list(product(*map(range, space.gene_sizes))), np.uint8)
    genotypes = np.unique(space.canonical(every), axis=0)
    assert len(genotypes) == space.size
    return genotypes


def sample(space: SearchSpace, count: int, kin: int, seed: int) -> Genotypes:
    """Returns distinct random architectures, (count, n_genes).

    Each is like the one drawn before it but for the last block; one in `kin` but for the last two
    blocks, one in `kin` of these but for the last three, and so on. So each is as likely as if it
    were drawn alone, and the more kin it has, the less time its score takes.
    """
    rng = np.random.default_rng(seed)
    pool = space.sample(2 * count, rng)
    block = np.array([slot.block for slot in space.genes])
    if kin > 1:
        fresh = rng.geometric(1 - 1 / kin, len(pool))  # of the blocks, from the last one on
        for row in range(1, len(pool)):
            alike = block <= len(space.blocks) - fresh[row]
            pool[row, alike] = pool[row - 1, alike]
    _, distinct = np.unique(pool, axis=0, return_index=True)
    return pool[np.sort(distinct)[:count]]


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    table: Annotated[Path, typer.Option(help="Table that takes the scores.")],
    space: str = "pico",
    weights: Annotated[Path | None, typer.Option(help="Supernet; by default nano's.")] = None,
    count: Annotated[int | None, typer.Option(help="Random ones; by default all.")] = None,
    kin: Annotated[int, typer.Option(help="Of random ones, how many begin alike.")] = 1,
    seed: int = 0,
    by_size: Annotated[bool, typer.Option(help="AP by the size of objects too.")] = False,
    part: Annotated[str, typer.Option(metavar="I/N", help="Which of N runs at once.")] = "0/1",
    threads: int = 1,
) -> None:
    """Scores until all are in the table."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    the_space = load_space(space)
    genotypes = whole(the_space) if count is None else sample(the_space, count, kin, seed)
    index, parts = _read_part(part)
    genotypes = np.array_split(genotypes, parts)[index]
    results = open_table(table) if table.exists() else create_table(table)
    weights = weights or shipped_data() / "supernets" / "nano.safetensors"
    scorer = CachedScorer(the_space, SupernetScorer(weights, data, the_space, by_size), results)
    began = time.monotonic()
    done = 0
    for first in range(0, len(genotypes), _SORTED):
        some = genotypes[first : first + _SORTED]
        some = some[np.lexsort(some.T[::-1])]
        for rows in np.split(some, range(_ROWS, len(some), _ROWS)):
            scorer(rows)
            done += len(rows)
            seconds = time.monotonic() - began
            line = f"{done} of {len(genotypes)}, {scorer.scored} scored in {seconds:.0f} s"
            print(line, flush=True)


def _read_part(part: str) -> tuple[int, int]:
    """Returns which part of how many `I/N` names."""
    index, slash, parts = part.partition("/")
    if not (slash and index.isdecimal() and parts.isdecimal() and int(index) < int(parts)):
        raise typer.BadParameter(f"--part {part}: must be I/N, I from 0 to N - 1")
    return int(index), int(parts)


if __name__ == "__main__":
    typer.run(main)
