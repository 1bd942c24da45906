"""A detector from whatever holds one: archive, run, folder of exports, ONNX file, TFLite file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evonas.data.drawing import Found
from evonas.data.images import resized_pixels
from evonas.errors import SchemaError
from evonas.export.card import read_card
from evonas.export.located import ARCHIVES, locate_detector
from evonas.export.runtime import ExportedDetector, ImageDetector, OnnxFile
from evonas.limits import read_regular

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from evonas.detector.archive import Archive

# What is looked for in a folder, in this order.
IN_FOLDER = (
    *ARCHIVES,
    "detector-nms.onnx",
    "detector.onnx",
    "detector.tflite",
    "detector-int8.tflite",
    "detector-post.tflite",
    "detector-int8-post.tflite",
)


def load_detector(path: Path) -> ImageDetector:
    """Loads a detector.

    Args:
        path: A `.safetensors` archive; an `.onnx` or `.tflite` file of `evonas export`, with or
            without suppression, its `card.json` beside it; or the folder of a run or an export.

    Raises:
        SchemaError: It is none of these, or damaged.
        MissingPackageError: What runs such a file is not installed.
    """
    path = locate_detector(path, IN_FOLDER)
    loader = _LOADERS.get(path.suffix.lower())
    if loader is None:
        raise SchemaError(
            f"{path}: not a detector: expected a file that ends in {', '.join(_LOADERS)}, or the "
            "folder of a run or an export"
        )
    return loader(path)


class ArchiveDetector:
    """An archive in torch."""

    def __init__(self, archive: "Archive") -> None:
        self.archive, self.image_size = archive, archive.image_size

    def detect(self, image: "Image", threshold: float) -> list[Found]:
        """Returns the objects of an RGB image of any size, best first, in its own pixels."""
        from evonas.export.detect import detect_in_image

        return detect_in_image(self.archive, image, threshold)


class RawDetector:
    """A file that ends in codes and logits; decoding and suppression are done in torch.

    Args:
        run: From images (1, 3, size, size), normalised, to codes (1, n_anchors, 4) and logits
            (1, n_anchors, n_classes).
        path: The file, beside whose card it lies.
    """

    def __init__(self, run: "Callable[[Tensor], tuple[Tensor, ...]]", path: Path) -> None:
        from evonas.detector import anchor_boxes
        from evonas.export.subject import card_beside

        self._run, self._path = run, path
        self._card, architecture = card_beside(path)
        self.image_size = architecture.skeleton.image_size
        self._anchors = anchor_boxes(architecture.skeleton)

    def detect(self, image: "Image", threshold: float) -> list[Found]:
        """Returns the objects of an RGB image of any size, best first, in its own pixels."""
        import torch

        from evonas.detector import postprocess
        from evonas.export.detect import found_objects

        card = self._card
        pixels = resized_pixels(image, self.image_size, card.resizing).astype(np.float32)
        codes, logits = self._run(torch.from_numpy((pixels - card.mean) / card.std)[None])
        wanted = (1, len(self._anchors), 4), (1, len(self._anchors), len(card.classes))
        given = tuple(codes.shape), tuple(logits.shape)
        if given != wanted:
            raise SchemaError(
                f"{self._path}: outputs {given[0]} and {given[1]}; {card.architecture} of "
                f"{len(card.classes)} classes gives {wanted[0]} and {wanted[1]}: its card.json is "
                "another network's"
            )
        detections = postprocess(
            codes,
            logits,
            self._anchors,
            self.image_size,
            card.detection,
        )
        return found_objects(detections, card.classes, image.size, self.image_size, threshold)


class PostProcessedDetector:
    """A TFLite file that ends in boxes; nothing else than LiteRT runs.

    Args:
        tflite: The file.
        path: Where it is, beside its card.

    Raises:
        SchemaError: It is damaged, or not what its card says.
    """

    def __init__(self, tflite: bytes, path: Path) -> None:
        from evonas.export.post_processing import DetectionFile

        self._card = card = read_card(path.parent)
        self.image_size = card.image_size
        self._file = DetectionFile(tflite, card.image_size, len(card.classes))

    def detect(self, image: "Image", threshold: float) -> list[Found]:
        """Returns the objects of an RGB image of any size, best first, in its own pixels."""
        card = self._card
        pixels = resized_pixels(image, card.image_size, card.resizing).astype(np.float32)
        boxes, scores, labels = self._file.find((pixels - card.mean) / card.std)
        stretch = np.array([*image.size, *image.size]) / card.image_size
        return [
            Found(card.classes[label], label, score, (box[0], box[1], box[2], box[3]))
            for box, score, label in zip(
                (boxes * stretch).tolist(), scores.tolist(), labels.tolist(), strict=True
            )
            if score >= threshold and box[2] > box[0] and box[3] > box[1]
        ]


def _load_archive(path: Path) -> ImageDetector:
    from evonas.detector.archive import load_archive

    return ArchiveDetector(load_archive(path))


def _load_onnx(path: Path) -> ImageDetector:
    file = OnnxFile(path)
    if file.has_suppression:
        return ExportedDetector(path)
    import torch

    def run(images: "Tensor") -> "tuple[Tensor, ...]":
        return tuple(torch.from_numpy(part) for part in file.run(images.numpy()))

    return RawDetector(run, path)


def _load_tflite(path: Path) -> ImageDetector:
    from evonas.graph.detection import read_post_processing

    card = read_card(path.parent)
    try:
        data = read_regular(path, None)
        if read_post_processing(data) is not None:
            return PostProcessedDetector(data, path)
        from evonas.export.tflite import TFLiteDetector

        file = TFLiteDetector(data, len(card.classes))
    except (OSError, ValueError, RuntimeError, SchemaError) as error:
        raise SchemaError(f"{path}: not an exported detector ({error})") from error
    file.check(card.image_size, str(path))
    return RawDetector(file, path)


_LOADERS: dict[str, Callable[[Path], ImageDetector]] = {
    ".safetensors": _load_archive,
    ".onnx": _load_onnx,
    ".tflite": _load_tflite,
}
