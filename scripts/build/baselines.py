r"""Makes the shipped raw runs of a comparison's runs.

    evonas bench compare --problems "pico/*,nano/*" --algorithms nsga2,pymoo-nsga2,assisted,random \
        --fewer assisted=400 --seeds 11 --out runs/baselines
    python -m scripts.build.baselines runs/baselines

Runs on a problem of which one is missing are left out, so that all curves have the same seeds.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from evonas.benchmark.baselines import baselines_path, write_baselines
from evonas.benchmark.runs import saved_runs


def main(
    runs: Annotated[Path, typer.Argument(help="Folder of `evonas bench compare`.")],
    out: Annotated[Path | None, typer.Option(help="File; default: the shipped one.")] = None,
) -> None:
    """Writes the file and prints how many runs it has."""
    done = [run for run in saved_runs(runs) if not run.error]
    by_seed = Counter((run.key.problem, run.key.seed) for run in done)
    most = len({run.key.algorithm for run in done})
    whole = [run for run in done if by_seed[run.key.problem, run.key.seed] == most]
    write_baselines(out or baselines_path(), whole)
    seeds = Counter((run.key.problem, run.key.algorithm) for run in whole)
    print(f"{len(whole)} of {len(done)} runs, {len({p for p, _ in seeds})} problems, {most} "
          f"algorithms, {min(seeds.values())} to {max(seeds.values())} seeds")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
