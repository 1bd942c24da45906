"""Trained detectors as ONNX files with a free batch, with or without post-processing."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evonas.detector import anchor_boxes
from evonas.detector.anchors import BOX_SCALES, LARGEST_LOG, centre_size
from evonas.detector.archive import Archive
from evonas.errors import ConfigurationError, MissingPackageError
from evonas.export.weights import detector_weights
from evonas.graph.onnx import write_onnx
from evonas.space import Skeleton


def export_onnx(archive: Archive, nms: bool = False) -> bytes:
    """Writes a detector as an ONNX file.

    Args:
        archive: The detector and its thresholds.
        nms: Append decoding and non-maximum suppression, which give `boxes` (n, 100, 4) as x1,
            y1, x2, y2 in pixels of the input, `scores` and `labels` (n, 100), padded with box
            and score 0 and label -1; otherwise the outputs are `codes` (n, n_anchors, 4) and
            `logits` (n, n_anchors, n_classes).

    Returns:
        A file whose input `image` is float32 (n, 3, size, size), values from -1 to 1, for any n.

    Raises:
        MissingPackageError: onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingPackageError("onnx", "train") from None

    architecture = archive.detector.architecture
    model = onnx.load_from_string(write_onnx(architecture, detector_weights(archive.detector)))
    graph = model.graph
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    tail = _Tail(onnx)
    maps = [value.name for value in graph.output]
    slots = architecture.skeleton.head.class_slots
    outputs = {
        "codes": (tail.joined("codes", maps[0::2], 4), ["n", None, 4]),
        "logits": (tail.joined("logits", maps[1::2], slots), ["n", None, slots]),
    }
    if nms:
        outputs = _suppressed(tail, archive)
    del graph.output[:]
    for name, (_, shape) in outputs.items():
        kind = onnx.TensorProto.INT64 if name == "labels" else onnx.TensorProto.FLOAT
        graph.output.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    graph.node.extend(tail.nodes)
    graph.initializer.extend(tail.constants)
    onnx.helper.set_model_props(
        model,
        {
            "architecture": archive.card.architecture,
            "classes": "\n".join(archive.card.classes),
            "input": f"RGB pixels, minus {archive.card.mean:g}, over {archive.card.std:g}",
        },
    )
    data: bytes = model.SerializeToString(deterministic=True)
    return data


class OnnxDetector:
    """An exported file in ONNX Runtime.

    Raises:
        MissingPackageError: onnxruntime is not installed.
    """

    def __init__(self, data: bytes) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingPackageError("onnxruntime", "devices") from None
        self._session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        self.names = tuple(output.name for output in self._session.get_outputs())

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Returns the file's outputs for float32 images (n, 3, size, size) from -1 to 1."""
        outputs = self._session.run(None, {"image": images.contiguous().numpy()})
        return tuple(map(torch.from_numpy, outputs))


class _Tail:
    """Collects nodes and constants after a network's last maps."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def op(self, kind: str, *inputs: str, to: str | tuple[str, ...] = "", **options: Any) -> str:
        """Adds an operation; returns the name of its first output."""
        outputs = [to] if isinstance(to, str) else list(to)
        if not outputs[0]:
            outputs[0] = f"tail{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, list(inputs), outputs, **options))
        return outputs[0]

    def constant(self, values: NDArray[Any] | float | list[int]) -> str:
        """Adds numbers: int64 for ints, float32 for anything else."""
        name = f"constant{len(self.constants)}"
        whole = isinstance(values, list)
        array = np.array(values, np.int64 if whole else np.float32)
        self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def joined(self, name: str, maps: list[str], values: int) -> str:
        """Joins maps (n, anchors * values, h, w) into (n, n_anchors, values)."""
        shape = self.constant([0, -1, values])
        parts = [
            self.op("Reshape", self.op("Transpose", part, perm=[0, 2, 3, 1]), shape)
            for part in maps
        ]
        return self.op("Concat", *parts, to=name, axis=1)


def _suppressed(tail: _Tail, archive: Archive) -> dict[str, tuple[str, list[Any]]]:
    """Appends what `evonas.detector.postprocess` does, step by step.

    Raises:
        ConfigurationError: The card's protocol of detection is beyond ONNX's operator.
    """
    skeleton = archive.detector.architecture.skeleton
    slots, n_anchors = skeleton.head.class_slots, len(anchor_boxes(skeleton))
    protocol = archive.card.detection
    per_class = protocol.per_class and not protocol.detections_per_class
    if not (protocol.candidates and per_class and protocol.clip == "before"):
        raise ConfigurationError(
            f"onnx-nms cannot hold the protocol of detection {protocol}; a number of candidates, "
            "class by class and clipped before suppression is needed"
        )
    k = min(protocol.candidates, n_anchors * slots)
    op, constant = tail.op, tail.constant

    flat = op("Reshape", "logits", constant([0, -1]))
    op("TopK", flat, constant([k]), to=("best", "index"), axis=1)
    scores = op("Sigmoid", "best")
    anchor = op("Div", "index", constant([slots]))
    label = op("Mod", "index", constant([slots]))
    boxes = _decoded(tail, skeleton, anchor)

    classes = op("OneHot", label, constant([slots]), _floats(tail, 0, 1), axis=1)
    by_class = op("Mul", classes, op("Unsqueeze", scores, constant([1])))  # (n, slots, k)
    chosen = op(
        "NonMaxSuppression",
        boxes,
        by_class,
        constant([k]),
        _floats(tail, protocol.iou_threshold),
        _floats(tail, protocol.score_threshold),
    )  # (m, 3): image, class, candidate
    place = op("Gather", chosen, constant([0, 2]), axis=1)
    ones = op("Expand", constant(1.0), op("Gather", op("Shape", chosen), constant([0]), axis=0))
    kept = op("ScatterND", op("Mul", scores, constant(0.0)), place, ones)

    last = min(protocol.detections, k)
    op("TopK", op("Mul", scores, kept), constant([last]), to=("scores", "order"), axis=1)
    nothing = op("Equal", "scores", constant(0.0))
    found = op("GatherElements", label, "order", axis=1)
    op("Where", nothing, constant([-1]), found, to="labels")
    places = op("GatherElements", boxes, _four_times(tail, "order"), axis=1)
    op("Where", op("Unsqueeze", nothing, constant([2])), constant(0.0), places, to="boxes")
    return {
        "boxes": ("boxes", ["n", last, 4]),
        "scores": ("scores", ["n", last]),
        "labels": ("labels", ["n", last]),
    }


def _decoded(tail: _Tail, skeleton: Skeleton, anchor: str) -> str:
    """Returns the boxes (n, k, 4) of the chosen anchors (n, k), in pixels."""
    op, constant = tail.op, tail.constant
    centres, sizes = centre_size(anchor_boxes(skeleton))
    centre_scale, size_scale = BOX_SCALES
    codes = op("GatherElements", "codes", _four_times(tail, anchor), axis=1)
    op("Split", codes, to=("shift", "log"), axis=2)
    size = op("Gather", constant(sizes.numpy()), anchor, axis=0)
    centre = op("Gather", constant(centres.numpy()), anchor, axis=0)
    shift = op("Mul", op("Div", "shift", constant(centre_scale)), size)
    centre = op("Add", shift, centre)
    log = op("Min", op("Div", "log", constant(size_scale)), constant(LARGEST_LOG))
    half = op("Div", op("Mul", op("Exp", log), size), constant(2.0))
    corners = op("Concat", op("Sub", centre, half), op("Add", centre, half), axis=2)
    return op("Clip", corners, constant(0.0), constant(float(skeleton.image_size)))


def _four_times(tail: _Tail, index: str) -> str:
    """Repeats an index (n, k) for the four numbers of a box."""
    last = tail.op("Unsqueeze", index, tail.constant([2]))
    return tail.op("Tile", last, tail.constant([1, 1, 4]))


def _floats(tail: _Tail, *values: float) -> str:
    return tail.constant(np.array(values))
