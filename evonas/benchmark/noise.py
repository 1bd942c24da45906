"""Errors that are functions of a network and a seed: no state, and the same in any order."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.benchmark.definition import Noise
from evonas.space import Genotypes


def noisy(
    values: Floats, noise: Noise, deviation: Floats | float, genotypes: Genotypes, seed: int
) -> Floats:
    """Returns (n,) what a search sees of the values (n,) of canonical genotypes (n, n_genes).

    The deviation is that of the noise, or (n,) those of the networks.
    """
    errors = normal_errors(genotypes, f"{noise.column} {seed}") * deviation
    return values * (1 + errors) if noise.relative else values + errors


def normal_errors(genotypes: Genotypes, key: str) -> Floats:
    """Returns (n,) standard normal values that depend on nothing but each genotype and the key."""
    from scipy.special import ndtri

    errors: Floats = ndtri(uniform(genotypes, key))
    return errors


def uniform(genotypes: Genotypes, key: str) -> Floats:
    """Returns (n,) values between 0 and 1 that depend on nothing but each genotype and the key."""
    start = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    state = np.full(len(genotypes), start, np.uint64)
    for gene in genotypes.T:
        state = _mixed(state ^ gene.astype(np.uint64))
    values: Floats = ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return values


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One step of SplitMix64 (Steele, Lea and Flood 2014), which wraps around on purpose."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
