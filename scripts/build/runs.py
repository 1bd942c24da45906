r"""Puts runs of comparisons into the shipped file of raw runs.

    evonas bench compare --problems "nano/*" --algorithms nsga2,pymoo-nsga2,assisted,random \
        --fewer assisted=400 --seeds 11 --out runs/nano
    python -m scripts.build.runs runs/nano

They take the place of the file's runs of the same problems by the same algorithms. Runs on another
version of a problem than the shipped one are left out of it, those that were there included.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from evonas.benchmark.loading import list_records
from evonas.benchmark.raw import merged_raw, raw_path, succeeded, write_raw
from evonas.benchmark.runs import saved_runs


def main(
    folders: Annotated[list[Path], typer.Argument(help="Folders of `evonas bench compare`.")],
    out: Annotated[Path | None, typer.Option(help="File; default: the shipped one.")] = None,
) -> None:
    """Writes the file, and prints how many runs each algorithm has on how many problems."""
    path = out or raw_path()
    found = succeeded(run for folder in folders for run in saved_runs(folder))
    current = {definition.name: record.checksum for definition, record in list_records()}
    known = [r for r in merged_raw(path, found) if r.checksum == current.get(r.key.problem)]
    write_raw(path, known)
    problems = Counter(name for name, _ in {(r.key.algorithm, r.key.problem) for r in known})
    runs = Counter(run.key.algorithm for run in known)
    for name in sorted(problems):
        print(f"{name}: {runs[name]} runs on {problems[name]} problems")


if __name__ == "__main__":
    typer.run(main)
