"""Fronts again, by ways that share no code with how they were found."""

from itertools import product

import numpy as np
import pytest

import evonas
from evonas.benchmark import LayerObjective, exact_front
from evonas.benchmark.solving import layer_table
from evonas.benchmark.store import problems_path, read_problems
from evonas.benchmark.subset import spread_rows
from evonas.errors import ConfigurationError
from evonas.space import load_space
from evonas.space.memory import memory_table, peak_memory

_ROUNDING = 1e-12  # of AP
EXACT = [name for name in evonas.list_problems() if name.startswith("pico/")]


def non_dominated(values: np.ndarray) -> np.ndarray:
    """Each distinct row against every other; minimised."""
    rows = np.unique(values, axis=0)
    keep = np.ones(len(rows), bool)
    for i, row in enumerate(rows):
        if keep[i]:
            keep &= ~((rows >= row).all(axis=1) & (rows > row).any(axis=1))
    return rows[keep]


@pytest.mark.parametrize("name", EXACT)
def test_exact_fronts_by_comparing_everything(name: str) -> None:
    problem = evonas.load_problem(name)
    every = np.array(list(product(*map(range, problem.space.gene_sizes))), np.uint8)
    feasible = every[problem.is_feasible(every)]
    found = non_dominated(problem.minimise(problem.evaluate_genotypes(feasible)))
    shipped = problem.minimise(problem.true_front)
    np.testing.assert_array_equal(found, np.unique(shipped, axis=0))
    best, worst = found.min(axis=0), found.max(axis=0)
    np.testing.assert_array_equal(best, problem.minimise(problem.ideal))
    np.testing.assert_array_equal(worst, problem.minimise(problem.nadir))


@pytest.mark.parametrize(
    "columns",
    [
        ("-params", "latency:ethos-u55-256"),
        ("-madds", "latency:cpu-xnnpack"),
        ("-madds", "peak_memory"),
        ("-params", "latency:ethos-u55-256", "latency:cpu-xnnpack"),
    ],
)
def test_dynamic_programming_is_exhaustive_search(columns: tuple[str, ...]) -> None:
    space = load_space("pico")
    frozen = read_problems(problems_path())[0]["pico"]
    objectives = []
    for column in columns:
        table = layer_table(space, column.removeprefix("-"), frozen)
        assert table is not None
        sign = -1.0 if column.startswith("-") else 1.0
        objectives.append(LayerObjective(sign * table.table, table.largest))
    values, genotypes = exact_front(space, objectives)
    every = np.array(list(product(*map(range, space.gene_sizes))), np.uint8)
    cells = space.cells(every)
    sums = [
        o.table[cells].max(axis=1) if o.largest else space.sum_cells(every, o.table)
        for o in objectives
    ]
    np.testing.assert_array_equal(values, non_dominated(np.stack(sums, axis=1)))
    assert (space.canonical(genotypes) == genotypes).all()


def test_dynamic_programming_prices_only_what_canonical_genotypes_are() -> None:
    space = load_space("mobiledet")
    table = np.random.default_rng(0).random(space.n_cells)
    objectives = [LayerObjective(-space.cost_tables["params"]), LayerObjective(table)]
    assert not space.canonical_cells.all()
    small = load_space("nano")
    values, genotypes = exact_front(
        small, [LayerObjective(-small.cost_tables["params"]), LayerObjective(memory_table(small))]
    )
    np.testing.assert_array_equal(values[:, 0], -small.costs(genotypes)["params"])
    with pytest.raises(ConfigurationError, match="1,000 are the most"):
        exact_front(space, objectives, most=1000)


def test_peak_memory_of_a_network_by_hand() -> None:
    space = load_space("pico")
    # block 1: ibn0 16 -> 16 at 32x32; block 2's first layer expands 16 channels fourfold there.
    peak = peak_memory(space, np.zeros((1, 7), np.uint8))[0]
    assert peak == 32 * 32 * (16 + 64)


def test_spread_rows_keep_the_ends() -> None:
    x = np.linspace(0, 1, 500)
    points = np.stack([x, 1 - x], axis=1)
    rows = spread_rows(points, 11)
    assert {0, 499} <= set(rows.tolist())
    assert np.diff(x[rows]).max() < 0.15


@pytest.mark.parametrize("space", ["nano", "mobiledet"])
def test_what_is_known_for_one_problem_betters_no_other_front(space: str) -> None:
    problems = [evonas.load_problem(n) for n in evonas.list_problems() if n.startswith(f"{space}/")]
    pool = np.unique(np.concatenate([problem.record.genotypes for problem in problems]), axis=0)
    for problem in problems:
        networks = pool[problem.is_feasible(pool)]
        points = problem.minimise(problem.evaluate_genotypes(networks))
        front = problem.minimise(problem.true_front)
        # A surrogate's values are rounded otherwise by another processor: ties are none there.
        tied = [_ROUNDING if objective.name == "map" else 0 for objective in problem.objectives]
        bettered = [
            ((points <= p - tied).all(axis=1) & (points < p).any(axis=1)).any() for p in front
        ]
        assert not any(bettered), (problem.definition.name, sum(bettered))
