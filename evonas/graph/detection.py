"""Detectors as TFLite files that end in boxes: `TFLite_Detection_PostProcess` at the end.

The operator is TensorFlow's own; MediaPipe, TFLite's task library and Coral's examples expect its
four outputs. Boxes, scores and suppression are computed in float32 on the CPU, also in an int8
file: scores of 256 steps would tie, and ties cost AP.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import SchemaError
from evonas.graph.network import IMAGE, Graph, Node, detector_graph
from evonas.graph.quantise import activation_scales
from evonas.graph.tflite import Precision
from evonas.graph.tflite_metadata import NAME
from evonas.graph.tflite_writer import TFLiteWriter, tflite_schema
from evonas.graph.weights import ConvWeights, WeightSource
from evonas.space import Architecture

OPERATOR = "TFLite_Detection_PostProcess"
# Its outputs in order, under the names that TensorFlow gives them.
OUTPUTS = (OPERATOR, f"{OPERATOR}:1", f"{OPERATOR}:2", f"{OPERATOR}:3")
PIXELS = "pixels"  # the uint8 input of an int8 file

_CODES = 4
_TF_ORDER = [1, 0, 3, 2]  # ours are x, y, w, h; the operator's are y, x, h, w
# Logit of the background, a column that the operator expects and does not read.
_BACKGROUND = -10.0
_MOST = 100_000  # what an option that is read may be


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """The operator's options, under its own names.

    Attributes:
        num_classes: Without the background.
        max_detections: Of an image.
        detections_per_class: The most of one class; with `use_regular_nms` only.
        max_classes_per_detection: Without `use_regular_nms`: classes told of one box.
        use_regular_nms: Class by class; otherwise boxes suppress those of other classes too.
        nms_score_threshold: Least score.
        nms_iou_threshold: A box that overlaps a better one by more is suppressed.
        y_scale: What the codes of the centre's y were multiplied with in training; and so on.
        x_scale: Of the centre's x.
        h_scale: Of the height's logarithm.
        w_scale: Of the width's.
    """

    num_classes: int
    max_detections: int = 100
    detections_per_class: int = 100
    max_classes_per_detection: int = 1
    use_regular_nms: bool = True
    nms_score_threshold: float = 0.01
    nms_iou_threshold: float = 0.6
    y_scale: float = 10.0
    x_scale: float = 10.0
    h_scale: float = 5.0
    w_scale: float = 5.0

    def options(self) -> bytes:
        """Returns the flexbuffer that stands in a file."""
        from flatbuffers import flexbuffers

        builder = flexbuffers.Builder()
        with builder.Map():
            for name, value in asdict(self).items():
                add = {bool: builder.Bool, int: builder.Int, float: builder.Float}[type(value)]
                add(name, value)
        return bytes(builder.Finish())


def write_detection_tflite(
    architecture: Architecture,
    weights: WeightSource,
    anchors: NDArray[np.float32],
    options: PostProcessing,
    precision: Precision = "fp32",
    ranges: Mapping[str, tuple[float, float]] | None = None,
    metadata: bytes = b"",
) -> bytes:
    """Writes a detector from the image to boxes (0 to 1), classes, scores and their number.

    Args:
        architecture: Any architecture of any space.
        weights: Weights of each convolution, batch norm folded in, codes as x, y, w, h.
        anchors: (n_anchors, 4) as centre y, centre x, height, width, from 0 to 1.
        options: Of the operator.
        precision: `fp32` for a float32 image from -1 to 1; `int8` for a uint8 one, a camera's bytes
            as they are, and int8 up to the maps.
        ranges: For int8; see `evonas.graph.tflite.write_tflite`.
        metadata: TFLite's metadata, if there is any.

    Raises:
        MissingPackageError: LiteRT is not installed.
    """
    slots, n_anchors = architecture.skeleton.head.class_slots, len(anchors)
    plain = detector_graph(architecture)
    graph = _with_background(plain, slots)
    scales = activation_scales(graph, ranges) if precision == "int8" else None
    writer = TFLiteWriter(scales, _reordered(weights, plain, slots))
    if scales is None:
        writer.image(graph)
    else:
        writer.pixels(graph, PIXELS)
    writer.network(graph)
    shapes = {node.name: (1, node.size, node.size, node.channels) for node in graph.nodes}
    rows = [
        _rows(writer, name, shapes[name], _CODES if number % 2 == 0 else slots + 1, scales is None)
        for number, name in enumerate(graph.outputs)
    ]
    codes = writer.joined(rows[0::2], "codes", (1, n_anchors, _CODES))
    logits = writer.joined(rows[1::2], "logits", (1, n_anchors, slots + 1))
    scores = writer.operator("LOGISTIC", [logits], "scores", (1, n_anchors, slots + 1))
    corners = writer.constant("anchors", np.asarray(anchors, np.float32), "FLOAT32")
    most = options.max_detections
    made = zip(OUTPUTS, ((1, most, _CODES), (1, most), (1, most), (1,)), strict=True)
    writer.custom(OPERATOR, [codes, scores, corners], dict(made), options.options())
    if metadata:
        writer.metadata(NAME, metadata)
    return writer.finish(OUTPUTS, IMAGE if scales is None else PIXELS)


def read_post_processing(content: bytes) -> PostProcessing | None:
    """Returns the options of the operator in a TFLite file, None if it has no such operator.

    Nothing is run: LiteRT crashes on an operator without options.

    Raises:
        SchemaError: Not a TFLite file, or options that are missing or no numbers.
        MissingPackageError: LiteRT is not installed.
    """
    schema = tflite_schema()
    try:
        if content[4:8] != b"TFL3":
            raise ValueError("it does not say TFL3")
        model = schema.Model.GetRootAs(content, 0)
        codes = [model.OperatorCodes(i).CustomCode() for i in range(model.OperatorCodesLength())]
        graph = model.Subgraphs(0)
        for i in range(graph.OperatorsLength() - 1, -1, -1):
            operator = graph.Operators(i)
            if codes[operator.OpcodeIndex()] == OPERATOR.encode():
                return _read_options(operator.CustomOptionsAsNumpy())
    except SchemaError:
        raise
    except Exception as error:  # whatever the accessors raise on bytes that lead nowhere
        raise SchemaError(f"not a readable TFLite file ({error})") from error
    return None


def _read_options(stored: Any) -> PostProcessing:
    from flatbuffers import flexbuffers

    if not isinstance(stored, np.ndarray):
        raise SchemaError(f"{OPERATOR} without options")
    values = flexbuffers.Loads(bytearray(stored))
    if not isinstance(values, dict):
        raise SchemaError(f"{OPERATOR}: its options are no map")
    known = {entry.name for entry in fields(PostProcessing)}
    # As the operator reads them: these have defaults.
    values = {"detections_per_class": 100, "use_regular_nms": False, **values}
    missing = sorted(known - values.keys())
    if missing:
        raise SchemaError(f"{OPERATOR}: options without {', '.join(missing)}")
    numbers = {name: values[name] for name in known}
    for name, value in numbers.items():
        if not isinstance(value, bool | int | float) or not 0 <= value <= _MOST:
            raise SchemaError(f"{OPERATOR}: {name} is {str(value)[:40]}; 0 to {_MOST} is allowed")
    return PostProcessing(**numbers)


def _with_background(graph: Graph, slots: int) -> Graph:
    """Returns the graph with a background logit before each anchor's class logits."""
    classes = set(graph.outputs[1::2])

    def widened(node: Node) -> Node:
        if node.name not in classes or node.conv is None:
            return node
        channels = node.channels // slots * (slots + 1)
        return replace(node, channels=channels, conv=replace(node.conv, c_out=channels))

    return replace(graph, nodes=tuple(map(widened, graph.nodes)))


def _reordered(weights: WeightSource, graph: Graph, slots: int) -> WeightSource:
    """Returns weights that give codes in the operator's order, and the background's logit."""
    plain = {node.name: node for node in graph.nodes}
    boxes, classes = set(graph.outputs[0::2]), set(graph.outputs[1::2])

    def changed(node: Node) -> ConvWeights:
        given = weights(plain[node.name])
        kernel, bias = given.kernel, given.bias
        if node.name in boxes:
            order = np.arange(len(bias)).reshape(-1, _CODES)[:, _TF_ORDER].reshape(-1)
            return ConvWeights(kernel[order], bias[order])
        if node.name in classes:
            of_anchor = kernel.reshape(-1, slots, *kernel.shape[1:])
            kernel = np.pad(of_anchor, [(0, 0), (1, 0), *[(0, 0)] * 3])
            bias = np.pad(bias.reshape(-1, slots), [(0, 0), (1, 0)], constant_values=_BACKGROUND)
            return ConvWeights(kernel.reshape(-1, *kernel.shape[2:]), bias.reshape(-1))
        return given

    return changed


def _rows(
    writer: TFLiteWriter, name: str, shape: tuple[int, ...], values: int, is_real: bool
) -> str:
    """Adds a map as rows (1, anchors, values) of float32."""
    if not is_real:
        name = writer.operator("DEQUANTIZE", [name], f"{name}.real", shape)
    return writer.reshaped(name, (1, int(np.prod(shape)) // values, values))
