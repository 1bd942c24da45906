import json
import subprocess
import sys

import pytest

from evonas.cli import main
from evonas.data import make_digits
from evonas.jobs import JobQueue


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=12, val=6)


def job(capsys, *arguments):
    assert main(["job", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_job_from_submission_to_its_end(digits, tmp_path, capsys):
    jobs = ["--jobs", str(tmp_path)]
    asked = ["submit", "pico:0000000", "--data", str(digits), "--set", "steps=2", *jobs]
    asked += ["--set", "batch_size=4", "--set", "validations=1"]
    [submitted] = job(capsys, *asked)["jobs"]
    assert (submitted["state"], submitted["new"]) == ("queued", True)
    [again] = job(capsys, *asked)["jobs"]
    assert (again["job"], again["new"]) == (submitted["job"], False)
    name = submitted["job"][:5]
    assert job(capsys, "cancel", name, *jobs)["state"] == "cancelled"
    assert main(["job", "cancel", name, *jobs]) == 2
    assert "is cancelled and cannot be cancelled" in capsys.readouterr().err
    assert job(capsys, "resume", name, *jobs)["state"] == "queued"
    command = [sys.executable, "-m", "evonas", "worker", "--drain", "--slots", "2", *jobs]
    worked = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert worked.returncode == 0
    assert f"job {submitted['job']}: done" in worked.stderr
    done = job(capsys, "status", name, *jobs)
    assert (done["state"], done["step"], done["attempts"]) == ("done", 2, 1)
    assert main(["job", "logs", name, *jobs]) == 0
    assert "validation AP" in capsys.readouterr().out
    assert main(["job", "list", *jobs]) == 0
    assert "2/2" in capsys.readouterr().out
    assert main(["job", "status", name, *jobs]) == 0
    assert "pico:0000000" in capsys.readouterr().out
    assert job(capsys, "retry", name, *jobs)["step"] == 0


def test_a_damaged_job_is_shown_as_such(digits, tmp_path, capsys):
    jobs = ["--jobs", str(tmp_path)]
    job(capsys, "submit", "pico:0000000", "--data", str(digits), *jobs)
    [found] = JobQueue(tmp_path).list()
    found.status_file.write_text("{")
    [shown] = job(capsys, "list", *jobs)["jobs"]
    assert shown["state"] == "damaged"
    assert main(["job", "list", *jobs]) == 0
    assert "damaged" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["status", "logs", "cancel", "resume", "retry"])
def test_an_unknown_job_is_refused(action, tmp_path, capsys):
    assert main(["job", action, "nope", "--jobs", str(tmp_path)]) == 2
    assert "unknown job 'nope'" in capsys.readouterr().err


def test_a_worker_without_its_device_fails_no_job(digits, tmp_path, capsys):
    jobs = ["--jobs", str(tmp_path)]
    job(capsys, "submit", "pico:0000000", "--data", str(digits), *jobs)
    assert main(["worker", "--devices", "cpu,nowhere", "--drain", *jobs]) == 2
    assert "no device 'nowhere' here" in capsys.readouterr().err
    [waiting] = job(capsys, "list", *jobs)["jobs"]
    assert (waiting["state"], waiting["attempts"]) == ("queued", 0)
