"""How images are changed during training, as data; `evonas.data.augment` does it."""

from dataclasses import dataclass
from typing import Literal

from evonas.errors import ConfigurationError

# What the numbers may be.
_RANGES = (
    (("zoom", "stretch"), 1, 100),
    (("min_visible", "flip", "invert", "crop", "mosaic", "flip_vertical", "transpose"), 0, 1),
    (("shift", "brightness", "contrast", "colour", "saturation"), 0, 100),
)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much images are changed; the defaults suit digits, which must not be mirrored.

    Args:
        zoom: Images are scaled by a factor from 1/zoom to zoom.
        stretch: On top, one axis by a factor from 1/stretch to stretch against the other.
        shift: Largest translation, as a share of the image's side; of whole pixels where nothing
            is scaled, so that fine detail stays sharp.
        min_visible: Boxes of which a smaller share stays in the image are dropped.
        flip: Probability of mirroring left to right.
        brightness: Largest change, as a share of half the value range.
        contrast: Largest relative change.
        colour: Largest relative change of a single channel.
        invert: Probability of turning an image into its negative.
        crop: Probability of a random crop as SSD's, stretched to the whole image; before all else.
        crop_rule: Which crops are taken and which boxes stay in them: `evonas` (of six
            thresholds; the centre of a box must be seen, `min_visible` decides what stays), or
            `tf1` (TensorFlow's ssd_random_crop: of seven thresholds, and a box stays if that much
            of it is seen; `min_visible` has no part in it).
        saturation: Largest relative change of the distance from grey.
        mosaic: Probability of putting the image beside three others of its batch, each at half
            size; before all else.
        flip_vertical: Probability of mirroring top to bottom.
        transpose: Probability of swapping the axes of a square image. With this and both
            mirrorings at 0.5, all eight ways to lay an image down are equally likely.
    """

    zoom: float = 1.3
    stretch: float = 1.15
    shift: float = 0.15
    min_visible: float = 0.6
    flip: float = 0.0
    brightness: float = 0.3
    contrast: float = 0.3
    colour: float = 0.2
    invert: float = 0.0
    crop: float = 0.0
    saturation: float = 0.0
    mosaic: float = 0.0
    flip_vertical: float = 0.0
    transpose: float = 0.0
    crop_rule: Literal["evonas", "tf1"] = "evonas"

    def __post_init__(self) -> None:
        """Refuses what cannot be done to an image."""
        for names, low, high in _RANGES:
            for name in names:
                value = getattr(self, name)
                if not low <= value <= high:  # NaN is in no range
                    raise ConfigurationError(
                        f"augmentation: {name} is {value:.4g}; it must be {low:g} to {high:g}"
                    )
        if self.crop_rule not in ("evonas", "tf1"):
            raise ConfigurationError(
                f"augmentation: unknown crop_rule {self.crop_rule!r}; evonas or tf1"
            )
