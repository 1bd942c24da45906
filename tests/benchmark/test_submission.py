"""Results of other algorithms: what is refused, and what they are laid beside."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import evonas
from evonas.benchmark.raw import RawRun
from evonas.benchmark.runs import RunKey, perform
from evonas.benchmark.submission import BUDGET, COLUMNS, beside, read_submission, remarks
from evonas.benchmark.trial import run_trial
from evonas.cli import main
from evonas.errors import SchemaError

Rows = list[dict[str, str]]


def made_rows(name: str = "pico/u55-noisy", seeds: int = 2, evaluations: int = 30) -> Rows:
    """What somebody with nsga2 under another name would hand in."""
    rows = []
    for seed in range(seeds):
        problem = evonas.load_problem(name, seed)
        found = run_trial(problem, "nsga2", evaluations, seed, 10).genotypes
        seen = problem.observe(found)[0]
        for number, (arch_id, values) in enumerate(
            zip(problem.space.arch_ids(found), seen, strict=True), start=1
        ):
            told = " ".join(f"{value:.9g}" for value in values)
            cells = [name, problem.record.version, "theirs", seed, number, arch_id, told]
            rows.append(dict(zip(COLUMNS, map(str, cells), strict=True)))
    return rows


def written(path: Path, rows: Rows) -> Path:
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_file_is_measured_as_our_own_runs_are(tmp_path: Path) -> None:
    runs = read_submission(written(tmp_path / "s.csv", made_rows()))
    assert [(r.key.problem, r.key.seed) for r in runs] == [("pico/u55-noisy", s) for s in (0, 1)]
    ours = perform(RunKey("pico/u55-noisy", "nsga2", 1, 30, 10))
    assert runs[1].improved_at == ours.improved_at
    assert runs[1].improved_to == pytest.approx(ours.improved_to)
    assert runs[1].checksum == ours.checksum


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    rows = made_rows("pico/u55")
    table = pd.DataFrame(rows).astype({"seed": int, "evaluation": int, "version": int})
    table.to_parquet(tmp_path / "s.parquet")
    one, two = (
        read_submission(path)
        for path in (tmp_path / "s.parquet", written(tmp_path / "s.csv", rows))
    )
    assert one == two


def _lacks(rows: Rows) -> None:
    del rows[3]


def _other_value(rows: Rows) -> None:
    rows[7]["values"] = "0.9 " + rows[7]["values"].split()[1]


def _other_version(rows: Rows) -> None:
    rows[0]["version"] = "1"


def _our_name(rows: Rows) -> None:
    for row in rows:
        row["algorithm"] = "nsga2"


def _two_names(rows: Rows) -> None:
    rows[-1]["algorithm"] = "another"


def _no_number(rows: Rows) -> None:
    rows[2]["seed"] = "1.5"


def _unknown(rows: Rows) -> None:
    rows[0]["problem"] = "pico/u56"


def _no_network(rows: Rows) -> None:
    rows[0]["arch_id"] = "pico:zzzzzzz"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_lacks, r"seed 0: evaluations must be numbered 1, 2, \.\.\. without gaps"),
        (_other_value, r"line 9: values '0\.9 .*' of pico:\w+; with seed 0 pico/u55-noisy shows"),
        (_other_version, r"line 2: version 1 of pico/u55-noisy; it is \d here"),
        (_our_name, "none of ours; there is nsga2"),
        (_two_names, "one name throughout.*another, theirs"),
        (_no_number, r"line 4: seed is '1\.5'; a whole number from 0 to 999999999 is expected"),
        (_unknown, r"s\.csv, line 2: unknown problem 'pico/u56'"),
        (_no_network, r"s\.csv, line 2: .*pico"),
    ],
)
def test_what_is_not_the_problems_is_refused_with_its_place(
    spoil: Callable[[Rows], None],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = made_rows()
    spoil(rows)
    path = written(tmp_path / "s.csv", rows)
    assert main(["bench", "submit", str(path)]) in (2, 3)
    told = capsys.readouterr().err
    import re

    assert re.search(message, " ".join(told.split())), told


def test_too_many_evaluations_and_no_columns_are_refused(tmp_path: Path) -> None:
    [row] = made_rows("pico/u55", 1, 2)[:1]
    rows = [row | {"evaluation": str(n)} for n in range(1, BUDGET + 2)]
    with pytest.raises(SchemaError, match="1,501 evaluations; the budget is 1,500"):
        read_submission(written(tmp_path / "s.csv", rows))
    (tmp_path / "t.csv").write_text("problem,seed\npico/u55,0\n")
    with pytest.raises(SchemaError, match="lacks the column 'version'"):
        read_submission(tmp_path / "t.csv")
    (tmp_path / "u.parquet").write_text("no")
    with pytest.raises(SchemaError, match="not a Parquet file"):
        read_submission(tmp_path / "u.parquet")


def test_runs_of_shared_seeds_are_paired_with_ours(tmp_path: Path) -> None:
    theirs = read_submission(written(tmp_path / "s.csv", made_rows("pico/u55", 8)))

    def ours(gain: float, checksum: str = theirs[0].checksum) -> list[RawRun]:
        return [
            RawRun(RunKey("pico/u55", "plain", seed, BUDGET, 50), checksum, 0.0, [1], [gain])
            for seed in range(7)
        ]

    [own, plain] = beside(theirs, ours(1e-3))
    assert (own.ours, plain.ours, plain.shared) == ("", "plain", 7)
    assert plain.effect == 1.0  # every one of theirs is better
    assert plain.p == pytest.approx(2**-6)  # the least that seven pairs can give
    assert plain.to_99 == np.inf
    [row] = beside(theirs, ours(1e-3, "another version"))
    assert row.ours == ""
    told = " ".join(remarks(theirs, [own]))
    assert "seeds 0 to 30; some are missing on: pico/u55" in told
    assert "fewer than 1,500 evaluations" in told
    assert "we have no runs on: pico/u55" in told


def test_the_command_lays_it_beside_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "s.csv", made_rows("pico/u55"))
    assert main(["bench", "submit", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == 2
    assert told["problems"][0]["submitted"]
    assert told["problems"][0]["algorithm"] == "theirs"
    assert main(["bench", "submit", str(path)]) == 0
    assert "60 evaluations: every value is the problem's" in capsys.readouterr().out
