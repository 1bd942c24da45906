"""The ten lines for other libraries, as they stand in docs/benchmark.md."""

import re
from pathlib import Path

import pytest

import evonas

PAGE = Path(__file__).resolve().parents[2] / "docs/benchmark.md"


def snippet(library: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [found] = [block for block in blocks if library in block]
    assert sum(bool(line.strip()) for line in found.splitlines()) <= 10
    return str(found)


@pytest.mark.parametrize("library", ["optuna", "nevergrad"])
def test_ten_lines_search_a_problem(library: str) -> None:
    pytest.importorskip(library)
    scope: dict[str, object] = {}
    exec(compile(snippet(library), str(PAGE), "exec"), scope)
    volume = scope["volume"]
    assert isinstance(volume, float)
    assert 0.5 < volume <= 1
    problem = scope["problem"]
    assert isinstance(problem, evonas.benchmark.BenchmarkProblem)
