"""Trained networks that can be tried on an image, and their exported files."""

import subprocess
from pathlib import Path

import streamlit as st

from app.shared.background import evonas_command
from app.shared.settings import RUNS, refuse_if_read_only, without_places
from app.shared.trainings import list_jobs
from evonas.errors import ConfigurationError, EvonasError, SchemaError
from evonas.export.runtime import FILE, ExportedDetector
from evonas.retraining import RunFolder

_PATIENCE = 180.0  # seconds for an export


class ExportFailedError(EvonasError):
    """`evonas export` did not make its file."""


def find_networks() -> dict[str, RunFolder]:
    """Returns the finished trainings by name: the jobs, the latest first, then other runs."""
    found = {job.id: job.run for job in list_jobs() if job.run.metrics.exists()}
    for pattern in ("*/metrics.json", "train/*/metrics.json", "*/trained/*/metrics.json"):
        for file in sorted(RUNS.glob(pattern)):
            found.setdefault(str(file.parent.relative_to(RUNS)), RunFolder(file.parent))
    return {name: run for name, run in found.items() if _is_whole(run)}


def _is_whole(run: RunFolder) -> bool:
    try:
        run.request()
    except SchemaError:
        return False
    return run.best.is_file()


def is_exported(run: RunFolder) -> bool:
    """Returns whether the exported file is there and as new as the network."""
    file = run.exports / FILE
    return file.is_file() and file.stat().st_mtime >= run.best.stat().st_mtime


def export(run: RunFolder) -> None:
    """Exports a network, in a process of its own since that takes torch.

    Raises:
        ConfigurationError: This server only shows.
        ExportFailedError: It was not made.
    """
    refuse_if_read_only()
    command = ["export", f"--out={run.exports}", "--format=onnx-nms", "--", str(run.path)]
    try:
        done = subprocess.run(
            evonas_command(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise ExportFailedError(f"the export took more than {_PATIENCE:.0f} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise ExportFailedError(f"the export failed: {without_places(lines[-1])}")


def load_exported(run: RunFolder) -> ExportedDetector:
    """Returns the exported network, ready to run; shared by all sessions.

    Raises:
        ConfigurationError: It has not been exported.
        SchemaError: The file is damaged.
    """
    if not is_exported(run):
        raise ConfigurationError("this network has not been exported yet")
    file = run.exports / FILE
    return _load(file, file.stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner=False)
def _load(file: Path, version: int) -> ExportedDetector:
    return ExportedDetector(file)
