"""Networks of other papers to compare with; they are points of no space."""

from dataclasses import dataclass

from evonas.errors import ConfigurationError
from evonas.space.architecture import Architecture, Block
from evonas.space.blocks import Op
from evonas.space.catalogue import load_space
from evonas.space.published import PUBLISHED, load_published

_IBN = Op("ibn", 3, 6)

# MobileNetV2 (arXiv 1801.04381, table 2) up to its last bottleneck, under the head, the taps and
# the input of the MobileDets: what their paper calls SSDLite MobileNetV2, but for the
# classifier's 1280 channels, which no MobileDet has either.
BASELINES = {
    "ssdlite-mobilenet-v2": (
        "mobiledet",
        32,
        (
            Block(16, (Op("ibn0", 3),)),
            Block(24, (_IBN,) * 2),
            Block(32, (_IBN,) * 3),
            Block(64, (_IBN,) * 4),
            Block(96, (_IBN,) * 3),
            Block(160, (_IBN,) * 3),
            Block(320, (_IBN,)),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Foreign:
    """A network that is not of our grammar, and what torch counts in it at 91 class slots.

    Attributes:
        library: Whose it is.
        madds: Multiply-adds of its convolutions.
        params: Trained parameters.
        params_bn4: Those and the running statistics of batch norm.
    """

    library: str
    madds: int
    params: int
    params_bn4: int


# Counted by `evonas.detector.counting` in torchvision's module; a test and
# scripts/report/space.py count again.
FOREIGN = {
    "ssdlite320_mobilenet_v3_large": Foreign("torchvision", 583_171_904, 3_440_060, 3_473_004)
}


def list_baselines() -> list[str]:
    """Returns the names of the networks to compare with that are of our grammar."""
    return list(BASELINES)


def find_architecture(name: str) -> Architecture:
    """Returns a network by `arch_id`, published name or baseline's name.

    Raises:
        ConfigurationError: Neither, or of an unknown space.
        GenotypeError: Not an `arch_id` of its space.

    >>> find_architecture("ssdlite-mobilenet-v2").blocks[6].width
    320
    """
    if name in PUBLISHED:
        return load_published(name)
    if name in BASELINES:
        space, stem, blocks = BASELINES[name]
        return Architecture(load_space(space).skeleton, stem, blocks)
    if name in FOREIGN:
        raise ConfigurationError(
            f"{name} is {FOREIGN[name].library}'s own network, not of our grammar: it has costs "
            "(`evonas arch list`), but no layers to show or train here"
        )
    space_name, colon, _ = name.partition(":")
    if not colon:
        raise ConfigurationError(
            f"unknown architecture {name!r}: an arch_id is SPACE:DIGITS, for example "
            f"'pico:0000000'; named networks are {', '.join([*PUBLISHED, *BASELINES])}"
        )
    found = load_space(space_name)
    return found.decode(found.genotypes([name])[0])
