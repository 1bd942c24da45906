"""Writes COCO-format folders, whole or not at all, and nothing else into them."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from evonas.data.coco_file import locate_splits
from evonas.data.conversion import Conversion
from evonas.errors import ConfigurationError, DataError


def write_instances(folder: Path, split: str, content: Mapping[str, object]) -> None:
    """Writes a split's annotations into a COCO-format folder."""
    file = folder / "annotations" / f"instances_{split}.json"
    file.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def write_account(folder: Path, conversion: Conversion) -> None:
    """Writes `conversion.json` into a folder."""
    content = {"version": 1, **asdict(conversion)}
    (folder / "conversion.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def check_outside_data(out: Path) -> None:
    """Refuses a place in a data set: what is written there changes the data's fingerprint.

    Args:
        out: A file or folder to be written; it need not be there.

    Raises:
        ConfigurationError: It is a COCO-format folder, or lies in one.
    """
    place = out.resolve()
    for folder in (place, *place.parents):
        if any(folder.glob("annotations/instances_*.json")) or locate_splits(folder):
            where = "is a data set" if folder == place else f"lies in the data set {folder}"
            raise ConfigurationError(
                f"{out}: {where}, whose fingerprint would change; name a place outside of it"
            )


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Gives a folder to fill that takes its name when the block ends without an error.

    Raises:
        ConfigurationError: The place lies in a data set.
        DataError: The name is taken, or the place cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise DataError(f"{out}: exists already; name another folder, or remove it first")
    check_outside_data(out)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        yield partial
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
