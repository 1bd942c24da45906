"""Learning curves of trained networks, read from tables: AP and seconds by training and step."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.space import Genotypes, SearchSpace
from evonas.table import BenchmarkTable, open_table

_AP, _SECONDS = "trained_map", "trained_seconds"
_NAME = re.compile(rf"({_AP}|{_SECONDS})(?::(\d+))?(?:#(\d+))?")


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """n networks of a space with at least one whole learning curve.

    Attributes:
        genotypes: (n, n_genes) canonical, distinct, in order.
        steps: (k,) numbers of training steps, rising; the last one ends a training.
        ap: (n, n_seeds, k) AP of each training after each of the steps; NaN throughout where a
            training has no whole curve, and no network is without one.
        seconds: (n, n_seeds, k) processor seconds of each training until then, NaN likewise.
        final: (n,) mean AP over all trainings at their end, those without a curve included.
        other: (n,) by name: columns that need no training.
        sources: Where AP and these come from, by name.
    """

    genotypes: Genotypes
    steps: NDArray[np.int64]
    ap: Floats
    seconds: Floats
    final: Floats
    other: dict[str, Floats]
    sources: dict[str, str]


def load_curves(paths: Sequence[Path], space: SearchSpace, other: Sequence[str]) -> Curves:
    """Reads the columns `trained_map[:SEED]#STEP` and `trained_seconds[:SEED][#STEP]`.

    Where seconds are known of the end alone, they grow in proportion to the steps; where they are
    known of the first training alone, the further ones take as long. Networks without a whole
    curve are left out.

    Args:
        paths: Tables; of a network that stands in several the first one counts.
        space: Their space.
        other: Further columns.

    Raises:
        DataError: No network has a whole curve, or the tables were trained for different steps.
    """
    parts = [_read(open_table(path), space, other) for path in paths]
    if len({tuple(part.steps) for part in parts}) > 1:
        raise DataError(f"{', '.join(map(str, paths))}: curves of different steps")
    seeds = max(part.ap.shape[1] for part in parts)
    genotypes = np.concatenate([part.genotypes for part in parts])
    _, rows = np.unique(genotypes, axis=0, return_index=True)
    return Curves(
        genotypes[rows],
        parts[0].steps,
        np.concatenate([_padded(part.ap, seeds) for part in parts])[rows],
        np.concatenate([_padded(part.seconds, seeds) for part in parts])[rows],
        np.concatenate([part.final for part in parts])[rows],
        {name: np.concatenate([part.other[name] for part in parts])[rows] for name in other},
        parts[0].sources,
    )


def _read(table: BenchmarkTable, space: SearchSpace, other: Sequence[str]) -> Curves:
    found = [match for name in table.columns(space) if (match := _NAME.fullmatch(name))]
    steps = sorted({int(m[3]) for m in found if m[1] == _AP and m[3]})
    if not steps:
        raise DataError(f"{table.path}: no column {_AP}#STEP, no learning curve")
    seeds = range(1 + max(int(m[2] or 0) for m in found if m[1] == _AP))
    known = {m.group() for m in found}
    n = table.count(space)

    def column(name: str) -> Floats:
        return table.column(name, space) if name in known else np.full(n, np.nan)

    def curve(quantity: str, seed: int) -> Floats:
        names = [f"{quantity}{f':{seed}' if seed else ''}#{step}" for step in steps]
        return np.stack([column(name) for name in names], axis=1)

    ap = np.stack([curve(_AP, seed) for seed in seeds], axis=1)
    seconds = np.stack([curve(_SECONDS, seed) for seed in seeds], axis=1)
    ends = [column(f"{_SECONDS}{f':{seed}' if seed else ''}") for seed in seeds]
    share = np.array(steps) / steps[-1]
    for seed in seeds:
        proportional = ends[seed][:, None] * share
        seconds[:, seed] = np.where(np.isnan(seconds[:, seed]), proportional, seconds[:, seed])
        seconds[:, seed] = np.where(np.isnan(seconds[:, seed]), seconds[:, 0], seconds[:, seed])
    whole = np.asarray(~np.isnan(ap).any(axis=2) & ~np.isnan(seconds).any(axis=2))
    ap, seconds = (np.where(whole[:, :, None], part, np.nan) for part in (ap, seconds))
    finals = np.stack([column(f"{_AP}{f':{seed}' if seed else ''}") for seed in seeds], axis=1)
    finals = np.where(np.isnan(finals), ap[:, :, -1], finals)
    others = {name: table.column(name, space) for name in other}
    known = ~np.isnan(np.array([*others.values(), np.zeros(n)])).any(axis=0)
    rows: NDArray[np.bool_] = np.asarray(whole.any(axis=1) & known)
    if not rows.any():
        raise DataError(f"{table.path}: no network of {space.name} with a whole learning curve")
    return Curves(
        table.genotypes(space)[rows],
        np.array(steps),
        ap[rows],
        seconds[rows],
        np.nanmean(finals[rows], axis=1),
        {name: values[rows] for name, values in others.items()},
        {name: table.provenance(name, space)["source"] for name in (_AP, *other)},
    )


def _padded(values: Floats, seeds: int) -> Floats:
    missing = seeds - values.shape[1]
    return np.pad(values, ((0, 0), (0, missing), (0, 0)), constant_values=np.nan)
