"""How a data set is converted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from evonas.data.box_rules import BadBoxes, check_treatment
from evonas.errors import ConfigurationError

Unlabelled = Literal["auto", "background", "skip", "refuse"]


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How a data set is converted.

    Attributes:
        rename: New names of classes; those that get the same name become one, those that get an
            empty name are left out.
        splits: Split -> a share of the training images ("0.1"), a file that lists images, or one
            of the source's own splits; empty: the source's splits as they are.
        val_share: Share of the training images for val, where there is no val and no `splits`.
        bad_boxes: "clip" cuts boxes at the image's edges, puts swapped corners in order and drops
            the rest; "drop" drops all that are wrong; "refuse" stops at any.
        unlabelled: Images without annotations: "background", "skip", "refuse", or "auto" for
            what the format means by it (YOLO: background; lists of images elsewhere: refuse).
        resized: Annotations made for another size of the image: "refuse" or "scale".
        skip_unreadable: Leave out images that cannot be decoded, instead of stopping.
        max_loss: Largest share of the boxes that may be dropped, and of the images of train and
            val that may be without labels.
        seed: Of the shares.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    val_share: float = 0.1
    bad_boxes: BadBoxes = "clip"
    unlabelled: Unlabelled = "auto"
    resized: Literal["refuse", "scale"] = "refuse"
    skip_unreadable: bool = False
    max_loss: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_treatment(self.bad_boxes)
        if self.unlabelled not in ("auto", "background", "skip", "refuse"):
            raise ConfigurationError(
                f"unknown treatment of images without labels {self.unlabelled!r}; allowed: auto, "
                "background, skip, refuse"
            )
        if self.resized not in ("refuse", "scale"):
            raise ConfigurationError(
                f"unknown treatment of resized images {self.resized!r}; allowed: refuse, scale"
            )
        if not 0 < self.val_share < 1:
            raise ConfigurationError(
                f"the share of validation images is {self.val_share}; it must be 0 to 1"
            )
        if not 0 <= self.max_loss <= 1:
            raise ConfigurationError(f"max_loss is {self.max_loss}; it must be 0 to 1")
