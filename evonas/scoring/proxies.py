"""Zero-cost proxies: figures of an untrained network that are said to foretell its accuracy.

They are what a supernet has to beat (Abdelfattah et al., arXiv 2101.08134; Krishnakumar et al.,
2210.03230). Higher foretells better.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from evonas.arrays import Floats
from evonas.data import data_fingerprint, load_coco
from evonas.data.tensors import load_tensors
from evonas.detector import Detector
from evonas.errors import ConfigurationError
from evonas.space import Architecture, Conv, Genotypes, SearchSpace
from evonas.training.validation import as_input

_IMAGES = 32  # of the training split, in one batch, as published for NASWOT (128 changes little)


class ProxyScorer:
    """Scores genotypes by `synflow` (its logarithm) and `naswot`, untrained.

    Args:
        space: Space of the genotypes.
        data: COCO-format folder; NASWOT reads its first training images.
        seed: Seed of the initial weights, the same for every network.

    Raises:
        DataError: The data cannot be used.
        ConfigurationError: There is no training image.
    """

    columns = ("synflow", "naswot")

    def __init__(self, space: SearchSpace, data: Path | str, seed: int = 0) -> None:
        dataset = load_coco(data, "train").first(_IMAGES)
        if not len(dataset):
            raise ConfigurationError(f"{data}: no training images")
        skeleton = space.skeleton.with_classes(dataset.n_classes)
        self.space = replace(space, skeleton=skeleton)
        self.seed = seed
        self.images = as_input(load_tensors(dataset, skeleton.image_size).images)
        self.provenance = {
            "source": "proxy",
            "data": data_fingerprint(data),
            "seed": str(seed),
            "images": str(len(dataset)),
        }

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns both proxies, (n,) each, of genotypes (n, n_genes)."""
        scores = [
            (synflow(architecture, self.seed), naswot(architecture, self.images, self.seed))
            for architecture in map(self.space.decode, genotypes)
        ]
        columns = np.array(scores).reshape(-1, 2).T
        return dict(zip(self.columns, columns, strict=True))


class _Linear(Detector):
    """A detector without activations."""

    def sequence(
        self, x: Tensor, convs: Iterable[tuple[str, Conv]], residual: bool = False
    ) -> Tensor:
        """See `Network`."""
        linear = [(name, replace(conv, activation=False)) for name, conv in convs]
        return super().sequence(x, linear, residual)


def synflow(architecture: Architecture, seed: int) -> float:
    """Returns the logarithm of the synaptic flow (Tanaka et al., arXiv 2006.05467).

    The sum over all weights of weight times gradient, where every weight is replaced by its
    absolute value, the input is ones, batch norm is left out and the loss is the sum of the
    outputs. With weights and inputs positive, ReLU is the identity; ReLU6 is taken as that too,
    for it would clip every flow to the same.
    """
    network = _initialised(_Linear, architecture, seed).double()
    network.fold()  # untouched statistics: no batch norm is left
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    with torch.no_grad():
        for parameter in network.parameters():
            # biases would add flows that pass no weight
            parameter.abs_() if parameter.ndim > 1 else parameter.zero_()
    size = architecture.skeleton.image_size
    codes, logits = network(torch.ones(1, 3, size, size, dtype=torch.float64))
    gradients = torch.autograd.grad(codes.sum() + logits.sum(), weights)
    flow = sum(float((w.detach() * g).sum()) for w, g in zip(weights, gradients, strict=True))
    return float(np.log(flow))


def naswot(architecture: Architecture, images: Tensor, seed: int) -> float:
    """Returns NASWOT's score (Mellor et al., arXiv 2006.04647): how far images are told apart.

    Two images are alike by the number of activations that are on, or off, for both; the score is
    the logarithm of the determinant of that n by n matrix, summed over all layers with an
    activation.

    Args:
        architecture: The network.
        images: (n, 3, size, size), as networks are fed.
        seed: Seed of the initial weights.
    """
    network = _initialised(Detector, architecture, seed)
    network.train()
    alike = torch.zeros(len(images), len(images), dtype=torch.float64)

    def count(_: nn.Module, inputs: tuple[Tensor, Conv], output: Tensor) -> None:
        if inputs[1].activation:
            on = (output > 0).flatten(1).float()
            alike.add_((on @ on.T + (1 - on) @ (1 - on).T).double())

    for name in network.units:
        network.unit(name).register_forward_hook(count)
    with torch.no_grad():
        network(images)
    return float(torch.linalg.slogdet(alike).logabsdet)


def _initialised(kind: type[Detector], architecture: Architecture, seed: int) -> Detector:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind(architecture)
