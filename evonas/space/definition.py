"""The text of a space's definition, of which its fingerprint is the hash."""

from evonas.definitions import Layout, definition
from evonas.space.architecture import Head, Skeleton
from evonas.space.blocks import Op
from evonas.space.walk import BlockSpace

VERSION_1: Layout = {
    Skeleton: (
        "Skeleton",
        ("image_size", "strides", "activation", "squeeze_excite", "head"),
    ),
    Head: (
        "Head",
        (
            "taps",
            "extra_depths",
            "scales",
            "aspect_ratios",
            "reduced_first_level",
            "class_slots",
            "interpolated_ratio",
            "projection",
        ),
    ),
    BlockSpace: ("BlockSpace", ("widths", "first", "further", "depth")),
    Op: ("Op", ("kind", "kernel", "expansion", "ratio_in", "ratio_out")),
}


def space_definition(
    skeleton: Skeleton, stems: tuple[int, ...], blocks: tuple[BlockSpace, ...]
) -> str:
    """Returns all that a space's genotypes mean, without the space's name."""
    return definition((skeleton, stems, blocks), VERSION_1)
