import numpy as np
import pytest

from evonas.search import run_search
from evonas.search.constraints import parse_constraints
from evonas.search.finalists import OVER_BUDGET, remeasure
from evonas.search.report import front_csv

pytest.importorskip("ethosu")
pytest.importorskip("ai_edge_litert")

NPU = "latency:ethos-u55-256"


def test_front_is_measured_beside_its_predictions() -> None:
    objectives = [NPU, "latency:systolic-64x64"]
    result = run_search("pico", objectives, population=8, generations=2)
    found, unreachable = remeasure(result)
    assert not unreachable
    assert set(found.measured) == {"measured:ethos-u55-256", OVER_BUDGET}
    predicted = np.array([row[NPU] for row in found.rows()], float)
    np.testing.assert_allclose(found.measured["measured:ethos-u55-256"], predicted, rtol=0.05)
    assert "measured:ethos-u55-256" in front_csv(found).splitlines()[0]


def test_networks_over_budget_are_marked() -> None:
    result = run_search("pico", [NPU, "params"], population=8, generations=2)
    budget = float(np.median([row[NPU] for row in result.rows()]))
    found, _ = remeasure(result, parse_constraints([f"{NPU} <= {budget}"]))
    over = found.measured["measured:ethos-u55-256"] > budget
    assert found.measured[OVER_BUDGET].tolist() == over.astype(float).tolist()


def test_devices_out_of_reach_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ethosu", None)
    result = run_search("pico", [NPU, "params"], population=4, generations=1)
    found, unreachable = remeasure(result)
    assert not found.measured
    assert "evonas[devices]" in unreachable["ethos-u55-256"]
