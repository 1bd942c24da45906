"""The wheel, installed into fresh environments outside the checkout, read-only throughout."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 40_000_000
PAGES = sorted(page.parent.name for page in (ROOT / "app").glob("*/page.py"))

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Installation:
    """A fresh environment with the wheel in it, and a folder to work in."""

    environment: Path
    folder: Path

    @property
    def package(self) -> Path:
        [found] = self.environment.glob("lib/python*/site-packages/evonas")
        return found

    def run(self, *command: str) -> str:
        """Runs a command that succeeds; returns stdout."""
        ran = self.ran(*command)
        assert ran.returncode == 0, f"{command}: {ran.stdout[-2000:]}{ran.stderr[-2000:]}"
        return ran.stdout

    def ran(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command with the environment's `bin` first."""
        given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        given |= {
            "PATH": f"{self.environment}/bin:{given['PATH']}",
            "EVONAS_HOME": str(self.folder / "home"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "OMP_NUM_THREADS": "1",
        }
        given.pop("EVONAS_DATA", None)
        return subprocess.run(
            self.read_only(command), cwd=self.folder, env=given, capture_output=True, text=True
        )

    def read_only(self, command: tuple[str, ...]) -> list[str]:
        """Lets root, who may write anywhere, meet a read-only installation, as a user does."""
        if not may_mount():
            return list(command)
        mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        return ["unshare", "-m", "sh", "-c", mount, str(self.environment), *command]

    def hashes(self) -> dict[str, str]:
        """Returns the installed files with their hashes."""
        files = [path for path in self.package.parent.rglob("evonas*/**/*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def may_mount() -> bool:
    probe = ["unshare", "-m", "mount", "--bind", "/tmp", "/tmp"]
    return subprocess.run(probe, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="evonas-wheel-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def wheel(place: Path) -> Path:
    pytest.importorskip("build")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", place, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    [built] = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def base(place: Path, wheel: Path) -> Installation:
    """The wheel and what it depends on by itself."""
    return installation(place / "base", place / "base-work", [str(wheel)])


@pytest.fixture(scope="module")
def full(place: Path, wheel: Path) -> Installation:
    """The wheel among all the extras, which are those of this environment."""
    made = installation(
        place / "full", place / "full-work", ["--no-deps", "--ignore-installed", str(wheel)]
    )
    [ours] = {path for path in sys.path if path.startswith(sys.prefix) and "site-packages" in path}
    (made.package.parent / "extras.pth").write_text(f"{ours}\n")
    return made


def installation(environment: Path, folder: Path, wanted: list[str]) -> Installation:
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted], check=True)
    folder.mkdir()
    return Installation(environment, folder)


def test_the_wheel_holds_app_and_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.stat().st_size < MOST_BYTES
    assert {name.split("/")[0].split("-")[0] for name in names} == {"evonas"}
    for needed in (
        "app/streamlit_app.py", "app/.streamlit/config.toml", "benchmark_data/problems/problems.h5",
        "benchmark_data/supernets/nano.safetensors",
    ):  # fmt: skip
        assert f"evonas/_share/{needed}" in names
    shipped = {str(p.relative_to(ROOT)) for p in (ROOT / "evonas").rglob("*.py")}
    assert shipped <= set(names)


def test_the_base_install_answers_without_torch(base: Installation) -> None:
    before = base.hashes()
    assert len(json.loads(base.run("evonas", "problem", "list", "--json"))["problems"]) >= 31
    code = "import evonas; print(evonas.load_problem('pico/u55').true_front.shape[1])"
    assert base.run("python", "-c", code) == "2\n"
    compared = base.run(
        "evonas", "bench", "compare", "--problems", "pico/u55", "--algorithms", "nsga2,random",
        "--seeds", "2", "--evaluations", "60", "--out", "bench", "--json",
    )  # fmt: skip
    assert json.loads(compared)["runs"] == 4
    front = base.run(
        "evonas", "table", "front", "nano-v5", "--objectives", "map,latency:ethos-u55-256", "--json"
    )
    assert len(json.loads(front)["front"]) > 20
    devices = json.loads(base.run("evonas", "device", "list", "--json"))["devices"]
    assert {device["name"] for device in devices if device["predicts"]} >= {"ethos-u55-256"}
    assert "detect" in base.run("python", "-m", "evonas", "--help")
    searched = base.run(
        "evonas", "search", "--space", "pico", "--objectives", "map,latency:ethos-u55-256",
        "--scorer", "table", "--table", "pico-v3", "--population", "8", "--generations", "2",
        "--no-remeasure", "--out", "search", "--json",
    )  # fmt: skip
    assert json.loads(searched)["front"]
    assert base.ran("python", "-c", "import torch").returncode == 1
    assert base.hashes() == before


def test_what_is_missing_is_named_with_the_extra_that_brings_it(base: Installation) -> None:
    for command, extra in (
        (["evonas", "app"], "evonas[app]"),
        (["evonas", "demo"], "evonas[train]"),
        (["evonas", "train", "pico:0000000", "--data", "nothing"], "evonas[train]"),
        (["evonas", "device", "measure", "--device", "cpu-xnnpack"], "evonas[devices]"),
    ):
        ran = base.ran(*command)
        assert ran.returncode == 2, ran.stderr
        assert extra in ran.stderr
        assert ran.stderr.splitlines()[-1].startswith("error: "), ran.stderr
        assert "Traceback" not in ran.stderr


def test_a_device_of_ones_own_lies_in_its_owners_folder(base: Installation) -> None:
    before = base.hashes()
    code = """
import csv, numpy as np, evonas
space = evonas.load_space("nano")
genotypes = np.unique(space.sample(40, np.random.default_rng(0)), axis=0)
times = 2.5 * evonas.load_predictor("ethos-u55-256", "nano").predict(genotypes)
with open("mine.csv", "w") as file:
    rows = csv.writer(file)
    rows.writerow(["arch_id", "latency", "unit"])
    rows.writerows(zip(space.arch_ids(genotypes), times, ["ms"] * len(times)))
"""
    base.run("python", "-c", code)
    own = base.folder / "home" / "latency" / "nano"
    base.run("evonas", "device", "import", "mine.csv", "--device", "mine", "--space", "nano")
    assert len(list(own.glob("mine.*.npz"))) == 2
    [mine] = [
        device
        for device in json.loads(base.run("evonas", "device", "list", "--json"))["devices"]
        if device["name"] == "mine"
    ]
    assert mine["own"]
    assert "mine" in base.run("evonas", "arch", "show", "nano:0173a00230027c0")
    base.run("evonas", "device", "remove", "mine")
    assert not list(own.glob("mine.*"))
    assert base.hashes() == before


def test_every_page_of_the_app_leaves_the_installation_as_it_is(full: Installation) -> None:
    before = full.hashes()
    code = f"""
import sys
from evonas.paths import installed
folder = installed("app")
assert "_share" in str(folder), folder
sys.path.insert(0, str(folder.parent))
from streamlit.testing.v1 import AppTest
for page in {PAGES}:
    at = AppTest.from_file(str(folder / "streamlit_app.py"), default_timeout=120).run()
    at = at.switch_page(f"{{page}}/page.py").run()
    assert not at.exception, (page, at.exception)
    if page == "explore":
        assert "on the front" in " ".join(m.label for m in at.metric), at.metric
"""
    full.run("python", "-c", code)
    assert full.hashes() == before


def test_the_demo_runs_from_the_wheel(full: Installation) -> None:
    before = full.hashes()
    full.run("evonas", "data", "make", "digits", "--out", "digits", "--train", "20", "--val", "20")
    full.run("evonas", "demo", "--data", "digits", "--out", "demo")
    assert (full.folder / "demo" / "front.csv").exists()
    assert full.hashes() == before
