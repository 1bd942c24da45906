import numpy as np
import pytest
import torch
from torch.nn import functional as F

from evonas.detector import Detector, Unit, anchor_boxes
from evonas.detector.counting import count_costs
from evonas.detector.unit import same_padding
from evonas.space import Conv, list_published, load_published, load_space
from evonas.space.costs import params


@pytest.mark.parametrize("name", ["nano", "nano-ibn@cpu", "mobiledet@cpu"])
def test_torch_counts_what_numpy_counts(name):
    space = load_space(name)
    genotypes = space.sample(3, np.random.default_rng(0))
    costs = space.costs(genotypes)
    for genotype, *expected in zip(genotypes, costs["madds"], costs["params"], strict=True):
        architecture = space.decode(genotype)
        counted = count_costs(Detector(architecture), space.skeleton.image_size)
        assert [counted["madds"], counted["params"]] == expected
        assert counted["params_bn4"] == params(architecture, batch_norm_values=4)


@pytest.mark.parametrize("name", list_published())
def test_published_networks_give_the_papers_anchors(name):
    architecture = load_published(name)
    detector = Detector(architecture).eval()
    with torch.inference_mode():
        codes, logits = detector(torch.zeros(1, 3, 320, 320))
    assert codes.shape == (1, 2034, 4)
    assert logits.shape == (1, 2034, 91)
    assert len(anchor_boxes(architecture.skeleton)) == 2034


def test_an_untrained_network_sees_background():
    space = load_space("nano")
    detector = Detector(space.decode(space.sample(1, np.random.default_rng(1))[0]))
    _, logits = detector(torch.rand(4, 3, 64, 64))
    assert logits.sigmoid().mean().item() == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize("size", [5, 8])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_is_tensorflows_same(size, kernel, stride):
    x = torch.rand(1, 1, size, size)
    padded, rest = same_padding(x, kernel, stride)
    out = F.conv2d(padded, torch.ones(1, 1, kernel, kernel), stride=stride, padding=rest)
    side = -(-size // stride)
    assert out.shape[-2:] == (side, side)
    total = max((side - 1) * stride + kernel - size, 0)
    window = F.pad(x, (total // 2, total - total // 2) * 2)[..., :kernel, :kernel]
    assert out[0, 0, 0, 0] == pytest.approx(window.sum().item(), rel=1e-5)


@pytest.mark.parametrize("depthwise", [False, True])
def test_folding_changes_nothing(depthwise):
    conv = Conv(8, 8, kernel=3, depthwise=depthwise)
    unit = Unit(conv, "relu6", {"momentum": 0.5, "eps": 0.01}, running=True)
    torch.nn.init.uniform_(unit.scale, 0.5, 2)
    torch.nn.init.normal_(unit.bias)
    x = torch.randn(4, 8, 6, 6)
    unit(x, conv)
    unit.eval()
    before = unit(x, conv)
    unit.fold()
    torch.testing.assert_close(unit(x, conv), before)


def test_squeeze_and_excite_gates_each_channel():
    conv = Conv(8, 8, kernel=3, depthwise=True, squeeze_excite=8)
    unit = Unit(conv, "h_swish", {"momentum": 0.5, "eps": 0.01}, running=True).eval()
    plain = F.hardswish(
        F.conv2d(torch.ones(1, 8, 4, 4), unit.weight, padding=1, groups=8) / 1.01**0.5
    )
    torch.nn.init.zeros_(unit.excite.weight)
    torch.nn.init.zeros_(unit.excite.bias)
    torch.testing.assert_close(unit(torch.ones(1, 8, 4, 4), conv), plain / 2)
