"""Where the shipped data lies."""

from pathlib import Path


def benchmark_data_dir(explicit: Path | str | None = None) -> Path:
    """Returns the folder of shipped data: the explicit one, or `benchmark_data` beside the package.

    It need not exist.
    """
    if explicit is not None:
        return Path(explicit)
    return Path(__file__).resolve().parent.parent / "benchmark_data"
