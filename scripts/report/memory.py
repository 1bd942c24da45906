"""How right the two models of memory are: `fits:DEVICE`, and the column `flash`.

    python -m scripts.report.memory [--space nano] [--device ethos-u55-256] [--count 400]

Networks of a campaign are compiled for an NPU with little SRAM. The model of what fits is fitted to
the first half and asked about the other half; Vela's constants are held against `flash`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import typer

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.latency import Measurements, load_device
from evonas.latency.campaigns.campaign import campaign_genotypes
from evonas.latency.devices import Device
from evonas.latency.memory_limit import SURE, fit_memory_limit
from evonas.latency.sources.ethos import EthosSource
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.space.memory import flash


def compiled(
    device: Device, space: SearchSpace, genotypes: Genotypes, limit: int
) -> dict[str, Floats]:
    """Returns (n,) each what the compiler says of networks with so many bytes of SRAM."""
    assert device.npu is not None
    source = EthosSource(replace(device, npu=replace(device.npu, cache_bytes=limit)))
    told = [source.measure(space.decode(genotype)).extras for genotype in genotypes]
    names = ("sram_peak_bytes", "constant_bytes", "fits")
    return {name: np.array([one[name] for one in told]) for name in names}


def judged(
    space: SearchSpace, genotypes: Genotypes, columns: Mapping[str, Floats], limit: int
) -> dict[str, float]:
    """Returns shares: of the first half that fits, of the other half what the model says of it.

    Raises:
        DataError: All networks fit, or hardly any.
    """
    half = len(genotypes) // 2
    versions: dict[str, Any] = {"sram_limit": str(limit)}
    first = {name: values[:half] for name, values in columns.items()}
    times = {"latency_ms": np.where(first["fits"] > 0, 1.0, np.nan)}  # which do not matter here
    model = fit_memory_limit(
        Measurements(space, "npu", genotypes[:half], first | times, "compiler", versions)
    )
    if model is None:
        raise DataError(f"all of {half} networks fit into {limit:,} bytes: take fewer")
    taken = model.chance(genotypes[half:]) >= SURE
    fits = columns["fits"][half:] > 0
    return {
        "fit": model.share,
        "taken of others": float(taken.mean()),
        "fit of those": float(fits[taken].mean()),
        "fitting ones taken": float(taken[fits].mean()),
    }


def main(
    space: str = "nano",
    device: str = "ethos-u55-256",
    count: int = 400,
    limits: str = "49152,65536",
) -> None:
    """Compiles and prints."""
    networks, npu = load_space(space), load_device(device)
    genotypes, _ = campaign_genotypes(networks, count)
    for limit in map(int, limits.split(",")):
        columns = compiled(npu, networks, genotypes, limit)
        ratios = columns["constant_bytes"] / flash(networks, genotypes)
        low, middle, high = np.quantile(ratios, [0, 0.5, 1])
        print(
            f"{limit:,} bytes: constants {low:.2f} to {high:.2f} times flash, median {middle:.2f}"
        )
        for name, share in judged(networks, genotypes, columns, limit).items():
            print(f"  {name}: {share:.1%}")


if __name__ == "__main__":
    typer.run(main)
