"""Writes COCO-format folders, whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from evonas.data.conversion import Conversion
from evonas.errors import DataError


def write_instances(folder: Path, split: str, content: Mapping[str, object]) -> None:
    """Writes a split's annotations into a COCO-format folder."""
    file = folder / "annotations" / f"instances_{split}.json"
    file.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def write_account(folder: Path, conversion: Conversion) -> None:
    """Writes `conversion.json` into a folder."""
    content = {"version": 1, **asdict(conversion)}
    (folder / "conversion.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Gives a folder to fill that takes its name when the block ends without an error.

    Raises:
        DataError: The name is taken, or the place cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise DataError(f"{out}: exists already; name another folder, or remove it first")
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        yield partial
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
