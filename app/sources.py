"""Which tables there are, and reading them once per version of the file."""

import os
from pathlib import Path

import streamlit as st

from evonas.paths import benchmark_data_dir
from evonas.table import BenchmarkTable, open_table

# Folders to look in; `evonas app TABLE` adds one by this variable.
EXTRA_TABLE = "EVONAS_APP_TABLE"


def find_tables() -> dict[str, Path]:
    """Returns tables by the name to show: the one asked for, the shipped ones, those of runs."""
    found = {}
    if os.environ.get(EXTRA_TABLE):
        path = Path(os.environ[EXTRA_TABLE])
        found[path.name] = path
    for path in sorted((benchmark_data_dir() / "tables").glob("*.h5")):
        found[path.stem] = path
    for path in sorted(Path("runs").glob("*/table")):
        found[f"run {path.parent.name}"] = path
    return found


def load_table(path: Path) -> BenchmarkTable:
    """Returns the table as it is on disk now; shared by all sessions, so for reading only.

    Raises:
        SchemaError: The table is damaged or newer than this evonas.
    """
    parts = [path] if path.is_file() else list(path.glob("*.h5"))
    version = tuple(sorted((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in parts))
    return _open(str(path), version)


@st.cache_resource(max_entries=4, show_spinner="reading the table")
def _open(path: str, version: tuple[tuple[str, int, int], ...]) -> BenchmarkTable:
    return open_table(path)
