"""A design by its name, as the pages need it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.latency import list_predictors, load_predictor
from evonas.space import (
    Architecture,
    Genotypes,
    SearchSpace,
    find_architecture,
    list_baselines,
    load_space,
)
from evonas.space.published import PUBLISHED


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """One network.

    Attributes:
        name: As it was asked for.
        architecture: The network.
        space: Its space; None for a baseline, which is a point of no space.
        genotype: (n_genes,) canonical, or None.
        arch_id: Its identifier, or None.
    """

    name: str
    architecture: Architecture
    space: SearchSpace | None = None
    genotype: Genotypes | None = None
    arch_id: str | None = None


def find_design(name: str) -> Design:
    """Returns the design of an `arch_id`, a published network or a baseline.

    Raises:
        EvonasError: It is none of these.

    >>> find_design("mobiledet-cpu").space.name
    'mobiledet@cpu'
    """
    architecture = find_architecture(name)
    if name in list_baselines():
        return Design(name, architecture)
    space = load_space(PUBLISHED[name].space if name in PUBLISHED else name.partition(":")[0])
    genotype: Genotypes = space.encode(architecture)
    [arch_id] = space.arch_ids(genotype[None])
    return Design(name, architecture, space, genotype, arch_id)


def computed(space: SearchSpace, genotypes: Genotypes) -> dict[str, NDArray[np.float64]]:
    """Returns by name (n,) `madds`, `params` and `latency:DEVICE` of every predictor."""
    columns = space.costs(genotypes)
    for device in list_predictors(space):
        columns[f"latency:{device}"] = load_predictor(device, space).predict(genotypes)
    return columns
