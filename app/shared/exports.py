"""Files of a network for its device, made by `evonas export` in a process of its own.

The app loads no torch. One export runs at a time; the folder `runs/.export` has its lock and log.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from app.shared import background
from app.shared.settings import RUNS, refuse_if_read_only, without_places
from evonas.errors import ConfigurationError, SchemaError
from evonas.files import read_json, write_atomically

# What a device's runtime takes, and how it is called here.
FORMATS = {"onnx": "ONNX", "tflite": "TFLite", "tflite-int8": "int8 TFLite"}
_CARD, _MOST_LINES = "card.json", 3
_PROCESS, _TARGET = RUNS / ".export", "target.json"
_ONE_CHANGE = Lock()


@dataclass(frozen=True, slots=True)
class ExportTask:
    """A network whose files are wanted.

    Attributes:
        source: What `evonas export` takes: a run's folder, or an `arch_id`.
        out: Folder of the files.
        data: COCO-format folder that int8 is calibrated and AP measured on; None for no int8.
        weights: File that the exported files must not be older than; None if it never changes.
    """

    source: str
    out: Path
    data: Path | None
    weights: Path | None = None

    @property
    def formats(self) -> list[str]:
        """Names of the formats that can be made."""
        return [name for name in FORMATS if self.data is not None or name != "tflite-int8"]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file and what its checks found.

    Attributes:
        format: A key of `FORMATS`.
        path: The file.
        size: Bytes.
        difference: Largest difference from the network, relative to the outputs; None if unknown.
        ap: AP on validation; None if it was not measured.
        notes: What else was checked.
    """

    format: str
    path: Path
    size: int
    difference: float | None
    ap: float | None
    notes: str


def exported_files(task: ExportTask) -> list[ExportedFile]:
    """Returns the files that are there and as new as the network.

    Raises:
        SchemaError: Their card is damaged.
    """
    card = task.out / _CARD
    if not card.exists():
        return []
    listed = read_json(card, "the card of exported files").get("files")
    if not isinstance(listed, list):
        raise SchemaError(f"{card}: its list of files is damaged")
    oldest = _oldest(task)
    found = []
    for entry in listed:
        file = _file(task.out, entry) if isinstance(entry, Mapping) else None
        if file is not None and file.path.stat().st_mtime >= oldest:
            found.append(file)
    return found


def _oldest(task: ExportTask) -> float:
    """Returns the time before which files are of other weights."""
    return task.weights.stat().st_mtime if task.weights and task.weights.exists() else 0.0


def _file(folder: Path, entry: Mapping[str, Any]) -> ExportedFile | None:
    """A file of the card; None for one that is not offered, or is not there."""
    form, name = entry.get("format"), entry.get("file")
    if form not in FORMATS or not isinstance(name, str) or Path(name).name != name:
        return None
    path = folder / name
    if not path.is_file():
        return None
    difference, ap = (
        float(entry[key]) if isinstance(entry.get(key), int | float) else None
        for key in ("difference", "map")
    )
    return ExportedFile(form, path, path.stat().st_size, difference, ap, str(entry.get("notes")))


def start_export(task: ExportTask) -> None:
    """Starts `evonas export` in the background.

    Raises:
        ConfigurationError: This server only shows, or another export runs.
    """
    refuse_if_read_only()
    with _ONE_CHANGE:
        if background.is_alive(_PROCESS):
            raise ConfigurationError("another network is being exported; try again in a minute")
        _PROCESS.mkdir(parents=True, exist_ok=True)
        target = {"out": str(task.out.resolve()), "source": task.source}
        write_atomically(_PROCESS / _TARGET, json.dumps(target).encode())
        command = ["export", f"--out={task.out}", *(f"--format={name}" for name in task.formats)]
        if task.data is not None:
            command.append(f"--data={task.data}")
        background.spawn(_PROCESS, [*command, "--", task.source])


def is_exporting(task: ExportTask) -> bool:
    """Returns whether this network is being exported now."""
    return background.is_alive(_PROCESS) and _is_last(task)


def export_log(task: ExportTask) -> str:
    """Returns the last lines that this network's export wrote.

    Nothing if another network was exported since, or this one trained again.
    """
    log = _PROCESS / background.LOG
    try:
        if not _is_last(task) or log.stat().st_mtime < _oldest(task):
            return ""
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return without_places("\n".join(lines[-_MOST_LINES:]))


def _is_last(task: ExportTask) -> bool:
    try:
        target = json.loads((_PROCESS / _TARGET).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(target, dict) and target.get("out") == str(task.out.resolve())
