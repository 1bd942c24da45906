"""Which architectures of the space a training step runs.

A strategy gives each step's architectures, most often one; of several, the step averages the
gradients. A step's architectures depend on the seed and the step alone, so that a resumed
training and every process of a distributed one draw the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evonas.errors import unknown_name
from evonas.space import Architecture, Genotypes, Op, SearchSpace

# Warm-ups end after this share of the training, as in TuNAS (arXiv 2008.06120).
WARMUP_SHARE = 0.25
# Ops that a step of the op warm-up runs in each layer.
_WARMUP_OPS = 3


class Sampling(Protocol):
    """Genotypes by step."""

    @property
    def space(self) -> SearchSpace:
        """The space that they are of."""

    @property
    def seed(self) -> int:
        """What they depend on beside the step."""

    def genotypes(self, step: int) -> Genotypes:
        """Returns the step's canonical genotypes, (k, n_genes), the widest first."""


def architectures(sampling: Sampling, step: int) -> tuple[Architecture, ...]:
    """Returns the step's architectures, without repetition."""
    return tuple(dict.fromkeys(map(sampling.space.decode, sampling.genotypes(step))))


@dataclass(frozen=True, slots=True)
class UniformSampling:
    """One random architecture a step, as `SearchSpace.sample` draws them."""

    space: SearchSpace
    seed: int

    def genotypes(self, step: int) -> Genotypes:
        """See `Sampling.genotypes`."""
        return self.space.sample(1, np.random.default_rng((self.seed, step)))

    def __call__(self, step: int) -> Architecture:
        """Returns the step's architecture."""
        return architectures(self, step)[0]


@dataclass(frozen=True, slots=True)
class KindSampling:
    """One random architecture a step; a layer's op is drawn by kind, then among the kind's ops.

    Ops of a kind share weights, all but those of different kernels. Drawn op by op, a kind of few
    ops, such as the inverted bottleneck without expansion, is trained less often than the others.
    """

    space: SearchSpace
    seed: int

    def genotypes(self, step: int) -> Genotypes:
        """See `Sampling.genotypes`."""
        rng = np.random.default_rng((self.seed, step))
        genotype = self.space.sample(1, rng)
        for column, slot in enumerate(self.space.genes):
            if isinstance(slot.choices[genotype[0, column]], Op):
                kinds = _by_kind(slot.choices)
                genotype[0, column] = rng.choice(kinds[rng.integers(len(kinds))])
        return self.space.canonical(genotype)


@dataclass(frozen=True, slots=True)
class FairSampling:
    """One architecture a step; every choice of a gene has its turn before one has its second.

    FairNAS's strict fairness (arXiv 1907.01845) with the turns in steps of their own, so that a
    step costs one architecture. The depth of a block takes turns as well; a choice whose layer
    is skipped loses its turn.
    """

    space: SearchSpace
    seed: int

    def genotypes(self, step: int) -> Genotypes:
        """See `Sampling.genotypes`."""
        depths = [
            1 + self._turn(step, self.space.n_genes + number, block.depth)
            for number, block in enumerate(self.space.blocks)
        ]
        genotype = np.zeros((1, self.space.n_genes), np.uint8)
        for column, slot in enumerate(self.space.genes):
            skips = slot.layer > 1  # its first choice is to skip the layer
            if not skips or slot.layer <= depths[slot.block - 1]:
                turn = self._turn(step, column, len(slot.choices) - skips)
                genotype[0, column] = turn + skips
        return self.space.canonical(genotype)

    def _turn(self, step: int, decision: int, n_choices: int) -> int:
        """Returns the choice of a decision: in each round of n steps every one once."""
        turn, place = divmod(step, n_choices)
        rng = np.random.default_rng((self.seed, 1, decision, turn))
        return int(rng.permutation(n_choices)[place])


@dataclass(frozen=True, slots=True)
class SandwichSampling:
    """The same ops at the largest, a random and the smallest widths in every step.

    The sandwich rule (arXiv 1903.05134, and BigNAS, 2003.11142) over widths: ops have no order,
    and one network with the costliest op everywhere takes ten times as long as the others.
    """

    space: SearchSpace
    seed: int

    def genotypes(self, step: int) -> Genotypes:
        """See `Sampling.genotypes`."""
        drawn = UniformSampling(self.space, self.seed).genotypes(step)
        widths = _width_columns(self.space)
        largest, smallest = drawn.copy(), drawn.copy()
        largest[:, widths] = self.space.gene_sizes[widths] - 1
        smallest[:, widths] = 0
        return self.space.canonical(np.concatenate([largest, drawn, smallest]))


@dataclass(frozen=True, slots=True)
class _Warmup:
    """A strategy that changes what another one draws, with a probability that falls to zero.

    It falls from 1 over `WARMUP_SHARE` of the training's steps.
    """

    inner: Sampling
    steps: int

    @property
    def space(self) -> SearchSpace:
        """The space."""
        return self.inner.space

    @property
    def seed(self) -> int:
        """The seed."""
        return self.inner.seed

    def _acts(self, step: int, stream: int) -> bool:
        """Draws whether a step is changed; each kind of warm-up has a stream of its own."""
        probability = 1 - step / (WARMUP_SHARE * self.steps)
        return bool(np.random.default_rng((self.seed, stream, step)).random() < probability)


class WidthWarmup(_Warmup):
    """At first with falling probability all widths at their largest (TuNAS's filter warm-up)."""

    __slots__ = ()

    def genotypes(self, step: int) -> Genotypes:
        """See `Sampling.genotypes`."""
        drawn = self.inner.genotypes(step)
        if self._acts(step, stream=2):
            widths = _width_columns(self.space)
            drawn[:, widths] = self.space.gene_sizes[widths] - 1
            drawn = self.space.canonical(drawn)
        return drawn


class OpWarmup(_Warmup):
    """At first with falling probability several ops a layer in one step.

    TuNAS's op warm-up runs all ops of a layer and averages their outputs; this averages the
    gradients of three architectures that differ in all ops, at three times a step's cost instead
    of nine.
    """

    __slots__ = ()

    def genotypes(self, step: int) -> Genotypes:
        """See `Sampling.genotypes`."""
        drawn = self.inner.genotypes(step)
        if not self._acts(step, stream=3):
            return drawn
        several = np.repeat(drawn, _WARMUP_OPS, axis=0)
        for column, slot in enumerate(self.space.genes):
            first = int(slot.layer > 1)
            if not slot.layer or (first and not drawn[0, column]):
                continue
            choices = len(slot.choices) - first
            shift = np.arange(len(several)) % _WARMUP_OPS * max(choices // _WARMUP_OPS, 1)
            several[:, column] = first + (several[:, column] - first + shift) % choices
        return self.space.canonical(several)


BASES: dict[str, Callable[[SearchSpace, int], Sampling]] = {
    "uniform": UniformSampling,
    "kinds": KindSampling,
    "fair": FairSampling,
    "sandwich": SandwichSampling,
}
WARMUPS: dict[str, Callable[[Sampling, int], Sampling]] = {
    "width-warmup": WidthWarmup,
    "op-warmup": OpWarmup,
}


def load_sampling(name: str, space: SearchSpace, seed: int, steps: int) -> Sampling:
    """Returns the strategy of that name: a base and any warm-ups, as in `fair+width-warmup`.

    Args:
        name: A base's name, followed by warm-ups' names, each after a `+`.
        space: The space to draw from.
        seed: Seed of what is drawn.
        steps: Steps of the whole training, of which warm-ups take the first quarter.

    Raises:
        ConfigurationError: A part of the name is unknown.
    """
    base, *warmups = name.split("+")
    if base not in BASES:
        raise unknown_name("sampling", base, BASES)
    sampling = BASES[base](space, seed)
    for warmup in warmups:
        if warmup not in WARMUPS:
            raise unknown_name("warm-up", warmup, WARMUPS)
        sampling = WARMUPS[warmup](sampling, steps)
    return sampling


def _by_kind(choices: Sequence[int | Op | None]) -> list[list[int]]:
    kinds: dict[str, list[int]] = {}
    for value, op in enumerate(choices):
        if isinstance(op, Op):
            kinds.setdefault(op.kind, []).append(value)
    return list(kinds.values())


def _width_columns(space: SearchSpace) -> list[int]:
    return [column for column, slot in enumerate(space.genes) if not slot.layer]
