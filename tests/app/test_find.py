"""The page of `evonas find`: what it starts, and what it shows of a folder."""

import fcntl
import json
import time
from pathlib import Path

import pytest

from app.find.processes import command_line, list_finds, load, resume, start, stop
from evonas.cli import main
from evonas.data import make_digits
from evonas.errors import ConfigurationError
from evonas.find import FindSpec
from evonas.find.spec import claim_folder
from tests.app.conftest import labelled, the_button

SPEC = FindSpec(Path("data/scenes"), "ethos-u55-256", ("latency <= 1",), 64, 0.1, space="nano")
PLAN = {
    "supernet_steps": 500, "population": 8, "generations": 3, "training_steps": 300,
    "seconds": {"supernet": 90.0}, "memory": 2**30,
}  # fmt: skip


@pytest.fixture
def data(folder):
    return make_digits(folder / "data" / "scenes", train=4, val=4)


@pytest.fixture
def one(folder, data):
    """A find whose costs have been measured."""
    out = folder / "runs" / "one"
    out.mkdir(parents=True)
    claim_folder(out, SPEC)
    (out / "check.json").write_text("{}")
    (out / "plan.json").write_text(json.dumps(PLAN))
    progress = {"state": "running", "stage": "supernet", "took": {"check": 2.0, "supernet": 30.0}}
    (out / "progress.json").write_text(json.dumps(progress))
    return out


def stage_rows(at):
    [table] = [frame.value for frame in at.dataframe if "told before" in frame.value]
    return table.set_index("stage")


def test_without_data_it_says_how_to_make_some(open_app):
    at = open_app(page="find")
    assert "evonas data convert" in at.info[0].value
    assert not at.exception


def test_the_form_asks_for_what_the_command_can(open_app, data, monkeypatch):
    heard = []
    monkeypatch.setattr("app.find.processes.start", lambda name, spec: heard.append((name, spec)))
    at = open_app(page="find")
    labelled(at.selectbox, "Images").select("inspection")
    labelled(at.number_input, "Tiles of, pixels").set_value(320)
    labelled(at.number_input, "Networks to train").set_value(1)
    the_button(at, "Start").click()
    at.run()
    assert not at.exception
    [(name, spec)] = heard
    assert name == "find-1"
    asked = FindSpec(
        Path("data/scenes"), "ethos-u55-256", ("latency <= 5",), 160, 4.0,
        tile=320, trained=1, recipe="inspection",
    )  # fmt: skip
    assert spec == asked


def test_a_running_find_shows_its_stages_and_can_be_stopped(open_app, one):
    with (one / "alive.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        at = open_app(page="find", find="one")
        assert stage_rows(at).loc["train the supernet"].tolist() == ["running", "1:30", "0:30"]
        assert stage_rows(at).loc["check the data", "state"] == "done"
        assert the_button(at, "Stop")
        assert not at.exception


def test_one_that_ended_early_offers_to_resume(open_app, one):
    at = open_app(page="find", find="one")
    assert "goes on from what is done" in at.error[0].value
    assert stage_rows(at).loc["train the supernet", "state"] == "failed"
    assert the_button(at, "Resume")


def test_a_finished_one_shows_its_report(open_app, one):
    (one / "report.html").write_text("<p>found</p>")
    at = open_app(page="find", find="one")
    assert not at.error
    assert not at.exception


@pytest.mark.parametrize("text", ["", "{", "[]", '{"took": 3}', '{"took": {"check": "x"}}'])
def test_damaged_progress_is_no_traceback(open_app, one, text):
    (one / "progress.json").write_text(text)
    assert not open_app(page="find", find="one").exception


@pytest.mark.parametrize("file", ["find.json", "plan.json"])
def test_a_damaged_file_is_one_message(open_app, one, file):
    (one / file).write_text('{"hours": 1}')
    at = open_app(page="find", find="one")
    assert [file in error.value for error in at.error] == [True]
    assert not at.exception


@pytest.mark.parametrize("name", ["../../etc", "<script>", "x" * 5000])
def test_forged_names_show_the_last_find(open_app, one, name):
    at = open_app(page="find", find=name)
    assert at.selectbox(key="find").value == "one"


def test_read_only_starts_and_stops_nothing(open_app, one, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="find")
    assert not at.exception
    assert not [b for b in at.button if b.label in ("Start", "Stop", "Resume")]
    for call in (lambda: start("two", SPEC), lambda: stop("one"), lambda: resume("one")):
        with pytest.raises(ConfigurationError, match="read-only"):
            call()


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        ("../x", SPEC, "lower-case letters"),
        ("two", FindSpec(Path("/etc"), "ethos-u55-256"), "one of the data sets"),
        ("two", FindSpec(Path("data/scenes"), "nothing"), "unknown device"),
        ("two", FindSpec(Path("data/scenes"), "ethos-u55-256", ("latency",)), "latency"),
        ("one", SPEC, "already"),
    ],
)
def test_what_makes_no_sense_starts_nothing(folder, one, name, spec, message):
    with pytest.raises(ConfigurationError, match=message):
        start(name, spec)
    assert list_finds() == ["one"]


def test_the_command_is_the_one_that_is_asked_for(monkeypatch):
    heard = []
    monkeypatch.setattr("evonas.find.run_find", lambda spec, out, _: heard.append((spec, out)))
    monkeypatch.setattr(
        "evonas.find.report.summary", lambda *_: {"ap": {}, "arch_id": "", "files": ""}
    )
    assert main(command_line("one", SPEC)) == 0
    assert heard == [(SPEC, Path("runs/one"))]


@pytest.mark.slow
def test_a_find_runs_on_when_the_page_is_gone_and_is_stopped(folder, data):
    start("mine", SPEC)
    deadline = time.monotonic() + 60
    while not load("mine").done["check the data"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert load("mine").state == "running"
    stop("mine")
    assert load("mine").state == "stopped"
