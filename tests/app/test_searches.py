import json
import time

import pytest

from app.searches.figure import course, course_figure
from app.searches.processes import (
    MOST_POPULATION,
    Request,
    check,
    command_line,
    list_searches,
    load,
    resume,
    start,
    stop,
)
from evonas.errors import ConfigurationError
from tests.app.conftest import metrics, the_button

COSTS = ("latency:cpu-xnnpack", "params")
LINE = {"generation": 1, "generations": 4, "evaluated": 8, "hypervolume": 2.0, "seconds": 4.0}
LINE |= {"seconds_left": 12.0, "scored": 0, "cached": 0}


def wait(name: str, state: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while load(name).state != state:
        assert time.monotonic() < deadline, (load(name).state, load(name).log)
        time.sleep(0.1)


@pytest.mark.slow
def test_a_search_runs_is_stopped_and_goes_on(folder):
    start(Request("mine", "nano", COSTS, population=100, generations=1000))
    while not load("mine").progress:
        time.sleep(0.1)
    assert load("mine").state == "running"
    with pytest.raises(ConfigurationError, match="already"):
        start(Request("mine", "nano", COSTS))
    stop("mine")
    assert load("mine").state == "stopped"
    record = json.loads((folder / "runs" / "mine" / "search.json").read_text())
    small = record | {"generations": 3}
    (folder / "runs" / "mine" / "search.json").write_text(json.dumps(small))
    resume("mine")
    wait("mine", "finished")
    done = course(load("mine").progress)
    assert done.generation == 3
    assert done.hypervolume == sorted(done.hypervolume)
    assert load("mine").settings()["generations"] == 3


@pytest.mark.slow
def test_a_killed_search_has_failed_and_at_most_two_run(folder):
    import os
    import signal

    for name in ("one", "two"):
        start(Request(name, "nano", COSTS, population=100, generations=1000))
    try:
        with pytest.raises(ConfigurationError, match="at most 2"):
            start(Request("three", "nano", COSTS))
        assert "three" not in list_searches()
        os.killpg(int((folder / "runs" / "one" / "pid").read_text()), signal.SIGKILL)
        wait("one", "failed")
    finally:
        stop("two")


def test_no_search_says_how_to_start_one(open_app):
    at = open_app(page="searches")
    assert "No search yet" in at.info[0].value
    assert not at.exception


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ({"run.json": '{"settings": {"space": "nano", "out": "/secret"}}'}, "finished"),
        ({"search.json": "{}", "stopped": ""}, "stopped"),
        ({"search.json": "not json", "output.log": "Traceback"}, "failed"),
        ({"progress.jsonl": f'{json.dumps(LINE)}\n{{"gener', "alive.lock": ""}, "failed"),
    ],
)
def test_a_search_is_read_from_its_folder(open_app, folder, files, state):
    (folder / "runs" / "one").mkdir(parents=True)
    for name, content in files.items():
        (folder / "runs" / "one" / name).write_text(content)
    at = open_app(page="searches")
    assert not at.exception
    assert metrics(at)["state"] == state
    assert "/secret" not in str(at)


def test_progress_becomes_a_course():
    half = LINE | {"generation": 0, "evaluated": 4, "hypervolume": 0.0, "seconds": 2.0}
    data = course([half, LINE, LINE | {"generation": 2, "evaluated": 16, "seconds": 8.0}])
    assert (data.evaluated, data.hypervolume, data.per_second) == ([8, 16], [2.0, 2.0], 2.0)
    assert course_figure(data).data
    assert course([]).per_second == 0


HOSTILE = [
    Request("../x", "nano", COSTS),
    Request("/etc/cron.d/x", "nano", COSTS),
    Request("", "nano", COSTS),
    Request("a" * 41, "nano", COSTS),
    Request("-rf", "nano", COSTS),
    Request("<script>", "nano", COSTS),
    Request("a\nb", "nano", COSTS),
    Request("a", "../nano", COSTS),
    Request("a", "nano", ("params",)),
    Request("a", "nano", ("params", "params")),
    Request("a", "nano", ("params", "os.system")),
    Request("a", "nano", COSTS, ("__import__('os')",)),
    Request("a", "nano", COSTS, ("params <= 1; rm",)),
    Request("a", "nano", COSTS, population=MOST_POPULATION + 1),
    Request("a", "nano", COSTS, population=0),
    Request("a", "nano", COSTS, generations=10**9),
    Request("a", "nano", ("map", "params"), data="../../etc"),
    Request("a", "nano", ("map", "params"), data="/etc"),
]


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_requests_start_nothing(folder, request_):
    with pytest.raises(ConfigurationError):
        start(request_)
    assert list(folder.iterdir()) == []


def test_options_cannot_be_smuggled_into_the_command(folder):
    request = Request("a", "nano", COSTS, ("params <= 1",), "--out=/tmp/x", seed=3)
    assert all(a == "search" or a.startswith("--") for a in command_line(request))
    assert [a for a in command_line(request) if a.startswith("--out")] == ["--out=runs/a"]


def test_read_only_starts_and_stops_nothing(open_app, folder, monkeypatch):
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "search.json").write_text("{}")
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="searches")
    assert not [b for b in at.button if b.label in ("Start the search", "Resume", "Stop")]
    for act, given in ((start, Request("a", "nano", COSTS)), (resume, "one"), (stop, "one")):
        with pytest.raises(ConfigurationError, match="read-only"):
            act(given)


def test_a_wrong_form_is_one_message(open_app, folder):
    at = open_app(page="searches")
    [name] = [field for field in at.text_input if field.label == "Name"]
    name.set_value("../../x")
    at = the_button(at, "Start the search").click().run()
    assert "lower-case letters" in at.error[0].value
    assert not (folder / "runs").exists()
    check(Request("fine", "nano", COSTS))


@pytest.mark.parametrize("search", ["../../etc", "<script>", "x" * 5000, "\x00"])
def test_forged_names_show_the_last_search(open_app, folder, search):
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "search.json").write_text("{}")
    at = open_app(page="searches", search=search)
    assert at.selectbox(key="search").value == "one"
    assert not at.exception


@pytest.mark.parametrize("text", ["", "arch_id,map\n", "arch_id,map\nx,notanumber\n", "\x00"])
def test_odd_fronts_are_no_error(open_app, folder, text):
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "run.json").write_text('{"settings": {}}')
    (folder / "runs" / "one" / "front.csv").write_text(text)
    at = open_app(page="searches")
    assert metrics(at)["state"] == "finished"
    assert not at.exception
    assert len(at.error) == ("notanumber" in text)


@pytest.mark.parametrize("line", ["[]", "3", '{"generation": "x"}', "{}", '{"generation": 1}'])
def test_odd_progress_is_no_error(open_app, folder, line):
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "progress.jsonl").write_text(line + "\n")
    at = open_app(page="searches")
    assert not at.exception


def test_a_running_search_is_watched_and_can_be_stopped(open_app, folder):
    import fcntl

    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "search.json").write_text(
        json.dumps({"name": "one", "space": "nano", "objectives": COSTS, "where": []})
    )
    (folder / "runs" / "one" / "progress.jsonl").write_text(json.dumps(LINE) + "\n")
    with (folder / "runs" / "one" / "alive.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        at = open_app(page="searches")
        assert metrics(at)["state"] == "running"
        assert [button.label for button in at.button if button.label == "Stop"]
        assert not at.exception
