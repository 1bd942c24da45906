"""Imports of checkpoints: TensorFlow's own outputs are the judge."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evonas.cli import main
from evonas.detector import PUBLISHED, Detector, anchor_boxes, decode_boxes
from evonas.detector.archive import load_archive
from evonas.detector.network import layer_convs, level_convs
from evonas.errors import ConfigurationError, SchemaError
from evonas.space import load_published
from evonas.weights import import_weights
from evonas.weights.checkpoint import wanted_variables
from evonas.weights.coco import COCO_NAMES
from evonas.weights.order import ALL_SLOTS, USED_SLOTS, in_our_order
from evonas.weights.sources import Folder
from evonas.weights.tensor_bundle import open_bundle
from tests.weights.tf_writer import pack, write_bundle

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tf1"
SHARED = next(
    (p / "shared" / "tf1" for p in Path(__file__).parents if (p / "shared" / "tf1").is_dir()), None
)
PREFIX = "model.ckpt-400000"
NAME = "mobiledet-cpu"

Floats = NDArray[np.float32]


# --- the heads of the first two levels, with TensorFlow's values, maps and outputs ------------


@pytest.fixture(scope="module")
def tensorflow() -> dict[str, np.ndarray]:
    with np.load(FIXTURES / "expected-cpu.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def head_values() -> dict[str, Floats]:
    """TensorFlow's values of the first two levels' predictors, in its own order."""
    architecture = load_published(NAME).with_classes(91)
    wanted = [w for w in wanted_variables(NAME, architecture) if w.variable[:14] in LEVELS]
    bundle = open_bundle(Folder(FIXTURES), PREFIX)
    values = bundle.read(w.variable for w in wanted)
    return {w.value: values[w.variable].transpose(w.axes or None) for w in wanted}


LEVELS = ("BoxPredictor_0", "BoxPredictor_1")


def head_outputs(
    values: dict[str, Floats], maps: dict[str, np.ndarray], level: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Runs a level's predictors; returns codes, logits and anchors, (locations, anchors, ...)."""
    architecture = load_published(NAME).with_classes(91)
    detector = Detector(architecture).eval()
    state = detector.state_dict()
    state.update({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in values.items()})
    detector.load_state_dict(state)
    x = torch.from_numpy(maps[("C4", "C5")[level]])[None].permute(0, 3, 1, 2).contiguous()
    parts = []
    for part, size in (("boxes", 4), ("classes", 91)):
        convs = level_convs(level, part, getattr(architecture.levels()[level], part))
        with torch.inference_mode():
            y = detector.sequence(x, convs)[0].permute(1, 2, 0)
        parts.append(y.reshape(y.shape[0] * y.shape[1], -1, size))
    start, n = ((0, 3), (1200, 6))[level]
    count = len(parts[0]) * n
    anchors = anchor_boxes(architecture.skeleton)[start : start + count].reshape(-1, n, 4)
    return parts[0], parts[1], anchors


def in_pixels(tensorflow: dict[str, np.ndarray], level: int) -> torch.Tensor:
    """Decodes TensorFlow's codes by its own coder and anchors (y, x, height, width)."""
    y1, x1, y2, x2 = np.moveaxis(tensorflow[f"anchors{level}"], -1, 0)
    ty, tx, th, tw = np.moveaxis(tensorflow[f"boxes{level}"].astype(np.float64), -1, 0)
    height, width = np.exp(th / 5) * (y2 - y1), np.exp(tw / 5) * (x2 - x1)
    y = ty / 10 * (y2 - y1) + (y1 + y2) / 2
    x = tx / 10 * (x2 - x1) + (x1 + x2) / 2
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], -1) * 320
    return torch.from_numpy(boxes)


@pytest.mark.parametrize("level", [0, 1])
def test_predictors_give_tensorflows_boxes_and_logits(tensorflow, head_values, level):
    architecture = load_published(NAME).with_classes(91)
    values = _ordered(head_values, architecture)
    codes, logits, anchors = head_outputs(values, tensorflow, level)
    places = tensorflow[f"locations{level}"]
    # Both orders of anchors are brought to the same one by the anchors' sizes.
    ours = _by_shape(decode_boxes(codes[places], anchors[places]), anchors[places])
    theirs_anchors = _tf_anchors(tensorflow, level)
    theirs = _by_shape(in_pixels(tensorflow, level).float(), theirs_anchors)
    assert (ours - theirs).abs().max() < 0.05
    expected = torch.from_numpy(tensorflow[f"classes{level}"])
    assert (
        _by_shape(logits[places], anchors[places]) - _by_shape(expected, theirs_anchors)
    ).abs().max() < 1e-3


def _ordered(values: dict[str, Floats], architecture) -> dict[str, Floats]:
    """Brings the two levels in our order; the others are made up."""
    state = {k: v.numpy() for k, v in Detector(architecture).state_dict().items()}
    ordered = in_our_order({**state, **values}, architecture, ALL_SLOTS)
    return {name: ordered[name] for name in values}


def _tf_anchors(tensorflow: dict[str, np.ndarray], level: int) -> torch.Tensor:
    anchors = tensorflow[f"anchors{level}"][..., [1, 0, 3, 2]] * 320
    return torch.from_numpy(anchors).float()


def _by_shape(values: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """Sorts values (locations, anchors, k) by their anchors' width, then height."""
    size = (anchors[..., 2:] - anchors[..., :2]).round()
    order = (size[..., 0] * 1000 + size[..., 1]).argsort(1)
    return values.gather(1, order[..., None].expand(-1, -1, values.shape[2]))


@pytest.mark.parametrize("wrong", ["anchors", "codes"])
def test_a_wrong_permutation_moves_the_boxes(tensorflow, head_values, wrong, monkeypatch):
    if wrong == "anchors":
        monkeypatch.setattr("evonas.weights.order.anchor_order", lambda _, n: tuple(range(n)))
    else:
        monkeypatch.setattr("evonas.weights.order._CODES", (0, 1, 2, 3))
    architecture = load_published(NAME).with_classes(91)
    codes, _, anchors = head_outputs(_ordered(head_values, architecture), tensorflow, 1)
    places = tensorflow["locations1"]
    ours = _by_shape(decode_boxes(codes[places], anchors[places]), anchors[places])
    theirs = _by_shape(in_pixels(tensorflow, 1).float(), _tf_anchors(tensorflow, 1))
    assert (ours - theirs).abs().median() > 5  # pixels


def test_the_80_used_slots_are_cocos_ids():
    assert len(USED_SLOTS) == 80
    assert not {0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83} & set(USED_SLOTS)
    names = list(COCO_NAMES.values())
    assert [names[i] for i in (0, 11, 24, 61, 79)] == [
        "person", "stop sign", "backpack", "toilet", "toothbrush",
    ]  # fmt: skip


# --- whole networks, written as TensorFlow would ----------------------------------------------


def variables_of(name: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Random variables of a published network, as its checkpoint would hold them."""
    rng = np.random.default_rng(seed)
    architecture = load_published(name).with_classes(91)
    return {
        want.variable: rng.uniform(0.5, 1.5, want.shape).astype(np.float32)
        for want in wanted_variables(name, architecture)
    }


@pytest.fixture(scope="module")
def variables() -> dict[str, np.ndarray]:
    return variables_of(NAME)


def test_a_checkpoint_has_the_names_that_tensorflow_gave():
    bundle = open_bundle(Folder(FIXTURES), PREFIX)
    shapes = {name: variable.shape for name, variable in bundle.variables.items()}
    assert {name: value.shape for name, value in variables_of(NAME).items()} == shapes


@pytest.mark.parametrize("name", ["mobiledet-dsp", "mobiledet-edgetpu", "mobiledet-gpu"])
def test_the_other_networks_are_imported(tmp_path, name):
    values = variables_of(name)
    write_bundle(tmp_path / PREFIX, values)
    imported = import_weights(tmp_path, name)
    root = {"dsp": "DSP", "edgetpu": "EdgeTPU", "gpu": "GPU"}[name.partition("-")[2]]
    stem = values[f"FeatureExtractor/MobileDet{root}/Conv/weights"]
    ours = imported.archive.detector.unit("stem").weight.detach().numpy()
    np.testing.assert_array_equal(ours, stem.transpose(3, 2, 0, 1))
    assert imported.archive.card.architecture == name


def test_an_archive_has_the_used_rows_cocos_names_and_the_published_protocol(variables, tmp_path):
    write_bundle(tmp_path / PREFIX, variables)
    archive = import_weights(tmp_path / f"{PREFIX}.index", NAME).archive
    card = archive.card
    assert (len(card.classes), card.classes[0], card.classes[-1]) == (80, "person", "toothbrush")
    assert (card.resizing, card.protocol, card.mean, card.std) == ("tf1", PUBLISHED, 127.5, 127.5)
    theirs = variables["BoxPredictor_1/ClassPredictor/biases"].reshape(6, 91)
    ours = archive.detector.unit("head1_classes1").bias.detach().numpy().reshape(6, 80)
    np.testing.assert_array_equal(ours[0], theirs[5, list(COCO_NAMES)])
    np.testing.assert_array_equal(ours[1:], theirs[:5, list(COCO_NAMES)])


def test_averages_are_preferred_and_the_rest_is_told(variables, tmp_path):
    stem = "FeatureExtractor/MobileDetCPU/Conv"
    average = f"{stem}/weights/ExponentialMovingAverage"
    extra = {
        average: variables[f"{stem}/weights"] + 1,
        f"{stem}/weights/Momentum": variables[f"{stem}/weights"],
        f"{stem}/BatchNorm/gamma/Momentum": variables[f"{stem}/BatchNorm/gamma"],
        f"{stem}/act_quant/min": np.zeros((), np.float32),
        f"{stem}/weights_quant/max": np.ones((), np.float32),
        "global_step": np.array(400_000, np.int64),
    }
    write_bundle(tmp_path / PREFIX, variables | extra, compress=True)
    imported = import_weights(tmp_path, NAME)
    assert imported.averaged == 1
    assert set(imported.left_out) == set(extra) - {average} | {f"{stem}/weights"}
    ours = imported.archive.detector.unit("stem").weight.detach().numpy()
    np.testing.assert_array_equal(ours, extra[average].transpose(3, 2, 0, 1))


def test_scopes_may_stand_in_another_scope(variables, tmp_path):
    write_bundle(tmp_path / PREFIX, {f"ssd/{name}": v for name, v in variables.items()})
    assert len(import_weights(tmp_path, NAME).archive.card.classes) == 80


def broken(variables: dict[str, np.ndarray], change: str) -> dict[str, np.ndarray]:
    values = dict(variables)
    stem = "FeatureExtractor/MobileDetCPU/Conv"
    if change == "missing":
        del values[f"{stem}/BatchNorm/beta"]
    elif change == "shape":
        values[f"{stem}/weights"] = values[f"{stem}/weights"][..., :8]
    elif change == "left over":
        values["FeatureExtractor/MobileDetCPU/IBN_30/Conv/weights"] = np.ones((1, 1, 2, 2), "f4")
    elif change == "slots":
        for level in range(6):
            name = f"BoxPredictor_{level}/ClassPredictor/biases"
            values[name] = values[name][: len(values[name]) // 91 * 21]
    elif change == "nan":
        values[f"{stem}/weights"] = values[f"{stem}/weights"] * np.float32(np.nan)
    elif change == "variance":
        values[f"{stem}/BatchNorm/moving_variance"] *= -1
    return values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"missing: FeatureExtractor/MobileDetCPU/Conv/BatchNorm/beta$"),
        ("shape", r"of another shape: .*Conv/weights \(3, 3, 3, 8\), not one of \(3, 3, 3, 16\)"),
        ("left over", r"left over: FeatureExtractor/MobileDetCPU/IBN_30/Conv/weights"),
        ("slots", "21 class slots; published weights have 91"),
        ("nan", "Conv/weights holds values that are not finite"),
        ("variance", "Conv/BatchNorm/moving_variance has a negative variance"),
    ],
)
def test_what_does_not_fit_is_told(variables, tmp_path, change, message):
    write_bundle(tmp_path / PREFIX, broken({k: v.copy() for k, v in variables.items()}, change))
    with pytest.raises(SchemaError, match=message):
        import_weights(tmp_path, NAME)


def test_another_network_is_refused(variables, tmp_path):
    write_bundle(tmp_path / PREFIX, variables)
    with pytest.raises(
        SchemaError, match=r"not the weights of mobiledet-dsp: missing: \S+DSP/Conv"
    ):
        import_weights(tmp_path, "mobiledet-dsp")
    with pytest.raises(ConfigurationError, match="unknown published network 'resnet'"):
        import_weights(tmp_path, "resnet")


# --- where the files are ----------------------------------------------------------------------


def test_the_zoos_tarball_is_read_as_it_is(variables, tmp_path):
    folder = tmp_path / "ssdlite_mobiledet_cpu_320x320_coco_2020_05_19"
    folder.mkdir()
    write_bundle(folder / PREFIX, variables)
    (folder / "pipeline.config").write_text("model {}")
    pack(folder, tmp_path / "zoo.tar.gz")
    imported = import_weights(tmp_path / "zoo.tar.gz", NAME)
    assert imported.file == f"{folder.name}/{PREFIX}"
    # Two of them: the one that is meant must be named.
    for kind in ("fp32", "uint8"):
        (folder / kind).mkdir()
        for file in folder.glob("model*"):
            shutil.copy(file, folder / kind)
    for file in folder.glob("model*"):
        file.unlink()
    pack(folder, tmp_path / "two.tgz")
    with pytest.raises(ConfigurationError, match=r"name one with --member: .*fp32.*uint8"):
        import_weights(tmp_path / "two.tgz", NAME)
    chosen = import_weights(tmp_path / "two.tgz", NAME, f"fp32/{PREFIX}")
    assert chosen.file == f"{folder.name}/fp32/{PREFIX}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.npz", b"abc", "not a TensorFlow 1 checkpoint"),
        ("x.tflite", b"abc", "not a TFLite file"),
        ("x.tflite", b"\x1c\0\0\0TFL3" + b"\xff" * 90, "not a readable TFLite file"),
        ("x.index", b"abc", "not a leveldb table"),
        ("x.tar.gz", b"abc", "not a readable tarball"),
        ("x.tar.gz", b"\x1f\x8b" + b"abc" * 9, "not a readable tarball"),
    ],
)
def test_what_is_no_such_file_gets_one_message(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    code = main(["import", str(tmp_path / name), "--as", NAME, "--out", str(tmp_path / "out")])
    assert code == 3
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "out").exists()


def test_the_command_writes_an_archive(variables, tmp_path, capsys):
    write_bundle(tmp_path / PREFIX, variables)
    arguments = ["import", str(tmp_path), "--as", NAME, "--out", str(tmp_path / "out"), "--json"]
    assert main(arguments) == 0
    archive = load_archive(tmp_path / "out" / f"{NAME}.safetensors")
    assert archive.card.made["source"] == "published"
    assert (archive.card.protocol, archive.card.resizing) == (PUBLISHED, "tf1")
    assert '"classes": 80' in capsys.readouterr().out
    assert main([*arguments[:1], str(tmp_path / "nothing"), *arguments[2:]]) == 3


# --- TensorFlow's own files, where they are ---------------------------------------------------


needs_shared = pytest.mark.skipif(SHARED is None, reason="needs shared/tf1")


def rms(ours: Floats, theirs: Floats) -> float:
    return float(np.sqrt(((ours - theirs) ** 2).mean() / (theirs**2).mean()))


@needs_shared
@pytest.mark.parametrize(
    ("file", "name", "c4", "c5", "pixels", "logit"),
    [
        (PREFIX, "mobiledet-cpu", 2e-5, 5e-5, 0.25, 4e-3),
        ("edgetpu_fp32.tflite", "mobiledet-edgetpu", 5e-5, 5e-5, 0.25, 4e-3),
    ],
)
@pytest.mark.parametrize("all_slots", [True, False])
def test_the_whole_network_gives_tensorflows_outputs(file, name, c4, c5, pixels, logit, all_slots):
    with np.load(SHARED / f"expected-{name.partition('-')[2]}.npz") as stored:
        expected = dict(stored)
    archive = import_weights(SHARED / file, name, all_slots=all_slots).archive
    detector, architecture = archive.detector, archive.detector.architecture
    images = archive.normalise(torch.from_numpy(expected["image"]).permute(0, 3, 1, 2))
    maps = {}
    with torch.inference_mode():
        codes, logits = detector(images)
        x = detector.sequence(images, [("stem", architecture.stem_conv())])
        for layer in architecture.layers():
            x = detector.sequence(x, layer_convs(layer), layer.residual)
            maps[layer.block] = x.permute(0, 2, 3, 1).numpy()
    assert rms(maps[5], expected["C4"]) < c4
    assert rms(maps[7], expected["C5"]) < c5
    anchors = anchor_boxes(architecture.skeleton)
    order = _whole_order(architecture)
    np.testing.assert_allclose(
        anchors.numpy(), expected["anchors"][order][:, [1, 0, 3, 2]] * 320, atol=0.02
    )
    theirs = torch.from_numpy(expected["boxes"][:, order][..., [1, 0, 3, 2]])
    away = (decode_boxes(codes, anchors) - decode_boxes(theirs, anchors)).abs()
    assert away.max() < pixels
    slots = list(ALL_SLOTS if all_slots else USED_SLOTS)
    assert logits.shape == (2, 2034, len(slots))
    assert np.abs(logits.numpy() - expected["classes"][:, order][..., slots]).max() < logit


def _whole_order(architecture) -> list[int]:
    """TensorFlow's place of each of our 2,034 anchors: [5, 0, 1, 2, 3, 4] beyond level 0."""
    order: list[int] = []
    for number, level in enumerate(architecture.levels()):
        places = (0, 1, 2) if number == 0 else (5, 0, 1, 2, 3, 4)
        for _ in range(level.size**2):
            start = len(order)
            order += [start + place for place in places]
    return order


@needs_shared
def test_int8_weights_are_within_half_a_step_of_the_floats():
    from evonas.weights.tflite import read_tflite
    from evonas.weights.tflite_graph import read_graph

    architecture = load_published("mobiledet-edgetpu").with_classes(91)
    graphs = [read_graph((SHARED / f"edgetpu_{k}.tflite").read_bytes()) for k in ("fp32", "int8")]
    floats, integers = (read_tflite(g, "mobiledet-edgetpu", architecture)[0] for g in graphs)
    compared = 0
    for name, value in floats.items():
        if name.endswith(".weight"):
            # A step is 1/127 of the channel's largest weight.
            channel = np.abs(value).reshape(len(value), -1).max(1)
            step = (channel / 127).reshape(-1, 1, 1, 1)
            assert (np.abs(integers[name] - value) <= 0.501 * step).all(), name
            compared += 1
    assert compared == 93
