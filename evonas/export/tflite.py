"""Trained detectors as TFLite files, float32 or full int8.

Written by the project's own writer, the one behind the latency figures: NHWC, SAME padding, no
transposition, and no converter of gigabytes to install. Calibration runs the float32 file itself
in LiteRT and keeps every tensor's range.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evonas.detector import Detector
from evonas.errors import MissingPackageError, SchemaError
from evonas.export.weights import detector_weights
from evonas.graph.tflite import Precision, write_tflite

# A range is widened by every calibration image's extremes, but for this share of the images at
# each end: single outliers would cost all other values their resolution.
_OUTLIERS = 0.01

Ranges = Mapping[str, tuple[float, float]]


def export_tflite(
    detector: Detector, precision: Precision = "fp32", calibration: Tensor | None = None
) -> bytes:
    """Writes a detector as a TFLite file.

    Args:
        detector: Any detector; it is not changed.
        precision: `fp32`, or `int8` for weights, activations, inputs and outputs.
        calibration: For int8, float32 images (n, 3, size, size) from -1 to 1, of the kind that
            the network will see; a hundred or more.

    Returns:
        A file that takes one image (1, size, size, 3) and gives, level by level, a map of box
        codes and one of class logits.

    Raises:
        MissingPackageError: LiteRT is not installed.
    """
    weights = detector_weights(detector)
    if precision == "fp32":
        return write_tflite(detector.architecture, "fp32", weights)
    assert calibration is not None, "int8 needs images for calibration"
    ranges = activation_ranges(write_tflite(detector.architecture, "fp32", weights), calibration)
    return write_tflite(detector.architecture, "int8", weights, ranges)


def activation_ranges(tflite: bytes, images: Tensor) -> dict[str, tuple[float, float]]:
    """Returns the smallest and largest value of every tensor of a float32 file.

    Args:
        tflite: The file.
        images: (n, 3, size, size) from -1 to 1.
    """
    interpreter = _interpreter(tflite, experimental_preserve_all_tensors=True)
    inputs = interpreter.get_input_details()[0]["index"]
    details = [d for d in interpreter.get_tensor_details() if len(d["shape"]) == 4]
    extremes = np.empty((len(images), len(details), 2))
    for image, row in zip(images, extremes, strict=True):
        interpreter.set_tensor(inputs, _nhwc(image[None]))
        interpreter.invoke()
        for tensor, pair in zip(details, row, strict=True):
            values = interpreter.get_tensor(tensor["index"])
            pair[:] = values.min(), values.max()
    low = np.quantile(extremes[..., 0], _OUTLIERS, axis=0)
    high = np.quantile(extremes[..., 1], 1 - _OUTLIERS, axis=0)
    return {d["name"]: (float(a), float(b)) for d, a, b in zip(details, low, high, strict=True)}


class TFLiteDetector:
    """A TFLite file in LiteRT, one image at a time on one thread.

    Args:
        tflite: A file as `export_tflite` writes it.
        class_slots: Class logits per anchor.

    Raises:
        MissingPackageError: LiteRT is not installed.
    """

    def __init__(self, tflite: bytes, class_slots: int) -> None:
        self._interpreter = _interpreter(tflite)
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        self._class_slots = class_slots

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns codes (n, n_anchors, 4) and logits (n, n_anchors, class_slots).

        Args:
            images: Float32 (n, 3, size, size) from -1 to 1.
        """
        outputs = [self._run(image[None]) for image in images]
        codes, logits = zip(*outputs, strict=True)
        return torch.cat(codes), torch.cat(logits)

    def check(self, image_size: int, name: str) -> None:
        """Refuses a file that does not take such images.

        Raises:
            SchemaError: Its input or outputs are others.
        """
        wanted = [1, image_size, image_size, 3]
        shape, kind = self._input["shape"].tolist(), self._input["dtype"]
        if shape != wanted or kind not in (np.float32, np.int8):
            raise SchemaError(
                f"{name}: takes {kind.__name__} {shape}; its card says float32 or int8 {wanted}"
            )
        shapes = [output["shape"].tolist() for output in self._outputs]
        if len(shapes) % 2 or not all(
            shape[-1] and prod(shape) % values == 0
            for shape, values in zip(shapes, [4, self._class_slots] * len(shapes), strict=False)
        ):
            raise SchemaError(
                f"{name}: outputs {shapes}; expected a map of codes and one of logits per level"
            )

    def operators(self) -> list[str]:
        """Returns the kinds of operators in the file."""
        return sorted({d["op_name"] for d in self._interpreter._get_ops_details()} - {"DELEGATE"})

    def is_int8(self) -> bool:
        """Whether all tensors are int8, but for the int32 biases and axes."""
        kinds = {d["dtype"] for d in self._interpreter.get_tensor_details()}
        return kinds <= {np.int8, np.int32}

    def _run(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self._interpreter.set_tensor(self._input["index"], _quantised(_nhwc(image), self._input))
        self._interpreter.invoke()
        maps = [
            torch.from_numpy(_real(self._interpreter.get_tensor(d["index"]), d))
            for d in self._outputs
        ]
        codes = torch.cat([m.reshape(1, -1, 4) for m in maps[0::2]], 1)
        return codes, torch.cat([m.reshape(1, -1, self._class_slots) for m in maps[1::2]], 1)


def _interpreter(tflite: bytes, **options: Any) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise MissingPackageError("ai-edge-litert", "devices") from None
    interpreter = Interpreter(model_content=tflite, num_threads=1, **options)
    interpreter.allocate_tensors()
    return interpreter


def _nhwc(images: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())


def _quantised(values: NDArray[np.float32], tensor: Any) -> NDArray[Any]:
    scale, zero = tensor["quantization"]
    if not scale:
        return values
    integers: NDArray[np.int8] = np.rint(values / scale + zero).clip(-128, 127).astype(np.int8)
    return integers


def _real(values: NDArray[Any], tensor: Any) -> NDArray[np.float32]:
    scale, zero = tensor["quantization"]
    real: NDArray[np.float32] = values.astype(np.float32)
    return (real - np.float32(zero)) * np.float32(scale) if scale else real
