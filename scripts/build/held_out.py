"""Measures further networks that no fit uses, so that errors rest on more of them.

    python -m scripts.build.held_out ethos-u85-2048 benchmark_data --count 150

They are the next random networks of the device's campaign; its others, which a predictor would be
fitted to, are left out. So the predictors stay as they are; their errors want `evonas device
evaluate` or a new fit (`python -m scripts.build.neighbours`).
"""

from pathlib import Path

import numpy as np
import typer

from evonas.latency import load_device, load_measurements, measurements_path
from evonas.latency.campaigns.campaign import campaign_genotypes, run_campaign
from evonas.latency.predictors.fit import are_held_out, held_out
from evonas.latency.sources.load import open_source
from evonas.latency.store import ROLES
from evonas.space import load_space

_FURTHER = 20_000  # networks of the campaign among which there are enough


def main(
    device: str, data_dir: Path, space: str = "mobiledet", count: int = 150, workers: int = 1
) -> None:
    """Measures until the file holds `count` networks held out."""
    networks = load_space(space)
    path = measurements_path(device, networks, data_dir)
    known = load_measurements(path, networks)
    seen = {genotype.tobytes() for genotype in known.genotypes}
    genotypes, roles = campaign_genotypes(networks, _FURTHER)
    new = np.array([genotype.tobytes() not in seen for genotype in genotypes])
    new &= (roles == ROLES.index("random")) & are_held_out(genotypes)
    wanted = genotypes[new][: max(count - int(held_out(known).sum()), 0)]
    the_device = load_device(device)
    measured = run_campaign(
        the_device,
        open_source(the_device, networks),
        networks,
        wanted,
        np.full(len(wanted), ROLES.index("random")),
        path,
        workers=workers,
    )
    print(f"{device}: {held_out(measured).sum()} of {len(measured)} networks are held out")


if __name__ == "__main__":
    typer.run(main)
