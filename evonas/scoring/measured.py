"""Latencies measured here and now, for the few networks that a search ends with."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError
from evonas.latency import load_device, load_predictor
from evonas.latency.campaigns.campaign import reference_architecture
from evonas.latency.sources.load import open_source
from evonas.latency.sources.pool import CPU_SECONDS, Answer, measure_all
from evonas.space import Genotypes, SearchSpace

_PER_WORKER = 4  # networks, for which it is worth to start a process

# The reference network was slower by more than this while others were measured: a busy machine.
_DRIFT = 0.05
# On the predictor's machine the reference network's time is so near the predicted one.
_SAME = 1.1

# The share of networks whose measured time lies within the bounds.
_COVERAGE = 0.9


def predicted_bounds(device: str, space: str, genotypes: Genotypes) -> tuple[Floats, Floats] | None:
    """Returns (n,) and (n,) milliseconds between which nine of ten measured times lie.

    Args:
        device: The device.
        space: Name of the networks' space.
        genotypes: (n, n_genes) the networks.

    Returns:
        Lower and upper ends, or None where the predictor keeps no errors.
    """
    predictor = load_predictor(device, space)
    return None if predictor.interval is None else predictor.bounds(genotypes, _COVERAGE)


@dataclass(frozen=True, slots=True, eq=False)
class Remeasured:
    """What a device says of networks, and how far that is to be trusted.

    Attributes:
        latency_ms: (n,); NaN where there is no time. Of runtimes, carried to the reference
            network's median time.
        low: (n,) lower quartile of the repeats, or the time itself.
        high: (n,) upper quartile of the repeats, or the time itself.
        reasons: (n,) why the network cannot run there; empty where it can.
        reference: The reference network's median time over the predicted one; NaN for a source
            that needs none.
        drift: How much slower the reference network was at its slowest than at its fastest; NaN
            for a source that needs none.
        unsteady: How many networks never had the machine to themselves.
    """

    latency_ms: Floats
    low: Floats
    high: Floats
    reasons: Sequence[str]
    reference: float
    drift: float
    unsteady: int

    @property
    def misfits(self) -> NDArray[np.bool_]:
        """(n,) the networks that cannot run there."""
        mask: NDArray[np.bool_] = np.array([reason != "" for reason in self.reasons], bool)
        return mask

    @property
    def repeated(self) -> bool:
        """Whether times scatter: they were measured."""
        return not np.isnan(self.drift)

    def remarks(self) -> list[str]:
        """Returns what a user must know of it, in sentences."""
        said = []
        if not (np.isnan(self.reference) or 1 / _SAME <= self.reference <= _SAME):
            said.append(
                f"the reference network takes {self.reference:.2f} times what is predicted: the "
                "predictor is of another machine, or this one is busy; compare measured times "
                "with each other"
            )
        if unknown := int((np.isnan(self.latency_ms) & ~self.misfits).sum()):
            said.append(f"{unknown} of {len(self.latency_ms)} take its compiler too long")
        if self.misfits.any():
            example = Counter(reason for reason in self.reasons if reason).most_common(1)[0][0]
            said.append(
                f"{int(self.misfits.sum())} of {len(self.reasons)} do not fit: one {example}"
            )
        if self.drift > _DRIFT:
            said.append(
                f"the machine is busy: the reference network was up to {self.drift:.0%} slower "
                "beside some networks than beside others; times are corrected for it"
            )
        if self.unsteady:
            said.append(
                f"{self.unsteady} of {len(self.latency_ms)} never had the machine to themselves; "
                "measure them again when it is idle"
            )
        return said


def is_exact(device: str) -> bool:
    """Whether a device's predictions are its very source.

    Raises:
        ConfigurationError: It is a device of the user's own that is measured elsewhere.
    """
    try:
        return load_device(device).source == "analytic"
    except ConfigurationError:
        raise ConfigurationError(
            f"{device} was imported: measure these networks where its times come from"
        ) from None


def measure_networks(
    device: str,
    space: SearchSpace,
    genotypes: Genotypes,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cpu_seconds: float = CPU_SECONDS,
) -> Remeasured:
    """Measures networks on a device: by its compiler on all cores, else one after the other.

    Args:
        device: Name of the device.
        space: The space.
        genotypes: (n, n_genes).
        progress: Called with networks done and networks in all.
        cpu_seconds: Processor time that a compiler may take for a network.

    Raises:
        ConfigurationError: The device cannot be reached here.
        MissingPackageError: Its runtime or compiler is not installed.
    """
    the_device = load_device(device)
    source = open_source(the_device, space)
    architectures = [space.decode(genotype) for genotype in genotypes]
    answers: list[Answer] = []
    workers = max(1, min(os.cpu_count() or 1, len(architectures) // _PER_WORKER))
    for answer in measure_all(the_device, source, architectures, workers, cpu_seconds):
        answers.append(answer)
        progress(len(answers), len(genotypes))
    found = _remeasured(answers)
    if not found.repeated:
        return found
    reference = space.encode(reference_architecture(space))
    predicted = float(load_predictor(device, space).predict(reference[None])[0])
    return replace(found, reference=found.reference / predicted)


def _remeasured(answers: Sequence[Answer]) -> Remeasured:
    """Returns them as columns; the reference's time is in ms yet."""
    found = [answer for answer in answers if answer]
    times = np.array([answer.latency_ms if answer else np.nan for answer in answers])
    half = np.array([answer.spread / 2 if answer else np.nan for answer in answers])
    reference = np.array(
        [answer.extras.get("reference_ms", np.nan) if answer else np.nan for answer in answers]
    )
    usual = drift = np.nan
    if np.isfinite(reference).any():
        drift = float(np.nanmax(reference) / np.nanmin(reference) - 1)
        usual = float(np.nanmedian(reference))
        times = times * (usual / reference)
    return Remeasured(
        times,
        times * (1 - half),
        times * (1 + half),
        [answer.reason if answer else "" for answer in answers],
        usual,
        drift,
        sum(answer.extras.get("steady", 1.0) == 0 for answer in found),
    )
