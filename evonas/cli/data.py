"""`evonas data`: makes and checks data sets."""

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from evonas.data import SplitReport

app = typer.Typer(help="Make and check COCO-format data sets.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Generated(StrEnum):
    """The data sets that can be generated."""

    digits = "digits"


@app.command()
def make(
    name: Annotated[Generated, typer.Argument(help="What to generate.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    train: Annotated[int, typer.Option(help="Training images.")] = 4000,
    val: Annotated[int, typer.Option(help="Validation images.")] = 1000,
    size: Annotated[int, typer.Option(help="Side of an image in pixels.")] = 64,
    as_json: AsJson = False,
) -> None:
    """Generate a data set: handwritten digits on cluttered backgrounds."""
    from evonas.data import data_fingerprint, make_digits

    with typer.progressbar(length=train + val, label=f"{name} scenes", file=sys.stderr) as bar:
        make_digits(
            out, seed, train, val, size, on_image=lambda done, _: bar.update(done - bar.pos)
        )
    result = {"folder": str(out), "train": train, "val": val, "fingerprint": data_fingerprint(out)}
    if as_json:
        typer.echo(json.dumps(result))
    else:
        typer.echo(f"{out}: {train} + {val} images, fingerprint {result['fingerprint']}")


@app.command()
def convert(
    folder: Annotated[Path, typer.Argument(help="A YOLO-format or Pascal-VOC folder.")],
    out: Annotated[Path, typer.Option(help="The COCO-format folder to make.")],
    rename: Annotated[
        list[str] | None,
        typer.Option(help="OLD=NEW name of a class, OLD= to leave it out; may be repeated."),
    ] = None,
    val_share: Annotated[
        float, typer.Option(help="Share of training images for val, where there is no val.")
    ] = 0.1,
    as_json: AsJson = False,
) -> None:
    """Turn a YOLO-format or Pascal-VOC folder into a COCO-format one."""
    from evonas.data import data_fingerprint
    from evonas.data.convert import convert_dataset
    from evonas.errors import ConfigurationError

    pairs = [entry.split("=", 1) for entry in rename or ()]
    bad = [pair[0] for pair in pairs if len(pair) < 2]
    if bad:
        raise ConfigurationError(f"--rename {bad[0]}: must be OLD=NEW")
    images = convert_dataset(folder, out, {old: new for old, new in pairs}, val_share)
    result = {"folder": str(out), "images": images, "fingerprint": data_fingerprint(out)}
    if as_json:
        typer.echo(json.dumps(result))
    else:
        counts = ", ".join(f"{count} {split}" for split, count in images.items())
        typer.echo(f"{out}: {counts} images, fingerprint {result['fingerprint']}")


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="A COCO-format folder.")],
    as_json: AsJson = False,
) -> None:
    """Count what a data set holds, and decode every image; exit code 3 if one is broken."""
    from evonas.data import check_split, data_fingerprint, list_splits, load_coco

    # Where there is no known split, loading one says what was looked for.
    splits = list_splits(folder) or ("train",)
    reports = {split: check_split(load_coco(folder, split)) for split in splits}
    fingerprint = data_fingerprint(folder)
    if as_json:
        result: dict[str, Any] = {name: asdict(report) for name, report in reports.items()}
        typer.echo(json.dumps({"fingerprint": fingerprint, "splits": result}))
    else:
        typer.echo(f"{folder}: fingerprint {fingerprint}")
        for split, report in reports.items():
            typer.echo(_describe(split, report))
    if any(report.broken for report in reports.values()):
        raise typer.Exit(3)


def _describe(split: str, report: "SplitReport") -> str:
    low, middle, high = report.box_sides
    classes = ", ".join(f"{name} {count}" for name, count in report.boxes_per_class.items())
    lines = [
        f"{split}: {report.images} images ({report.images_without_boxes} without boxes), "
        f"{report.boxes} boxes, {report.crowd_boxes} crowd boxes",
        f"  box sides in pixels: {low:.0f} / {middle:.0f} / {high:.0f} (5 / 50 / 95 %)",
        f"  boxes per class: {classes}",
        f"  broken images: {len(report.broken)}",
    ]
    return "\n".join([*lines, *(f"    {message}" for message in report.broken)])
