"""Kills a search at random moments and runs it again: nothing may be lost, the front stays.

    python -m scripts.stress.search --data ~/.cache/evonas/digits --population 8 --generations 4

Each kill is a SIGKILL at a random moment of the search, into a table of its own. Then
`evonas table verify` must find nothing, the same search is run again to its end, and is compared
with the undisturbed one. A scorer that is no part of evonas is named `module:Class`.
"""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

Option = Annotated[str, typer.Option()]


@dataclass(frozen=True)
class Outcome:
    """What a search said before it ended or was killed."""

    acknowledged: int
    result: dict[str, Any] | None
    seconds: float


def stress(
    space: str = "nano",
    objectives: str = "map,madds",
    scorer: str = "supernet",
    weights: str = "",
    data: str = "",
    population: int = 8,
    generations: int = 4,
    kills: int = 20,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
) -> None:
    """Prints what each kill left and whether the search recovered; exit code 1 if one did not."""
    search = [
        sys.executable,
        "-m",
        "scripts.stress.search",
        "child",
        "--space",
        space,
        "--objectives",
        objectives,
    ]
    search += ["--scorer", scorer, "--weights", weights, "--data", data]
    search += ["--population", str(population), "--generations", str(generations)]
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = _run([*search, "--table", f"{folder}/undisturbed"])
        assert undisturbed.result, "the undisturbed search failed"
        total = undisturbed.result["scored"]
        print(f"undisturbed: {total} scores in {undisturbed.seconds:.1f} s", flush=True)
        failures = 0
        for number in range(1, kills + 1):
            table = Path(folder) / f"killed-{number}"
            moment = rng.uniform(0, undisturbed.seconds)
            killed = _run([*search, "--table", str(table)], moment)
            # Before its first score a search has made no table.
            verified = _verify(table) if killed.acknowledged or table.exists() else True
            again = _run([*search, "--table", str(table)]).result
            sound = (
                verified
                and again is not None
                and again["front"] == undisturbed.result["front"]
                and again["cached"] >= killed.acknowledged
                and again["cached"] + again["scored"] == total
                and _verify(table)
            )
            failures += not sound
            found, fresh = (again["cached"], again["scored"]) if again else (0, 0)
            print(
                f"kill {number:>2} after {moment:6.2f} s: {killed.acknowledged:>4} acknowledged, "
                f"{found:>4} found, {fresh:>4} scored again or first; "
                f"{'same front' if sound else 'FAILED'}",
                flush=True,
            )
        print(f"{kills - failures} of {kills} recovered")
    raise typer.Exit(int(failures > 0))


def search(
    space: Option,
    objectives: Option,
    scorer: Option,
    weights: Option,
    data: Option,
    population: Annotated[int, typer.Option()],
    generations: Annotated[int, typer.Option()],
    table: Annotated[Path, typer.Option()],
) -> None:
    """One search, which prints the number of stored scores as it goes."""
    from evonas.cli.searching import summary
    from evonas.search import run_search
    from evonas.table import open_or_create
    from scripts.any_scorer import any_scorer

    names = objectives.split(",")
    scores = any_scorer(
        scorer, space, Path(weights) if weights else None, Path(data) if data else None
    )
    store = open_or_create(table)
    print("ready", flush=True)
    result = run_search(
        space,
        names,
        scorer=scores,
        table=store,
        population=population,
        generations=generations,
        callback=lambda progress: print(progress.scored, flush=True),
    )
    print(json.dumps(summary(result)))


def _run(command: list[str], kill_after: float | None = None) -> Outcome:
    """Runs a search and kills it so many seconds after it is ready."""
    acknowledged, result, started = 0, None, time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line == "ready\n":
                started = time.monotonic()
                if kill_after is not None:
                    threading.Timer(kill_after, process.kill).start()
            elif line.startswith("{"):
                result = json.loads(line)
            elif line.endswith("\n"):
                acknowledged = int(line)
    return Outcome(acknowledged, result, time.monotonic() - started)


def _verify(table: Path) -> bool:
    command = [sys.executable, "-m", "evonas", "table", "verify", str(table)]
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    is_child = sys.argv[1:2] == ["child"]
    if is_child:
        del sys.argv[1]
    typer.run(search if is_child else stress)
