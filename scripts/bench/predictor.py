"""Time of a million predictions, by device, and the most memory that the process took so far.

python -m scripts.bench.predictor --space mobiledet
"""

import resource
import time
from typing import Annotated

import numpy as np
import typer

from evonas.latency import list_predictors, load_predictor
from evonas.space import load_space


def main(name: Annotated[str, typer.Option("--space")] = "mobiledet", n: int = 1_000_000) -> None:
    """Prints a line a device; times are the CPU time of all the process's threads."""
    space = load_space(name)
    genotypes = space.sample(n, np.random.default_rng(0))
    for device in list_predictors(space):
        predictor = load_predictor(device, space)
        start = time.process_time()
        predictor.predict(genotypes)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{device:<17}{predictor.model.kind:<9}{seconds:>7.2f} s, peak {peak:.2f} GB")


if __name__ == "__main__":
    typer.run(main)
