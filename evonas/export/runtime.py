"""An exported detector in ONNX Runtime: detection without torch."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evonas.data.drawing import Found
from evonas.data.images import resized_pixels
from evonas.errors import MissingPackageError, SchemaError
from evonas.export.card import read_card
from evonas.limits import printable, read_regular

if TYPE_CHECKING:
    from PIL.Image import Image

FILE = "detector-nms.onnx"
_MOST_BYTES = 1 << 31  # what one ONNX file can hold
# By whether suppression is in the file.
_OUTPUTS = {True: ("boxes", "scores", "labels"), False: ("codes", "logits")}


class ImageDetector(Protocol):
    """Finds objects in images."""

    @property
    def image_size(self) -> int:
        """Side of the network's input, in pixels."""
        ...

    def detect(self, image: "Image", threshold: float) -> list[Found]:
        """Returns the objects of an RGB image of any size, best first, in its own pixels."""
        ...


class OnnxFile:
    """An ONNX file of `evonas export` in ONNX Runtime, with the card beside it.

    Args:
        path: The file.
        threads: Threads of one run of the network.

    Attributes:
        card: What stands in `card.json`.
        has_suppression: Whether it gives boxes, scores and labels; otherwise codes and logits.

    Raises:
        SchemaError: The file or its card is missing, damaged, or of another network.
        MissingPackageError: onnxruntime is not installed.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingPackageError("onnxruntime", "devices") from None
        self.path, self.card = path, read_card(path.parent)
        self._errors: tuple[type[Exception], ...] = (
            ValueError,
            OSError,
            RuntimeError,
            *_errors(onnxruntime),
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # its errors are raised, too
        try:
            self._session = onnxruntime.InferenceSession(
                read_regular(path, _MOST_BYTES), options, providers=["CPUExecutionProvider"]
            )
            self.has_suppression = self._check_outputs()
            self._check_input()
        except self._errors as error:
            raise SchemaError(f"{path}: not an exported detector ({printable(error)})") from error

    def run(self, images: NDArray[np.float32]) -> list[NDArray[Any]]:
        """Returns the outputs, in the order of `_OUTPUTS`, for images (n, 3, size, size).

        Raises:
            SchemaError: The file cannot be run on images of that size.
        """
        names = _OUTPUTS[self.has_suppression]
        try:
            found: list[NDArray[Any]] = self._session.run(list(names), {"image": images})
        except self._errors as error:
            raise SchemaError(f"{self.path}: cannot be run ({printable(error)})") from error
        return found

    def _check_outputs(self) -> bool:
        outputs = {entry.name for entry in self._session.get_outputs()}
        for has_suppression, names in _OUTPUTS.items():
            if outputs == set(names):
                return has_suppression
        raise ValueError(f"its outputs are {', '.join(sorted(outputs))}")

    def _check_input(self) -> None:
        size = self.card.image_size
        given = {entry.name: (entry.type, entry.shape[1:]) for entry in self._session.get_inputs()}
        if given != {"image": ("tensor(float)", [3, size, size])}:
            shown = ", ".join(f"{name} {what[0]} {what[1]}" for name, what in given.items())
            raise ValueError(f"its inputs are {shown}; its card says image (n, 3, {size}, {size})")
        made_for = self._session.get_modelmeta().custom_metadata_map
        if made_for.get("architecture", self.card.architecture) != self.card.architecture:
            raise ValueError(
                f"a file of {made_for['architecture']} beside the card of {self.card.architecture}"
            )
        if made_for.get("classes", "\n".join(self.card.classes)).split("\n") != list(
            self.card.classes
        ):
            raise ValueError("its classes are not those of the card beside it")


class ExportedDetector:
    """A file `detector-nms.onnx` of `evonas export`, with the `card.json` beside it.

    Args:
        path: The file, or the folder that it is in.
        threads: Threads of one run of the network.

    Raises:
        SchemaError: The file or its card is missing or damaged, or gives codes and logits.
        MissingPackageError: onnxruntime is not installed.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._file = OnnxFile(path / FILE if path.is_dir() else path, threads)
        if not self._file.has_suppression:
            raise SchemaError(f"{path}: without suppression; `evonas export` makes {FILE}")
        card = self._file.card
        self.architecture, self.classes = card.architecture, card.classes
        self.image_size = card.image_size
        self._mean, self._std, self._resizing = card.mean, card.std, card.resizing

    def detect(self, image: "Image", threshold: float = 0.0) -> list[Found]:
        """Returns the objects of an RGB image of any size, best first, in its own pixels."""
        boxes, scores, labels = (part[0] for part in self._run(self._input(image)))
        boxes = boxes * (np.array([*image.size, *image.size]) / self.image_size)
        objects = []
        for box, score, label in zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True):
            if 0 <= label < len(self.classes) and score >= threshold:
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

    def _run(self, pixels: NDArray[np.float32]) -> list[NDArray[Any]]:
        return self._file.run(pixels)


def _errors(onnxruntime: Any) -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for files that it cannot read; it has no common root."""
    kinds = vars(onnxruntime.capi.onnxruntime_pybind11_state).values()
    return tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception))
