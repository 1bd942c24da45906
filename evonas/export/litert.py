"""TFLite files in LiteRT: images in, real numbers out. Without torch."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import MissingPackageError
from evonas.graph.quantise import CAMERA

Floats = NDArray[np.float32]


def open_interpreter(tflite: bytes, **options: Any) -> Any:
    """Returns an interpreter on one thread, its tensors allocated.

    Raises:
        MissingPackageError: LiteRT is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise MissingPackageError("ai-edge-litert", "devices") from None
    with warnings.catch_warnings():  # that keeping all tensors, which is asked for, takes memory
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors")
        interpreter = Interpreter(model_content=tflite, num_threads=1, **options)
    interpreter.allocate_tensors()
    return interpreter


def as_given(images: Floats, tensor: Any) -> NDArray[Any]:
    """Returns images (..., 3) from -1 to 1 as a file's input tensor takes them.

    An image that came from bytes is given as those bytes, so that none is rounded to another.
    """
    kind, (scale, zero) = tensor["dtype"], tensor["quantization"]
    if not scale:
        return images
    low = np.iinfo(kind).min
    if np.isclose(scale, CAMERA.scale, rtol=1e-4) and zero - low in (127, 128):
        integers = np.rint(images * 127.5 + 127.5) + low
    else:
        integers = np.rint(images / scale + zero)
    given: NDArray[Any] = integers.clip(low, low + 255).astype(kind)
    return given


def as_real(values: NDArray[Any], tensor: Any) -> Floats:
    """Returns an output tensor's values as real numbers."""
    scale, zero = tensor["quantization"]
    real: Floats = values.astype(np.float32)
    return (real - np.float32(zero)) * np.float32(scale) if scale else real
