"""Imports point downward only, without circles, and heavy packages stay lazy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# What each part of evonas may import beside itself. Nothing but `cli` imports `cli`.
GROUND = {
    "arrays", "cluster", "conditions", "definitions", "durations", "errors", "files", "git",
    "json_values", "limits", "locks", "npz", "numbers", "objectives", "paths", "seal",
}  # fmt: skip
SPACE = GROUND | {"space"}
NETWORKS = SPACE | {"detector", "data", "training"}
SCORING = NETWORKS | {"table", "latency", "supernet"}
ALLOWED = {
    "errors": set(),
    "cluster": {"errors"},
    "arrays": set(),
    "conditions": {"arrays", "errors"},
    "definitions": set(),
    "durations": set(),
    "git": set(),
    "json_values": set(),
    "limits": {"errors"},
    "files": {"errors", "json_values", "limits"},
    "locks": {"errors"},
    "npz": {"limits"},
    "numbers": set(),
    "seal": set(),
    "paths": {"errors"},
    "objectives": {"arrays", "errors"},
    "space": GROUND,
    "graph": SPACE,
    "table": SPACE,
    "latency": SPACE | {"graph"},
    "describe": SPACE | {"latency"},
    "detector": SPACE,
    "data": SPACE,
    "training": SPACE | {"detector", "data"},
    "weights": SPACE | {"detector"},
    "supernet": NETWORKS,
    "ranking": SPACE | {"table"},
    "scoring": SCORING,
    "search": SPACE | {"scoring"},
    "figures": SPACE | {"table", "latency", "ranking", "search"},
    "benchmark": SPACE | {"table", "latency", "scoring", "search", "figures"},
    "export": NETWORKS | {"graph", "latency"},
    "retraining": NETWORKS | {"supernet", "table"},
    "jobs": SPACE | {"retraining"},
    "find": SCORING | {"figures", "retraining", "scoring", "search"},
}
EVERYTHING = {*ALLOWED}
ALLOWED["app"] = EVERYTHING - {"detector", "supernet"}
ALLOWED["cli"] = EVERYTHING
ALLOWED["__main__"] = {"cli"}
ALLOWED["__init__"] = EVERYTHING
# Packages that a part may not import anywhere, not even inside a function.
HEAVY = {"torch", "streamlit", "plotly", "typer", "rich"}
FORBIDDEN = {
    "space": HEAVY | {"h5py", "pymoo", "pandas", "scipy"},
    "graph": HEAVY | {"h5py", "pymoo", "pandas"},
    "table": HEAVY | {"pymoo"},
    "ranking": HEAVY | {"h5py", "pymoo"},
    "search": HEAVY | {"h5py"},
    "jobs": HEAVY | {"h5py"},
    "scoring": HEAVY - {"torch"} | {"h5py", "pymoo"},
    "latency": {"streamlit", "plotly", "typer", "rich", "h5py", "pymoo"},
}
ONLY_AT_THE_EDGE = {"streamlit", "plotly", "typer", "rich"}
EDGES = {
    "figures": {"plotly"},
    "app": {"streamlit", "plotly"},
    "cli": {"typer", "rich", "streamlit", "plotly"},
}


@dataclass(frozen=True)
class Module:
    """A module of evonas or of the app."""

    name: str
    path: str
    tree: ast.Module

    @property
    def part(self) -> str:
        """The part of the law that it stands under."""
        top, _, rest = self.name.partition(".")
        return "app" if top == "app" else rest.split(".")[0] or "__init__"

    def imported(self) -> Iterator[str]:
        """Yields the full name of all that is imported, anywhere in the module."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}: relative import"
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules() -> dict[str, Module]:
    """Returns every module of evonas and of the app, the edges and lazy imports included."""
    found = {}
    for path in sorted([*(ROOT / "evonas").rglob("*.py"), *(ROOT / "app").rglob("*.py")]):
        relative = path.relative_to(ROOT)
        name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
        found[name] = Module(name, str(relative), ast.parse(path.read_text()))
    return found


MODULES = modules()


@pytest.mark.parametrize("module", MODULES.values(), ids=lambda module: module.path)
def test_imports_point_downward(module: Module) -> None:
    part = module.part
    assert part in ALLOWED, f"{part}: say in ALLOWED where it stands"
    edge = ONLY_AT_THE_EDGE - EDGES.get(part, set())
    for name in module.imported():
        package, _, rest = name.partition(".")
        if package == "evonas":
            target = rest.split(".")[0]
            assert target in ALLOWED[part] | {part, "", "__version__"}, f"{module.path}: {name}"
        if package == "app":
            assert part in ("app", "cli"), f"{module.path}: {name}"
        assert package not in FORBIDDEN.get(part, edge), f"{module.path}: {name}"


def test_no_module_imports_itself_by_a_detour() -> None:
    graph: dict[str, set[str]] = {}
    for module in MODULES.values():
        graph[module.name] = set()
        for name in module.imported():
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            graph[module.name] |= {name} - {"", module.name}
    assert not list(_circles(graph))


def _circles(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yields circles, after taking away again and again what imports nothing that is left."""
    while leaves := {name for name, below in graph.items() if not below}:
        graph = {name: below - leaves for name, below in graph.items() if name not in leaves}
    for name in graph:
        path = [name]
        while path[-1] not in path[:-1]:
            path.append(min(graph[path[-1]]))
        if path[-1] == name:
            yield path


def test_a_circle_is_found() -> None:
    assert list(_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}))


@pytest.mark.parametrize(
    "module",
    [module for module in MODULES.values() if module.part not in ("cli", "__main__")],
    ids=lambda module: module.path,
)
def test_library_modules_do_not_print(module: Module) -> None:
    calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
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
