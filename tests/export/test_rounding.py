import pytest
import torch

from evonas.detector import Detector
from evonas.export.rounding import ExportError, RoundingJudge
from evonas.space import load_space
from evonas.training.validation import as_input


@pytest.fixture(scope="module")
def judge(archive, pixels):
    return RoundingJudge(archive.detector, as_input(pixels[:2]))


def outputs_of(detector, images):
    with torch.inference_mode():
        return detector(images)


def test_torchs_own_float32_is_rounding(archive, judge):
    for entry in judge.check(outputs_of(archive.detector, judge.images), "file"):
        assert 0 < entry.rms < 1e-5
        assert entry.rms < entry.largest


def test_scale_does_not_matter(archive, pixels):
    """An absolute tolerance would refuse the large outputs and wave the small ones through."""
    for factor in (1e-4, 1e4):
        scaled = archive.detector.folded()
        scaled = type(scaled)(scaled.architecture) if scaled is archive.detector else scaled
        for name in scaled.units:
            if "boxes" in name or "classes" in name:
                unit = scaled.unit(name)
                if not unit.largest.depthwise:
                    with torch.no_grad():
                        unit.weight.mul_(factor)
                        unit.bias.mul_(factor)
        judge = RoundingJudge(scaled, as_input(pixels[:2]))
        codes, logits = outputs_of(scaled, judge.images)
        judge.check((codes, logits), "file")
        with pytest.raises(ExportError, match=r"file: codes differ from the network in float64"):
            judge.check((codes + 1e-3 * factor * codes.abs().max() / factor, logits), "file")


@pytest.mark.parametrize("wrong", ["order", "one value", "nan", "another network"])
def test_what_rounding_does_not_explain_is_refused(archive, judge, wrong):
    codes, logits = (part.clone() for part in outputs_of(archive.detector, judge.images))
    if wrong == "order":
        codes = codes[..., [1, 0, 3, 2]]
    elif wrong == "one value":
        logits[1, 5, 2] += 0.01
    elif wrong == "nan":
        codes[0, 0, 0] = float("nan")
    else:
        codes, logits = outputs_of(Detector(archive.detector.architecture).eval(), judge.images)
    with pytest.raises(ExportError, match="rounding explains"):
        judge.check((codes, logits), "file")


def test_a_network_that_overflows_is_told(pixels):
    space = load_space("nano")
    detector = Detector(space.decode(space.canonical(space.sample(1, _generator()))[0]))
    with torch.no_grad():
        detector.unit("stem").bias.fill_(float("inf"))
        for name in detector.units:
            detector.unit(name).weight.mul_(1e30)
    with pytest.raises(ExportError, match="not finite"):
        RoundingJudge(detector, as_input(pixels[:2]))


def _generator():
    import numpy as np

    return np.random.default_rng(0)
