"""The weight-sharing supernet of a space."""

from collections.abc import Iterator

import torch
from torch import Tensor

from evonas.detector import Detector, Network
from evonas.detector.network import layer_convs, level_convs, named_convs
from evonas.errors import ConfigurationError
from evonas.space import Architecture, Conv, Design, SearchSpace
from evonas.space.architecture import head_levels, stem_conv


class Supernet(Network):
    """All architectures of a space in shared weights.

    Narrower layers use a prefix of the widest one's channels. Batch norm shares scale and shift
    and always uses the batch's own statistics; a network for inference is extracted and
    calibrated.
    """

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(_space_convs(space), space.skeleton.activation, running=False)
        self.space = space

    def forward(self, images: Tensor, architecture: Architecture) -> tuple[Tensor, Tensor]:
        """Runs one architecture of the space; see `Network.run`."""
        return self.run(images, architecture)

    @torch.no_grad()
    def extract(self, architecture: Architecture) -> Detector:
        """Returns a static network with a copy of the architecture's share of the weights."""
        detector = Detector(architecture)
        for name, conv in named_convs(architecture):
            detector.unit(name).copy_from(self.unit(name), conv)
        return detector

    @torch.no_grad()
    def take(self, detector: Detector, architecture: Architecture) -> None:
        """Takes a network's weights as its share of the shared ones; the others stay.

        Args:
            detector: The network, its batch norm not folded in.
            architecture: Where it is in this space.

        Raises:
            ConfigurationError: Its layers are not those of the architecture.
        """
        theirs = dict(named_convs(detector.architecture))
        ours = dict(named_convs(architecture))
        if theirs != ours:
            name = next(n for n in {**ours, **theirs} if ours.get(n) != theirs.get(n))
            raise ConfigurationError(
                f"the network's layer {name} is another one than that of {self.space.name}"
            )
        for name, conv in ours.items():
            detector.unit(name).copy_to(self.unit(name), conv)

    def refuse_other_networks(self, space: SearchSpace, any_size: bool = False) -> None:
        """Refuses a space whose networks are others than those of the same layers here.

        Args:
            space: Of the networks that weights are wanted for.
            any_size: Whether their images may have another size.

        Raises:
            ConfigurationError: They differ; it says in what.
        """
        found = self.space.skeleton.differences(space.skeleton)
        if any_size and "image size" in found:
            found.remove("image size")
        if found:
            raise ConfigurationError(
                f"weights of {self.space.name} are not for networks of {space.name}, which differ "
                f"in {' and '.join(found)}"
            )

    def extract_design(self, design: Design) -> Detector:
        """Returns `extract` of a network of this space or of one that is contained in it.

        Its images may have another size.

        Raises:
            GenotypeError: The network is not in the supernet's space.
            ConfigurationError: It is a point of no space, or another network.
        """
        if design.space is not None:
            self.refuse_other_networks(design.space, any_size=True)
        return self.extract(self.space.decode(design.genotype_in(self.space)))


def _space_convs(space: SearchSpace) -> Iterator[tuple[str, Conv]]:
    yield "stem", stem_conv(max(space.stems))
    for _, layer in space.cell_layers():
        if layer is not None:
            yield from layer_convs(layer)
    widest = [max(space.blocks[tap - 1].widths) for tap in space.skeleton.head.taps]
    for number, level in enumerate(head_levels(space.skeleton, widest)):
        yield from level_convs(number, "stage", level.stage)
        yield from level_convs(number, "boxes", level.boxes)
        yield from level_convs(number, "classes", level.classes)
