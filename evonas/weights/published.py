"""Published weights as an archive: where they are looked for, and what the archive says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray

from evonas.detector import PUBLISHED, Detector
from evonas.detector.archive import Archive, Card
from evonas.errors import ConfigurationError, SchemaError, unknown_name
from evonas.space import Architecture, load_published
from evonas.weights import checkpoint, tflite
from evonas.weights.coco import COCO_NAMES, COCO_SLOTS
from evonas.weights.order import ALL_SLOTS, USED_SLOTS, in_our_order
from evonas.weights.scopes import NETWORK_SCOPES
from evonas.weights.sources import Files, Folder, Tarball
from evonas.weights.tensor_bundle import TensorBundle, open_bundle
from evonas.weights.tflite_graph import Graph, read_graph

Floats = NDArray[np.float32]

_TARBALLS = (".tar", ".tar.gz", ".tgz")
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import gave.

    Attributes:
        archive: The detector with its card.
        file: The checkpoint or TFLite file that was read.
        format: `checkpoint` or `tflite`.
        averaged: Values that came from an exponential average.
        left_out: Variables, or kinds of operators, that the detector does not need.
    """

    archive: Archive
    file: str
    format: str
    averaged: int = 0
    left_out: tuple[str, ...] = field(default=())


def import_weights(path: Path, name: str, member: str = "", all_slots: bool = False) -> Imported:
    """Reads a published network's weights.

    Args:
        path: A TensorFlow 1 checkpoint (its prefix or one of its files), a TFLite file, a folder
            or a tarball with either in it.
        name: The published network that they are of, such as `mobiledet-cpu`.
        member: Which one is meant, if there are several in the folder or tarball.
        all_slots: Keep all 91 class slots, not only the 80 that have a class.

    Raises:
        ConfigurationError: No such network, or several files that could be meant.
        SchemaError: Nothing that can be read, damaged, or another network's weights.
    """
    if name not in NETWORK_SCOPES:
        raise unknown_name("published network", name, NETWORK_SCOPES)
    files, chosen = _locate(path, member)
    where = f"{path}" if chosen == path.name or not path.is_dir() else f"{path}/{chosen}"
    try:
        if chosen.endswith(".tflite"):
            return _from_tflite(read_graph(files.read(chosen)), name, chosen, all_slots)
        return _from_checkpoint(open_bundle(files, chosen), name, all_slots)
    except SchemaError as error:
        raise SchemaError(f"{where}: {error}") from None


def _from_checkpoint(bundle: TensorBundle, name: str, all_slots: bool) -> Imported:
    architecture = load_published(name)
    slots = checkpoint.class_slots(bundle, architecture.levels()[0].boxes[-1].c_out // 4)
    if slots:  # else the missing names are told
        _check_slots(slots)
    architecture = architecture.with_classes(COCO_SLOTS)
    arrays, left, averaged = checkpoint.read_checkpoint(bundle, name, architecture)
    archive = _archive(arrays, name, architecture, all_slots, bundle.name, "checkpoint")
    return Imported(archive, bundle.name, "checkpoint", averaged, tuple(left))


def _from_tflite(graph: Graph, name: str, file: str, all_slots: bool) -> Imported:
    architecture = load_published(name)
    slots = tflite.class_slots(graph, architecture)
    if slots:
        _check_slots(slots)
    architecture = architecture.with_classes(COCO_SLOTS)
    arrays, behind = tflite.read_tflite(graph, name, architecture)
    archive = _archive(arrays, name, architecture, all_slots, file, "tflite")
    return Imported(archive, file, "tflite", left_out=tuple(behind))


def _check_slots(slots: int) -> None:
    if slots != COCO_SLOTS:
        raise SchemaError(
            f"{slots} class slots; published weights have {COCO_SLOTS}, of COCO's ids and the "
            "background"
        )


def _archive(
    arrays: dict[str, Floats],
    name: str,
    architecture: Architecture,
    all_slots: bool,
    file: str,
    kind: str,
) -> Archive:
    slots = ALL_SLOTS if all_slots else USED_SLOTS
    ordered = in_our_order(arrays, architecture, slots)
    detector = Detector(architecture.with_classes(len(slots)))
    state = {key: torch.from_numpy(np.ascontiguousarray(v)) for key, v in ordered.items()}
    _check_state(detector.state_dict(), state)
    detector.load_state_dict(state)
    made = {"source": "published", "file": PurePosixPath(file).name, "format": kind}
    classes = tuple(COCO_NAMES.get(slot, f"unused {slot}") for slot in slots)
    card = Card(name, classes, protocol=PUBLISHED, resizing="tf1", made=made)
    return Archive(detector.to(memory_format=torch.channels_last).eval(), card)


def _check_state(needed: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
    assert needed.keys() == state.keys(), needed.keys() ^ state.keys()
    for name, value in needed.items():
        assert value.shape == state[name].shape, name


# --- where they are ---------------------------------------------------------------------------


def _locate(path: Path, member: str) -> tuple[Files, str]:
    """Returns the files among which the weights are, and the checkpoint's prefix or the file."""
    if path.is_dir():
        return _choose(Folder(path), path, member)
    if path.is_file() and path.name.lower().endswith(_TARBALLS):
        return _choose(Tarball(path), path, member)
    if member:
        raise ConfigurationError(f"--member {member}: {path} is neither a folder nor a tarball")
    files = Folder(path.parent)
    if path.is_file() and path.suffix == ".tflite":
        return files, path.name
    prefix = _prefix(path.name)
    if (path.parent / f"{prefix}.index").is_file():
        return files, prefix
    if not path.exists():
        raise SchemaError(f"{path}: no such file, and no checkpoint of that name")
    raise SchemaError(
        f"{path}: not a TensorFlow 1 checkpoint (NAME.index with NAME.data-00000-of-00001), a "
        "TFLite file, or a tarball (.tar, .tar.gz, .tgz) with either in it"
    )


def _prefix(name: str) -> str:
    for end in (".index", ".meta"):
        name = name.removesuffix(end)
    before, data, _ = name.rpartition(".data-")
    return before if data else name


def _choose(files: Files, path: Path, member: str) -> tuple[Files, str]:
    names = files.names()
    checkpoints = [name.removesuffix(".index") for name in names if name.endswith(".index")]
    found = checkpoints or [name for name in names if name.endswith(".tflite")]
    if member:
        everything = {*checkpoints, *(name for name in names if name.endswith(".tflite"))}
        wanted = _prefix(member)
        found = [n for n in everything if n == wanted or n.endswith(f"/{wanted}")]
    if len(found) == 1:
        return files, found[0]
    if member and not found:
        found = sorted(everything)
        raise ConfigurationError(f"--member {member}: not in {path}; there: {_listed(found)}")
    if not found:
        raise SchemaError(f"{path}: holds no checkpoint (.index) and no .tflite file")
    raise ConfigurationError(f"{path}: holds several, name one with --member: {_listed(found)}")


def _listed(names: list[str]) -> str:
    shown = ", ".join(ascii(name)[1:-1][:120] for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
