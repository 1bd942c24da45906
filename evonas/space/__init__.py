"""What an architecture may be: blocks, architectures, search spaces, costs. numpy only."""

from evonas.space.architecture import (
    AnchorShapes,
    Architecture,
    Block,
    Head,
    Layer,
    Level,
    Skeleton,
)
from evonas.space.baselines import list_baselines
from evonas.space.blocks import Conv, Op, round_channels
from evonas.space.catalogue import add_space, list_spaces, load_space, whole_space
from evonas.space.design import Design, resolve
from evonas.space.published import list_published, load_published
from evonas.space.space import Genotypes, SearchSpace

__all__ = [
    "AnchorShapes",
    "Architecture",
    "Block",
    "Conv",
    "Design",
    "Genotypes",
    "Head",
    "Layer",
    "Level",
    "Op",
    "SearchSpace",
    "Skeleton",
    "add_space",
    "list_baselines",
    "list_published",
    "list_spaces",
    "load_published",
    "load_space",
    "resolve",
    "round_channels",
    "whole_space",
]
