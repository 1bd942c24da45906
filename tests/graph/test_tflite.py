import numpy as np
import pytest

from evonas.graph.network import convolutions, detector_graph
from evonas.graph.tflite import write_tflite
from evonas.space import Architecture, load_published, load_space
from evonas.space.costs import placed_convs

litert = pytest.importorskip("ai_edge_litert.interpreter")


def sample(space: str, seed: int = 0) -> Architecture:
    networks = load_space(space)
    return networks.decode(networks.sample(1, np.random.default_rng(seed))[0])


def run(tflite: bytes, image: np.ndarray) -> list[np.ndarray]:
    """Runs a network on an NHWC image in [-1, 1]; returns real-valued maps."""
    interpreter = litert.Interpreter(model_content=tflite, num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    scale, zero = given["quantization"]
    if scale:
        image = np.clip(np.rint(image / scale + zero), -128, 127).astype(np.int8)
    interpreter.set_tensor(given["index"], image)
    interpreter.invoke()
    outputs = []
    for detail in interpreter.get_output_details():
        values = interpreter.get_tensor(detail["index"]).astype(np.float32)
        scale, zero = detail["quantization"]
        outputs.append((values - zero) * scale if scale else values)
    return outputs


def image_of(architecture: Architecture) -> np.ndarray:
    size = architecture.skeleton.image_size
    values = np.random.default_rng(1).uniform(-1, 1, (1, size, size, 3))
    return values.astype(np.float32)


@pytest.mark.parametrize("space", ["nano", "mobiledet", "mobiledet@cpu"])
def test_graph_holds_every_convolution_of_the_walk_in_order(space: str) -> None:
    architecture = sample(space)
    walked = [(conv, size) for conv, size in placed_convs(architecture)]
    main = [n for n, _ in convolutions(detector_graph(architecture)) if n.weight[1] == "main"]
    assert [(node.conv, node.size_in) for node in main] == walked
    assert [node.weight[0] for node in main] == list(range(len(walked)))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_same_architecture_same_bytes(precision: str) -> None:
    assert write_tflite(sample("nano"), precision) == write_tflite(sample("nano"), precision)
    assert write_tflite(sample("nano"), precision) != write_tflite(sample("nano", 1), precision)


@pytest.mark.parametrize("space", ["nano", "mobiledet", "mobiledet@cpu"])
def test_outputs_are_the_levels_maps(space: str) -> None:
    architecture = sample(space)
    slots = architecture.skeleton.head.class_slots
    outputs = run(write_tflite(architecture, "fp32"), image_of(architecture))
    for number, level in enumerate(architecture.levels()):
        anchors = architecture.skeleton.head.anchors_per_location(number)
        boxes, classes = outputs[2 * number : 2 * number + 2]
        assert boxes.shape == (1, level.size, level.size, 4 * anchors)
        assert classes.shape == (1, level.size, level.size, slots * anchors)
    assert np.isfinite(outputs[0]).all()
    assert np.ptp(outputs[0]) > 0


def test_operators_are_those_an_npu_maps_and_none_transposes() -> None:
    seen = set()
    for space in ("nano", "mobiledet@cpu"):
        interpreter = litert.Interpreter(
            model_content=write_tflite(sample(space), "int8"),
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        seen |= {operator["op_name"] for operator in interpreter._get_ops_details()}
    assert seen == {
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "ADD",
        "MUL",
        "MEAN",
        "LOGISTIC",
        "HARD_SWISH",
    }


@pytest.mark.parametrize("space", ["nano", "mobiledet@cpu"])
def test_onnx_and_tflite_compute_the_same(space: str) -> None:
    runtime = pytest.importorskip("onnxruntime")
    from evonas.graph.onnx import write_onnx

    architecture = sample(space)
    image = image_of(architecture)
    session = runtime.InferenceSession(write_onnx(architecture))
    expected = session.run(None, {"image": image.transpose(0, 3, 1, 2)})
    for ours, theirs in zip(run(write_tflite(architecture), image), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.transpose(0, 2, 3, 1), rtol=1e-3, atol=1e-3)


def test_int8_follows_fp32_when_ranges_are_calibrated() -> None:
    architecture = sample("nano")
    image = image_of(architecture)
    ranges = calibrate(architecture, image)
    real = run(write_tflite(architecture, "fp32"), image)
    integer = run(write_tflite(architecture, "int8", ranges=ranges), image)
    for expected, found in zip(real, integer, strict=True):
        assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.97


def calibrate(architecture: Architecture, image: np.ndarray) -> dict[str, tuple[float, float]]:
    interpreter = litert.Interpreter(
        model_content=write_tflite(architecture, "fp32"),
        num_threads=1,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    ranges = {}
    for detail in interpreter.get_tensor_details():
        try:
            values = interpreter.get_tensor(detail["index"])
        except ValueError:  # a tensor inside a fused operator
            continue
        if values.size and np.isfinite(values).all():
            ranges[detail["name"]] = (float(values.min()), float(values.max()))
    return ranges


def test_given_weights_are_used_and_match_the_torch_network() -> None:
    torch = pytest.importorskip("torch")
    from evonas.detector import Detector
    from evonas.detector.network import named_convs
    from evonas.graph.network import Node
    from evonas.graph.weights import ConvWeights

    architecture = sample("nano", 2)
    torch.manual_seed(0)
    detector = Detector(architecture).eval()
    units = [detector.units[name] for name, _ in named_convs(architecture)]

    def folded(node: Node) -> ConvWeights:
        unit = units[node.weight[0]]
        kernel, bias = unit.weight.detach(), unit.bias.detach()
        if unit.scale is not None:
            gain = unit.scale / torch.sqrt(unit.variance + unit.eps)
            kernel, bias = kernel * gain[:, None, None, None], bias - unit.mean * gain
        axes = (1, 2, 3, 0) if unit.largest.depthwise else (0, 2, 3, 1)
        return ConvWeights(kernel.permute(*axes).detach().numpy(), bias.detach().numpy())

    image = image_of(architecture)
    outputs = run(write_tflite(architecture, "fp32", weights=folded), image)
    with torch.no_grad():
        codes, logits = detector(torch.from_numpy(image.transpose(0, 3, 1, 2)))
    slots = architecture.skeleton.head.class_slots
    boxes = np.concatenate([o.reshape(1, -1, 4) for o in outputs[0::2]], axis=1)
    classes = np.concatenate([o.reshape(1, -1, slots) for o in outputs[1::2]], axis=1)
    np.testing.assert_allclose(boxes, codes.numpy(), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(classes, logits.numpy(), rtol=1e-3, atol=1e-3)


def test_published_networks_are_written() -> None:
    assert write_tflite(load_published("mobiledet-cpu"), "int8")[4:8] == b"TFL3"
