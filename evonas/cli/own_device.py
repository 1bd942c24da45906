"""The commands of `evonas device` for devices of one's own: networks out, times in."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option, seed_option, space_option
from evonas.cli.output import AsJson, print_json

if TYPE_CHECKING:
    from evonas.graph.tflite import Precision

_FEW = 10  # networks held out

DeviceName = Annotated[str, typer.Option("--device", help="Name of a device.")]
SpaceName = Annotated[str, space_option()]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data folder to use instead of your own and the shipped one."),
]


def export_samples(
    out: Annotated[Path, typer.Option(help="Folder.")],
    space: SpaceName = "nano",
    count: Annotated[int, count_option("Number of networks.", least=20)] = 100,
    precision: Annotated[str, typer.Option(help="Of the TFLite files: fp32 or int8.")] = "fp32",
    seed: Annotated[int, seed_option("Seed for choosing the networks.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write networks to be measured on a device of your own, and a CSV file to fill."""
    from evonas.errors import unknown_name
    from evonas.latency.campaigns.samples import export_samples as export
    from evonas.space import load_space

    if precision not in ("fp32", "int8"):
        raise unknown_name("precision", precision, ("fp32", "int8"))
    with keeps(lambda: f"{out} has some networks; the same command writes them all"):
        results = export(load_space(space), count, out, cast("Precision", precision), seed)
    if as_json:
        print_json({"space": space, "count": count, "results": str(results)})
        return
    typer.echo(
        f"{count} networks in {out}: fill {results} (or run measure_android.sh), then: "
        f"evonas device import {results} --device NAME --space {space}"
    )


def import_(
    results: Annotated[
        Path, typer.Argument(help="The filled CSV file.", exists=True, dir_okay=False)
    ],
    device: DeviceName,
    space: SpaceName = "nano",
    force: Annotated[
        bool, typer.Option("--force", help="Accept times that look wrong: outliers, no agreement.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a device of your own from its measurements; at least 20 networks are required."""
    from evonas.latency import import_device, list_predictors

    replaced = device in list_predictors(space, data_dir)
    found = import_device(results, device, space, data_dir, force)
    skipped = int(found.predictor.versions.get("rows_without_latency", "0"))
    if replaced:
        typer.echo(f"{device} was there in {space} already: replaced", err=True)
    if skipped:
        typer.echo(f"{skipped} rows have no latency: left out", err=True)
    if found.twins:
        twins = ", ".join(found.twins)
        typer.echo(f"{twins}: the same times under another name, not used for the fit", err=True)
    summary = {
        "device": device,
        "space": space,
        "replaced": replaced,
        "n": found.predictor.n_train,
        "rows_without_latency": skipped,
        "twins": list(found.twins),
        "nearest": found.nearest,
        "mape_scratch": found.scratch.mape,
        "mape_adapted": found.adapted.mape if found.adapted else None,
        **found.predictor.accuracy,
    }
    if as_json:
        print_json(summary)
        return
    print_figures(summary)


def remove(
    device: Annotated[str, typer.Argument(help="Name of a device in your own folder.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Remove your own measurements and predictors of a device; shipped ones take their place."""
    from evonas.latency import remove_device

    files = [str(file) for file in remove_device(device, data_dir)]
    if as_json:
        print_json({"device": device, "removed": files})
        return
    for file in files:
        typer.echo(f"removed {file}")


def rename(
    device: Annotated[str, typer.Argument(help="Name of a device in your own folder.")],
    name: Annotated[str, typer.Argument(help="Its new name.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give your own measurements and predictors of a device another name."""
    from evonas.latency import rename_device

    files = [str(file) for file in rename_device(device, name, data_dir)]
    if as_json:
        print_json({"device": name, "was": device, "files": files})
        return
    typer.echo(f"{device} is {name} now")


def print_figures(summary: Mapping[str, object]) -> None:
    """Prints a line for each figure, and a word where they are of very few networks."""
    for name, value in summary.items():
        shown = f"{value:.4f}" if isinstance(value, float) else str(value)
        typer.echo(f"{name:<15} {shown}")
    if "n_test" in summary and int(str(summary["n_test"])) < _FEW:
        typer.echo(
            f"n_test is {summary['n_test']}: errors of fewer than {_FEW} networks say little"
        )
