"""`evonas export`: the files of a trained network."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option
from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from evonas.detector.archive import Archive


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="ARCHIVE|RUN|ARCH_ID",
            help="A .safetensors archive, a run's or export's folder, or an arch_id with a "
            "supernet's weights.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="archive, onnx, onnx-nms, tflite, tflite-int8, tflite-post, tflite-int8-post "
            "(post: boxes, classes, scores and labels in the file); by default all.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="COCO-format folder: train calibrates, val measures what int8 costs."),
    ] = None,
    supernet: Annotated[
        Path | None, typer.Option(help="Weights for an arch_id; by default the shipped ones.")
    ] = None,
    calibration: Annotated[int, count_option("Images for int8 ranges.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Write archive, ONNX and TFLite files, each checked against the network in torch."""
    import sys

    from evonas.data import load_coco
    from evonas.data.coco_folder import check_outside_data
    from evonas.export.produce import FORMATS, INT8, calibration_images, export_detector
    from evonas.files import check_folder

    check_folder(out)
    check_outside_data(out)
    archive = _load(source, data, supernet)
    images = validation = None
    if data is not None:
        images = calibration_images(
            load_coco(data, "train"), archive.image_size, calibration, archive.card.resizing
        )
        validation = load_coco(data, "val")
    wanted = formats or [name for name in FORMATS if images is not None or name not in INT8]
    with keeps(lambda: f"files written so far are in {out}; card.json does not list them yet"):
        written = export_detector(
            archive, out, wanted, images, validation, lambda what: print(what, file=sys.stderr)
        )
    if as_json:
        print_json({"out": str(out), "files": [asdict(entry) for entry in written]})
        return
    print_table(
        ["file", "bytes", "differs by", "AP", "notes"],
        [
            [
                str(out / entry.file) if entry.file else "-",
                f"{entry.size:,}",
                *(("" if x != x else f"{x:.2g}") for x in (entry.difference,)),
                "" if entry.map != entry.map else f"{entry.map:.4f}",
                entry.notes,
            ]
            for entry in written
        ],
    )
    if images is None and not formats:
        typer.echo("without --data there is no int8 file: its ranges come from training images")


def _load(source: str, data: Path | None, supernet: Path | None) -> "Archive":
    from evonas.detector.archive import load_archive
    from evonas.errors import ConfigurationError
    from evonas.export.located import ARCHIVES, locate_detector
    from evonas.space import resolve

    path = Path(source)
    if path.exists() or path.suffix == ".safetensors" or len(path.parts) > 1:
        return load_archive(locate_detector(path, ARCHIVES))
    resolve(source)  # says what is allowed
    if ":" not in source:
        raise ConfigurationError(_how_to_get_weights(source))
    if data is None:
        raise ConfigurationError(
            f"{source}: give --data, the images that set the batch norm of weights from a supernet"
        )
    from evonas.paths import find_data
    from evonas.space import whole_space
    from evonas.supernet.archive import extract_archive

    weights = supernet
    if weights is None:
        whole = whole_space(source.partition(":")[0])
        weights = find_data(f"supernets/{whole}.safetensors")
        if not weights.is_file():
            raise ConfigurationError(
                f"{source}: no supernet of {whole} is shipped, whose weights it could inherit; "
                f"{_how_to_get_weights(source)}"
            )
    return extract_archive(source, weights, data)


def _how_to_get_weights(name: str) -> str:
    """Returns the whole way to an export of a network that has no weights yet."""
    run = f"runs/{name.replace(':', '-')}"
    return (
        f"{name} is an architecture without weights. Train it on your data:\n"
        f"  evonas train {name} --data DATA --out {run}\n"
        f"  evonas export {run} --out {run}/export\n"
        "or import published weights and export those:\n"
        f"  evonas import FILE --as {name} --out {run}\n"
        f"  evonas export {run} --out {run}/export"
    )
