import numpy as np
import pytest

from evonas.latency import load_predictor
from evonas.paths import shipped_data
from evonas.scoring.recompute import ScoreCheck, check_predictions
from evonas.space import load_space
from evonas.table import BenchmarkTable, create_table, open_table, verify_table

SPACE = load_space("nano")
ROWS = np.unique(SPACE.sample(40, np.random.default_rng(0)), axis=0)[:20]
PREDICTOR = load_predictor("edge-gpu", SPACE)


SHIPPED = sorted((shipped_data() / "tables").glob("*.h5"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_tables_hold_what_is_computed_here(path):
    assert verify_table(open_table(path), [check_predictions]) == []


def test_a_table_is_shipped():
    assert SHIPPED


class Scorer:
    """Scores by formula, so that the check can be tried without a supernet."""

    columns = ("map",)

    def __init__(self, shift: float = 0.0, weights: str = "a") -> None:
        self.provenance = {"source": "supernet", "weights": weights, "torch": "2"}
        self.shift = shift
        self.asked = 0

    def __call__(self, genotypes: np.ndarray) -> dict[str, np.ndarray]:
        self.asked += len(genotypes)
        return {"map": genotypes.mean(axis=1) / 20 + self.shift}


@pytest.fixture
def table(tmp_path) -> BenchmarkTable:
    table = create_table(tmp_path / "table")
    told = {"source": "predicted", "predictor": PREDICTOR.checksum}
    values = {"latency:edge-gpu": PREDICTOR.predict(ROWS)}
    table.append(SPACE, ROWS, values, provenance=told)
    table.append(SPACE, ROWS, Scorer()(ROWS), provenance=Scorer().provenance | {"torch": "1"})
    return table


def test_sound_predictions_and_scores_pass(table):
    scorer = Scorer()
    assert verify_table(table, [check_predictions, ScoreCheck(scorer, 5)]) == []
    assert scorer.asked == 5


def test_a_wrong_prediction_is_found(table):
    wrong = PREDICTOR.predict(ROWS[:1]) * 1.01
    told = table.provenance("latency:edge-gpu")
    table.append(SPACE, ROWS[:1], {"latency:edge-gpu": wrong}, provenance=told)
    [problem] = verify_table(table, [check_predictions])
    assert "1 values of 'latency:edge-gpu' are not what is predicted, row 0 first" in problem


def test_predictions_of_another_predictor_are_told(tmp_path):
    table = create_table(tmp_path / "other")
    told = {"source": "predicted", "predictor": "f" * 16}
    values = PREDICTOR.predict(ROWS)
    table.append(SPACE, ROWS, {"latency:edge-gpu": values}, provenance=told)
    table.append(SPACE, ROWS, {"latency:no-such-device": values}, provenance=told)
    first, second = verify_table(table, [check_predictions])
    assert f"was predicted by {'f' * 16}, the predictor here is {PREDICTOR.checksum}" in first
    assert "'latency:no-such-device' cannot be predicted again" in second


def test_other_scores_are_found(table):
    [problem] = verify_table(table, [ScoreCheck(Scorer(shift=0.01), 20)])
    assert "20 of 20 values of 'map' scored again differ, by up to 0.0100" in problem


def test_rows_that_lack_one_of_the_columns_are_scored_again_too(table):
    class Both(Scorer):
        columns = ("map", "map_small")

        def __call__(self, genotypes: np.ndarray) -> dict[str, np.ndarray]:
            return dict.fromkeys(self.columns, super().__call__(genotypes)["map"])

    small = {"map_small": Both()(ROWS[:2])["map_small"]}
    table.append(SPACE, ROWS[:2], small, provenance=Both().provenance)
    assert verify_table(table, [ScoreCheck(Both(), 20)]) == []
    by_map, by_size = verify_table(table, [ScoreCheck(Both(shift=0.01), 20)])
    assert "20 of 20 values of 'map' scored again" in by_map
    assert "2 of 2 values of 'map_small' scored again" in by_size


def test_a_score_that_is_no_number_any_more_is_found(table):
    [problem] = verify_table(table, [ScoreCheck(Scorer(shift=np.nan), 20)])
    assert "20 of 20 values of 'map' scored again differ" in problem


def test_a_scorer_of_other_weights_is_not_asked(table):
    scorer = Scorer(weights="b")
    [problem] = verify_table(table, [ScoreCheck(scorer, 20)])
    assert "'map' has weights 'a', the scorer 'b'" in problem
    assert scorer.asked == 0
