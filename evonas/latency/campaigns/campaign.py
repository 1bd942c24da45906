"""Campaigns: which networks to measure, in which order, and how to go on after a stop."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evonas.errors import ConfigurationError
from evonas.files import remove_partial_files
from evonas.latency.campaigns.cluster import measure_on_cluster
from evonas.latency.devices import Device
from evonas.latency.sources.measurement import Source, part_names
from evonas.latency.sources.pool import Answer, measure_all
from evonas.latency.store import (
    ROLES,
    Measurements,
    load_measurements,
    save_measurements,
)
from evonas.space import Architecture, Genotypes, SearchSpace

_CHUNK = 100
_POOL = 2000
_SAVE_SECONDS = 20.0

# A genotype and its figures.
_Row = tuple[Genotypes, dict[str, Any]]

# Called with networks done and networks asked for.
Progress = Callable[[int, int], None]


def campaign_genotypes(
    space: SearchSpace, count: int, seed: int = 0
) -> tuple[Genotypes, np.ndarray]:
    """Returns the networks of a campaign and their roles; a longer campaign begins with a shorter.

    Every other one is random; the rest are spread evenly over the logarithm of the multiply-adds,
    because a search ends where random networks are rare.

    Args:
        space: The space.
        count: Number of networks.
        seed: Seed of the campaign.

    Returns:
        Genotypes (count, n_genes) and indices into `ROLES` (count,).
    """
    genotypes, roles = [], []
    for chunk in range(-(-count // _CHUNK)):
        rng = np.random.default_rng([seed, chunk])
        half = _CHUNK // 2
        both = np.stack([space.sample(half, rng), _stratified(space, half, rng)], axis=1)
        genotypes.append(both.reshape(_CHUNK, -1))
        roles.append(np.tile([ROLES.index("random"), ROLES.index("stratified")], half))
    empty = np.empty((0, space.n_genes), np.uint8)
    return np.concatenate([empty, *genotypes])[:count], np.concatenate([[], *roles])[:count]


def reference_architecture(space: SearchSpace) -> Architecture:
    """Returns the network that runs beside every measured one: cheaper than most, always same."""
    pool = space.sample(400, np.random.default_rng(5))
    order = np.argsort(space.costs(pool)["madds"], kind="stable")
    return space.decode(pool[order[60]])


def run_campaign(
    device: Device,
    source: Source,
    space: SearchSpace,
    genotypes: Genotypes,
    roles: np.ndarray,
    path: Path,
    progress: Progress = lambda done, total: None,
    workers: int = 1,
    ray: str = "",
    begun: Path | None = None,
) -> Measurements:
    """Measures the networks that the file does not hold yet, saving as it goes.

    Those rejected before, because the machine was disturbed, are measured again.

    Args:
        device: The device.
        source: Where its figures come from.
        space: The space of the genotypes.
        genotypes: (n, n_genes) networks wanted.
        roles: (n,) how each came in, indices into `ROLES`.
        path: File of measurements, continued if it exists.
        progress: Called after every network.
        workers: Processes that ask a compiler; runtimes are timed one network after the other.
        ray: Address of a Ray cluster that asks a compiler instead; see `measure_on_cluster`.
        begun: Another file whose figures begin it, if they were taken with the same versions.

    Raises:
        ConfigurationError: The file's figures were taken with other versions or another machine,
            or a cluster is asked for a device that is not a compiler's.
    """
    if ray and device.source != "compiler":
        raise ConfigurationError(
            f"--ray {ray}: {device.name} is {device.source}, and a cluster has many machines; "
            "only compiler sources can run there"
        )
    remove_partial_files(path.parent)
    known = _start(device, source, space, path, begun or path)
    parts = part_names(space)
    todo = _missing(known, genotypes)
    already = len(genotypes) - len(todo)
    architectures = [space.decode(genotype) for genotype in genotypes[todo]]
    if ray:
        answers = measure_on_cluster(source, architectures, ray)
    else:
        answers = measure_all(device, source, architectures, workers)
    rows: list[_Row] = []
    last_saved = time.monotonic()
    progress(already, len(genotypes))
    try:
        for done, (row, answer) in enumerate(zip(todo, answers, strict=True), start=already + 1):
            rows.append((genotypes[row], _figures(answer, float(roles[row]), parts)))
            if time.monotonic() - last_saved > _SAVE_SECONDS:
                known, rows = _append(known, rows, path), []
                last_saved = time.monotonic()
            progress(done, len(genotypes))
    finally:
        known = _append(known, rows, path)
    return known


def _missing(known: Measurements, genotypes: Genotypes) -> list[int]:
    """Returns the rows of networks that are not measured, each network once."""
    seen = {genotype.tobytes() for genotype in known.genotypes}
    rows = []
    for row, genotype in enumerate(genotypes):
        if genotype.tobytes() not in seen:
            seen.add(genotype.tobytes())
            rows.append(row)
    return rows


def _start(
    device: Device, source: Source, space: SearchSpace, path: Path, begun: Path
) -> Measurements:
    empty = np.empty((0, space.n_genes), np.uint8)
    nothing = Measurements(space, device.name, empty, {}, device.source, source.versions)
    if not begun.exists():
        return nothing
    known = load_measurements(begun, space)
    if dict(known.versions) != source.versions:
        if begun != path:
            return nothing
        raise ConfigurationError(
            f"{path} was measured with {dict(known.versions)}, this is {source.versions}: "
            f"figures of both do not mix; give another folder"
        )
    if "steady" in known.columns:
        kept = known.columns["steady"] > 0
        columns = {name: values[kept] for name, values in known.columns.items()}
        return replace(known, genotypes=known.genotypes[kept], columns=columns)
    return known


def _figures(answer: Answer, role: float, parts: list[str]) -> dict[str, Any]:
    """Returns a row's columns; a network without an answer has its role only."""
    if answer is None:
        return {"latency_ms": np.nan, "role": role}
    figures: dict[str, Any] = {
        "latency_ms": answer.latency_ms,
        "spread": answer.spread,
        "role": role,
        **answer.extras,
    }
    if answer.parts_ms:
        assert answer.parts_ms.keys() <= set(parts)
        figures["parts_ms"] = [answer.parts_ms.get(part, 0.0) for part in parts]
    return figures


def _append(known: Measurements, rows: list[_Row], path: Path) -> Measurements:
    """Returns the measurements with further rows, saved; NaN where a row lacks a column."""
    if not rows:
        return known
    columns = {}
    for name in dict.fromkeys([*known.columns, *(name for _, row in rows for name in row)]):
        fresh = [np.asarray(row[name], np.float64) for _, row in rows if name in row]
        old = known.columns.get(name)
        shape = old.shape[1:] if old is not None else fresh[0].shape
        nothing = np.full(shape, np.nan)
        before = np.full((len(known), *shape), np.nan) if old is None else old
        after = np.stack([np.asarray(row.get(name, nothing), np.float64) for _, row in rows])
        columns[name] = np.concatenate([before, after])
    genotypes = np.concatenate([known.genotypes, [genotype for genotype, _ in rows]])
    grown = replace(known, genotypes=genotypes, columns=columns)
    save_measurements(grown, path)
    return grown


def _stratified(space: SearchSpace, n: int, rng: np.random.Generator) -> Genotypes:
    """Draws many and keeps n that are spread evenly over log MAdds."""
    pool = space.sample(_POOL, rng)
    cost = np.log(space.costs(pool)["madds"])
    order = np.argsort(cost, kind="stable")
    wanted = np.linspace(cost.min(), cost.max(), n)
    place = np.searchsorted(cost[order], wanted).clip(0, _POOL - 1)
    # neighbours at the thin ends must not be the same network: move up to the next free place
    for i in range(1, n):
        place[i] = min(max(place[i], place[i - 1] + 1), _POOL - n + i)
    return pool[rng.permutation(order[place])]
