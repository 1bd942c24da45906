"""torchvision's own SSDLite MobileNetV3-large, to compare with: its network, its anchors.

Its grammar is not ours (an activation and a gate of its own for each block), so it is taken from
torchvision as it is, without weights. What it costs stands in `evonas.space.baselines`.
"""

from typing import Any

from torch import Tensor, nn


class TorchvisionSSDLite(nn.Module):
    """The network between the image and torchvision's loss or post-processing.

    Args:
        class_slots: Class logits per anchor; torchvision's first one is the background.
    """

    def __init__(self, class_slots: int = 91) -> None:
        from torchvision.models.detection import ssdlite320_mobilenet_v3_large

        super().__init__()
        self.model: Any = ssdlite320_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=class_slots
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns box codes (n, 3234, 4) and class logits (n, 3234, class_slots).

        Args:
            images: (n, 3, 320, 320) in [-1, 1].
        """
        outputs = self.model.head(list(self.model.backbone(images).values()))
        return outputs["bbox_regression"], outputs["cls_logits"]
