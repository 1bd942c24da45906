"""The shipped figures of difficulty: what they are, how they are read and shown."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import evonas
from evonas.benchmark import difficulties
from evonas.benchmark.columns import every
from evonas.benchmark.difficulties import (
    Difficulty,
    Landscape,
    difficulties_path,
    landscapes,
    load_difficulties,
    load_difficulty,
    write_difficulties,
)
from evonas.cli import main
from evonas.errors import SchemaError


def made_up(name: str = "pico/u55", **other: object) -> Difficulty:
    record = evonas.load_problem(name).record
    found = Difficulty(
        name, record.version, record.checksum, 16_000, False,
        {"map": Landscape(0.9382, 0.998, 7), "latency:ethos-u55-256": Landscape(1.0, 1.0, 1)},
        2743, 0.00225, 31, {"nsga2": 1500, "random": 1500}, {"nsga2": 420.0, "random": np.inf},
    )  # fmt: skip
    return replace(found, **other)  # type: ignore[arg-type]


def test_pareto_optima_and_front_share_equal_a_plain_count() -> None:
    problem = evonas.load_problem("pico/u55-budget")
    found = landscapes(problem)
    space = problem.space
    networks = np.unique(space.canonical(every(space)), axis=0)
    assert found.networks == len(networks)
    values = problem.minimise(problem.evaluate_genotypes(networks))
    feasible = problem.is_feasible(networks)
    row_of = {network.tobytes(): row for row, network in enumerate(networks)}
    optima = 0
    for row in np.flatnonzero(feasible)[:300]:
        rows = set()
        for gene, size in enumerate(space.gene_sizes):
            changed = np.repeat(networks[row : row + 1], size, axis=0)
            changed[:, gene] = np.arange(size)
            rows |= {row_of[c.tobytes()] for c in space.canonical(changed)} - {row}
        near = values[[r for r in rows if feasible[r]]]
        optima += not ((near <= values[row]).all(axis=1) & (near < values[row]).any(axis=1)).any()
    counted = difficulties._pareto_optima(
        problem, networks, problem.evaluate_genotypes(networks),
        difficulties.neighbour_rows(space, networks), np.flatnonzero(feasible)[:300],
    )  # fmt: skip
    assert counted == optima > 0
    assert found.front_share == pytest.approx(problem.record.size / feasible.sum())
    latency = found.objectives["latency:ethos-u55-256"]
    assert latency.main_effects == pytest.approx(1)  # a sum over layers of fixed widths
    assert latency.local_optima == 1


def test_figures_are_read_as_they_were_written_and_of_this_version_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difficulties, "list_records", lambda folder: [
        (evonas.load_problem(name).definition, evonas.load_problem(name).record)
        for name in ("pico/u55", "pico/cpu")
    ])  # fmt: skip
    path = difficulties_path(tmp_path)
    path.parent.mkdir()
    assert load_difficulties(tmp_path) == {}
    one, old = made_up(), made_up("pico/cpu", checksum="0" * 16)
    write_difficulties(path, {"pico/u55": one, "pico/cpu": old})
    assert load_difficulties(tmp_path) == {"pico/u55": one}
    assert json.loads(path.read_text())["problems"][0]["to_99"]["random"] is None
    path.write_text('{"schema": 2, "problems": []}')
    with pytest.raises(SchemaError, match="schema 2; this evonas reads 1"):
        load_difficulties(tmp_path)
    path.write_text('{"schema": 1, "problems": [{}]} ')
    with pytest.raises(SchemaError, match="not a file of difficulties"):
        load_difficulties(tmp_path)


def test_the_command_shows_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difficulties, "load_difficulties", lambda folder=None: {
        "pico/u55": made_up()
    })  # fmt: skip
    assert main(["problem", "show", "pico/u55"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "93.8%" in told
    assert "2743 are dominated by none of their neighbours" in told
    assert "nsga2 420, random not in 1,500" in told
    assert main(["problem", "show", "pico/u55", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["difficulty"]
    assert shown["objectives"]["map"]["local_optima"] == 7
    assert main(["problem", "show", "nano-trained/cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["difficulty"] is None


def test_every_exact_problem_of_pico_has_figures() -> None:
    for name in evonas.list_problems():
        if name.startswith("pico/"):
            found = load_difficulty(name)
            assert found is not None, name
            assert {"random", "local", "ridge", "nsga2"} <= found.to_99.keys()
            assert 0 < (found.front_share or 0) < 1
