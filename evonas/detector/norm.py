"""Batch norm over the batches of several processes; torch's own works on NVIDIA GPUs only."""

import torch
from torch import Tensor


def synchronised_norm(
    x: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    scale: Tensor,
    bias: Tensor,
    momentum: float,
    eps: float,
) -> Tensor:
    """Normalises x (n, c, h, w) by the statistics of all processes, and updates the running ones.

    Every process must have as many images.

    Args:
        x: This process's.
        mean: Running mean (c,), or None.
        variance: Running variance (c,), or None.
        scale: (c,).
        bias: (c,).
        momentum: Weight of this batch in the running statistics.
        eps: Added to the variance.
    """
    values = x.float()
    count = values.numel() // values.shape[1] * torch.distributed.get_world_size()
    centre = _sum(values.sum((0, 2, 3))) / count
    # From the deviations, not the squares: no cancellation.
    centred = values - centre[:, None, None]
    spread = _sum(centred.square().sum((0, 2, 3))) / count
    if mean is not None and variance is not None:
        with torch.no_grad():
            mean.lerp_(centre, momentum)
            variance.lerp_(spread * count / max(count - 1, 1), momentum)
    y = centred * (scale / (spread + eps).sqrt())[:, None, None] + bias[:, None, None]
    return y.to(x.dtype)


def _sum(value: Tensor) -> Tensor:
    """Returns the sum of all processes' values; gradients flow back to all of them."""
    from torch.distributed.nn.functional import all_reduce

    total: Tensor = all_reduce(value)  # type: ignore[no-untyped-call]
    return total
