"""An exported detector in ONNX Runtime: detection without torch."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evonas.data.drawing import Found
from evonas.data.images import resized_pixels
from evonas.errors import MissingPackageError, SchemaError
from evonas.files import read_json

if TYPE_CHECKING:
    from PIL.Image import Image

FILE = "detector-nms.onnx"


class ExportedDetector:
    """A file `detector-nms.onnx` of `evonas export`, with the `card.json` beside it.

    Args:
        path: The file, or the folder that it is in.
        threads: Threads of one run of the network.

    Raises:
        SchemaError: The file or its card is missing or damaged.
        MissingPackageError: onnxruntime is not installed.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingPackageError("onnxruntime", "devices") from None
        path = path / FILE if path.is_dir() else path
        card = read_json(path.parent / "card.json", "the card that `evonas export` writes")
        damaged: tuple[type[Exception], ...] = (
            KeyError,
            TypeError,
            ValueError,
            OSError,
            *_errors(onnxruntime),
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self.architecture = str(card["architecture"])
            self.classes = tuple(map(str, card["classes"]))
            self.image_size = int(card["image_size"])
            self._resizing = str(card.get("resizing", "antialiased"))
            self._mean, self._std = float(card["mean"]), float(card["std"])
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            outputs = {entry.name for entry in self._session.get_outputs()}
            if outputs != {"boxes", "scores", "labels"}:
                raise ValueError(f"its outputs are {', '.join(sorted(outputs))}")
        except damaged as error:
            raise SchemaError(f"{path}: not an exported detector ({error})") from error

    def detect(self, image: "Image", threshold: float = 0.0) -> list[Found]:
        """Returns the objects of an RGB image of any size, best first, in its own pixels."""
        boxes, scores, labels = (part[0] for part in self._run(self._input(image)))
        boxes = boxes * (np.array([*image.size, *image.size]) / self.image_size)
        objects = []
        for box, score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True):
            if label >= 0 and score >= threshold:
                x1, y1, x2, y2 = box
                objects.append(Found(self.classes[label], label, score, (x1, y1, x2, y2)))
        return objects

    def latency_ms(self, image: "Image", runs: int = 9) -> float:
        """Returns the median time in ms of network and suppression, after one run to warm up."""
        pixels = self._input(image)
        self._run(pixels)
        times = []
        for _ in range(runs):
            began = time.perf_counter()
            self._run(pixels)
            times.append(time.perf_counter() - began)
        return float(np.median(times)) * 1e3

    def _input(self, image: "Image") -> NDArray[np.float32]:
        pixels = resized_pixels(image, self.image_size, self._resizing).astype(np.float32)
        normalised: NDArray[np.float32] = (pixels - self._mean) / self._std
        return normalised[None]

    def _run(self, pixels: NDArray[np.float32]) -> list[Any]:
        found: list[Any] = self._session.run(["boxes", "scores", "labels"], {"image": pixels})
        return found


def _errors(onnxruntime: Any) -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for files that it cannot read; it has no common root."""
    kinds = onnxruntime.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented")
    return tuple(getattr(kinds, name) for name in names)
