"""`evonas export`: the files of a trained network."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from evonas.detector.archive import Archive


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="ARCHIVE|RUN|ARCH_ID",
            help="A .safetensors archive, a run's folder, or an arch_id with a supernet's weights.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="archive, onnx, onnx-nms, tflite, tflite-int8; by default all."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="COCO-format folder: train calibrates, val measures what int8 costs."),
    ] = None,
    supernet: Annotated[
        Path | None, typer.Option(help="Weights for an arch_id; by default the shipped ones.")
    ] = None,
    calibration: Annotated[int, typer.Option(min=1, help="Images for int8 ranges.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Write archive, ONNX and TFLite files, each checked against the network in torch."""
    import sys

    from evonas.data import load_coco
    from evonas.export.produce import FORMATS, calibration_images, export_detector

    archive = _load(source, data, supernet)
    images = validation = None
    if data is not None:
        images = calibration_images(
            load_coco(data, "train"), archive.image_size, calibration, archive.card.resizing
        )
        validation = load_coco(data, "val")
    wanted = formats or [name for name in FORMATS if images is not None or name != "tflite-int8"]
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

    path = Path(source)
    if path.is_dir():
        return load_archive(path / "best.safetensors")
    if path.exists() or ":" not in source:
        return load_archive(path)
    if data is None:
        raise ConfigurationError(
            f"{source}: give --data, the images that set the batch norm of weights from a supernet"
        )
    from evonas.paths import find_data
    from evonas.space import whole_space
    from evonas.supernet.archive import extract_archive

    weights = find_data(f"supernets/{whole_space(source.partition(':')[0])}.safetensors")
    return extract_archive(source, supernet or weights, data)
