"""`evonas val`: AP of a detector on a split."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from evonas.cli.options import (
    count_option,
    overlap_of_tiles,
    overlap_option,
    processes_option,
    seed_option,
)
from evonas.cli.output import AsJson, print_json, print_table


def val(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="ARCHIVE|RUN|FILE",
            help="An archive, the folder of a run or export, or an exported .onnx or .tflite.",
        ),
    ],
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    split: Annotated[str, typer.Option(help="Split to evaluate.")] = "val",
    protocol: Annotated[
        str,
        typer.Option(help="fast, crowded or published; by default as the detector's card says."),
    ] = "",
    tile: Annotated[
        int | None,
        count_option("Look at tiles of this many pixels of the image and put them together.", 8),
    ] = None,
    overlap: Annotated[float | None, overlap_option()] = None,
    samples: Annotated[
        int, count_option("Samples of images; 0 for none.", 0, 100_000, name="--bootstrap")
    ] = 200,
    seed: Annotated[int, seed_option("Seed of the bootstrap.")] = 0,
    images: Annotated[int, count_option("Only the first images; 0 for all.", 0)] = 0,
    threads: Annotated[int, processes_option("CPU threads; 0 for all.", 0)] = 0,
    workers: Annotated[
        int, processes_option("Processes that decode images if they exceed 8 GiB.", 0)
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure COCO AP, with intervals over images (95 %, bootstrap) and the protocol stated."""
    import torch

    from evonas.data import data_fingerprint, load_coco
    from evonas.detector import load_protocol
    from evonas.export.evaluate import evaluate_subject
    from evonas.export.evaluate_tiles import Tiles
    from evonas.export.subject import open_subject

    shared = overlap_of_tiles(tile, overlap)
    tiles = Tiles(tile, shared) if tile else None
    if threads:
        torch.set_num_threads(threads)
    wanted = load_protocol(protocol) if protocol else None
    subject = open_subject(source)
    dataset = load_coco(data, split)
    if images:
        dataset = dataset.first(images)
    found = evaluate_subject(subject, dataset, wanted, samples, seed, workers, tiles)
    result: dict[str, Any] = {
        "file": str(subject.file),
        "format": subject.format,
        "architecture": subject.card.architecture,
        "data": str(data),
        "split": split,
        "fingerprint": data_fingerprint(data),
        "resizing": subject.card.resizing,
        "tiles": asdict(tiles) if tiles else None,
        "bootstrap": {"samples": samples, "seed": seed, "level": 0.95},
        **found.as_dict(),
    }
    if as_json:
        print_json(result)
        return
    intervals = result.get("intervals", {"per_class": {}})
    rows = [
        [name, _show(value), _between(intervals.get({"ap": "map", "ap50": "map50"}.get(name)))]
        for name, value in result["coco"].items()
    ]
    rows += [
        [f"AP of {name}", _show(value), _between(intervals["per_class"].get(name))]
        for name, value in result["per_class"].items()
    ]
    title = f"{result['architecture']} ({subject.format}), {split}: {found.n_images} images"
    if tiles:
        title += f" in tiles of {tiles.side} pixels"
    print_table(["COCO figure", "value", "95 % of samples"], rows, title=title)
    typer.echo(f"protocol {found.protocol}")
    if found.unasked:
        typer.echo(f"left out: {len(found.unasked)} classes that {split} does not have")


def _show(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"


def _between(ends: list[float] | None) -> str:
    return "" if ends is None else f"{_show(ends[0])} to {_show(ends[1])}"
