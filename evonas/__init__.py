"""evonas: an evolutionary multi-objective NAS benchmark for mobile object detection.

The names below are stable. They are imported on first use, so that `import evonas` stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from evonas.benchmark import list_problems, load_problem
    from evonas.latency import load_predictor
    from evonas.search import run_search
    from evonas.space import list_published, list_spaces, load_published, load_space
    from evonas.table import open_table

_HOMES = {
    "list_problems": "evonas.benchmark",
    "list_published": "evonas.space",
    "list_spaces": "evonas.space",
    "load_predictor": "evonas.latency",
    "load_problem": "evonas.benchmark",
    "load_published": "evonas.space",
    "load_space": "evonas.space",
    "open_table": "evonas.table",
    "run_search": "evonas.search",
}

__all__ = [
    "list_problems",
    "list_published",
    "list_spaces",
    "load_predictor",
    "load_problem",
    "load_published",
    "load_space",
    "open_table",
    "run_search",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'evonas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
