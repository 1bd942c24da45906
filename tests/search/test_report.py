import csv
import io

import numpy as np
import pytest

from evonas.figures.front import front_data
from evonas.objectives import pareto_mask
from evonas.search import SearchResult, run_search
from evonas.search.report import front_csv, run_record
from evonas.space import load_space
from tests.search.additive import AdditiveScorer


@pytest.fixture(scope="module")
def result() -> SearchResult:
    nano = load_space("nano")
    return run_search(
        nano,
        ["map", "madds", "params"],
        scorer=AdditiveScorer(nano),
        where=["madds <= 6e7"],
        population=16,
        generations=4,
    )


def test_panels_show_every_feasible_network_once(result: SearchResult) -> None:
    panels = front_data(result)
    assert [(panel.y.name, panel.x.name) for panel in panels] == [
        ("map", "madds"),
        ("map", "params"),
    ]
    feasible = int(result.archive.feasible.sum())
    assert feasible < len(result.archive.genotypes)
    for panel in panels:
        assert len(panel.cloud) == len(panel.cloud_ids) == feasible - len(result.front)
        assert len(panel.front) == len(panel.front_text) == len(result.front)
        assert np.isfinite(panel.cloud).all()


def test_line_joins_the_front_of_two_objectives(result: SearchResult) -> None:
    panel = front_data(result)[1]
    everything = np.concatenate([panel.cloud, panel.front])
    truth = everything[pareto_mask(everything, (panel.x, panel.y))]
    np.testing.assert_allclose(panel.line, truth[np.argsort(truth[:, 0])])
    assert (np.diff(panel.line, axis=0) > 0).all()


def test_csv_holds_the_front_exactly(result: SearchResult) -> None:
    rows = list(csv.DictReader(io.StringIO(front_csv(result))))
    assert [row["arch_id"] for row in rows] == [row["arch_id"] for row in result.rows()]
    assert [float(row["map"]) for row in rows] == [row["map"] for row in result.rows()]


def test_record_says_how_to_repeat_the_run(result: SearchResult) -> None:
    record = run_record(result, {"seed": 0})
    assert record["settings"] == {"seed": 0}
    assert record["space_fingerprint"] == result.space.fingerprint
    assert record["reference_point"]["map"] == 0
    assert record["versions"]["evonas"]
    assert record["history"][-1]["hypervolume"] == record["hypervolume"] == result.hypervolume
