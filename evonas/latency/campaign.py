"""Campaigns: which networks to measure, in which order, and how to go on after a stop."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evonas.errors import ConfigurationError
from evonas.latency.devices import Device
from evonas.latency.measurement import Measurement, Source, part_names
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
) -> Measurements:
    """Measures the networks that the file does not hold yet, saving as it goes.

    Args:
        device: The device.
        source: Where its figures come from.
        space: The space of the genotypes.
        genotypes: (n, n_genes) networks wanted.
        roles: (n,) how each came in, indices into `ROLES`.
        path: File of measurements, continued if it exists.
        progress: Called after every network.

    Raises:
        ConfigurationError: The file's figures were taken with other versions or another machine.
    """
    known = _start(device, source, space, path)
    rows: list[_Row] = []
    parts = part_names(space)
    seen = {genotype.tobytes() for genotype in known.genotypes}
    last_saved = time.monotonic()
    try:
        for done, (genotype, role) in enumerate(zip(genotypes, roles, strict=True), start=1):
            if genotype.tobytes() not in seen:
                seen.add(genotype.tobytes())
                measurement = source.measure(space.decode(genotype))
                rows.append((genotype, _figures(measurement, float(role), parts)))
                if time.monotonic() - last_saved > _SAVE_SECONDS:
                    known, rows = _append(known, rows, path), []
                    last_saved = time.monotonic()
            progress(done, len(genotypes))
    finally:
        known = _append(known, rows, path)
    return known


def _start(device: Device, source: Source, space: SearchSpace, path: Path) -> Measurements:
    if not path.exists():
        empty = np.empty((0, space.n_genes), np.uint8)
        return Measurements(space, device.name, empty, {}, device.source, source.versions)
    known = load_measurements(path, space)
    if dict(known.versions) != source.versions:
        raise ConfigurationError(
            f"{path} was measured with {dict(known.versions)}, this is {source.versions}: "
            f"figures of both do not mix; give another folder"
        )
    return known


def _figures(measurement: Measurement, role: float, parts: list[str]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "latency_ms": measurement.latency_ms,
        "spread": measurement.spread,
        "role": role,
        **measurement.extras,
    }
    if measurement.parts_ms:
        assert measurement.parts_ms.keys() <= set(parts)
        figures["parts_ms"] = [measurement.parts_ms.get(part, 0.0) for part in parts]
    return figures


def _append(known: Measurements, rows: list[_Row], path: Path) -> Measurements:
    if not rows:
        return known
    fresh = {name: np.array([figures[name] for _, figures in rows]) for name in rows[0][1]}
    columns = {
        name: np.concatenate([known.columns[name], values]) if len(known) else values
        for name, values in fresh.items()
    }
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
