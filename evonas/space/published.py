"""The four released MobileDets as architectures, with the figures published for them.

Read from the released `ssd_mobiledet_feature_extractor.py` and the detection zoo.
"""

from dataclasses import dataclass

from evonas.errors import unknown_name
from evonas.space.architecture import Architecture, Block
from evonas.space.blocks import Op
from evonas.space.catalogue import load_space


@dataclass(frozen=True, slots=True)
class Published:
    """A released network as text, and its published figures (320x320, SSDLite, COCO).

    Attributes:
        space: The space of which it is a point.
        stem: Stem width.
        blocks: One line a block, `WIDTH OP OP ...`; ops are `n3` (IBN0), `i3e8` (IBN), `f5e4`
            (fused) and `t.25,.75` (Tucker, kernel 3), the digit after the letter the kernel.
        madds: Multiply-adds in billions.
        params: Parameters in millions, batch norm at four values a channel.
        latency_ms: Latency on the paper's device.
        device: That device.
        coco14_map: COCO 2014 minival mAP, in percent.
        coco17_map: COCO 2017 validation mAP, in percent.
    """

    space: str
    stem: int
    blocks: tuple[str, ...]
    madds: float
    params: float
    latency_ms: float
    device: str
    coco14_map: float
    coco17_map: float


PUBLISHED = {
    "mobiledet-cpu": Published(
        "mobiledet@cpu",
        16,
        (
            "8 n3",
            "16 i3e4",
            "32 i3e8 i3e4 i3e4 i3e4",
            "72 i5e8 i3e8 i5e4 i3e4",
            "72 i3e8 i3e8 i3e8 i3e8",
            "104 i5e8 i5e4 i5e4 i3e4",
            "144 i3e8",
        ),
        0.45,
        4.21,
        113.0,
        "Pixel-1 CPU",
        24.1,
        23.5,
    ),
    "mobiledet-dsp": Published(
        "mobiledet@dsp",
        32,
        (
            "24 n3",
            "32 f3e4 f3e4 i3e4 t.25,.75",
            "64 f3e8 i3e4 f3e4 f3e4",
            "120 f3e8 i3e4 i3e8 i3e8",
            "144 f3e8 i3e8 i3e8 i3e8",
            "160 i3e4 i3e4 f3e4 t.75,.75",
            "240 i3e8",
        ),
        2.82,
        7.16,
        12.3,
        "Pixel-4 DSP",
        28.9,
        28.4,
    ),
    "mobiledet-edgetpu": Published(
        "mobiledet@edgetpu",
        32,
        (
            "16 t.25,.75",
            "16 f3e8 f3e4 f3e8 f3e4",
            "40 f5e8 f3e4 f3e4 f3e4",
            "72 i3e8 i3e8 f3e4 f3e4",
            "96 i5e8 i5e8 i3e8 i3e8",
            "120 i5e8 i3e8 i5e4 i3e8",
            "384 i5e8",
        ),
        1.53,
        4.20,
        6.9,
        "Pixel-4 EdgeTPU",
        26.0,
        25.2,
    ),
    "mobiledet-gpu": Published(
        "mobiledet@gpu",
        32,
        (
            "16 t.25,.25",
            "32 f3e8 t.25,.25 t.25,.25 t.25,.25",
            "64 f3e8 f3e8 f3e8 f3e4",
            "128 f3e8 f3e4 f3e4 f3e4",
            "128 f3e8 f3e8 f3e8 f3e8",
            "128 f3e4 f3e4 f3e4 f3e4",
            "384 i3e8",
        ),
        5.07,
        13.11,
        11.0,
        "Jetson Xavier, fp32",
        28.7,
        27.5,
    ),
}


def list_published() -> list[str]:
    """Returns the names of the released networks."""
    return list(PUBLISHED)


def load_published(name: str) -> Architecture:
    """Returns a released network.

    Raises:
        ConfigurationError: No released network has the name.

    >>> load_published("mobiledet-cpu").blocks[0].width
    8
    """
    if name not in PUBLISHED:
        raise unknown_name("published network", name, PUBLISHED)
    entry = PUBLISHED[name]
    blocks = []
    for line in entry.blocks:
        width, *ops = line.split()
        blocks.append(Block(int(width), tuple(_parse_op(op) for op in ops)))
    return Architecture(load_space(entry.space).skeleton, entry.stem, tuple(blocks))


def _parse_op(text: str) -> Op:
    if text[0] == "t":
        ratio_in, ratio_out = text[1:].split(",")
        return Op("tucker", 3, ratio_in=float(ratio_in), ratio_out=float(ratio_out))
    if text[0] == "n":
        return Op("ibn0", int(text[1]))
    return Op("ibn" if text[0] == "i" else "fused", int(text[1]), int(text[3]))
