"""`evonas data`: makes and checks data sets."""

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.data_convert import BadBoxes, convert, split, tile
from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option, seed_option
from evonas.cli.output import AsJson, print_json, say
from evonas.limits import listed, printable

if TYPE_CHECKING:
    from evonas.data import CocoDataset, SplitReport
    from evonas.training.anchor_check import AnchorReport

app = typer.Typer(help="Make, check, convert, split and tile data sets.", no_args_is_help=True)
app.command()(convert)
app.command()(split)
app.command()(tile)


class Generated(StrEnum):
    """The data sets that can be generated."""

    digits = "digits"


@app.command()
def make(
    name: Annotated[Generated, typer.Argument(help="What to generate.")],
    out: Annotated[Path, typer.Option(help="The folder to create.")],
    seed: Annotated[int, seed_option("The same seed gives the same bytes.")] = 0,
    train: Annotated[int, count_option("Training images.")] = 4000,
    val: Annotated[int, count_option("Validation images.")] = 1000,
    size: Annotated[int, count_option("Side of an image in pixels.", 32, 8000)] = 64,
    as_json: AsJson = False,
) -> None:
    """Generate a data set: handwritten digits on cluttered backgrounds."""
    from evonas.data import data_fingerprint, make_digits

    with (
        keeps(lambda: f"{out} was not made; the same command makes it again"),
        typer.progressbar(length=train + val, label=f"{name} scenes", file=sys.stderr) as bar,
    ):
        make_digits(
            out, seed, train, val, size, on_image=lambda done, _: bar.update(done - bar.pos)
        )
    result = {"folder": str(out), "train": train, "val": val, "fingerprint": data_fingerprint(out)}
    if as_json:
        print_json(result)
    else:
        typer.echo(f"{out}: {train} + {val} images, fingerprint {result['fingerprint']}")


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="A COCO-format folder.")],
    bad_boxes: Annotated[
        BadBoxes, typer.Option(help="Refuse boxes that are wrong, or continue without them.")
    ] = BadBoxes.refuse,
    anchors: Annotated[
        str, typer.Option(help="Space or network whose anchors are compared with the boxes.")
    ] = "",
    grid: Annotated[
        Path | None, typer.Option(help="Picture to write: images of each split with boxes.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 3 for warnings too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Count what a data set holds, and decode every image.

    Exit code 3 where training would refuse the data, or where an image is in two splits; what
    training accepts but is likely a mistake gives a warning.
    """
    from evonas.data import check_split, data_fingerprint, find_duplicates, list_splits, load_coco
    from evonas.data.check import find_refusals, find_warnings
    from evonas.data.coco_folder import check_outside_data

    if grid is not None:
        check_outside_data(grid)
    # Where there is no known split, loading one says what was looked for.
    splits = list_splits(folder) or ("train",)
    datasets = {split: load_coco(folder, split, bad_boxes.value) for split in splits}
    reports = {split: check_split(dataset) for split, dataset in datasets.items()}
    duplicates = find_duplicates(datasets)
    refusals = find_refusals(datasets, reports, duplicates)
    warnings = find_warnings(reports, duplicates)
    fits = _anchor_reports(datasets, anchors) if anchors else {}
    fingerprint = data_fingerprint(folder)
    if grid is not None:
        _write_grid(datasets, grid)
    if as_json:
        result: dict[str, Any] = {
            "fingerprint": fingerprint,
            "splits": {name: asdict(report) for name, report in reports.items()},
            "duplicates": duplicates,
            "refused": refusals,
            "warnings": warnings,
        }
        if grid is not None:
            result["grid"] = str(grid)
        if fits:
            result["anchors"] = {name: asdict(fit) for name, fit in fits.items()}
        print_json(result)
    else:
        say(f"{folder}: fingerprint {fingerprint}")
        for split, report in reports.items():
            say(_describe(split, report))
            if split in fits:
                say(_describe_fit(anchors, fits[split]))
        typer.echo(f"duplicate images: {len(duplicates)}")
        for names in duplicates[:10]:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            typer.echo(f"  {' = '.join(map(printable, names[:4]))}{more}")
        for kind, texts in (("warning", warnings), ("refused", refusals)):
            for text in texts:
                say(f"{kind}: {text}")
        if grid is not None:
            say(f"written: {grid}")
    if refusals or (strict and warnings):
        raise typer.Exit(3)


def _anchor_reports(datasets: "dict[str, CocoDataset]", name: str) -> "dict[str, AnchorReport]":
    from evonas.space import list_spaces, load_space, resolve
    from evonas.space.catalogue import is_space_file
    from evonas.training.anchor_check import check_anchors

    known = is_space_file(name) or name in list_spaces()
    skeleton = (load_space(name) if known else resolve(name).architecture).skeleton
    return {split: check_anchors(dataset, skeleton) for split, dataset in datasets.items()}


def _write_grid(datasets: "dict[str, CocoDataset]", path: Path) -> None:
    from evonas.data.grid import splits_grid
    from evonas.errors import ConfigurationError
    from evonas.files import atomic_file

    kinds = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise ConfigurationError(f"--grid {path}: must end in {', '.join(kinds)}")
    place = path.resolve()
    for dataset in datasets.values():
        if any(dataset.path_of(i).resolve() == place for i in range(len(dataset))):
            raise ConfigurationError(f"--grid {path}: is an image of the data set")
    with atomic_file(path) as file:
        splits_grid(datasets).save(file, kind)


def _describe_fit(name: str, fit: "AnchorReport") -> str:
    return (
        f"  against the anchors of {name}: overlap {fit.mean_overlap:.2f} on average, "
        f"{fit.matched:.0%} of the boxes match, {fit.poor:.0%} overlap by less than 0.3, "
        f"{fit.small_boxes:.0%} are smaller than half the smallest anchor"
    )


def _describe(split: str, report: "SplitReport") -> str:
    low, middle, high = report.box_sides
    classes = ", ".join(
        f"{listed([name])} {count}" for name, count in report.boxes_per_class.items()
    )
    lines = [
        f"{split}: {report.images} images ({report.images_without_boxes} without boxes), "
        f"{report.boxes} boxes, {report.crowd_boxes} crowd boxes",
        f"  box sides in pixels: {low:.0f} / {middle:.0f} / {high:.0f} (5 / 50 / 95 %)",
        f"  boxes per class: {classes}",
        f"  broken images: {len(report.broken)}",
    ]
    return "\n".join([*lines, *(f"    {printable(message, 500)}" for message in report.broken)])
