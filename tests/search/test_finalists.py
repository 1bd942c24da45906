from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from evonas.cli import main
from evonas.latency import add_npu, fit_device, load_predictor, measure_device
from evonas.latency.campaigns.campaign import reference_architecture
from evonas.latency.sources.ethos import arm_config
from evonas.latency.sources.measurement import Measurement
from evonas.scoring import measured
from evonas.scoring.measured import Remeasured, measure_networks
from evonas.search import finalists, run_search
from evonas.search.constraints import parse_constraints
from evonas.search.finalists import OVER_BUDGET, STILL_FRONT, TOO_LARGE, remeasure, within_tenth
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
    ends = {"latency_low:ethos-u55-256", "latency_high:ethos-u55-256"}
    assert set(found.measured) == {"measured:ethos-u55-256", *ends, OVER_BUDGET, STILL_FRONT}
    predicted = np.array([row[NPU] for row in found.rows()], float)
    compiled = found.measured["measured:ethos-u55-256"]
    np.testing.assert_allclose(compiled, predicted, rtol=0.05)
    low, high = (found.measured[end] for end in sorted(ends, reverse=True))
    assert (low < predicted).all()
    assert (predicted < high).all()
    assert ((low <= compiled) & (compiled <= high)).mean() >= 0.5
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
    found = measure_networks(
        "ethos-u85-2048", space, genotypes, lambda *at: told.append(at), cpu_seconds=0.01
    )
    assert np.isnan(found.latency_ms).all()
    assert told == [(1, 2), (2, 2)]
    result = run_search("pico", [NPU, "params"], population=4, generations=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalists, "measure_networks", partial(measure_networks, cpu_seconds=0.01))
        again, reasons = remeasure(result)
    n = len(result.front)
    assert reasons == {"ethos-u55-256": f"{n} of {n} take its compiler too long"}
    assert not again.measured[OVER_BUDGET].any()
    assert STILL_FRONT not in again.measured


def times(values: list[float]) -> Remeasured:
    ms = np.array(values)
    return Remeasured(ms, ms, ms, [""] * len(ms), float("nan"), float("nan"), 0)


def test_the_front_is_derived_again_from_what_was_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    array = "latency:systolic-64x64"
    result = run_search("pico", [NPU, array], population=20, generations=3)
    rows = result.rows()
    told = [float(row[NPU]) for row in rows]
    assert len(told) >= 2
    told[0] = 100.0  # predicted to be the fastest; on the array no other is slower
    monkeypatch.setattr(finalists, "measure_networks", lambda *a: times(told))
    found, _ = remeasure(result)
    assert found.measured[STILL_FRONT].tolist() == [0.0] + [1.0] * (len(told) - 1)
    over, _ = remeasure(result, parse_constraints([f"{NPU} <= {told[-1]} or {array} <= 0"]))
    assert over.measured[OVER_BUDGET].tolist() == [1.0] + [0.0] * (len(told) - 1)
    assert within_tenth(found) == {"ethos-u55-256": (len(told) - 1, len(told))}
    unknown = [float("nan"), *told[1:]]
    monkeypatch.setattr(finalists, "measure_networks", lambda *a: times(unknown))
    found, _ = remeasure(result)
    assert STILL_FRONT not in found.measured
    assert within_tenth(found) == {"ethos-u55-256": (len(told) - 1, len(told) - 1)}


def test_a_busy_machine_is_seen_by_the_reference_network() -> None:
    answers = [
        Measurement(3.0, 0.1, {"reference_ms": 1.0, "steady": 1.0}),
        Measurement(6.0, 0.1, {"reference_ms": 2.0, "steady": 0.0}),
        Measurement(3.0, 0.2, {"reference_ms": 1.0, "steady": 1.0}),
    ]
    found = measured._remeasured(answers)
    assert found.latency_ms.tolist() == [3.0, 3.0, 3.0]
    assert found.high.tolist() == pytest.approx([3.15, 3.15, 3.3])
    busy, unsteady = found.remarks()
    assert "up to 100% slower" in busy
    assert unsteady.startswith("1 of 3 never had the machine to themselves")
    quiet = measured._remeasured([Measurement(3.0, 0.1, {"reference_ms": 1.0})])
    assert quiet.remarks() == []


def test_a_machine_that_is_not_the_predictors_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = "latency:cpu-xnnpack"
    result = run_search("pico", [cpu, "params"], population=8, generations=2)
    expected = load_predictor("cpu-xnnpack", "pico").predict(
        result.space.encode(reference_architecture(result.space))[None]
    )[0]
    for ratio, said in ((1.0, {}), (1.3, {"cpu-xnnpack": "takes 1.30 times what is predicted"})):
        ms = ratio * np.array([row[cpu] for row in result.rows()], float)
        answers = [Measurement(t, 0.0, {"reference_ms": ratio * expected}) for t in ms]
        monkeypatch.setattr(measured, "open_source", lambda device, space: None)
        monkeypatch.setattr(measured, "measure_all", lambda *a, answers=answers, **k: answers)
        _, remarks = remeasure(result)
        assert remarks.keys() == said.keys()
        assert all(text in remarks[device] for device, text in said.items())


@pytest.mark.slow
def test_networks_that_do_not_fit_are_no_finalists_and_said(tmp_path, monkeypatch, capsys) -> None:
    """An NPU with little SRAM from its description to a front."""
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    config = "Ethos_U55_High_End_Embedded", "Shared_Sram", 49_152
    add_npu("small", "ethos-u55-128", arm_config(), "vela.ini", *config)
    measured = measure_device("small", "pico", 40)
    misfits = measured.misfits
    assert 0 < misfits.sum() < 40
    assert np.isnan(measured.latency_ms[misfits]).all()
    assert (measured.columns["sram_peak_bytes"][misfits] > 49_152).all()
    assert len(measured.trusted()) == 40 - misfits.sum()
    fit_device("small", "pico", kind="linear")
    objectives = ["latency:small", "params"]
    result = run_search("pico", objectives, population=8, generations=2)
    chance = result.archive.columns["fits:small"]
    assert (chance[result.archive.feasible] >= 0.75).all()
    assert (chance[~result.archive.feasible] < 0.75).all()
    careless = run_search(
        "pico", objectives, where=["fits:small >= 0"], population=30, generations=2
    )
    worst = np.argsort(careless.archive.columns["fits:small"])[:3]
    assert careless.archive.feasible.all()
    found, remarks = remeasure(replace(careless, front=worst))
    assert "do not fit: one needs" in remarks["small"]
    assert found.measured[TOO_LARGE].any()
    too_large = found.measured[TOO_LARGE] == 1
    assert np.isnan(found.measured["measured:small"][too_large]).all()
    assert not found.measured[STILL_FRONT][too_large].any()
    out = str(tmp_path / "out")
    command = [
        "search", "--space", "pico", "--objectives", "latency:small,flash", "--out", out,
        "--where", "peak_memory <= 150000", "--population", "8", "--generations", "2",
    ]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr()
    assert "fits:small" in said.out
    assert "on the front by what was measured" in said.err
