"""`evonas data convert`, `split` and `tile`: data sets made of other data sets."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option, number_option, seed_option
from evonas.cli.output import AsJson, print_json, say

if TYPE_CHECKING:
    from evonas.data.conversion import Conversion


class BadBoxes(StrEnum):
    """What becomes of boxes that are wrong."""

    refuse = "refuse"
    drop = "drop"
    clip = "clip"


class Unlabelled(StrEnum):
    """What becomes of images without annotations."""

    auto = "auto"
    background = "background"
    skip = "skip"
    refuse = "refuse"


class Resized(StrEnum):
    """What becomes of annotations made for another size of the image."""

    refuse = "refuse"
    scale = "scale"


class Units(StrEnum):
    """What the numbers in YOLO labels are."""

    shares = "shares"
    pixels = "pixels"


Out = Annotated[Path, typer.Option(help="The COCO-format folder to create.")]
Seed = Annotated[int, seed_option("The same seed gives the same result.")]


def convert(
    folder: Annotated[Path, typer.Argument(help="The data set, or the file that describes it.")],
    out: Out,
    format: Annotated[
        str,
        typer.Option(help="coco, voc, yolo, cvat, labelstudio or deeppcb; recognised if empty."),
    ] = "",
    labels: Annotated[
        Path | None, typer.Option(help="The folder of the labels, if it has a name of its own.")
    ] = None,
    units: Annotated[Units, typer.Option(help="What YOLO labels are in.")] = Units.shares,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="SPLIT=SHARE of the training images, SPLIT=FILE with a list of images, or "
            "SPLIT=NAME of one of the source's splits; may be repeated."
        ),
    ] = None,
    val_share: Annotated[
        float, number_option("Share of the training images for val, if there is no val.", 0, 1)
    ] = 0.1,
    rename: Annotated[
        list[str] | None,
        typer.Option(help="OLD=NEW name of a class, OLD= to leave it out; may be repeated."),
    ] = None,
    bad_boxes: Annotated[
        BadBoxes,
        typer.Option(help="Cut and mend what is wrong, drop it, or refuse all."),
    ] = BadBoxes.clip,
    unlabelled: Annotated[
        Unlabelled, typer.Option(help="Images without annotations; auto: what the format means.")
    ] = Unlabelled.auto,
    resized: Annotated[
        Resized, typer.Option(help="Annotations made for another size of the image.")
    ] = Resized.refuse,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read.")
    ] = False,
    max_loss: Annotated[
        float, number_option("Largest share of boxes, or of images' labels, to lose.", 0, 1)
    ] = 0.5,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Turn a data set of another format into a COCO-format folder.

    Formats: COCO (to mend, divide or rename it), Roboflow's, Pascal VOC, labelImg, YOLO, CVAT
    (XML), Label Studio (JSON) and DeepPCB. The summary is kept in conversion.json.
    """
    from evonas.data.convert import convert_dataset
    from evonas.data.convert_options import ConvertOptions

    options = ConvertOptions(
        rename=_pairs("--rename", rename, "OLD=NEW"),
        splits=_pairs("--split", split, "SPLIT=SHARE, FILE or NAME"),
        val_share=val_share,
        bad_boxes=bad_boxes.value,
        unlabelled=unlabelled.value,
        resized=resized.value,
        skip_unreadable=skip_unreadable,
        max_loss=max_loss,
        seed=seed,
    )
    with keeps(lambda: _not_made(out)):
        conversion = convert_dataset(
            folder, out, options, format=format, labels=labels, units=units.value
        )
    _report(out, conversion, as_json)


def split(
    folder: Annotated[Path, typer.Argument(help="A data set in any format that convert reads.")],
    out: Out,
    shares: Annotated[
        list[str] | None,
        typer.Option(
            "--split", help="SPLIT=SHARE or SPLIT=FILE with a list of images; the rest is train."
        ),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Divide all images of a data set anew: each class in the same shares, copies together."""
    from evonas.data.convert import split_dataset
    from evonas.data.convert_options import ConvertOptions

    asked = _pairs("--split", shares, "SPLIT=SHARE or FILE") or {"val": "0.1"}
    with keeps(lambda: _not_made(out)):
        conversion = split_dataset(folder, out, ConvertOptions(splits=asked, seed=seed))
    _report(out, conversion, as_json)


def tile(
    folder: Annotated[Path, typer.Argument(help="A COCO-format folder.")],
    out: Out,
    size: Annotated[int, count_option("Side of a tile in pixels, after scaling.", 1, 8000)],
    scale: Annotated[
        str,
        typer.Option(help="Longer side of the scaled image in pixels (320), or a factor (0.5)."),
    ] = "1.0",
    overlap: Annotated[int, count_option("Pixels that neighbouring tiles share.", 0, 8000)] = 0,
    least_visible: Annotated[
        float, number_option("Share of a box that a tile must show to have it.", 0, 1)
    ] = 0.5,
    keep_empty: Annotated[
        float, number_option("Share of the tiles without boxes that are kept.", 0, 1)
    ] = 0.05,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Cut large images into tiles; each says in the annotations where it lies."""
    from evonas.data.tile import TileOptions, tile_dataset
    from evonas.data.tiling import Tiling, parse_scale

    options = TileOptions(
        Tiling(size, parse_scale(scale), overlap), least_visible, keep_empty, seed
    )
    with typer.progressbar(length=1, label="images cut", file=sys.stderr) as bar:

        def advance(done: int, total: int) -> None:
            bar.length = total
            bar.update(1)

        with keeps(lambda: _not_made(out)):
            conversion = tile_dataset(folder, out, options, advance)
    _report(out, conversion, as_json)


def _pairs(option: str, entries: Sequence[str] | None, form: str) -> dict[str, str]:
    from evonas.errors import ConfigurationError

    pairs: dict[str, str] = {}
    for entry in entries or ():
        key, equals, value = entry.partition("=")
        if not equals:
            raise ConfigurationError(f"{option} {entry}: must be {form}")
        if pairs.setdefault(key, value) != value:
            raise ConfigurationError(f"{option} {key}: given twice")
    return pairs


def _not_made(out: Path) -> str:
    return f"{out} was not made; the same command makes it again"


def _report(out: Path, conversion: "Conversion", as_json: bool) -> None:
    from evonas.data.conversion import describe
    from evonas.data.fingerprint import data_fingerprint

    fingerprint = data_fingerprint(out)
    if as_json:
        result: dict[str, Any] = {"folder": str(out), "images": conversion.images}
        print_json({**result, "fingerprint": fingerprint, "conversion": asdict(conversion)})
        return
    say("\n".join(describe(conversion)))
    counts = ", ".join(f"{count} {split}" for split, count in conversion.images.items())
    say(f"{out}: {counts} images, fingerprint {fingerprint}")
