"""Int8 rounding in the forward pass, for quantisation-aware training.

Values are rounded to what TFLite's int8 scheme can hold (symmetric per channel for weights, one
scale and zero point for a map), and gradients pass as if they were not (Jacob et al., arXiv
1712.05877). A map's range is that of its batch, so nothing is kept beside the weights.
"""

import torch
from torch import Tensor

_LEAST = 1e-8


def rounded_weights(weight: Tensor) -> Tensor:
    """Rounds weights (c_out, ...) to 255 steps, symmetric about zero, for each output channel."""
    scale = weight.detach().flatten(1).abs().amax(1).clamp(min=_LEAST) / 127
    zero = torch.zeros_like(scale, dtype=torch.int32)
    rounded: Tensor = torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -127, 127)
    return rounded


def rounded_map(x: Tensor) -> Tensor:
    """Rounds a map to 256 steps over its range, which is widened to hold zero."""
    low, high = x.detach().aminmax()
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = ((high - low) / 255).clamp(min=_LEAST)
    zero = (-128 - low / scale).round().clamp(-128, 127).to(torch.int32)
    rounded: Tensor = torch.fake_quantize_per_tensor_affine(x, scale, zero, -128, 127)
    return rounded
