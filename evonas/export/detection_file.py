"""TFLite files with post-processing as torch code takes them: batches in, padded detections out."""

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from evonas.detector import Detections, Protocol
from evonas.export.post_processing import DetectionFile, protocol_of


class TorchDetectionFile:
    """A TFLite file with post-processing.

    Args:
        tflite: The file.
        image_size: Side of the images that it is expected to take.
        n_classes: How many classes it is expected to tell.

    Attributes:
        is_quantised: Whether it takes bytes.

    Raises:
        SchemaError: It is another file, or not what is expected.
        MissingPackageError: LiteRT is not installed.
    """

    def __init__(self, tflite: bytes, image_size: int, n_classes: int) -> None:
        self._file = DetectionFile(tflite, image_size, n_classes)
        self.is_quantised = self._file.is_quantised

    @property
    def protocol(self) -> Protocol:
        """What the file does."""
        return protocol_of(self._file.options)

    def __call__(self, images: Tensor) -> Detections:
        """Returns the detections of images (n, 3, size, size) from -1 to 1, boxes in pixels."""
        rows = [tuple(map(torch.from_numpy, self._file.find(image.numpy()))) for image in images]
        most = self._file.options.max_detections
        # The last one, which has no image, makes all as wide as the most that a file gives.
        empty = torch.zeros(most, 4), torch.zeros(most), torch.zeros(most, dtype=torch.int64)
        boxes, scores, labels = (
            pad_sequence([*(row[part] for row in rows), last], True, padding_value=padding)[:-1]
            for part, (last, padding) in enumerate(zip(empty, (0.0, 0.0, -1.0), strict=True))
        )
        return Detections(boxes, scores, labels)
