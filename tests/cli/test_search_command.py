"""`evonas search` on `pico`, scored by a numeric function."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from evonas.cli import main
from evonas.scoring import ScorerOptions
from evonas.scoring.load import SCORERS
from evonas.seal import add_seal
from evonas.search import SearchResult
from evonas.space import Genotypes, load_space
from evonas.table import open_table
from tests.cli.conftest import CostScorer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> CostScorer:
    """A scorer that the command line finds under the name `test`."""
    made = CostScorer(load_space("pico"))
    monkeypatch.setitem(SCORERS, "test", lambda options: made)
    return made


def search(*arguments: str | Path, scorer: str = "test") -> int:
    fixed = ["search", "--space", "pico", "--objectives", "map,madds", "--scorer", scorer]
    return main([*fixed, "--population", "10", "--generations", "4", *map(str, arguments)])


def test_search_writes_front_report_and_table(
    scorer: CostScorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert search("--out", out, "--json") == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert set(told) == {"front", "hypervolume", "scored", "cached", "seconds"}
    assert (told["scored"], told["cached"]) == (40, 0)
    assert "generation 4/4" in captured.err
    with (out / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["arch_id"] for row in rows] == [row["arch_id"] for row in told["front"]]
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["seed"] == 0
    assert record["settings"]["provenance"] == scorer.provenance
    page = (out / "front.html").read_text()
    assert rows[0]["arch_id"] in page
    assert 'src="http' not in page
    table = open_table(out / "table")
    assert len(table) == 40
    assert {"map", "map50", "madds", "params"} == set(table.columns())
    assert all(not np.isnan(table.column(name)).any() for name in table.columns())


def test_same_search_again_scores_nothing(
    scorer: CostScorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for _ in range(2):
        assert search("--out", tmp_path / "run", "--json") == 0
        told.append(json.loads(capsys.readouterr().out))
    assert scorer.calls == 40
    assert (told[1]["scored"], told[1]["cached"]) == (0, 40)
    assert told[1]["front"] == told[0]["front"]


def test_only_objectives_by_size_make_a_scorer_score_by_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[bool] = []

    class BySize(CostScorer):
        columns = ("map", "map50", "map_small", "map_medium", "map_large")

        def __call__(self, genotypes: Genotypes) -> dict[str, np.ndarray]:
            return dict.fromkeys(self.columns, super().__call__(genotypes)["map"])

    def make(options: ScorerOptions) -> CostScorer:
        asked.append(options.by_size)
        return (BySize if options.by_size else CostScorer)(options.space)

    monkeypatch.setitem(SCORERS, "test", make)
    assert search("--out", tmp_path / "plain") == 0
    assert search("--out", tmp_path / "sized", "--objectives", "map_small,map_large,madds") == 0
    assert search("--out", tmp_path / "bound", "--where", "map_medium >= 0.1") == 0
    assert asked == [False, True, True]


def test_people_see_each_column_with_its_source(
    scorer: CostScorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search("--out", tmp_path / "run", "--where", "madds <= 3e7") == 0
    shown = capsys.readouterr().out
    headings, (_, *sources) = (line.split() for line in shown.splitlines()[1:3])
    assert dict(zip(headings, sources, strict=True)) == {
        "map": "test",
        "map50": "test",
        "madds": "analytic",
        "params": "analytic",
    }
    assert "pico:" in shown


def test_interrupt_leaves_a_whole_table_and_exits_130(
    scorer: CostScorer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    score = CostScorer.__call__

    def stop(self: CostScorer, genotypes: Genotypes) -> dict[str, np.ndarray]:
        if self.calls >= 20:
            raise KeyboardInterrupt
        return score(self, genotypes)

    with monkeypatch.context() as patched:
        patched.setattr(CostScorer, "__call__", stop)
        assert search("--out", tmp_path / "run") == 130
    assert "the same command resumes" in capsys.readouterr().err
    assert main(["table", "verify", str(tmp_path / "run" / "table")]) == 0
    kept = len(open_table(tmp_path / "run" / "table"))
    assert kept >= 20
    capsys.readouterr()
    assert search("--out", tmp_path / "run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cached"], told["scored"]) == (kept, 40 - kept)


def test_search_in_a_table_of_the_whole_space(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = open_table(filled).checksum()
    options = ["--table", filled, "--out", tmp_path, "--json"]
    assert search(*options, scorer="table") == 0
    assert json.loads(capsys.readouterr().out)["scored"] == 0
    assert open_table(filled).checksum() == before


def test_another_searchs_report_is_not_written_over(
    scorer: CostScorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert search("--out", out) == 0
    before = (out / "front.csv").read_bytes()
    capsys.readouterr()
    assert search("--out", out, "--seed", "5") == 2
    assert_one_message(capsys, "holds the report of another search (seed 0, now 5)")
    assert search("--out", out, "--where", "madds <= 3e7") == 2
    assert (out / "front.csv").read_bytes() == before
    assert search("--out", out, "--generations", "5") == 0  # the same one, for longer
    (out / "run.json").write_text("{")
    assert search("--out", out, "--seed", "5") == 0  # nothing is lost with a damaged report


# --- what a user can get wrong ------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--space", "nani"], 2, "unknown space 'nani'; known: "),
        (["--objectives", "map,speed"], 2, "unknown objective 'speed'; known: "),
        (["--objectives", "map"], 2, "at least two different ones are required"),
        (["--objectives", "map,latency:toaster"], 2, "unknown device 'toaster'; known: "),
        (["--where", "latency:toaster <= 5"], 2, "unknown device 'toaster'; known: "),
        (["--where", "madds is small"], 2, "condition 'madds is small': a comparison"),
        (["--where", "trained_map >= 0.2"], 2, "the scorer does not give 'trained_map'"),
        (
            ["--scorer", "surrogate", "--where", "foo <= 3"],
            2,
            "the scorer surrogate does not give 'foo'; it gives map, map_std, and without a scorer",
        ),
        (["--algorithm", "luck"], 2, "unknown algorithm 'luck'; known: agemoea2, "),
        (["--scorer", "oracle"], 2, "unknown scorer 'oracle'; known: "),
        (["--population", "0"], 2, "Invalid value for '--population'"),
        (["--generations", "-1"], 2, "Invalid value for '--generations'"),
        (["--scorer", "supernet", "--weights", "none.safetensors"], 2, "no supernet weights at"),
        (["--scorer", "table", "--table", "nowhere"], 3, "nowhere: no such table"),
    ],
)
def test_wrong_options_have_one_clear_message(
    arguments: list[str],
    code: int,
    message: str,
    scorer: CostScorer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert search("--out", tmp_path / "run", *arguments) == code
    assert_one_message(capsys, message)


def assert_one_message(capsys: pytest.CaptureFixture[str], message: str) -> None:
    captured = capsys.readouterr()
    assert captured.out == ""
    told = [line for line in captured.err.splitlines() if line.lower().startswith("error: ")]
    assert len(told) == 1, captured.err
    assert message in told[0]
    assert "Traceback" not in captured.err


def test_scores_of_other_weights_are_refused(
    scorer: CostScorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search("--out", tmp_path / "run") == 0
    capsys.readouterr()
    scorer.provenance = {"source": "test", "weights": "b"}
    assert search("--out", tmp_path / "run") == 3
    assert_one_message(capsys, "column 'map' has weights 'a', the new values 'b'")


def test_table_of_another_space(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--space", "nano", "--table", filled, "--out", tmp_path / "run"]
    assert search(*options, scorer="table") == 3
    assert_one_message(capsys, "no rows of space 'nano'; there: pico")


def test_table_of_an_older_definition_of_the_space(
    scorer: CostScorer, filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = copy_of(filled, tmp_path)
    [part] = table.glob("*.h5")
    with h5py.File(part, "a") as file:
        file["pico"].attrs["fingerprint"] = "0123456789abcdef"
    with part.open("r+b") as raw:
        add_seal(raw)
    assert search("--table", table, "--out", tmp_path / "run") == 3
    assert_one_message(capsys, "rows of another definition of the space 'pico'")


def test_table_of_a_newer_schema(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = copy_of(filled, tmp_path)
    with h5py.File(next(table.glob("*.h5")), "a") as file:
        file.attrs["schema"] = 99
    assert search("--table", table, "--out", tmp_path / "run", scorer="table") == 3
    assert_one_message(capsys, "schema 99 is newer than")


@pytest.mark.parametrize("keep", [0, 0.5])
@pytest.mark.parametrize("command", ["search", "info", "verify"])
def test_empty_and_truncated_tables(
    keep: float,
    command: str,
    filled: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = copy_of(filled, tmp_path)
    part = next(table.glob("*.h5"))
    part.write_bytes(part.read_bytes()[: int(part.stat().st_size * keep)])
    if command == "search":
        code = search("--table", table, "--out", tmp_path / "run", scorer="table")
    else:
        code = main(["table", command, str(table)])
    assert code == 3
    assert_one_message(capsys, f"{part}: no readable benchmark table")


def copy_of(table: Path, folder: Path) -> Path:
    target = folder / "copy"
    target.mkdir()
    for part in table.glob("*.h5"):
        (target / part.name).write_bytes(part.read_bytes())
    return target


# --- places that cannot be written -----------------------------------------------------------


@pytest.fixture
def mounted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A small file system, mounted with the test's options; root does not heed permissions."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        done = False
    if not done:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("mounted", ["ro"], indirect=True)
def test_read_only_folder(
    mounted: Path, scorer: CostScorer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search("--out", mounted / "run") == 3
    assert_one_message(capsys, "Read-only file system")


@pytest.mark.parametrize("mounted", ["ro"], indirect=True)
def test_read_only_report_folder(
    mounted: Path, scorer: CostScorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert search("--table", tmp_path / "table", "--out", mounted) == 3
    assert_one_message(capsys, "Read-only file system")
    assert len(open_table(tmp_path / "table")) == 40


@pytest.mark.parametrize("mounted", ["size=64k"], indirect=True)
def test_full_disk_loses_no_stored_score(
    mounted: Path, scorer: CostScorer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", tmp_path / "run", "--population", "100"]
    assert search("--table", mounted / "table", *options) == 3
    assert_one_message(capsys, "No space left on device")
    assert main(["table", "verify", str(mounted / "table")]) == 0


def test_ctrl_c_of_a_real_process(tmp_path: Path) -> None:
    """SIGINT, as a terminal sends it, to the command itself."""
    code = (
        "import os, signal, sys; from evonas.cli import main; from evonas.scoring.load import "
        "SCORERS; from evonas.space import load_space; "
        "sys.path.insert(0, 'tests/cli'); import test_search_command as t; "
        "score = t.CostScorer.__call__\n"
        # A shell's background jobs, and so whatever starts these tests there, ignore SIGINT.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def slow(self, genotypes):\n"
        "    if self.calls: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return score(self, genotypes)\n"
        "t.CostScorer.__call__ = slow\n"
        "SCORERS['test'] = lambda options: t.CostScorer(options.space)\n"
        "raise SystemExit(t.search('--out', sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130, done.stderr
    assert "the same command resumes" in done.stderr
    assert "Traceback" not in done.stderr
    assert main(["table", "verify", str(tmp_path / "run" / "table")]) == 0


def test_the_front_so_far_is_there_until_the_last_one_is(
    scorer: CostScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def look(result: SearchResult, spec: object) -> SearchResult:
        seen.append((tmp_path / "run" / "front-so-far.csv").read_text())
        return result

    monkeypatch.setattr("evonas.cli.searching._LIVE_SECONDS", 0)
    monkeypatch.setattr("evonas.cli.searching._remeasured", look)
    assert search("--out", tmp_path / "run") == 0
    assert seen == [(tmp_path / "run" / "front.csv").read_text()]
    assert not (tmp_path / "run" / "front-so-far.csv").exists()


def test_a_search_without_a_feasible_network_fails_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["search", "--space", "pico", "--objectives", "params,madds", "--population", "6"]
    call += ["--generations", "2", "--out", str(tmp_path / "run")]
    assert main([*call, "--where", "params <= 1"]) == 1
    told = capsys.readouterr()
    assert "none of the 12 networks that were tried meets params <= 1.0" in told.err
    assert "0 on the front of 0" in told.out
    assert main([*call, "--where", "params <= 1", "--json"]) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["front"] == []
    call[-1] += "2"
    assert main(call) == 0
    assert "scores:" not in capsys.readouterr().out  # costs need no table
    assert not (tmp_path / "run2" / "table").exists()
