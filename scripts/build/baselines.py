r"""Makes the shipped raw runs of a comparison's runs.

    evonas bench compare --problems "pico/*,nano/*" --algorithms nsga2,pymoo-nsga2,assisted,random \
        --fewer assisted=400 --seeds 11 --out runs/baselines
    python -m scripts.build.baselines runs/baselines

Runs on a problem of which one is missing are left out, so that all curves have the same seeds. With
`--keep` the file's runs of other algorithms stay: an algorithm that has changed is run alone.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from evonas.benchmark.baselines import baselines_path, read_baselines, write_baselines
from evonas.benchmark.runs import saved_runs


def main(
    runs: Annotated[Path, typer.Argument(help="Folder of `evonas bench compare`.")],
    out: Annotated[Path | None, typer.Option(help="File; default: the shipped one.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="The file's other algorithms.")] = False,
) -> None:
    """Writes the file and prints how many runs it has."""
    done = [run for run in saved_runs(runs) if not run.error]
    by_seed = Counter((run.key.problem, run.key.seed) for run in done)
    algorithms = {run.key.algorithm for run in done}
    most, path = len(algorithms), out or baselines_path()
    whole = [run for run in done if by_seed[run.key.problem, run.key.seed] == most]
    there = read_baselines(path) if keep else {}
    kept = {k: [b for b in old if b.algorithm not in algorithms] for k, old in there.items()}
    write_baselines(path, whole, kept)
    seeds = Counter((run.key.problem, run.key.algorithm) for run in whole)
    print(f"{len(whole)} of {len(done)} runs, {len({p for p, _ in seeds})} problems, {most} "
          f"algorithms, {min(seeds.values())} to {max(seeds.values())} seeds")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
