import numpy as np
import pytest
import torch
from torch.nn import functional as F

from evonas.data import make_digits
from evonas.detector import Detector
from evonas.detector.network import layer_convs, level_convs
from evonas.detector.unit import same_padding
from evonas.scoring.proxies import ProxyScorer, naswot, synflow
from evonas.space import load_space
from evonas.training.validation import as_input

PICO = load_space("pico")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=8, val=4)


def test_proxies_depend_on_the_genotype_and_seed_alone(digits):
    genotypes = np.unique(PICO.sample(20, np.random.default_rng(0)), axis=0)[:3]
    scorer = ProxyScorer(PICO, digits)
    together = scorer(genotypes)
    alone = ProxyScorer(PICO, digits)(genotypes[2:])
    for name in scorer.columns:
        assert np.isfinite(together[name]).all()
        assert len(set(together[name])) == 3
        assert together[name][2] == alone[name][0]
    other = ProxyScorer(PICO, digits, seed=1)(genotypes[:1])
    assert other["synflow"][0] != together["synflow"][0]
    assert {name: len(values) for name, values in scorer(genotypes[:0]).items()} == {
        "synflow": 0,
        "naswot": 0,
    }


def total_output(architecture, scale):
    """Sums the outputs on ones of a network with weights |w| * scale, without activations."""
    torch.manual_seed(0)
    detector = Detector(architecture).double()

    def run(x, convs):
        for name, conv in convs:
            weight = detector.unit(name).weight.abs() * scale
            if conv.batch_norm:  # untouched statistics: mean 0, variance 1
                weight = weight / np.sqrt(1 + detector.unit(name).eps)
            x, padding = same_padding(x, conv.kernel, conv.stride)
            x = F.conv2d(
                x, weight, None, conv.stride, padding, groups=conv.c_out if conv.depthwise else 1
            )
        return x

    x = run(torch.ones(1, 3, 64, 64).double(), [("stem", architecture.stem_conv())])
    taps, total = {}, 0.0
    for layer in architecture.layers():
        y = run(x, layer_convs(layer))
        taps[layer.block] = x = x + y if layer.residual else y
    for number, level in enumerate(architecture.levels()):
        x = run(
            taps[level.source] if level.source else x, level_convs(number, "stage", level.stage)
        )
        for part, convs in (("boxes", level.boxes), ("classes", level.classes)):
            total += run(x, level_convs(number, part, convs)).sum().item()
    return total


def test_synflow_is_the_derivative_by_a_common_factor_of_all_weights():
    for row in PICO.sample(2, np.random.default_rng(0)):
        architecture, step = PICO.decode(row), 1e-6
        with torch.no_grad():
            high, low = (total_output(architecture, 1 + sign * step) for sign in (1, -1))
        assert np.exp(synflow(architecture, 0)) == pytest.approx((high - low) / 2 / step, rel=1e-5)


def test_naswot_falls_where_images_are_alike():
    architecture = PICO.decode(PICO.sample(1, np.random.default_rng(1))[0])
    generator = torch.Generator().manual_seed(0)
    shape = (6, 3, 64, 64)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    near = images[:1].repeat(6, 1, 1, 1)
    near[:, :, :8, :8] = images[:, :, :8, :8]
    apart, close = (naswot(architecture, as_input(x), seed=0) for x in (images, near))
    assert apart > close
