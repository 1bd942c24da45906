"""torch's own count of a network's costs, to hold the space's arithmetic against."""

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def count_costs(network: nn.Module, image_size: int) -> dict[str, int]:
    """Counts a network's costs by going through its modules and running it once.

    Args:
        network: Takes images (1, 3, image_size, image_size); on the device "meta" nothing is
            computed.
        image_size: Side of the image.

    Returns:
        `madds` of all convolutions, `params` that are trained, and `params_bn4` with the running
        statistics of batch norm beside them.
    """
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, image_size, image_size, device=device))
    network.train(training)
    params = sum(p.numel() for p in network.parameters())
    statistics = sum(b.numel() for b in network.buffers() if b.ndim == 1)
    return {
        "madds": counter.get_total_flops() // 2,
        "params": params,
        "params_bn4": params + statistics,
    }
