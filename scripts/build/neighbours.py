"""Fits a shipped predictor's factors of neighbours anew; the sum over layers stays as it is.

    python -m scripts.build.neighbours ethos-u85-2048 benchmark_data

The problems of `mobiledet` are made of that sum, so the one of the predictor that is there is kept:
only the trees and pairs that correct it are fitted, to the measurements and prefixes. Errors on
networks held out and the checksums before and after are printed.
"""

from pathlib import Path

import typer

from evonas.latency import load_measurements, load_predictor, measurements_path, save_predictor
from evonas.latency.predictors.fit import judged, split
from evonas.latency.predictors.fit_neighbours import fit_neighbours
from evonas.latency.predictors.models import additive
from evonas.latency.store import prefixes_path
from evonas.space import load_space


def main(device: str, data_dir: Path, space: str = "mobiledet", dry_run: bool = False) -> None:
    """Fits and writes the predictor; with `--dry-run` nothing is written."""
    networks = load_space(space)
    old = load_predictor(device, networks, data_dir)
    measurements = load_measurements(measurements_path(device, networks, data_dir), networks)
    prefixes = load_measurements(prefixes_path(device, networks, data_dir), networks)
    train, test = split(measurements)
    model = fit_neighbours(train, additive(old.model).table, prefixes)
    new = judged(train, test, model)
    print(dict(new.accuracy))
    print(f"{len(model.pairs.keys)} pairs of first layers are known")
    print(f"checksum {old.checksum} before, {new.checksum} after")
    if not dry_run:
        print(save_predictor(new, data_dir))


if __name__ == "__main__":
    typer.run(main)
