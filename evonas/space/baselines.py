"""Networks of other papers to compare with; they are points of no space."""

from dataclasses import dataclass

from evonas.errors import unknown_name
from evonas.space.architecture import Architecture, Block
from evonas.space.blocks import Op
from evonas.space.catalogue import load_space

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


def load_baseline(name: str) -> Architecture:
    """Returns a network to compare with.

    Raises:
        ConfigurationError: None has the name.
    """
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES)
    space, stem, blocks = BASELINES[name]
    return Architecture(load_space(space).skeleton, stem, blocks)
