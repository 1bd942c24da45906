import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.searches.allowed import MOST_POPULATION, check
from app.searches.folder import list_searches, load
from app.searches.processes import remove, resume, start, stop, with_seeds
from app.searches.request import Request
from app.searches.study import EVALUATIONS, SECONDS, curves, groups, same_question, search_rows
from evonas.errors import ConfigurationError
from tests.app.conftest import labelled, metrics, the_button

COSTS = ("latency:cpu-xnnpack", "params")
LINE = {"generation": 1, "generations": 4, "evaluated": 8, "hypervolume": 2.0, "seconds": 4.0}
LINE |= {"seconds_left": 12.0, "scored": 0, "cached": 0, "completed": 8}
ASKED = {"space": "nano", "objectives": COSTS, "where": []}


def make_search(folder, name, lines=(), started=1_000_000_000, **asked):
    """Makes the folder of a search that was stopped."""
    place = folder / "runs" / name
    place.mkdir(parents=True)
    (place / "search.json").write_text(json.dumps(ASKED | {"name": name} | asked))
    (place / "progress.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (place / "stopped").touch()
    os.utime(place / "search.json", (started, started))
    return place


def growth(*volumes, step=8):
    """Returns the lines of a search whose hypervolume grew to these, a generation each."""
    return [
        LINE | {"generation": i, "evaluated": step * i, "completed": step * i, "seconds": 2.0 * i,
                "hypervolume": volume}
        for i, volume in enumerate(volumes, start=1)
    ]  # fmt: skip


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
    done = load("mine").completed()
    assert done[:, 0].tolist() == [100, 200, 300]
    assert done[:, 2].tolist() == sorted(done[:, 2])
    assert load("mine").hypervolume == load("mine").record["hypervolume"] == done[-1, 2]
    assert load("mine").settings()["generations"] == 3


@pytest.mark.slow
def test_a_killed_search_has_failed_and_the_third_waits_for_its_place(folder):
    endless = Request("a", "nano", COSTS, population=100, generations=1000)
    names = [request.name for request in with_seeds(endless, ["nsga2"], 3)]
    start(*with_seeds(endless, ["nsga2"], 3))
    try:
        deadline = time.monotonic() + 60
        while (states := sorted(load(name).state for name in names)) != [
            "running", "running", "waiting",
        ]:  # fmt: skip
            assert time.monotonic() < deadline, states
            time.sleep(0.1)
        waiting = next(name for name in names if load(name).state == "waiting")
        [one, _] = [name for name in names if name != waiting]
        with pytest.raises(ConfigurationError, match="stop it before"):
            remove(one)
        os.killpg(int((folder / "runs" / one / "pid").read_text()), signal.SIGKILL)
        wait(one, "failed")
        wait(waiting, "running")
    finally:
        for name in names:
            stop(name)
    remove(one)
    assert one not in list_searches()
    assert not (folder / "runs" / one).exists()


def test_too_many_searches_start_none(folder, monkeypatch):
    monkeypatch.setattr("app.searches.processes.MOST_ALIVE", 2)
    with pytest.raises(ConfigurationError, match="at most 2 may"):
        start(*with_seeds(Request("a", "nano", COSTS), ["nsga2"], 3))
    assert list_searches() == []


@pytest.mark.parametrize(("algorithms", "seeds"), [([], 1), (["nsga2"], 0), (["nsga2"], 11)])
def test_no_algorithm_and_odd_numbers_of_seeds_are_refused(algorithms, seeds):
    with pytest.raises(ConfigurationError, match=r"required|allowed"):
        with_seeds(Request("a", "nano", COSTS), algorithms, seeds)


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


def test_the_curve_has_the_value_of_8_networks_at_8(folder):
    """Lines of batches have the hypervolume of the generation before."""
    batch = LINE | {"evaluated": 10, "seconds": 5.0}
    second = LINE | {"generation": 2, "evaluated": 16, "completed": 16, "hypervolume": 3.0,
                     "seconds": 9.0}  # fmt: skip
    first = LINE | {"generation": 0, "evaluated": 4, "completed": 0, "hypervolume": 0.0}
    make_search(folder, "one", [first, LINE, batch, second, second | {"evaluated": 20}])
    [over] = curves([load("one")], EVALUATIONS)
    assert (over.at.tolist(), over.values.tolist()) == ([8, 16], [2.0, 3.0])
    [over] = curves([load("one")], SECONDS)
    assert over.at.tolist() == [4.0, 9.0]
    assert load("one").hypervolume == 3.0


def test_seeds_are_one_group_and_scorers_questions_and_algorithms_are_others(folder):
    make_search(folder, "a-0")
    make_search(folder, "a-1", seed=1)
    make_search(folder, "b", algorithm="random")
    make_search(folder, "c", objectives=["map", "params"], scorer="surrogate")
    searches = [load(name) for name in ("a-0", "a-1", "b", "c")]
    one, again, other, third = groups(searches)
    assert one == again != other
    assert (one, other) == (
        "nsga2, none needed, nano: latency:cpu-xnnpack, params",
        "random, none needed, nano: latency:cpu-xnnpack, params",
    )
    assert third == "nsga2, surrogate, nano: map, params"
    assert groups(searches[:3]) == ["nsga2", "nsga2", "random"]
    assert same_question(searches, searches[0]) == ["a-0", "a-1", "b"]


def test_the_list_tells_what_was_asked_and_what_was_reached(open_app, folder):
    make_search(folder, "one", growth(0.25, 0.5), started=1_000_000_000, generations=4)
    make_search(folder, "two", started=1_000_000_001, seed=3, where=["params <= 1e5"])
    rows = search_rows([load("one"), load("two")])
    assert rows["search"] == ["one", "two"] == list_searches()[::-1]
    assert rows["hypervolume"][0] == 0.5
    assert (rows["evaluations"], rows["of"]) == ([16, 0], [96, 240])
    assert rows["seed"] == [0, 3]
    assert rows["question"][1] == "nano: latency:cpu-xnnpack, params where params <= 1e5"
    assert rows["state"] == ["stopped", "stopped"]
    at = open_app(page="searches")
    assert list(at.dataframe[0].value["search"]) == ["two", "one"]
    assert not at.exception


def test_a_new_search_says_what_it_is_about_to_do(open_app, folder):
    place = make_search(folder, "one", generations=7)
    with held(place):
        at = open_app(page="searches")
        assert metrics(at)["generation"] == "0 of 7"
        assert metrics(at)["hypervolume"] == "-"
        [bar] = at.get("progress")
        assert bar.proto.text.startswith("starting")
        (place / "waiting").touch()
        at = at.run()
        assert metrics(at)["state"] == "waiting"
        assert any("places for searches" in caption.value for caption in at.caption)


def test_the_address_says_what_is_chosen_and_nonsense_is_dropped_with_a_word(open_app, folder):
    for number, name in enumerate(("one", "two", "three")):
        make_search(folder, name, growth(0.1, 0.2), started=1_000_000_000 + number, seed=number)
    at = open_app(page="searches", searches="one,two,one,nowhere")
    assert metrics(at) == {}
    words = " ".join(caption.value for caption in at.caption)
    assert "no search here, left out\\: nowhere; named twice\\: one" in words
    at.query_params["searches"] = "two"
    at = at.run()
    assert metrics(at)["state"] == "stopped"
    at.query_params["searches"] = "-"
    at = at.run()
    assert any("Choose searches" in caption.value for caption in at.caption)
    at = at.run()
    assert not at.exception


def test_what_is_chosen_is_looked_at_and_goes_into_the_address(open_app, folder):
    for number, name in enumerate(("one", "two")):
        make_search(folder, name, growth(0.1, 0.2), started=1_000_000_000 + number, seed=number)
    at = open_app(page="searches")
    assert at.multiselect(key="chosen").value == ["two", "one"]
    at = at.multiselect(key="chosen").unselect("two").run()
    assert at.query_params["searches"] == "one"
    assert metrics(at)["state"] == "stopped"
    at = at.multiselect(key="chosen").unselect("one").run()
    assert at.query_params["searches"] == "-"
    assert at.multiselect(key="chosen").value == []


def test_removing_asks_and_then_takes_the_folder(open_app, folder):
    make_search(folder, "one")
    make_search(folder, "two", objectives=["madds", "params"], started=1_000_000_001)
    at = open_app(page="searches", searches="two")
    assert any("Nothing brings them back" in text.value for text in at.markdown)
    at = the_button(at, "Remove for good").click().run()
    assert list_searches() == ["one"]
    assert not at.exception


def test_a_link_is_no_search_to_be_removed(folder):
    place = make_search(folder, "one")
    place.rename(folder / "elsewhere")
    place.symlink_to(folder / "elsewhere")
    with pytest.raises(ConfigurationError, match="link"):
        remove("one")
    assert (folder / "elsewhere" / "search.json").exists()


def test_fronts_are_laid_over_each_other(open_app, folder):
    for name in ("one", "two"):
        place = make_search(folder, name, growth(0.1, 0.2))
        (place / "front.csv").write_text(
            "arch_id,latency:cpu-xnnpack,params\nnano:000000000000000,0.2,1e5\n"
        )
    at = open_app(page="searches", searches="one,two")
    assert not at.exception
    drawn = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    assert [trace["name"] for trace in drawn[1]["data"] if "name" in trace] == ["one", "two"]


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
    Request("a", "nano", ("map", "params"), scorer="--help"),
    Request("a", "nano", ("map50", "params"), scorer="surrogate"),
    Request("a", "nano", ("map", "params"), scorer="table", table="nano-v5"),
    Request("a", "pico", ("map", "params"), scorer="table", table="/etc/passwd"),
]


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_requests_start_nothing(folder, request_):
    with pytest.raises(ConfigurationError):
        start(request_)
    assert list(folder.iterdir()) == []


def test_options_cannot_be_smuggled_into_the_command(folder):
    request = Request("a", "nano", COSTS, ("params <= 1",), "--out=/tmp/x", seed=3)
    command = request.command(Path("runs/a"))
    assert all(a == "search" or a.startswith("--") for a in command)
    assert [a for a in command if a.startswith("--out")] == ["--out=runs/a"]


def test_read_only_starts_and_stops_nothing(open_app, folder, monkeypatch):
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "search.json").write_text("{}")
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="searches")
    assert not [b for b in at.button if b.label in ("Start", "Resume", "Stop", "Remove for good")]
    asked = Request("a", "nano", COSTS)
    for act, given in ((start, asked), (resume, "one"), (stop, "one"), (remove, "one")):
        with pytest.raises(ConfigurationError, match="read-only"):
            act(given)


def test_a_wrong_form_is_one_message(open_app, folder):
    at = open_app(page="searches")
    name = labelled(at.text_input, "Name")
    name.set_value("../../x")
    at = the_button(at, "Start").click().run()
    assert "lower-case letters" in at.error[0].value
    assert not (folder / "runs").exists()
    check(Request("fine", "nano", COSTS))


@pytest.mark.parametrize("given", ["../../etc", "<script>", "x" * 5000, "\x00", ",,,", "."])
def test_forged_names_show_the_last_search(open_app, folder, given):
    make_search(folder, "one")
    at = open_app(page="searches", searches=given)
    assert metrics(at)["state"] == "stopped"
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
    with held(make_search(folder, "one", [LINE])):
        at = open_app(page="searches")
        assert metrics(at)["state"] == "running"
        assert [button.label for button in at.button if button.label == "Stop"]
        assert not at.exception


def test_a_table_of_every_network_is_a_scorer_where_there_is_one(folder):
    check(Request("a", "pico", ("map", "params"), scorer="table", table="pico-v3"))
    command = Request("a", "pico", ("map", "params"), scorer="table", table="pico-v3").command(
        Path("runs/a")
    )
    assert {"--scorer=table", "--table=pico-v3"} <= {*command}


def test_the_form_says_what_scorers_cost_and_how_well_they_rank(open_app):
    at = open_app(page="searches")
    scorer = labelled(at.radio, "Scorer")
    assert list(scorer.options) == ["surrogate"]
    [caption] = scorer.proto.captions
    assert "Kendall's tau 0.86 against trained AP" in caption
    assert any("supernet: no data set" in text.value for text in at.caption)
    assert any("1 search of 240 evaluations" in text.value for text in at.caption)


@contextmanager
def held(place: Path) -> Iterator[None]:
    """Holds a search's lock, as its process would."""
    import fcntl

    (place / "stopped").unlink()
    with (place / "alive.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
