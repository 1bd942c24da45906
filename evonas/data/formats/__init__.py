"""Readers of data sets in other formats; `read_source` finds the one that fits."""

from pathlib import Path

from evonas.data.formats.deeppcb import is_deeppcb, read_deeppcb
from evonas.data.formats.source import RawBox, RawImage, Source
from evonas.errors import DataError

__all__ = ["RawBox", "RawImage", "Source", "read_source"]


def read_source(
    folder: Path, format: str = "", labels: Path | None = None, units: str = "shares"
) -> Source:
    """Reads a data set of any known format."""
    if is_deeppcb(folder):
        return read_deeppcb(folder)
    raise DataError(f"{folder}: unknown")
