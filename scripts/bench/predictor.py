"""Time of a million predictions, by device, and the most memory that the process took so far.

python -m scripts.bench.predictor --space mobiledet
"""

import argparse
import resource
import time

import numpy as np

from evonas.latency import list_predictors, load_predictor
from evonas.space import load_space


def main() -> None:
    """Prints a line a device; times are the CPU time of all the process's threads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="mobiledet")
    parser.add_argument("--n", type=int, default=1_000_000)
    options = parser.parse_args()
    space = load_space(options.space)
    genotypes = space.sample(options.n, np.random.default_rng(0))
    for device in list_predictors(space):
        predictor = load_predictor(device, space)
        start = time.process_time()
        predictor.predict(genotypes)
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"{device:<17}{predictor.model.kind:<9}{seconds:>7.2f} s, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
