"""The weights of a torch detector as the writers of TFLite and ONNX files take them."""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from evonas.detector import Detector
from evonas.detector.network import named_convs
from evonas.graph.network import Node
from evonas.graph.weights import ConvWeights, WeightSource


def detector_weights(detector: Detector) -> WeightSource:
    """Returns a detector's weights by the writers' nodes, batch norm folded in.

    Args:
        detector: Any detector; it is not changed.
    """
    folded = copy.deepcopy(detector)
    folded.fold()
    units = [folded.unit(name) for name, _ in named_convs(detector.architecture)]

    def weights(node: Node) -> ConvWeights:
        position, part = node.weight
        unit = units[position]
        gate = {"squeeze": unit.squeeze, "excite": unit.excite}.get(part)
        source: nn.Module = unit if gate is None else gate
        assert isinstance(source.weight, Tensor)
        assert isinstance(source.bias, Tensor)
        depthwise = node.conv is not None and node.conv.depthwise
        # (c_out, c_in or 1, k, k) -> (c_out, k, k, c_in) or (1, k, k, c_out)
        kernel = (
            source.weight.permute(1, 2, 3, 0) if depthwise else source.weight.permute(0, 2, 3, 1)
        )
        return ConvWeights(_numpy(kernel), _numpy(source.bias))

    return weights


def _numpy(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().to(torch.float32).contiguous().numpy()
    return array
