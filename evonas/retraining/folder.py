"""The folder of a training run: which file is what. Torch-free."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.errors import ConfigurationError, DataError, GenotypeError, SchemaError
from evonas.files import read_json, write_atomically, write_json
from evonas.json_values import without_nan
from evonas.limits import parse_json, printable, read_regular
from evonas.retraining.request import Retraining
from evonas.space import resolve
from evonas.training.recipe import describe_recipe, recipe_from

_VERSION = 1
_MOST_CURVES = 256 * 1024**2  # bytes; a million rows have about 100 MB


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of a run; all but the request appear while it runs.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The request, resolved, as JSON."""
        return self.path / "config.json"

    @property
    def environment(self) -> Path:
        """Versions, git commit, machine, threads and data fingerprint, as JSON."""
        return self.path / "environment.json"

    @property
    def curves(self) -> Path:
        """Loss and validation figures by step, one JSON object a line."""
        return self.path / "curves.jsonl"

    @property
    def log(self) -> Path:
        """What the run said, with times."""
        return self.path / "log.txt"

    @property
    def checkpoint(self) -> Path:
        """The last state, from which the run goes on."""
        return self.path / "last.pt"

    @property
    def best(self) -> Path:
        """Archive of the best network so far."""
        return self.path / "best.safetensors"

    @property
    def metrics(self) -> Path:
        """Figures of the best network, as JSON; there when the run is done."""
        return self.path / "metrics.json"

    @property
    def curves_by_class(self) -> Path:
        """Precision by recall and class, for each split, as JSON."""
        return self.path / "pr.json"

    @property
    def confusion(self) -> Path:
        """True classes (rows, then background) against detected ones, for each split, as JSON."""
        return self.path / "confusion.json"

    @property
    def examples(self) -> Path:
        """Some validation images' true and detected boxes, as JSON; see `read_examples`."""
        return self.path / "examples.json"

    @property
    def pictures(self) -> Path:
        """Folder of these images."""
        return self.path / "examples"

    @property
    def card(self) -> Path:
        """The best network's card, as JSON."""
        return self.path / "card.json"

    @property
    def events(self) -> Path:
        """Folder of TensorBoard event files, if tensorboard is installed."""
        return self.path / "events"

    @property
    def exports(self) -> Path:
        """Folder of the best network's exported files, if any were made."""
        return self.path / "export"

    @property
    def lock(self) -> Path:
        """Held by the process that runs it."""
        return self.path / "run.lock"

    def clear(self) -> None:
        """Removes all but the request, for a run that starts anew."""
        for file in (
            self.environment, self.curves, self.log, self.checkpoint, self.best, self.metrics,
            self.card, self.curves_by_class, self.confusion, self.examples,
        ):  # fmt: skip
            file.unlink(missing_ok=True)
        for folder in (self.pictures, self.exports, self.events):
            shutil.rmtree(folder, ignore_errors=True)

    def refuse_second(self) -> None:
        """Refuses a folder that holds a run.

        Raises:
            ConfigurationError: It does.
        """
        if self.config.exists():
            raise ConfigurationError(
                f"{self.path}: holds a run already; continue it with --resume, or name another "
                "folder with --out"
            )

    def create(self, request: Retraining) -> None:
        """Makes the folder.

        Raises:
            ConfigurationError: It holds a run already.
        """
        self.refuse_second()
        content = {
            "version": _VERSION,
            "id": request.id,
            "architecture": request.architecture,
            "data": str(request.data),
            "recipe_name": request.recipe_name,
            "recipe": describe_recipe(request.recipe),
            "init": request.init,
            "seed": request.seed,
            "table": str(request.table) if request.table else None,
        }
        write_json(self.config, content)

    def request(self) -> Retraining:
        """Reads what was asked for.

        Raises:
            SchemaError: There is no run, or it is damaged or of a newer version.
        """
        content = read_json(self.config, "a run, as `evonas train` makes them")
        try:
            if content["version"] > _VERSION:
                raise SchemaError(
                    f"{self.config}: version {content['version']}; this evonas reads {_VERSION}"
                )
            for name in ("architecture", "data", "recipe_name", "init"):
                if not isinstance(content[name], str):
                    raise TypeError(f"{name}: expected str, got {content[name]!r}")
            if type(content["seed"]) is not int:
                raise TypeError(f"seed: expected int, got {content['seed']!r}")
            return Retraining(
                resolve(content["architecture"]),
                Path(content["data"]),
                content["recipe_name"],
                recipe_from(content["recipe"]),
                content["init"],
                content["seed"],
                Path(content["table"]) if content["table"] else None,
            )
        except (KeyError, TypeError, ValueError, ConfigurationError, GenotypeError) as error:
            reason = printable(str(error))
            raise SchemaError(
                f"{self.config}: not the configuration of a run ({reason})"
            ) from error

    def read_metrics(self) -> dict[str, Any]:
        """Returns the figures of a finished run: see `run_training`.

        Raises:
            SchemaError: It is not done, or the file is damaged.
        """
        content = read_json(self.metrics, "the metrics of a finished run")
        for split in ("val", "test"):
            figures = content.get(split, {} if split == "val" else None)
            if figures is not None and not _are_figures(figures):
                raise SchemaError(f"{self.metrics}: damaged: no figures of {split}")
        return content

    def read_precision(self, split: str = "val") -> dict[str, Any]:
        """Returns `recall`, and by IoU and class the precision at it; None for absent classes.

        Raises:
            SchemaError: The run is not done, or the file is damaged.
        """
        content = read_json(self.curves_by_class, "precision-recall curves")
        curves = content.get(split)
        if not isinstance(curves, dict) or not {"recall", "0.50", "0.75"} <= curves.keys():
            raise SchemaError(f"{self.curves_by_class}: damaged: no curves of {split}")
        return curves

    def read_curves(self) -> list[dict[str, Any]]:
        """Returns the rows so far: `step` and `seconds`, and either `loss` or `map` with others.

        A line that is being written, or was when the machine died, is left out.

        Raises:
            SchemaError: The file cannot be read.
        """
        try:
            text = read_regular(self.curves, _MOST_CURVES).decode(errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SchemaError(f"{self.curves}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise SchemaError(f"{self.curves}: cannot be read: {error}") from error
        return list(_rows(text.splitlines()))

    def keep_curves(self, steps: int) -> list[dict[str, Any]]:
        """Drops what came after that many steps, for a run that goes on from there."""
        rows = [row for row in self.read_curves() if row["step"] <= steps]
        write_atomically(self.curves, "".join(map(_line, rows)).encode())
        return rows

    def add_to_curves(self, row: Mapping[str, Any]) -> None:
        """Appends a row."""
        with self.curves.open("a") as file:
            file.write(_line(row))

    def add_to_log(self, line: str) -> None:
        """Appends a line."""
        with self.log.open("a") as file:
            file.write(line + "\n")


def _are_figures(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and "map" in content
        and all(isinstance(content.get(name), dict) for name in ("coco", "per_class"))
    )


def _rows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = parse_json(line, "row")
        except DataError:
            continue
        if isinstance(row, dict) and _is_row(row):
            yield row


def _is_row(row: Mapping[str, Any]) -> bool:
    """Whether a line has what every reader of curves counts on."""
    if not (type(row.get("step")) is int and row["step"] >= 0 and _is_number(row.get("seconds"))):
        return False
    if "loss" in row and not _is_number(row.get("images_per_second")):
        return False
    optional = (row[name] for name in ("loss", "map") if name in row)
    return all(value is None or _is_number(value) for value in optional)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(without_nan(row)) + "\n"
