"""Random spaces of all sizes, widths, rules and ops, for the models over all spaces."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from evonas.space import Architecture, Head, Op, SearchSpace, Skeleton, load_space, round_channels
from evonas.space.architecture import map_sizes
from evonas.space.rules import RULES
from evonas.space.walk import BlockSpace

_SIZES = np.arange(32, 641, 32)
# Image sizes that are used most are measured most; 640 pixels take long.
_WEIGHTS = np.select([_SIZES <= 64, _SIZES <= 320, _SIZES <= 448], [1.0, 2.0, 0.8], 0.4)
_MULTIPLIERS = (0.25, 0.375, 0.5, 0.625, 0.75, 1.0, 1.25, 1.5, 2.0)
_LARGE = 448  # pixels from which on widths are not multiplied by more than 1
_EXPANSIONS, _RATIOS = (2, 3, 4, 6, 8), (0.25, 0.5, 0.75)
# By base: widths, most layers, strides, channels of extra levels.
_BASES = {
    "mobiledet": (
        (16, 32, 48, 96, 96, 160, 192),
        (1, 4, 4, 4, 4, 4, 1),
        (1, 2, 2, 2, 1, 2, 1),
        (512, 256, 256, 128),
    ),
    "nano": ((24, 32, 40, 64), (1, 3, 3, 3), (1, 2, 2, 2), (64,)),
}


def random_networks(
    count: int, seed: int, per_space: int, most_madds: float
) -> Iterator[tuple[int, Architecture]]:
    """Yields networks with the numbers of their spaces.

    Args:
        count: Number of networks.
        seed: Decides everything.
        per_space: Most networks of a space.
        most_madds: Networks that cost more are left out.
    """
    rng = np.random.default_rng(seed)
    found = number = 0
    while found < count:
        space = random_space(rng, number)
        number += 1
        genotypes = space.sample(3 * per_space, rng)
        fits = space.costs(genotypes)["madds"] < most_madds
        for genotype in genotypes[fits][: min(per_space, count - found)]:
            found += 1
            yield number, space.decode(genotype)


def random_space(rng: np.random.Generator, number: int) -> SearchSpace:
    """Draws a space."""
    size = int(rng.choice(_SIZES, p=_WEIGHTS / _WEIGHTS.sum()))
    rules = RULES[str(rng.choice(list(RULES), p=[0.2, 0.25, 0.35, 0.2]))]
    drawn = rng.choice(_MULTIPLIERS, size=int(rng.integers(2, 6)), replace=False)
    multipliers = [m for m in drawn if m <= 1 or size < _LARGE] or [0.5]
    ops = _ops(rng, rules.kernels)
    base = "mobiledet" if rng.random() < 0.65 else "nano"
    widths, depths, strides, extra = _BASES[base]
    taps = (5, 7) if base == "mobiledet" else (2, 3, 4) if rng.random() < 0.5 else (3, 4)

    def choices(width: int) -> tuple[int, ...]:
        return tuple(sorted({round_channels(width * m, rules.width_divisor) for m in multipliers}))

    bare = tuple(Op("ibn0", kernel) for kernel in rules.kernels)
    blocks: list[BlockSpace] = []
    for width, most in zip(widths, depths, strict=True):
        depth = max(1, most - int(rng.integers(0, 2)))
        first = ops if blocks else (*bare, *ops)
        blocks.append(BlockSpace(choices(width), first, ops if depth > 1 else (), depth))
    skeleton = replace(
        load_space(base).skeleton,
        image_size=size,
        strides=strides,
        activation=rules.activation,
        squeeze_excite=rules.squeeze_excite,
    )
    head = _head(rng, skeleton, taps, extra)
    return SearchSpace(f"random{number}", replace(skeleton, head=head), choices(32), tuple(blocks))


def _ops(rng: np.random.Generator, kernels: tuple[int, ...]) -> tuple[Op, ...]:
    expansions = [int(e) for e in rng.choice(_EXPANSIONS, size=2, replace=False)]
    kinds = int(rng.integers(4))
    ops = [Op("ibn", k, e) for k in kernels for e in expansions]
    if kinds > 0:
        ops += [Op("fused", k, e) for k in kernels for e in expansions]
    for _ in range(3 if kinds > 1 else 0):
        ratio_in, ratio_out = rng.choice(_RATIOS, size=2)
        ops.append(Op("tucker", 3, ratio_in=float(ratio_in), ratio_out=float(ratio_out)))
    return tuple(dict.fromkeys(ops))


def _head(
    rng: np.random.Generator, skeleton: Skeleton, taps: tuple[int, ...], extra: tuple[int, ...]
) -> Head:
    size, depths = map_sizes(skeleton)[taps[-1]], []
    for depth in extra:
        if size == 1:
            break
        depths.append(max(16, int(depth * rng.choice([0.25, 0.5, 1.0]))))
        size = -(-size // 2)
    return replace(
        skeleton.head,
        taps=taps,
        extra_depths=tuple(depths),
        aspect_ratios=(1.0, 2.0, 0.5, 3.0, 1 / 3) if rng.random() < 0.5 else (0.5, 0.8),
        reduced_first_level=bool(rng.random() < 0.5),
        class_slots=int(rng.choice([1, 3, 10, 20, 80, 91])),
        projection=int(rng.choice([0, 0, 32, 64, 96])),
    )
