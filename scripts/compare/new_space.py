"""Errors of a device's latencies in a new space, by the number of networks measured there.

    python -m scripts.build.across ...      # made the model over all spaces that is asked first
    evonas space make --from mobiledet --image-size 192 --multipliers 0.25,0.5,0.75 \
        --rules edgetpu --out my192.yaml
    evonas device measure --device ethos-u55-256 --space my192.yaml --count 320
    python -m scripts.compare.new_space my192.yaml --devices ethos-u55-256

    python -m scripts.compare.new_space mobiledet --devices ethos-u65-512,cpu-xnnpack

The last 50 random networks of the campaign are the test; fits take the first of the others. With 0
networks it is the model over all spaces as it is; else that model sharpened, and a fit that knows
of no other space. The campaigns in `nano` and `mobiledet`
that are shipped have no part in a model over all spaces.
"""

from typing import Annotated

import numpy as np
import typer

from evonas.arrays import Floats
from evonas.errors import DataError
from evonas.latency import Measurements, load_measurements, measurements_path
from evonas.latency.predictors.across import across_table, load_across
from evonas.latency.predictors.linear import fit_linear
from evonas.latency.predictors.observations import observe
from evonas.latency.predictors.sharpen import sharpened_table
from evonas.latency.store import ROLES
from evonas.space import load_space

_TEST = 50
_WITHIN = (0.05, 0.07, 0.10, 0.15)


def main(
    space: Annotated[str, typer.Argument(help="Name or file of a space.")],
    devices: str = "ethos-u55-256,cpu-xnnpack",
    counts: Annotated[str, typer.Option(help="Networks of the space.")] = "0,10,20,50,200",
    scratch: Annotated[bool, typer.Option(help="Fit without other spaces, too.")] = True,
    data_dir: str | None = None,
) -> None:
    """Prints a line a fit: mean error, and the shares within 5, 7, 10 and 15 %."""
    the_space = load_space(space)
    heads = "".join(f"{f'<= {limit:.0%}':>9}" for limit in _WITHIN)
    print(f"{'device':<15}{'networks':>9}  {'fit':<13}{'mape':>8}{heads}{'largest':>9}")
    for device in devices.split(","):
        across = load_across(device, data_dir)
        if across is None:
            raise DataError(f"{device}: no model over all spaces")
        table = across_table(across, the_space)
        path = measurements_path(device, the_space, data_dir)
        measured = load_measurements(path, the_space).trusted()
        train, test = _split(measured)
        for count in map(int, counts.split(",")):
            if count > len(train):
                break
            if not count:
                _print(device, 0, "all spaces", table, test)
                continue
            few = train.select(np.arange(count))
            _print(device, count, "sharpened", sharpened_table(few, table), test)
            if scratch:
                _print(device, count, "from scratch", fit_linear(the_space, observe(few)), test)


def _split(measured: Measurements) -> tuple[Measurements, Measurements]:
    random = np.flatnonzero(measured.columns["role"] == ROLES.index("random"))
    if len(random) <= _TEST:
        raise DataError(f"{len(random)} random networks measured; more than {_TEST} are needed")
    test = np.zeros(len(measured), bool)
    test[random[-_TEST:]] = True
    return measured.select(~test), measured.select(test)


def _print(device: str, count: int, fit: str, table: Floats, test: Measurements) -> None:
    predicted = test.space.sum_cells(test.genotypes, table)
    error = np.abs(predicted / test.latency_ms - 1)
    shares = "".join(f"{(error <= limit).mean():>9.0%}" for limit in _WITHIN)
    print(f"{device:<15}{count:>9}  {fit:<13}{error.mean():>8.2%}{shares}{error.max():>9.1%}")


if __name__ == "__main__":
    typer.run(main)
