"""A convolution with all that follows it: the weights of a network come in these."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.detector.norm import synchronised_norm
from evonas.detector.rounding import rounded_map, rounded_weights
from evonas.space import Conv


class Unit(nn.Module):
    """A convolution with SAME padding, batch norm or bias, activation and squeeze-and-excite.

    Args:
        largest: The most channels it will be asked for.
        activation: `relu6` or `h_swish`.
        norm: Momentum and epsilon of the batch norm.
        running: Keep running statistics and use them in evaluation mode; without them the
            statistics are always the batch's.
    """

    def __init__(
        self, largest: Conv, activation: str, norm: dict[str, float], running: bool
    ) -> None:
        super().__init__()
        self.largest = largest
        self.h_swish = activation == "h_swish"
        self.eps, self.momentum = norm["eps"], norm["momentum"]
        inputs = 1 if largest.depthwise else largest.c_in
        self.weight = nn.Parameter(torch.empty(largest.c_out, inputs, *[largest.kernel] * 2))
        nn.init.kaiming_normal_(self.weight, mode="fan_in" if largest.depthwise else "fan_out")
        self.bias = nn.Parameter(torch.zeros(largest.c_out))
        self.scale = nn.Parameter(torch.ones(largest.c_out)) if largest.batch_norm else None
        running = running and largest.batch_norm
        self.mean: Tensor | None
        self.variance: Tensor | None
        self.register_buffer("mean", torch.zeros(largest.c_out) if running else None)
        self.register_buffer("variance", torch.ones(largest.c_out) if running else None)
        hidden = largest.squeeze_excite
        self.synchronised = False  # take statistics over all processes
        self.rounds = False  # round weights and output as int8 would
        self.squeeze = nn.Conv2d(largest.c_out, hidden, 1) if hidden else None
        self.excite = nn.Conv2d(hidden, largest.c_out, 1) if hidden else None

    def forward(self, x: Tensor, conv: Conv) -> Tensor:
        """Applies the part of the weights that `conv` asks for; x is (n, conv.c_in, h, w)."""
        if self.rounds:
            return self._rounded(x, conv)
        c_out = conv.c_out
        weight = self.weight[:c_out] if conv.depthwise else self.weight[:c_out, : conv.c_in]
        x, padding = same_padding(x, conv.kernel, conv.stride)
        groups = c_out if conv.depthwise else 1
        bias = self.bias[:c_out] if self.scale is None else None
        if conv.depthwise and x.is_cpu and x.dtype == torch.bfloat16:
            # oneDNN's bfloat16 gradients of strided and 5x5 depthwise convolutions take 3 to 30
            # times as long as its float32 ones.
            with torch.autocast("cpu", enabled=False):
                y = F.conv2d(x.float(), weight, bias, conv.stride, padding, groups=groups)
            x = y.to(x.dtype)
        else:
            x = F.conv2d(x, weight, bias, conv.stride, padding, groups=groups)
        if self.scale is not None:
            x = self._normalise(x, c_out)
        return self._activate(x, conv)

    @torch.no_grad()
    def copy_from(self, other: "Unit", conv: Conv) -> None:
        """Copies the part of another unit's weights that `conv` asks for."""
        for parameter, part in self._shared(other, conv):
            parameter.copy_(part)

    @torch.no_grad()
    def copy_to(self, other: "Unit", conv: Conv) -> None:
        """Copies the weights into the part of another unit's that `conv` asks for."""
        for parameter, part in self._shared(other, conv):
            part.copy_(parameter)

    def _shared(self, other: "Unit", conv: Conv) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields each parameter and the part of a larger unit's that is its share."""
        out, into, hidden = conv.c_out, conv.c_in, conv.squeeze_excite
        larger = dict(other.named_parameters())
        for name, parameter in self.named_parameters():
            part = larger[name][: hidden if name.startswith("squeeze") else out]
            if name == "weight" and not conv.depthwise:
                part = part[:, :into]
            elif name.endswith(".weight"):
                part = part[:, : out if name.startswith("squeeze") else hidden]
            yield parameter, part

    @torch.no_grad()
    def fold(self) -> None:
        """Folds the running statistics into weights and bias, for inference."""
        if self.scale is None or self.mean is None or self.variance is None:
            return
        weight, bias = self._folded()
        self.weight.copy_(weight)
        self.bias.copy_(bias)
        self.scale = self.mean = self.variance = None

    def _folded(self) -> tuple[Tensor, Tensor]:
        """Returns weights and bias with the running statistics in them."""
        if self.scale is None:
            return self.weight, self.bias
        assert self.mean is not None
        assert self.variance is not None
        scale = self.scale / (self.variance + self.eps).sqrt()
        return self.weight * scale[:, None, None, None], self.bias - self.mean * scale

    def _rounded(self, x: Tensor, conv: Conv) -> Tensor:
        """Does what `forward` does for the whole unit, as int8 would; statistics stay."""
        weight, bias = self._folded()
        x, padding = same_padding(x, conv.kernel, conv.stride)
        groups = conv.c_out if conv.depthwise else 1
        x = F.conv2d(x, rounded_weights(weight), bias, conv.stride, padding, groups=groups)
        return rounded_map(self._activate(x, conv))

    def _activate(self, x: Tensor, conv: Conv) -> Tensor:
        if conv.activation:
            x = F.hardswish(x) if self.h_swish else F.relu6(x, inplace=True)
        if self.squeeze is not None and self.excite is not None:
            x = x * self._gate(x, conv)
        return x

    def _normalise(self, x: Tensor, c: int) -> Tensor:
        assert self.scale is not None
        training = self.training or self.mean is None
        scale, bias = self.scale[:c], self.bias[:c]
        if training and self.synchronised:
            return synchronised_norm(
                x, self.mean, self.variance, scale, bias, self.momentum, self.eps
            )
        return F.batch_norm(
            x, self.mean, self.variance, scale, bias, training, self.momentum, self.eps
        )

    def _gate(self, x: Tensor, conv: Conv) -> Tensor:
        assert self.squeeze is not None
        assert self.excite is not None
        assert self.squeeze.bias is not None
        assert self.excite.bias is not None
        c, hidden = conv.c_out, conv.squeeze_excite
        pooled = x.mean((2, 3), keepdim=True)
        squeezed = F.conv2d(pooled, self.squeeze.weight[:hidden, :c], self.squeeze.bias[:hidden])
        squeezed = F.hardswish(squeezed) if self.h_swish else F.relu6(squeezed)
        excited = F.conv2d(squeezed, self.excite.weight[:c, :hidden], self.excite.bias[:c])
        return torch.sigmoid(excited)


def same_padding(x: Tensor, kernel: int, stride: int) -> tuple[Tensor, int]:
    """Pads as TensorFlow's SAME where that is lopsided; returns what is left to the convolution.

    An even map under stride 2 gets one row and column more at the end than at the beginning.
    """
    total = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:]]
    if total[0] == total[1] and total[0] % 2 == 0:
        return x, total[0] // 2
    (top, left), (height, width) = [t // 2 for t in total], total
    return F.pad(x, (left, width - left, top, height - top)), 0
