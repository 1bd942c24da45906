"""Which file is meant by a detector's path."""

from collections.abc import Sequence
from pathlib import Path

from evonas.errors import SchemaError

# What is looked for in a folder, in this order: a run's best network, then an export's archive.
ARCHIVES = ("best.safetensors", "detector.safetensors")


def locate_detector(path: Path, names: Sequence[str]) -> Path:
    """Returns a detector's file.

    Args:
        path: The file, or the folder of a run or an export.
        names: What is looked for in a folder, in this order.

    Raises:
        SchemaError: There is no such file.
    """
    if path.is_dir():
        found = next((path / name for name in names if (path / name).is_file()), None)
        if found is None:
            raise SchemaError(f"{path}: no detector in this folder; looked for {', '.join(names)}")
        return found
    if not path.is_file():
        raise SchemaError(
            f"{path}: {'no file' if path.exists() else 'no such file'}; an archive, the folder of "
            "a run or export, or an exported file is expected"
        )
    return path
