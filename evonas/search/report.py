"""A search in text: the front as CSV, and the record of what is needed to repeat the run."""

import csv
import io
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from evonas.git import git_commit
from evonas.limits import csv_text
from evonas.search.run import SearchResult

_PACKAGES = ("numpy", "h5py", "pymoo", "moocore", "torch")


def front_csv(result: SearchResult) -> str:
    """Returns the front as CSV text: `arch_id`, every column and what was measured."""
    text = io.StringIO()
    writer = csv.DictWriter(
        text, ["arch_id", *result.archive.columns, *result.measured], lineterminator="\n"
    )
    writer.writerow({name: csv_text(name) for name in writer.fieldnames})
    writer.writerows(result.rows())
    return text.getvalue()


def run_record(result: SearchResult, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings, versions and outcome of a run as JSON values."""
    last = result.history[-1]
    return {
        "settings": dict(settings),
        "space_fingerprint": result.space.fingerprint,
        "versions": versions(),
        "git_commit": git_commit(),
        "reference_point": dict(
            zip((o.name for o in result.objectives), result.reference.tolist(), strict=True)
        ),
        "hypervolume": last.hypervolume,
        "front": len(result.front),
        "scored": last.scored,
        "cached": last.cached,
        "seconds": round(last.seconds, 3),
        "history": [
            {"evaluated": p.evaluated, "hypervolume": p.hypervolume} for p in result.history
        ],
    }


def versions() -> dict[str, str]:
    """Returns the versions of Python, evonas and the packages that results depend on."""
    from evonas import __version__

    found = {"python": platform.python_version(), "evonas": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
