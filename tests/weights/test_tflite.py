"""Imports of TFLite files made here: float, int8, uint8, float16, with post-processing behind."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from evonas.detector import Detector
from evonas.errors import SchemaError
from evonas.export.weights import detector_weights
from evonas.graph.tflite import write_tflite
from evonas.space import load_published
from evonas.weights.published import import_weights
from evonas.weights.tflite import class_slots, read_tflite
from evonas.weights.tflite_graph import read_graph

schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
CPU, EDGETPU = "mobiledet-cpu", "mobiledet-edgetpu"


def network(name: str, slots: int = 91) -> Detector:
    """A network whose batch norm and biases say something."""
    torch.manual_seed(0)
    detector = Detector(load_published(name).with_classes(slots)).eval()
    with torch.no_grad():
        for parameter in detector.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5)
    return detector


@pytest.fixture(scope="module")
def detectors() -> dict[str, Detector]:
    return {name: network(name) for name in (CPU, EDGETPU)}


@pytest.fixture(scope="module")
def files(detectors) -> dict[str, bytes]:
    def write(name: str, precision: Any) -> bytes:
        detector = detectors[name]
        return write_tflite(detector.architecture, precision, detector_weights(detector))

    return {
        "cpu": write(CPU, "fp32"),
        "edgetpu": write(EDGETPU, "fp32"),
        "edgetpu-int8": write(EDGETPU, "int8"),
    }


def changed(content: bytes, change: Callable[[Any], None]) -> bytes:
    """Changes a file as flatbuffers objects."""
    import flatbuffers

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    change(model)
    builder = flatbuffers.Builder(len(content) + (1 << 20))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def operator_code(model: Any, kind: str, custom: str = "") -> int:
    code = getattr(schema.BuiltinOperator, kind)
    model.operatorCodes.append(
        schema.OperatorCodeT(
            deprecatedBuiltinCode=min(code, 127),
            builtinCode=code,
            version=1,
            customCode=custom.encode() or None,
        )
    )
    return len(model.operatorCodes) - 1


def add_tensor(model: Any, name: str, shape: list[int], kind: str = "FLOAT32", data=None) -> int:
    buffer = 0
    if data is not None:
        model.buffers.append(schema.BufferT(data=np.ascontiguousarray(data).view(np.uint8).ravel()))
        buffer = len(model.buffers) - 1
    graph = model.subgraphs[0]
    graph.tensors.append(
        schema.TensorT(shape=shape, type=getattr(schema.TensorType, kind), buffer=buffer, name=name)
    )
    return len(graph.tensors) - 1


def kernels(model: Any) -> list[Any]:
    codes = {
        i
        for i, code in enumerate(model.operatorCodes)
        if code.builtinCode in (schema.BuiltinOperator.CONV_2D, 4)
    }
    graph = model.subgraphs[0]
    return [op for op in graph.operators if op.opcodeIndex in codes]


def with_postprocessing(model: Any) -> None:
    graph = model.subgraphs[0]
    boxes = add_tensor(model, "raw_outputs/box_encodings", [1, 2034, 4])
    scores = add_tensor(model, "raw_outputs/class_predictions", [1, 2034, 91])
    anchors = add_tensor(model, "anchors", [2034, 4], data=np.zeros((2034, 4), np.float32))
    outputs = [
        add_tensor(model, f"TFLite_Detection_PostProcess:{i}", [1, 10, 4][: 2 + (i == 0)])
        for i in range(4)
    ]
    concat = operator_code(model, "CONCATENATION")
    options = schema.ConcatenationOptionsT(axis=1)
    for parts, output in ((graph.outputs[0::2], boxes), (graph.outputs[1::2], scores)):
        graph.operators.append(
            schema.OperatorT(
                opcodeIndex=concat,
                inputs=list(parts),
                outputs=[output],
                builtinOptionsType=schema.BuiltinOptions.ConcatenationOptions,
                builtinOptions=options,
            )
        )
    graph.operators.append(
        schema.OperatorT(
            opcodeIndex=operator_code(model, "CUSTOM", "TFLite_Detection_PostProcess"),
            inputs=[boxes, scores, anchors],
            outputs=outputs,
        )
    )
    graph.outputs = outputs


def as_uint8(model: Any) -> None:
    """Rounds every kernel to 256 steps over its own range, zero among them, as Coral's file."""
    graph = model.subgraphs[0]
    for op in kernels(model):
        for tensor, kind in (
            (graph.tensors[op.inputs[1]], "UINT8"),
            (graph.tensors[op.inputs[2]], "INT32"),
        ):
            values = model.buffers[tensor.buffer].data.view(np.float32)
            if kind == "UINT8":
                low, high = min(values.min(), 0), max(values.max(), 0)
                scale, zero = (high - low) / 255, round(-low / ((high - low) / 255))
                stored = (np.rint(values / scale) + zero).clip(0, 255).astype(np.uint8)
            else:
                scale, zero = 1e-6, 0
                stored = np.rint(values / scale).astype(np.int32)
            model.buffers[tensor.buffer].data = stored.view(np.uint8)
            tensor.type = getattr(schema.TensorType, kind)
            tensor.quantization = schema.QuantizationParametersT(
                scale=np.array([scale], np.float32), zeroPoint=np.array([zero], np.int64)
            )


def as_float16(model: Any) -> None:
    """Stores every kernel as float16, behind an operator that widens it, as the converter does."""
    graph = model.subgraphs[0]
    widen = operator_code(model, "DEQUANTIZE")
    first = []
    for op in kernels(model):
        tensor = graph.tensors[op.inputs[1]]
        values = model.buffers[tensor.buffer].data.view(np.float32).astype(np.float16)
        stored = add_tensor(model, f"{tensor.name}.half", list(tensor.shape), "FLOAT16", values)
        tensor.buffer = 0
        first.append(
            schema.OperatorT(
                opcodeIndex=widen,
                inputs=[stored],
                outputs=[op.inputs[1]],
                builtinOptionsType=schema.BuiltinOptions.DequantizeOptions,
                builtinOptions=schema.DequantizeOptionsT(),
            )
        )
    graph.operators[:0] = first


def with_h_swish_in_parts(model: Any) -> None:
    """Writes h-swish as x * relu6(x + 3) * (1 / 6), as an older converter leaves it."""
    graph = model.subgraphs[0]
    whole = next(
        i
        for i, code in enumerate(model.operatorCodes)
        if code.builtinCode == schema.BuiltinOperator.HARD_SWISH
    )
    add, relu, mul = (operator_code(model, kind) for kind in ("ADD", "RELU6", "MUL"))
    three = add_tensor(model, "three", [], data=np.float32([3]))
    sixth = add_tensor(model, "sixth", [], data=np.float32([1 / 6]))
    operators = []
    for op in graph.operators:
        if op.opcodeIndex != whole:
            operators.append(op)
            continue
        (x,), (y,) = op.inputs, op.outputs
        shape = list(graph.tensors[x].shape)
        plus, cut, product = (add_tensor(model, f"{y}/{i}", shape) for i in range(3))
        for code, inputs, output, kind in (
            (add, [x, three], plus, "Add"),
            (relu, [plus], cut, ""),
            (mul, [x, cut], product, "Mul"),
            (mul, [product, sixth], y, "Mul"),
        ):
            options = getattr(schema, f"{kind}OptionsT")() if kind else None
            operators.append(
                schema.OperatorT(
                    opcodeIndex=code,
                    inputs=inputs,
                    outputs=[output],
                    builtinOptionsType=getattr(
                        schema.BuiltinOptions, f"{kind}Options" if kind else "NONE"
                    ),
                    builtinOptions=options,
                )
            )
    graph.operators = operators


def read(content: bytes, name: str) -> tuple[dict[str, np.ndarray], list[str]]:
    return read_tflite(read_graph(content), name, load_published(name).with_classes(91))


def folded(detector: Detector) -> dict[str, np.ndarray]:
    copied = copy.deepcopy(detector)
    copied.fold()
    return {name: value.numpy() for name, value in copied.state_dict().items()}


@pytest.mark.parametrize(
    ("file", "name", "change"),
    [
        ("cpu", CPU, None),
        ("cpu", CPU, with_h_swish_in_parts),
        ("edgetpu", EDGETPU, None),
        ("edgetpu", EDGETPU, with_postprocessing),
    ],
)
def test_float_files_give_every_weight_back(detectors, files, file, name, change):
    content = changed(files[file], change) if change else files[file]
    values, behind = read(content, name)
    for key, value in folded(detectors[name]).items():
        np.testing.assert_array_equal(values[key], value, err_msg=key)
    assert values.keys() == detectors[name].state_dict().keys()
    assert (behind == ["CONCATENATION", "TFLite_Detection_PostProcess"]) == (
        change is with_postprocessing
    )


def test_batch_norm_that_was_folded_does_nothing(detectors, files, tmp_path):
    (tmp_path / "cpu.tflite").write_bytes(files["cpu"])
    archive = import_weights(tmp_path / "cpu.tflite", CPU, all_slots=True).archive
    assert archive.card.classes[1] == "person"
    ours, theirs = archive.detector.folded(), copy.deepcopy(detectors[CPU])
    theirs.fold()
    images = torch.rand(1, 3, 320, 320, generator=torch.Generator().manual_seed(0)) * 2 - 1
    units = [("stem", ours.architecture.stem_conv())]
    with torch.inference_mode():
        torch.testing.assert_close(
            ours.sequence(images, units), theirs.sequence(images, units), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize(
    ("file", "change", "steps"), [("edgetpu-int8", None, 254), ("edgetpu", as_uint8, 255)]
)
def test_integer_weights_are_within_half_a_step(detectors, files, file, change, steps):
    values, _ = read(changed(files[file], change) if change else files[file], EDGETPU)
    for key, value in folded(detectors[EDGETPU]).items():
        if not key.endswith(".weight"):
            continue
        rows = value.reshape(len(value), -1) if change is None else value.reshape(1, -1)
        spread = (
            2 * np.abs(rows).max(1)
            if change is None
            else np.maximum(rows.max(1), 0) - np.minimum(rows.min(1), 0)
        )
        half = (spread / steps / 2).reshape(-1, 1, 1, 1)
        # A zero point is whole too, which may shift what is at the end of the range by a half.
        assert (np.abs(values[key] - value) <= half * (1.001 if change is None else 2.001)).all(), (
            key
        )


def test_uint8_with_postprocessing_is_what_coral_publishes(files, tmp_path):
    def change(model: Any) -> None:
        as_uint8(model)
        with_postprocessing(model)

    (tmp_path / "coral.tflite").write_bytes(changed(files["edgetpu"], change))
    imported = import_weights(tmp_path / "coral.tflite", EDGETPU)
    assert len(imported.archive.card.classes) == 80
    assert "TFLite_Detection_PostProcess" in imported.left_out


def test_float16_weights_are_widened(detectors, files):
    values, _ = read(changed(files["edgetpu"], as_float16), EDGETPU)
    for key, value in folded(detectors[EDGETPU]).items():
        if key.endswith(".weight"):
            np.testing.assert_array_equal(values[key], value.astype(np.float16).astype(np.float32))


def test_other_networks_and_other_classes_are_refused(files, tmp_path):
    with pytest.raises(SchemaError, match=r"missing: stem .*from 3 to 16 channels.*there: \(32, 3"):
        read(files["edgetpu"], CPU)
    with pytest.raises(SchemaError, match="not the weights of mobiledet-dsp: missing: b1l1_ibn0"):
        read(files["edgetpu"], "mobiledet-dsp")
    small = network(EDGETPU, slots=21)
    content = write_tflite(small.architecture, "fp32", detector_weights(small))
    assert class_slots(read_graph(content), small.architecture) == 21
    (tmp_path / "small.tflite").write_bytes(content)
    with pytest.raises(SchemaError, match=r"small\.tflite: 21 class slots"):
        import_weights(tmp_path / "small.tflite", EDGETPU)


def test_a_file_for_the_edge_tpu_is_told_apart(files):
    def compiled(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.operators = [
            schema.OperatorT(
                opcodeIndex=operator_code(model, "CUSTOM", "edgetpu-custom-op"),
                inputs=list(graph.inputs),
                outputs=list(graph.outputs),
            )
        ]

    with pytest.raises(SchemaError, match="compiled for the Edge TPU"):
        read(changed(files["edgetpu"], compiled), EDGETPU)


def test_left_over_convolutions_are_told(files):
    def doubled(model: Any) -> None:
        graph = model.subgraphs[0]
        stem = copy.deepcopy(kernels(model)[0])
        stem.outputs = [add_tensor(model, "another/stem", [1, 160, 160, 32])]
        graph.operators.append(stem)

    def extended(model: Any) -> None:
        graph = model.subgraphs[0]
        op = copy.deepcopy(kernels(model)[0])
        op.inputs = [graph.outputs[0], *op.inputs[1:]]
        op.outputs = [add_tensor(model, "another/output", [1, 20, 20, 32])]
        graph.operators.append(op)

    with pytest.raises(SchemaError, match="2 could be stem"):
        read(changed(files["edgetpu"], doubled), EDGETPU)
    with pytest.raises(SchemaError, match="left over: 1 convolutions, first another/output"):
        read(changed(files["edgetpu"], extended), EDGETPU)


def test_a_mutilated_file_is_refused_or_read(files):
    rng = np.random.default_rng(0)
    content = files["edgetpu"]
    for end in (0, 7, 100, 10_000, len(content) // 2, len(content) - 100):
        with pytest.raises(SchemaError):
            read(content[:end], EDGETPU)
    table = content[: 1 << 16]
    for _ in range(30):
        mutilated = bytearray(content)
        for place in rng.integers(8, len(table), 3):
            mutilated[place] = int(rng.integers(256))
        try:
            read(bytes(mutilated), EDGETPU)
        except SchemaError:
            continue
