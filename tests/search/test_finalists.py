from functools import partial

import numpy as np
import pytest

from evonas.latency import load_predictor
from evonas.scoring.measured import measure_latency
from evonas.search import finalists, run_search
from evonas.search.constraints import parse_constraints
from evonas.search.finalists import OVER_BUDGET, remeasure
from evonas.search.report import front_csv
from evonas.space import load_space

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


def test_a_budget_with_a_margin_is_held_against_measured_times() -> None:
    upper = NPU.replace("latency", "latency_upper")
    result = run_search("pico", [NPU, "params"], population=8, generations=2)
    times = np.array([row[NPU] for row in result.rows()], float)
    budget = float(np.median(times))
    kept = run_search("pico", ["params", "madds"], where=[f"{upper} <= {budget}"], population=8)
    predictor = load_predictor("ethos-u55-256", "pico")
    told = predictor.predict(kept.archive.genotypes) * predictor.margin()
    np.testing.assert_allclose(kept.archive.columns[upper], told)
    assert predictor.margin() > 1
    found, _ = remeasure(kept, parse_constraints([f"{upper} <= {budget}"]))
    assert (found.measured["measured:ethos-u55-256"] <= budget).all()
    assert not found.measured[OVER_BUDGET].any()


def test_devices_out_of_reach_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ethosu", None)
    result = run_search("pico", [NPU, "params"], population=4, generations=1)
    found, unreachable = remeasure(result)
    assert not found.measured
    assert "evonas[devices]" in unreachable["ethos-u55-256"]


def test_a_network_that_takes_the_compiler_too_long_does_not_hold_the_search_up() -> None:
    space = load_space("pico")
    genotypes = space.sample(2, np.random.default_rng(0))
    told: list[tuple[int, int]] = []
    times = measure_latency(
        "ethos-u85-2048", space, genotypes, lambda *at: told.append(at), cpu_seconds=0.01
    )
    assert np.isnan(times).all()
    assert told == [(1, 2), (2, 2)]
    result = run_search("pico", [NPU, "params"], population=4, generations=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalists, "measure_latency", partial(measure_latency, cpu_seconds=0.01))
        found, reasons = remeasure(result)
    n = len(result.front)
    assert reasons == {"ethos-u55-256": f"{n} of {n} take its compiler too long"}
    assert not found.measured[OVER_BUDGET].any()
