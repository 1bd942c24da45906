"""The network that a training starts with."""

from pathlib import Path

import torch
from torch import Tensor

from evonas.data.tensors import DetectionBatch
from evonas.detector import Detector
from evonas.detector.archive import Card, load_archive
from evonas.retraining.weights import is_supernet, refuse_other_network
from evonas.space import Architecture, Design, SearchSpace, resolve
from evonas.supernet import load_supernet
from evonas.supernet.train import Start
from evonas.supernet.weights import space_for_classes
from evonas.training.validation import as_input


def initial_detector(
    design: Design,
    architecture: Architecture,
    classes: tuple[str, ...],
    init: str,
    seed: int,
    images: DetectionBatch,
    published: bool = False,
) -> Detector:
    """Returns a network with random weights, or with those of a file.

    Weights of a network for other classes are taken but for the class logits; classes of the same
    name keep theirs. Its images may have had another size: weights do not depend on it.

    Args:
        design: The network as it was asked for.
        architecture: Its architecture with as many classes and the anchors to train with.
        classes: Names of the classes to detect.
        init: `scratch`, an archive or a supernet's weights.
        seed: Decides random weights.
        images: Training images that set the batch norm of a supernet's weights.
        published: Draw random weights as the published MobileDets', not as evonas does.

    Raises:
        SchemaError: The file is neither, damaged or of a newer version.
        ConfigurationError: The weights are another architecture's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = Detector(architecture)
        if published:
            detector.initialise_as_published()
    if init != "scratch":
        source, known = load_initial(init, design, architecture)
        _take_weights(detector, source, classes, known)
        if is_supernet(Path(init)):
            detector.calibrate(as_input(images.images))
    return detector.to(memory_format=torch.channels_last)


def load_initial(
    init: str, design: Design, architecture: Architecture
) -> tuple[Detector, tuple[str, ...]]:
    """Returns the network of a file and the names of its classes.

    Args:
        init: An archive or a supernet's weights.
        design: The network as it was asked for.
        architecture: Its architecture; classes, anchors and the size of images may be others.

    Raises:
        SchemaError: The file is neither, damaged or of a newer version.
        ConfigurationError: The weights are another architecture's.
        GenotypeError: The network is not in the supernet's space.
    """
    path = Path(init)
    if is_supernet(path):
        supernet, card = load_supernet(path)
        return supernet.extract_design(design), tuple(card["classes"])
    archive = load_archive(path)
    source, name = archive.detector, archive.card.architecture
    refuse_other_network(path, name, source.architecture, design, architecture)
    return source, archive.card.classes


def supernet_start(init: str, space: SearchSpace, classes: tuple[str, ...], seed: int) -> Start:
    """Returns a network of a file as the start of a supernet, with logits for other classes.

    Args:
        init: A run's folder or an archive of a network in the space or in a part of it.
        space: The supernet's.
        classes: Names of the classes to detect; those of the same name keep their weights.
        seed: Decides the logits of the others.

    Raises:
        SchemaError: The file is damaged or of a newer version.
        ConfigurationError: The network is not in the space.
        GenotypeError: The same.
    """
    path = Path(init) / "best.safetensors" if Path(init).is_dir() else Path(init)
    archive = load_archive(path)
    design = resolve(archive.card.architecture)
    architecture = space_for_classes(space, len(classes)).decode(design.genotype_in(space))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        detector = Detector(archive.detector.architecture.with_classes(len(classes)))
    _take_weights(detector, archive.detector, classes, archive.card.classes)
    return Start(str(init), detector, architecture)


def initial_card(init: str) -> Card | None:
    """Returns the card of initial weights: which anchors and resizing they were trained for.

    None without weights, and for a supernet's, which have those of its space.

    Raises:
        SchemaError: The file is damaged or of a newer version.
    """
    if init == "scratch" or is_supernet(Path(init)):
        return None
    return load_archive(init).card


@torch.no_grad()
def _take_weights(
    detector: Detector, source: Detector, classes: tuple[str, ...], known: tuple[str, ...]
) -> None:
    theirs = source.state_dict()
    for name, value in detector.state_dict().items():
        if classes != known and name in _class_logits(detector.architecture):
            _take_classes(value, theirs[name], classes, known)
        else:
            value.copy_(theirs[name])


def _class_logits(architecture: Architecture) -> set[str]:
    """Returns the names of the weights and biases that give class logits."""
    return {
        f"units.head{number}_classes{len(level.classes) - 1}.{kind}"
        for number, level in enumerate(architecture.levels())
        for kind in ("weight", "bias")
    }


def _take_classes(
    ours: Tensor, theirs: Tensor, classes: tuple[str, ...], known: tuple[str, ...]
) -> None:
    """Copies the rows, anchors by classes, of those classes that both know by name."""
    shared = [name for name in classes if name in known]
    rows = ours.view(-1, len(classes), *ours.shape[1:])
    rows[:, [classes.index(name) for name in shared]] = theirs.view(
        -1, len(known), *theirs.shape[1:]
    )[:, [known.index(name) for name in shared]]
