"""Error of a predictor against the number of networks it was fitted to, for every device.

Uses the shipped measurements; the networks held out of every fit are the test. With 20 networks
it compares a fit from scratch with an adaptation from the nearest other device, on the mean over
some twenties.

    python -m scripts.report.learning_curve --space mobiledet [--csv FILE] [--picture FILE.html]
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from evonas.files import write_atomically
from evonas.latency import (
    Measurements,
    accuracy,
    list_devices,
    load_measurements,
    load_predictor,
    measurements_path,
)
from evonas.latency.predictors.adapt import nearest_device
from evonas.latency.predictors.boosted import fit_boosted
from evonas.latency.predictors.fit import split
from evonas.latency.predictors.linear import fit_linear
from evonas.latency.predictors.models import additive
from evonas.latency.predictors.observations import networks, observe
from evonas.space import load_space

SIZES = (50, 100, 200, 400, 700, 1000)
FEW, TWENTIES = 20, 4
NAMES = ("device", "fit", "networks", "r2", "mape", "within_5", "within_10", "tau")

ALL_DEVICES = ",".join(device.name for device in list_devices())


def main(
    space: str = "mobiledet",
    data_dir: str | None = None,
    devices: str = ALL_DEVICES,
    out: Annotated[Path | None, typer.Option("--csv")] = None,
    picture: Path | None = None,
) -> None:
    """Prints the table, and writes it and the picture."""
    print("{:<17}{:<26}{:>9}{:>8}{:>8}{:>9}{:>10}{:>7}".format(*NAMES))
    rows = []
    for device in devices.split(","):
        for row in curve(device, space, data_dir):
            rows.append(row)
            print("{:<17}{:<26}{:>9}{:>8.4f}{:>8.4f}{:>9.3f}{:>10.3f}{:>7.3f}".format(*row))
    if out:
        with open(out, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([NAMES, *rows])
    if picture:
        page = curve_figure(rows, space).to_html(include_plotlyjs=True)
        write_atomically(picture, page.encode())


def curve(device: str, space: str, data_dir: str | None) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of a device that has measurements."""
    here = load_space(space)
    path = measurements_path(device, here, data_dir)
    if not path.exists():
        return
    train, test = split(load_measurements(path, here))
    twenties = [train.select(np.arange(FEW) + FEW * k) for k in range(TWENTIES)]
    tables = [fit_linear(here, networks(few)) for few in twenties]
    yield row(device, "scratch", FEW, tables, test)
    nearest = nearest_device(twenties[0], data_dir)
    if nearest:
        model = load_predictor(nearest, here, data_dir).model
        tables = [fit_linear(here, networks(few), additive(model).table) for few in twenties]
        yield row(device, f"from {nearest}", FEW, tables, test)
    for size in [*(n for n in SIZES if n < len(train)), len(train)]:
        part = train.select(np.arange(size))
        table = fit_linear(here, observe(part))
        yield row(device, "linear", size, [table], test)
        if "parts_ms" in part.columns:
            yield row(device, "boosted", size, [fit_boosted(part, table)], test)


def row(device: str, fit: str, size: int, tables: list[Any], test: Measurements) -> tuple[Any, ...]:
    """Returns the errors on the test networks, their mean over fitted tables."""
    found = [
        accuracy(test.latency_ms, test.space.sum_cells(test.genotypes, t)).as_dict() for t in tables
    ]
    return (device, fit, size, *(float(np.mean([f[name] for f in found])) for name in NAMES[3:]))


def curve_figure(rows: list[tuple[Any, ...]], space: str) -> Any:
    """Draws mean error against number of networks, one line a device and fit."""
    from plotly import graph_objects

    figure = graph_objects.Figure()
    for device, fit in dict.fromkeys(row[:2] for row in rows):
        points = [row for row in rows if row[:2] == (device, fit)]
        figure.add_scatter(
            x=[row[2] for row in points],
            y=[100 * row[4] for row in points],
            mode="lines+markers",
            name=f"{device}, {fit}",
        )
    figure.update_layout(title=f"Held-out error in {space}", template="plotly_white")
    figure.update_xaxes(title="networks measured", type="log")
    figure.update_yaxes(title="mean absolute error, %", type="log")
    return figure


if __name__ == "__main__":
    typer.run(main)
