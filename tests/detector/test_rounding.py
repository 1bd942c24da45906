"""Rounding as int8: few values, gradients as without, and a network near the exact one."""

import numpy as np
import pytest
import torch

from evonas.detector import Detector
from evonas.detector.rounding import rounded_map, rounded_weights
from evonas.errors import ConfigurationError
from evonas.space import load_space
from evonas.training.recipes import load_recipe


def test_weights_take_255_values_a_channel_symmetric_about_zero():
    weight = torch.randn(4, 300, 3, 3, generator=torch.Generator().manual_seed(0))
    rounded = rounded_weights(weight)
    for channel, exact in zip(rounded, weight, strict=True):
        step = exact.abs().max() / 127
        assert (channel - exact).abs().max() <= step / 2 + 1e-6
        assert len(channel.unique()) <= 255
        assert 0.0 in channel


def test_a_map_takes_256_values_with_zero_among_them_and_gradients_pass():
    x = (torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 5 + 1).clone()
    x.requires_grad_()
    rounded = rounded_map(x)
    assert len(rounded.unique()) <= 256
    assert (rounded - x).abs().max() <= 6 / 255 / 2 + 1e-6
    rounded.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))
    assert rounded_map(torch.zeros(1, 1, 2, 2)).abs().max() == 0


@pytest.mark.parametrize("name", ["nano", "nano@cpu"])
def test_a_rounding_network_is_near_the_folded_one_and_trains(name):
    space = load_space(name)
    architecture = space.decode(space.sample(1, np.random.default_rng(1))[0])
    detector = Detector(architecture)
    images = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    detector.calibrate(images)
    detector.eval()
    exact = detector(images)
    detector.round_as_int8()
    rounded = detector(images)
    for ours, theirs in zip(rounded, exact, strict=True):
        assert not torch.equal(ours, theirs)
        assert (ours - theirs).abs().mean() < 0.15 * theirs.std()
    sum(part.square().sum() for part in rounded).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in detector.parameters())


def test_rounding_needs_a_frozen_norm():
    with pytest.raises(ConfigurationError, match="it needs freeze_norm"):
        load_recipe("int8", ["freeze_norm=false"])
