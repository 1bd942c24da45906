"""What kinds of operation are chosen where, and what they buy at an equal price."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.space import Genotypes, Op, SearchSpace

SKIPPED = "skipped"
KINDS = ("ibn0", "ibn", "fused", "tucker", SKIPPED)
# Rows per bin of the average at a price, and the fewest rows that a mean is told of.
_PER_BIN, _MOST_BINS, FEWEST = 30, 60, 5

Kinds = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Position:
    """A layer's place.

    Attributes:
        name: `b2.l1`.
        block: Its block, from 1.
        possible: Indices into `KINDS` of what may be chosen there.
    """

    name: str
    block: int
    possible: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KindShares:
    """How often each kind is chosen at each position, among some rows and among all.

    Attributes:
        positions: Names of the p places.
        among: (p, kinds) shares among some rows, NaN where a kind is not possible.
        all: (p, kinds) shares among all rows.
        n_among: How many some are.
        n_all: How many all are.
    """

    positions: tuple[str, ...]
    among: Floats
    all: Floats
    n_among: int
    n_all: int


@dataclass(frozen=True, slots=True, eq=False)
class KindGains:
    """What networks with a kind at a position have above the average at their price.

    Attributes:
        positions: Names of the p places.
        mean: (p, kinds) mean of the values above it; NaN for fewer than 5 rows.
        error: (p, kinds) half of the mean's 95 % interval.
        n: (p, kinds) rows with the kind there.
    """

    positions: tuple[str, ...]
    mean: Floats
    error: Floats
    n: NDArray[np.int64]


def layer_positions(space: SearchSpace) -> list[Position]:
    """Returns the places of layers, in order."""
    return [
        Position(
            slot.name.removesuffix(".op"),
            slot.block,
            tuple(sorted({_kind(choice) for choice in slot.choices})),
        )
        for slot in space.slots
        if slot.layer
    ]


def kinds_of(space: SearchSpace, genotypes: Genotypes) -> Kinds:
    """Returns the kind at each position, (n, p) indices into `KINDS`."""
    genes = {slot.name: column for column, slot in enumerate(space.genes)}
    columns = []
    for slot in space.slots:
        if slot.layer:
            of_choice = np.array([_kind(choice) for choice in slot.choices], np.uint8)
            gene = genes.get(slot.name)
            chosen = np.zeros(len(genotypes), np.uint8) if gene is None else genotypes[:, gene]
            columns.append(of_choice[chosen])
    return np.stack(columns, axis=1)


def kind_shares(
    space: SearchSpace, kinds: Kinds, rows: NDArray[np.intp], by_block: bool = False
) -> KindShares:
    """Returns the shares of the kinds among some rows against all of them.

    Args:
        space: The space.
        kinds: (n, p), see `kinds_of`.
        rows: Which rows.
        by_block: A place is a block, of whose layers, skipped ones included, shares are the mean.
    """
    places = layer_positions(space)
    among, whole = _shares(kinds[rows], places), _shares(kinds, places)
    names = tuple(place.name for place in places)
    if by_block:
        blocks = sorted({place.block for place in places})
        of = [[i for i, place in enumerate(places) if place.block == block] for block in blocks]
        among, whole = (np.stack([_mean(s[i]) for i in of]) for s in (among, whole))
        names = tuple(f"block {block}" for block in blocks)
    return KindShares(names, among, whole, len(rows), len(kinds))


def kind_gains(space: SearchSpace, kinds: Kinds, values: Floats, price: Floats) -> KindGains:
    """Returns how far networks with a kind at a position are above others of the same price.

    The average at a price is that of the rows around it; what is above it is the row's own.

    Args:
        space: The space.
        kinds: (n, p), see `kinds_of`.
        values: (n,) such as AP, NaN where missing.
        price: (n,) such as a latency in ms.

    Raises:
        DataError: Fewer than 60 rows have both.
    """
    places = layer_positions(space)
    known = np.isfinite(values) & np.isfinite(price)
    if known.sum() < 2 * _PER_BIN:
        raise DataError(
            f"{known.sum()} rows have both values; at least {2 * _PER_BIN} are required"
        )
    above = values[known] - _average_at(values[known], price[known])
    shape = len(places), len(KINDS)
    mean, error, count = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int64)
    for place in range(len(places)):
        for kind in range(len(KINDS)):
            chosen = above[kinds[known, place] == kind]
            count[place, kind] = len(chosen)
            if len(chosen) >= FEWEST:
                mean[place, kind] = chosen.mean()
                error[place, kind] = 1.96 * chosen.std(ddof=1) / np.sqrt(len(chosen))
    return KindGains(tuple(place.name for place in places), mean, error, count)


def _kind(choice: int | Op | None) -> int:
    assert not isinstance(choice, int)
    return KINDS.index(SKIPPED if choice is None else choice.kind)


def _shares(kinds: Kinds, places: list[Position]) -> Floats:
    shares = np.full((len(places), len(KINDS)), np.nan)
    for place, position in enumerate(places):
        for kind in position.possible:
            shares[place, kind] = (kinds[:, place] == kind).mean() if len(kinds) else np.nan
    return shares


def _mean(shares: Floats) -> Floats:
    """The mean over a block's layers; a layer where a kind is not possible counts as none of it."""
    possible = ~np.isnan(shares).all(axis=0)
    return np.where(possible, np.nan_to_num(shares).mean(axis=0), np.nan)


def _average_at(values: Floats, price: Floats) -> Floats:
    """The average of the values at each row's price, over bins of equally many rows."""
    order = np.argsort(price, kind="stable")
    bins = np.array_split(order, min(max(len(order) // _PER_BIN, 2), _MOST_BINS))
    middle = np.array([price[rows].mean() for rows in bins])
    level = np.array([values[rows].mean() for rows in bins])
    at: Floats = np.interp(price, middle, level)
    return at
