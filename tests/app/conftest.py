import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from evonas.latency import load_predictor, save_predictor
from evonas.space import load_space
from evonas.table import BenchmarkTable, create_table

ENTRY = str(Path(__file__).parents[2] / "app" / "streamlit_app.py")
SPACE = load_space("nano")
SCORES = {"source": "supernet"}


def make_table(path: Path, n: int, scores: float | None = None) -> BenchmarkTable:
    table = create_table(path)
    if n:
        genotypes = np.unique(SPACE.sample(3 * n, np.random.default_rng(0)), axis=0)[:n]
        values = np.linspace(0.1, 0.5, n) if scores is None else np.full(n, scores)
        table.append(SPACE, genotypes, {"map": values}, provenance=SCORES)
        costs = SPACE.costs(genotypes)
        table.append(SPACE, genotypes, costs, provenance={"source": "analytic"})
    return table


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty folder in which the app runs: no shipped tables, no data sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("app.shared.tables.shipped_data", lambda: tmp_path / "nothing")
    return tmp_path


@pytest.fixture
def open_app(folder, monkeypatch) -> Callable[..., AppTest]:
    def start(n: int = 60, scores: float | None = None, page: str = "", **query: str) -> AppTest:
        make_table(folder / "table", n, scores)
        monkeypatch.setenv("EVONAS_APP_TABLE", str(folder / "table"))
        at = AppTest.from_file(ENTRY, default_timeout=60)
        if page:
            at = at.run().switch_page(f"{page}/page.py")
        for name, value in query.items():
            at.query_params[name] = value
        return at.run()

    return start


@pytest.fixture
def own_data(monkeypatch, tmp_path) -> Path:
    """The user's own folder, empty; what is shipped is read only."""
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def add_own_device(name: str) -> None:
    """Adds a device as fast as an Ethos-U55 to the user's own."""
    save_predictor(replace(load_predictor("ethos-u55-256", SPACE), device=name))


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def labelled(elements, label: str):
    """Returns the one of a page's elements of a kind that has the label."""
    [element] = [element for element in elements if element.label == label]
    return element


def the_button(at: AppTest, label: str):
    return labelled(at.button, label)


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """The folder of a job that is done: a real training of six steps, from a real supernet."""
    from evonas.data import make_digits
    from evonas.jobs import JobQueue, JobStatus
    from evonas.retraining import plan_training
    from evonas.retraining.run import run_training

    root = tmp_path_factory.mktemp("trained")
    data = make_digits(root / "data" / "scenes", train=40, val=16)
    changes = ("steps=6", "batch_size=4", "warmup_steps=2", "learning_rate=1e-5", "validations=3")
    request = plan_training("nano:000000000000000", data, changes=changes, init="supernet")
    job, _ = JobQueue(root / "jobs").submit(request)
    run_training(job.path)
    job.write_status(JobStatus("done", 1.7e9, 1.7e9, 1.7e9, 1.7e9 + 60, attempts=1))
    return job.path


@pytest.fixture
def done(folder, trained) -> Path:
    """That job among the jobs of the app's folder; its data set is that of the app."""
    shutil.copytree(trained, folder / "runs" / "jobs" / trained.name)
    shutil.copytree(trained.parents[1] / "data", folder / "data")
    return folder / "runs" / "jobs" / trained.name
