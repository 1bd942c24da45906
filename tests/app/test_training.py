import json
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

from app.shared import trainings
from app.shared.trainings import (
    MOST_BATCH,
    MOST_STEPS,
    MOST_WAITING,
    Submission,
    cancel,
    find_job,
    list_jobs,
    resume,
    retry,
    status,
    submit,
)
from app.training.figures import (
    MEAN,
    Trained,
    agreement_figure,
    curves_csv,
    curves_data,
    curves_figure,
    precision_data,
    precision_figure,
)
from app.training.results import trained_points
from evonas.errors import ConfigurationError, EvonasError
from evonas.jobs import Job, JobQueue
from evonas.jobs.record import STATES
from evonas.retraining import plan_training
from tests.app.conftest import SPACE, labelled, make_table, metrics, the_button

ARCH = "nano:000000000000000"
LABELS = ("Cancel", "Resume", "Remove and train again", "Start a worker")


def shown_buttons(at) -> set[str]:
    return {button.label for button in at.button} & set(LABELS)


def add_jobs(folder, trained, *states: str) -> list[Job]:
    """Jobs whose folders say these states; no worker has seen them."""
    queue = JobQueue(folder / "runs" / "jobs")
    jobs = []
    for seed, state in enumerate(states, start=1):
        data = trained.parents[1] / "data" / "scenes"
        job, _ = queue.submit(plan_training(ARCH, data, changes=("steps=9",), seed=seed))
        job.write_status(replace(job.stored_status(), state=state, message=f"why {state}"))
        jobs.append(job)
    return jobs


def wait(name: str, *states: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while (now := status(find_job(name))).state not in states:
        said = (trainings._WORKER / "output.log").read_text()
        assert time.monotonic() < deadline, (now, said)
        time.sleep(0.1)


def test_no_training_says_how_to_start_one(open_app):
    at = open_app(page="training")
    assert "No training yet" in at.info[0].value
    assert "shortlist is empty" in " ".join(caption.value for caption in at.caption)
    assert not at.exception


def test_a_finished_training_shows_its_results(open_app, done):
    at = open_app(page="training")
    assert not at.exception
    assert not at.error
    assert metrics(at)["state"] == "done"
    assert metrics(at)["step"] == "6 of 6"
    headers = [header.value for header in at.subheader]
    assert headers == [
        "Predicted against trained", "Precision and recall", "Detections", "To take away",
    ]  # fmt: skip
    assert shown_buttons(at) == {"Remove and train again"}
    at = at.selectbox(key="class").set_value("3").run()
    at = at.slider(key="least-score").set_value(0.05).run()
    assert not at.exception


def test_predicted_stands_against_trained_where_a_table_has_the_network(open_app, done, folder):
    table = make_table(folder / "runs" / "mine" / "table", 3)
    genotypes = SPACE.genotypes([ARCH])
    table.append(SPACE, genotypes, {"map": [0.25]}, provenance={"source": "supernet"})
    at = open_app(page="training")
    assert not at.exception
    [point] = trained_points({"mine": table})
    assert (point.predicted, point.job) == (0.25, done.name)
    assert point.trained == json.loads((done / "metrics.json").read_text())["val"]["map"]


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_buttons(open_app, folder, trained, state):
    [job] = add_jobs(folder, trained, state)
    if state == "done":  # without its results
        at = open_app(page="training")
        assert "no such file" in at.error[0].value
        return
    at = open_app(page="training", job=job.id)
    assert not at.exception
    # Nobody holds the lock of a job that says it is running: it was interrupted.
    expected = "interrupted" if state == "running" else state
    assert metrics(at)["state"] == expected
    assert (
        shown_buttons(at)
        == {
            "queued": {"Cancel", "Start a worker"},
            "interrupted": {"Cancel", "Resume", "Remove and train again"},
            "failed": {"Resume", "Remove and train again"},
            "cancelled": {"Resume", "Remove and train again"},
        }[expected]
    )
    if state == "failed":
        assert at.error[0].value == "why failed"


def test_a_queued_job_is_cancelled_by_its_button(open_app, folder, trained):
    add_jobs(folder, trained, "queued")
    at = open_app(page="training")
    at = the_button(at, "Cancel").click().run()
    assert metrics(at)["state"] == "cancelled"
    assert not at.exception


def test_the_chosen_job_is_the_one_below(open_app, folder, trained):
    first, second = add_jobs(folder, trained, "failed", "cancelled")
    at = open_app(page="training", job=second.id)
    assert metrics(at)["state"] == "cancelled"
    at = at.selectbox(key="job").set_value(first.id).run()
    assert metrics(at)["state"] == "failed"


@pytest.mark.parametrize("file", ["status.json", "config.json", "curves.jsonl", "metrics.json"])
def test_damaged_files_are_one_message(open_app, done, folder, trained, file):
    add_jobs(folder, trained, "cancelled")
    at = open_app(page="training", job=done.name)
    for content in (b"", b"\xff\xfe", b"{", b"[]", b'{"state": "odd", "val": 3}'):
        (done / file).write_bytes(content)
        at = at.run()
        assert not at.exception
        assert str(folder) not in " ".join(error.value for error in at.error)
        if file != "curves.jsonl":
            assert len(at.error) == 1


@pytest.mark.parametrize("file", ["pr.json", "examples.json", "examples/00.png"])
def test_damaged_results_are_one_message(open_app, done, file):
    (done / file).write_bytes(b"{")
    at = open_app(page="training")
    assert not at.exception
    assert len(at.error) + len(at.info) == 1


@pytest.mark.parametrize("job", ["../../etc", "<script>", "", "x" * 5000, "\x00", "0" * 12])
def test_forged_jobs_show_the_last_one(open_app, done, job):
    at = open_app(page="training", job=job)
    assert not at.exception
    assert metrics(at)["step"] == "6 of 6"


def test_many_jobs_are_listed(open_app, folder, trained):
    add_jobs(folder, trained, *["cancelled"] * 30)
    at = open_app(page="training")
    options = at.selectbox(key="job").options
    assert len({*options}) == 30
    assert f"{ARCH} on scenes, 9 steps, seed 30" in options
    assert not at.exception


HOSTILE = [
    Submission("../../etc/passwd", "scenes"),
    Submission("nano:zzz", "scenes"),
    Submission("--help", "scenes"),
    Submission("", "scenes"),
    Submission("<script>alert(1)</script>", "scenes"),
    Submission(ARCH, "../../etc"),
    Submission(ARCH, "/etc"),
    Submission(ARCH, ""),
    Submission(ARCH, "scenes", "/etc/passwd"),
    Submission(ARCH, "scenes", "evil.yaml"),
    Submission(ARCH, "scenes", "nano; rm -rf /"),
    Submission(ARCH, "scenes", init="/etc/passwd"),
    Submission(ARCH, "scenes", init="../run"),
    Submission(ARCH, "scenes", steps=MOST_STEPS + 1),
    Submission(ARCH, "scenes", steps=0),
    Submission(ARCH, "scenes", steps=-5),
    Submission(ARCH, "scenes", batch_size=MOST_BATCH + 1),
    Submission(ARCH, "scenes", batch_size=10**9),
    Submission(ARCH, "scenes", seed=-1),
    Submission(ARCH, "scenes", seed=2**40),
]


@pytest.mark.parametrize("asked", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_submissions_queue_nothing(folder, trained, asked):
    shutil.copytree(trained.parents[1] / "data", folder / "data")
    with pytest.raises(EvonasError):
        submit([Submission(ARCH, "scenes", seed=3), asked])
    assert not (folder / "runs").exists()


def test_no_more_than_some_wait(folder, trained):
    shutil.copytree(trained.parents[1] / "data", folder / "data")
    add_jobs(folder, trained, *["queued"] * MOST_WAITING)
    with pytest.raises(ConfigurationError, match=f"at most {MOST_WAITING}"):
        submit([Submission(ARCH, "scenes", seed=99)])
    assert len(list_jobs()) == MOST_WAITING


@pytest.mark.parametrize("name", ["../x", "", "x" * 99, "0" * 12])
def test_only_jobs_that_exist_are_changed(folder, name):
    for act in (cancel, resume, retry):
        with pytest.raises(ConfigurationError, match="no job"):
            act(name)


def test_read_only_submits_and_changes_nothing(open_app, done, folder, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="training")
    assert "Read-only" in at.info[0].value
    assert not shown_buttons(at)
    assert not [button for button in at.button if button.label == "Submit"]
    assert not at.exception
    for act in (cancel, resume, retry):
        with pytest.raises(ConfigurationError, match="read-only"):
            act(done.name)
    with pytest.raises(ConfigurationError, match="read-only"):
        submit([Submission(ARCH, "scenes")])


@pytest.mark.slow
def test_a_submitted_training_runs_to_its_end_is_cancelled_and_goes_on(open_app, folder, trained):
    shutil.copytree(trained.parents[1] / "data", folder / "data")
    (folder / "runs").mkdir()
    (folder / "runs" / "shortlist.json").write_text(json.dumps({ARCH: ""}))
    at = open_app(page="training")
    steps = labelled(at.number_input, "Steps")
    steps.set_value(20_000)
    at = the_button(at, "Submit").click().run()
    assert not at.error
    [job] = list_jobs()
    wait(job.id, "running")
    while not job.run.read_curves():
        time.sleep(0.1)
    assert not submit([Submission(ARCH, "scenes", steps=20_000)])[0][1]  # the same is one job
    cancel(job.id)
    wait(job.id, "cancelled")
    assert job.run.checkpoint.exists()
    [(other, new)] = submit([Submission(ARCH, "scenes", steps=4)])
    assert new
    wait(other.id, "done")
    retry(other.id)
    wait(other.id, "done")
    assert other.status().attempts == 2


def test_curves_and_precision_are_those_of_the_run(trained):
    run = Job(trained).run
    rows = run.read_curves()
    data = curves_data(rows)
    assert [step for step, _ in data.ap] == [2, 4, 6]
    assert len(data.loss) == 6
    assert len(curves_figure(data).data) == 3
    assert len(curves_figure(curves_data([])).data) == 3
    assert len(curves_csv(rows).splitlines()) == len(rows) + 1
    curves = run.read_precision()
    recall, precision = precision_data(curves, "0.50", MEAN)
    assert len(recall) == len(precision) == 101
    known = [values for values in curves["0.50"].values() if values]
    assert np.allclose(precision, np.mean(known, axis=0))
    assert len(precision_figure(curves, "3").data) == 2
    points = [Trained("a", "x", 0.1, 0.2), Trained("b", "y", 0.2, 0.3)]
    assert [trace.name for trace in agreement_figure(points, "b").data] == [
        "other trainings", "this one", "equal",
    ]  # fmt: skip
