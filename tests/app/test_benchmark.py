import json
import time

import pytest

from app.benchmark.citation import bibtex
from app.benchmark.comparing import contrast_rows
from app.benchmark.comparisons import (
    MOST_PROBLEMS,
    Asked,
    list_comparisons,
    load,
    remove,
    results,
    start,
    stop,
)
from evonas.benchmark import list_problems, load_problem
from evonas.benchmark.difficulties import load_difficulty
from evonas.benchmark.loading import list_records
from evonas.errors import ConfigurationError
from tests.app.conftest import metrics, the_button

ONE = Asked("mine", ("pico/u55",), ("nsga2", "random"), seeds=2, evaluations=60, population=20)


@pytest.fixture
def open_benchmark(open_app):
    """Opens the page with few rows in the table, which it does not read."""
    return lambda **query: open_app(n=0, page="benchmark", **query)


@pytest.mark.parametrize(
    "problem",
    [
        "pico/u55",
        "pico/everything",
        "pico/cpu-noisy",
        "nano/cpu-noisy",
        "nano/u55-budget",
        "mobiledet/weights-cpu",
    ],
)
def test_a_problem_says_what_it_is_and_how_to_run_it(open_benchmark, problem):
    at = open_benchmark(problem=problem)
    assert not at.exception
    assert not at.error
    definition, record = next(p for p in list_records() if p[0].name == problem)
    assert metrics(at)["front"] == f"{record.size:,}"
    assert metrics(at)["objectives"] == str(len(definition.objectives))
    assert list(at.dataframe[0].value["objective"]) == list(definition.objectives)
    words = " ".join(text.value for text in at.markdown)
    assert all(bound in words for bound in definition.where)
    assert f"Version {record.version}, checksum `{record.checksum}`" in words
    assert ("is seen with a standard error" in words) == bool(definition.noise)
    assert any(f"evonas bench compare --problems {problem}" in code.value for code in at.code)
    assert any(code.value == bibtex() for code in at.code)


@pytest.mark.parametrize("given", ["nowhere", "../../etc/passwd", "<script>", "x" * 5000, "\x00"])
def test_an_unknown_problem_is_dropped_from_the_address_with_a_word(open_benchmark, given):
    at = open_benchmark(problem=given)
    assert not at.exception
    assert at.selectbox(key="problem").value == list_problems()[0]
    assert any("Left out of the address" in caption.value for caption in at.caption)


def test_an_installation_without_problems_says_so(open_benchmark, monkeypatch, tmp_path):
    monkeypatch.setenv("EVONAS_DATA", str(tmp_path))
    at = open_benchmark()
    assert "No problems are shipped" in at.info[0].value
    assert not at.exception


def test_figures_of_difficulty_are_shown_as_they_are_shipped(open_benchmark):
    found = load_difficulty("pico/u55")
    at = open_benchmark(problem="pico/u55")
    assert not at.exception
    assert metrics(at)["on the front"] == f"{found.front_share:.2%}"
    assert metrics(at)["Pareto local optima"] == f"{found.pareto_optima:,}"
    [table] = [t.value for t in at.dataframe if "local optima" in t.value]
    assert table["objective"].tolist() == list(found.objectives)
    assert table["local optima"].tolist() == [o.local_optima for o in found.objectives.values()]
    reached = f"nsga2 {found.to_99['nsga2']:g},"
    assert any(reached in c.value and "random not reached" in c.value for c in at.caption)


def test_a_damaged_file_of_difficulties_is_named(open_benchmark, monkeypatch, tmp_path):
    file = tmp_path / "difficulty.json"
    file.write_text('{"schema": 1, "problems": [{}]}')
    monkeypatch.setattr("evonas.benchmark.difficulties.difficulties_path", lambda folder: file)
    at = open_benchmark(problem="pico/u55")
    assert not at.exception
    assert any("not a file of difficulties" in error.value for error in at.error)


def test_the_citation_is_that_of_the_file(tmp_path):
    from evonas import __version__

    assert bibtex().startswith("@software{evonas,")
    assert f"version = {{{__version__}}}" in bibtex()
    for text in ("", "[]", "authors: 3", "\x00"):
        (tmp_path / "CITATION.cff").write_text(text)
        assert bibtex(tmp_path / "CITATION.cff") == ""


@pytest.mark.slow
def test_a_comparison_is_started_and_its_outcome_shown(open_benchmark, folder):
    start(ONE)
    with pytest.raises(ConfigurationError, match="already"):
        start(ONE)
    deadline = time.monotonic() + 90
    while load("mine").state != "finished":
        assert time.monotonic() < deadline, load("mine").log
        time.sleep(0.1)
    done = list(results(ONE, {"pico/u55": load_problem("pico/u55").record.checksum}))
    assert [(r.key.algorithm, r.key.seed) for r in done] == [
        ("nsga2", 0), ("random", 0), ("nsga2", 1), ("random", 1),
    ]  # fmt: skip
    assert list(results(ONE, {"pico/u55": "another version"})) == []
    first, second = contrast_rows(ONE, done, "pico/u55")
    assert (first["algorithm"], first["runs"], first["A12"]) == ("nsga2", 2, None)
    assert second["A12"] is not None
    at = open_benchmark(problem="pico/u55")
    assert (metrics(at)["state"], metrics(at)["runs"]) == ("finished", "4 of 4")
    assert not at.exception
    broken = folder / "runs" / "mine" / "runs" / "pico+u55" / "nsga2" / "0.json"
    broken.write_text("{")
    at = at.run()
    assert "not a run's file" in at.error[0].value
    assert not at.exception
    the_button(at, "Remove for good").click().run()
    assert list_comparisons() == []
    assert not (folder / "runs" / "mine").exists()


HOSTILE = [
    Asked("../x", ("pico/u55",), ("nsga2",)),
    Asked("", ("pico/u55",), ("nsga2",)),
    Asked("a", (), ("nsga2",)),
    Asked("a", ("pico/u55",), ()),
    Asked("a", ("--out=/tmp/x",), ("nsga2",)),
    Asked("a", ("pico/u55",), ("--help",)),
    Asked("a", ("pico/*",), ("nsga2",)),
    Asked("a", ("pico/u55",) * (MOST_PROBLEMS + 1), ("nsga2",)),
    Asked("a", ("pico/u55",), ("nsga2",), seeds=0),
    Asked("a", ("pico/u55",), ("nsga2",), seeds=10**9),
    Asked("a", ("pico/u55",), ("nsga2",), evaluations=10**9),
    Asked("a", ("pico/u55",), ("nsga2",), population=1),
]


@pytest.mark.parametrize("asked", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_comparisons_start_nothing(folder, asked):
    with pytest.raises(ConfigurationError):
        start(asked)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"problems": 3}', '{"problems": [], "algorithms": []}']
)
def test_a_damaged_comparison_is_none(open_benchmark, folder, text):
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "bench.json").write_text(text)
    at = open_benchmark(comparison="one")
    assert any("No comparison yet" in caption.value for caption in at.caption)
    assert not at.exception


def test_a_stopped_comparison_can_be_resumed_and_an_unknown_one_is_dropped(open_benchmark, folder):
    place = folder / "runs" / "one"
    place.mkdir(parents=True)
    asked = {"name": "one", "problems": ["pico/u55"], "algorithms": ["nsga2"]}
    (place / "bench.json").write_text(json.dumps(asked))
    (place / "stopped").touch()
    at = open_benchmark(comparison="nowhere")
    assert (metrics(at)["state"], metrics(at)["runs"]) == ("stopped", "0 of 5")
    assert [button.label for button in at.button if button.label == "Resume"]
    assert any("no comparison nowhere here" in caption.value for caption in at.caption)


def test_read_only_compares_nothing(open_benchmark, folder, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_benchmark()
    assert not [b for b in at.button if b.label in ("Start the comparison", "Remove for good")]
    for act, given in ((start, ONE), (stop, "one"), (remove, "one")):
        with pytest.raises(ConfigurationError, match="read-only"):
            act(given)
