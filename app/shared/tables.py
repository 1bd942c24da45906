"""Which tables there are, and reading them once per version of the file."""

import os
from pathlib import Path

import streamlit as st

from app.shared.front import objective_ranges
from app.shared.settings import RUNS
from evonas.paths import APP_TABLE, shipped_data
from evonas.table import BenchmarkTable, open_table


def find_tables() -> dict[str, Path]:
    """Returns tables by the name to show: the one asked for, the shipped ones, those of runs."""
    found = {}
    if os.environ.get(APP_TABLE):
        path = Path(os.environ[APP_TABLE])
        found[path.name] = path
    for path in sorted((shipped_data() / "tables").glob("*.h5")):
        found[path.stem] = path
    for path in sorted(RUNS.glob("*/table")):
        found[f"run {path.parent.name}"] = path
    return found


def load_table(path: Path) -> BenchmarkTable:
    """Returns the table as it is on disk now; shared by all sessions, so for reading only.

    Raises:
        SchemaError: The table is damaged or newer than this evonas.
    """
    return _open(str(path), table_version(path))


def table_version(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Returns what changes when the table does: its files' names, times and sizes."""
    parts = [path] if path.is_file() else list(path.glob("*.h5"))
    return tuple(sorted((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in parts))


def load_ranges(path: Path, space: str) -> dict[str, tuple[float, float]]:
    """Returns `objective_ranges` of a table as it is on disk now."""
    return _ranges(str(path), table_version(path), space)


@st.cache_data(max_entries=32, show_spinner=False)
def _ranges(
    path: str, version: tuple[tuple[str, int, int], ...], space: str
) -> dict[str, tuple[float, float]]:
    return objective_ranges(_open(path, version), space)


@st.cache_resource(max_entries=4, show_spinner="reading the table")
def _open(path: str, version: tuple[tuple[str, int, int], ...]) -> BenchmarkTable:
    return open_table(path)
