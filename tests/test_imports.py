"""Imports point downward only (the order is the design's), and heavy packages stay lazy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# What each part of evonas may import beside itself.
GROUND = {"cluster", "errors", "files", "locks", "paths", "objectives", "plain"}
SPACE = GROUND | {"space"}
NETWORKS = SPACE | {"detector", "data", "training"}
SCORING = NETWORKS | {"table", "latency", "supernet"}
ALLOWED = {
    "errors": set(),
    "cluster": {"errors"},
    "plain": set(),
    "files": {"errors", "plain"},
    "locks": set(),
    "paths": set(),
    "objectives": {"errors"},
    "space": GROUND,
    "table": SPACE,
    "latency": SPACE,
    "detector": SPACE,
    "data": SPACE,
    "training": SPACE | {"detector", "data"},
    "weights": SPACE | {"detector"},
    "supernet": NETWORKS,
    "ranking": SPACE | {"table"},
    "scoring": SCORING,
    "search": SPACE | {"scoring"},
    "benchmark": SPACE | {"table", "latency", "scoring", "search"},
    "export": NETWORKS | {"latency"},
    "retraining": NETWORKS | {"supernet", "table"},
    "jobs": SPACE | {"retraining"},
}
# Packages that a part may not import anywhere, not even inside a function.
HEAVY = {"torch", "streamlit", "plotly", "typer", "rich"}
FORBIDDEN = {
    "space": HEAVY | {"h5py", "pymoo", "pandas", "scipy"},
    "table": HEAVY | {"pymoo"},
    "ranking": HEAVY | {"h5py", "pymoo"},
    "search": HEAVY | {"h5py"},
    "jobs": HEAVY | {"h5py"},
    "scoring": HEAVY - {"torch"} | {"h5py", "pymoo"},
    "latency": {"streamlit", "plotly", "typer", "rich", "h5py", "pymoo"},
}
ONLY_AT_THE_EDGE = {"streamlit", "plotly", "typer", "rich"}


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Yields part, path and syntax tree of every library module; the edge is left out."""
    for path in sorted((ROOT / "evonas").rglob("*.py")):
        part = path.relative_to(ROOT / "evonas").parts[0].removesuffix(".py")
        if part not in ("cli", "__init__"):
            yield part, str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    """Yields the full name of all that is imported, anywhere in the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    ("part", "path", "tree"), [pytest.param(*module, id=module[1]) for module in modules()]
)
def test_imports_point_downward(part: str, path: str, tree: ast.Module) -> None:
    assert part in ALLOWED, f"{part}: say in ALLOWED where it stands"
    for name in imported(tree):
        package, _, rest = name.partition(".")
        if package == "evonas":
            target = rest.split(".")[0]
            assert target in ALLOWED[part] | {part, "", "__version__"}, f"{path} imports {name}"
        assert package not in FORBIDDEN.get(part, ONLY_AT_THE_EDGE), f"{path} imports {name}"


@pytest.mark.parametrize(
    ("part", "path", "tree"), [pytest.param(*module, id=module[1]) for module in modules()]
)
def test_library_modules_do_not_print(part: str, path: str, tree: ast.Module) -> None:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [c for c in calls if isinstance(c, ast.Name) and c.id in ("print", "input")]


@pytest.mark.parametrize(
    "code",
    [
        "import evonas",
        "from evonas.cli import main; assert main(['--help']) == 0",
        "from evonas.cli import main; assert main(['search', '--help']) == 0",
        "from evonas.cli import main; assert main(['demo', '--help']) == 0",
        "from evonas.cli import main; assert main(['problem', '--help']) == 0",
        "from evonas.cli import main; assert main(['bench', 'compare', '--help']) == 0",
    ],
)
def test_heavy_packages_stay_unloaded(code: str) -> None:
    heavy = {"torch", "streamlit", "pymoo", "plotly", "pandas", "numpy", "rich"}
    check = f"{code}\nimport sys; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True, capture_output=True)
