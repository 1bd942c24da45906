"""Somebody else's runs: a file of evaluations, checked line by line and laid beside ours."""

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evonas.benchmark.loading import list_problems, load_problem
from evonas.benchmark.problem import BenchmarkProblem
from evonas.benchmark.raw import RawRun, read_parquet
from evonas.benchmark.runs import RunKey, RunResult, measure
from evonas.benchmark.statistics import a12, holm, least_p, paired_p
from evonas.benchmark.trial import POPULATION, Trial
from evonas.errors import GenotypeError, SchemaError, unknown_name
from evonas.limits import printable, read_limited
from evonas.search.algorithms import ALGORITHMS
from evonas.space import Genotypes

COLUMNS = ("problem", "version", "algorithm", "seed", "evaluation", "arch_id", "values")
# The protocol: that many evaluations of each run, and seeds from 0.
BUDGET, SEEDS = 1500, 31
_MOST_ROWS = 10_000_000
_LONGEST_NAME = 60
_CLOSE = 1e-6

Row = tuple[str, str, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Beside:
    """A submitted algorithm on one problem beside one of ours.

    Attributes:
        problem: Name.
        ours: Our algorithm; empty in the row of the submitted one itself.
        mean_hypervolume: Median over the seeds, of the algorithm of this row.
        to_99: Median evaluations to 99 % of the front's hypervolume, infinite if not reached.
        shared: Seeds that both have.
        effect: A12: the chance that a submitted run is better; NaN in the submitted one's row.
        p: Of the signed-rank test over the shared seeds, Holm-corrected over the whole table.
    """

    problem: str
    ours: str
    mean_hypervolume: float
    to_99: float
    shared: int
    effect: float
    p: float


def read_submission(path: Path) -> list[RunResult]:
    """Reads and checks a file of evaluations, CSV or Parquet, and measures every run.

    A row is an evaluation: `problem`, `version` of the problem, `algorithm`, `seed`, `evaluation`
    counted from 1 in each run, `arch_id`, and `values`, what was seen, in the order of the
    problem's objectives with spaces between.

    Raises:
        SchemaError: A column is missing, a row is none, a run has gaps or is too long, a problem
            is of another version, or a value is not the problem's.
        GenotypeError: An identifier that is none.
    """
    rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    if not rows:
        raise SchemaError(f"{path}: no evaluation in it")
    names = {row[2] for row in rows}
    if len(names) > 1 or not 0 < len(rows[0][2]) <= _LONGEST_NAME or rows[0][2] in ALGORITHMS:
        raise SchemaError(
            f"{path}: 'algorithm' must be one name throughout, of at most {_LONGEST_NAME} "
            f"characters and none of ours; there is {printable(', '.join(sorted(names)), 100)}"
        )
    runs: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        seed, number = _whole(path, line, row, 3), _whole(path, line, row, 4)
        runs[row[0], seed].append((number, line))
    known = list_problems()
    for (problem, _), entries in runs.items():
        if problem not in known:
            error = unknown_name("problem", printable(problem, 60), known)
            raise SchemaError(f"{path}, line {entries[0][1]}: {error}")
    return [
        _measured(path, load_problem(name, seed), seed, entries, rows)
        for (name, seed), entries in sorted(runs.items())
    ]


def _measured(
    path: Path,
    problem: BenchmarkProblem,
    seed: int,
    entries: list[tuple[int, int]],
    rows: Sequence[Row],
) -> RunResult:
    name, entries = problem.definition.name, sorted(entries)
    where = f"{path}: {name}, seed {seed}"
    if [number for number, _ in entries] != list(range(1, len(entries) + 1)):
        raise SchemaError(f"{where}: evaluations must be numbered 1, 2, ... without gaps")
    if len(entries) > BUDGET:
        raise SchemaError(f"{where}: {len(entries):,} evaluations; the budget is {BUDGET:,}")
    own = [rows[line - 2] for _, line in entries]
    for (_, line), row in zip(entries, own, strict=True):
        if row[1] != str(problem.record.version):
            raise SchemaError(
                f"{path}, line {line}: version {printable(row[1], 20)} of {name}; "
                f"it is {problem.record.version} here"
            )
    genotypes = _genotypes(path, problem, entries, own)
    seen = problem.observe(genotypes)[0]
    for (_, line), row, expected in zip(entries, own, seen, strict=True):
        if not _equal(row[6], expected):
            told = " ".join(f"{value:.9g}" for value in expected)
            raise SchemaError(
                f"{path}, line {line}: values {printable(row[6], 80)!r} of {row[5]}; with seed "
                f"{seed} {name} shows {told}"
            )
    key = RunKey(name, own[0][2], seed, len(own), min(POPULATION, len(own)))
    return measure(problem, Trial(genotypes), key, 0.0)


def _genotypes(
    path: Path, problem: BenchmarkProblem, entries: list[tuple[int, int]], own: Sequence[Row]
) -> Genotypes:
    arch_ids = [row[5] for row in own]
    try:
        return problem.space.genotypes(arch_ids)
    except GenotypeError:
        for (_, line), arch_id in zip(entries, arch_ids, strict=True):
            try:
                problem.space.genotypes([arch_id])
            except GenotypeError as error:
                raise GenotypeError(f"{path}, line {line}: {error}") from None
        raise


def _equal(text: str, expected: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    try:
        values = np.array([float(part) for part in text.split()])
    except ValueError:
        return False
    return values.shape == expected.shape and bool(np.allclose(values, expected, rtol=_CLOSE))


def _whole(path: Path, line: int, row: Row, column: int) -> int:
    if not (row[column].isascii() and row[column].isdecimal() and len(row[column]) < 10):
        raise SchemaError(
            f"{path}, line {line}: {COLUMNS[column]} is {printable(row[column], 40)!r}; a whole "
            "number from 0 to 999999999 is expected"
        )
    return int(row[column])


def _csv(path: Path) -> list[Row]:
    text = read_limited(path)
    try:
        reader = csv.DictReader(io.StringIO(text.decode()))
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise SchemaError(f"{path}: lacks the column {missing[0]!r}")
        return [_row([str(row[name] or "") for name in COLUMNS]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SchemaError(f"{path}: not a CSV file ({error})") from error


def _parquet(path: Path) -> list[Row]:
    table = read_parquet(path, COLUMNS, _MOST_ROWS)
    columns = [table.column(name).to_pylist() for name in COLUMNS]
    return [
        _row(["" if part is None else str(part) for part in row])
        for row in zip(*columns, strict=True)
    ]


def _row(parts: list[str]) -> Row:
    problem, version, algorithm, seed, evaluation, arch_id, values = parts
    return problem, version, algorithm, seed, evaluation, arch_id, values


def beside(theirs: Sequence[RunResult], ours: Sequence[RawRun]) -> list[Beside]:
    """Returns the submitted algorithm on each of its problems, and each of ours there.

    Our runs on another version of a problem do not count.

    Args:
        theirs: Runs of one algorithm.
        ours: Raw runs of ours.
    """
    found: list[Beside] = []
    for problem in dict.fromkeys(run.key.problem for run in theirs):
        own = {run.key.seed: run for run in theirs if run.key.problem == problem}
        found.append(_row_of(problem, "", list(own.values())))
        checksum = next(iter(own.values())).checksum
        same = [r for r in ours if r.key.problem == problem and r.checksum == checksum]
        for algorithm in dict.fromkeys(run.key.algorithm for run in same):
            runs = {r.key.seed: r for r in same if r.key.algorithm == algorithm}
            shared = sorted(own.keys() & runs.keys())
            pair = [
                np.array([side[seed].mean_hypervolume(BUDGET) for seed in shared])
                for side in (own, runs)
            ]
            effect = a12(*pair) if shared else float("nan")
            p = paired_p(*pair) if shared else float("nan")
            found.append(_row_of(problem, algorithm, list(runs.values()), len(shared), effect, p))
    tested = [row for row in found if row.p == row.p]
    corrected = dict(zip(map(id, tested), holm([row.p for row in tested]), strict=True))
    return [replace(row, p=corrected.get(id(row), row.p)) for row in found]


def _row_of(
    problem: str,
    ours: str,
    runs: Sequence[RunResult | RawRun],
    shared: int = 0,
    effect: float = float("nan"),
    p: float = float("nan"),
) -> Beside:
    mean = float(np.median([run.mean_hypervolume(BUDGET) for run in runs]))
    to_99 = float(np.median([run.reached(0.99) for run in runs]))
    return Beside(problem, ours, mean, to_99, shared, effect, p)


def remarks(theirs: Sequence[RunResult], table: Sequence[Beside]) -> list[str]:
    """Returns where the runs leave the protocol, and what their tests cannot show."""
    found = []
    seeds = {p: {r.key.seed for r in theirs if r.key.problem == p} for p in _problems(theirs)}
    few = [problem for problem, own in seeds.items() if not own >= set(range(SEEDS))]
    if few:
        found.append(f"the protocol asks for seeds 0 to {SEEDS - 1}; some are missing on: "
                     + ", ".join(few))  # fmt: skip
    short = {r.key.problem for r in theirs if r.key.evaluations < BUDGET}
    if short:
        found.append(
            f"some runs have fewer than {BUDGET:,} evaluations, and keep what they had, on: "
            + ", ".join(sorted(short))
        )
    tests = [row for row in table if row.ours and row.shared]
    if tests and least_p(min(row.shared for row in tests)) * len(tests) >= 0.05:
        found.append("with so few shared seeds no difference can be significant")
    alone = [p for p in seeds if not any(row.ours and row.problem == p for row in table)]
    if alone:
        found.append(f"we have no runs on: {', '.join(alone)}")
    return found


def _problems(runs: Sequence[RunResult]) -> list[str]:
    return list(dict.fromkeys(run.key.problem for run in runs))
