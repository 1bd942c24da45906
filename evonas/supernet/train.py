"""Training of a supernet on a COCO-format data set."""

import platform
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import evonas
from evonas.data import data_fingerprint, load_coco, refuse_unlearnable
from evonas.data.tensors import CocoImages, fits_in_memory, load_tensors
from evonas.detector import Detector
from evonas.errors import ConfigurationError
from evonas.files import remove_partial_files
from evonas.space import Architecture, load_space
from evonas.supernet.distillation import SupernetObjective
from evonas.supernet.sampling import architectures, load_sampling
from evonas.supernet.supernet import Supernet
from evonas.supernet.weights import save_supernet, space_for_classes
from evonas.training.cost import Cost, measure_cost
from evonas.training.loop import Progress, train
from evonas.training.processes import ALONE, Processes
from evonas.training.recipe import Recipe
from evonas.training.recipes import SUPERNET_RECIPES, recipe_changes, refuse_anchors


@dataclass(frozen=True, slots=True)
class Start:
    """A network that a supernet starts from.

    Attributes:
        name: The file that it is from.
        detector: The network, for the classes of the data.
        architecture: Where it is in the supernet's space.
    """

    name: str
    detector: Detector
    architecture: Architecture


CPU = torch.device("cpu")
_RANK_BITS = 32  # process r draws its architectures with the seed + r * 2**32


def train_supernet(
    space_name: str,
    data: Path,
    out: Path,
    recipe: Recipe = SUPERNET_RECIPES["nano"],
    seed: int = 0,
    report: Callable[[Progress], None] | None = None,
    sampling: str = "kinds",
    distillation: float = 0.0,
    device: torch.device = CPU,
    workers: int = 0,
    processes: Processes = ALONE,
    interrupted: Callable[[], bool] = lambda: False,
    report_seconds: float = 30.0,
    start: Start | None = None,
) -> dict[str, Any]:
    """Trains a supernet, or goes on with an interrupted training, and writes its weights.

    Several processes divide each batch, and each runs an architecture of its own on its share;
    the step takes the mean of their gradients. The first one writes.

    Args:
        space_name: The space.
        data: A COCO-format folder with a train split.
        out: The `.safetensors` file to write; the checkpoint stands beside it until the end.
        recipe: How to train.
        seed: Decides initial weights, architectures, batches and augmentation.
        report: Called with progress.
        sampling: Which architectures a step runs; see `load_sampling`.
        distillation: Weight of what the others learn from a step's first architecture.
        device: Where to train.
        workers: Processes that decode images, for data that does not fit into memory.
        processes: Those that train together.
        interrupted: Asked after each step; when true, the state is saved and training stops.
        report_seconds: Time between two reports of progress, at most.
        start: A network whose weights are its share of the first ones.

    Returns:
        The card: what was trained, on what, how, with what, and how long.

    Raises:
        ConfigurationError: A place of another name than `.safetensors`, an unknown sampling, a
            recipe with anchors, or a checkpoint of another training.
        KeyboardInterrupt: `interrupted` said so; the checkpoint is saved.
    """
    checkpoint = checkpoint_path(out, sampling, distillation)
    refuse_anchors(recipe)
    check_place(out, checkpoint)
    dataset = load_coco(data, "train")
    refuse_unlearnable(dataset)
    space = load_space(space_name)
    supernet = new_supernet(space_name, dataset.n_classes, seed).to(device)
    if start is not None:
        supernet.take(start.detector, start.architecture)
    size = space.skeleton.image_size
    fits = fits_in_memory(len(dataset), size)
    own_seed = seed + (processes.rank << _RANK_BITS)
    strategy = load_sampling(sampling, supernet.space, own_seed, recipe.steps)
    if processes.rank == 0:
        remove_partial_files(out.parent)
    resumed = checkpoint.exists()
    began = time.monotonic()
    weights = train(
        supernet,
        lambda step: architectures(strategy, step)[0],
        load_tensors(dataset, size) if fits else CocoImages(dataset, size),
        recipe,
        seed,
        checkpoint,
        report=report,
        report_seconds=report_seconds,
        objective=SupernetObjective(strategy, distillation),
        workers=workers,
        processes=processes,
        interrupted=interrupted,
    )
    card = {
        "space": space.name,
        "fingerprint": space.fingerprint,
        "classes": list(dataset.class_names),
        "command": shlex.join(
            ["evonas", "supernet", "train", f"--space={space_name}", f"--data={data}"]
            + [f"--set={change}" for change in recipe_changes(recipe, SUPERNET_RECIPES["nano"])]
            + ([f"--init={start.name}"] if start else [])
            + [f"--sampling={sampling}", f"--distillation={distillation:g}", f"--seed={seed}"]
        ),
        "recipe": asdict(recipe),
        "sampling": sampling,
        "distillation": distillation,
        "seed": seed,
        "data": str(data),
        "data_fingerprint": data_fingerprint(data),
        "seconds": None if resumed else round(time.monotonic() - began, 1),
        "threads": torch.get_num_threads(),
        "processes": processes.count,
        "device": device.type,
        "machine": _machine(device),
        "versions": {"evonas": evonas.__version__, "torch": torch.__version__},
    }
    if processes.rank == 0:
        save_supernet(out, weights, card)
        checkpoint.unlink(missing_ok=True)
    return card


def measure_supernet(
    space_name: str,
    data: Path,
    recipe: Recipe,
    seed: int = 0,
    sampling: str = "kinds",
    distillation: float = 0.0,
    device: torch.device = CPU,
) -> Cost:
    """Returns what a step of `train_supernet` costs here, in one process; writes nothing."""
    dataset = load_coco(data, "train")
    refuse_unlearnable(dataset)
    space = load_space(space_name)
    supernet = new_supernet(space_name, dataset.n_classes, seed).to(device)
    strategy = load_sampling(sampling, supernet.space, seed, recipe.steps)
    some = dataset.first(min(len(dataset), 4 * recipe.batch_size))
    size = space.skeleton.image_size
    return measure_cost(
        supernet,
        lambda step: architectures(strategy, step)[0],
        load_tensors(some, size),
        recipe,
        SupernetObjective(strategy, distillation),
        len(dataset) if fits_in_memory(len(dataset), size) else 0,
    )


def check_place(out: Path, checkpoint: Path) -> None:
    """Refuses a place where the weights could not be written in the end, or would lose others.

    Raises:
        ConfigurationError: It is a folder, does not end in `.safetensors`, or is there already
            without a checkpoint to resume.
    """
    if out.suffix != ".safetensors" or out.is_dir():
        raise ConfigurationError(f"--out {out}: a file whose name ends in .safetensors is required")
    if out.exists() and not checkpoint.exists():
        raise ConfigurationError(f"--out {out}: is there already; name another file, or remove it")


def checkpoint_path(out: Path, sampling: str, distillation: float) -> Path:
    """Returns the file from which an interrupted training of these weights is resumed."""
    return out.with_suffix(f".{sampling}-{distillation:g}.checkpoint.pt")


def _machine(device: torch.device) -> str:
    """Returns the processor, and the GPU if it is one that trains."""
    name = f"{platform.machine()}, {platform.processor() or 'CPU'}"
    return f"{name}, {torch.cuda.get_device_name(device)}" if device.type == "cuda" else name


def new_supernet(space_name: str, n_classes: int, seed: int) -> Supernet:
    """Returns an untrained supernet whose weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(space_for_classes(load_space(space_name), n_classes))
    return supernet.to(memory_format=torch.channels_last)
