r"""Every file of published and random 320-pixel networks, untrained and trained a little.

    nice -n 5 python -m scripts.report.export_check --data boards/full --out /tmp/check
    python -m scripts.report.export_check --data boards/full --out /tmp/check \
        --only mobiledet-cpu --weights 640 --train-images 1000 --images 500

Each network is exported with weights of three kinds: `initial`; `speaking`, those with batch norm
measured on photographs and random heads, which see something everywhere, where initial ones may
see nothing; and those after a few steps of training on the photographs. Every file is checked by
the export itself, the AP of the int8 file stands beside the network's, and the file that ends in
boxes is held against `evonas detect` on photographs of the validation split (`same_boxes`). A line
of `networks.jsonl` per network keeps what was found, so that the command goes on where it was
stopped; a training goes on from its checkpoint.

Exit code 1 if a network was refused, a trained one loses more than 0.005 AP, or boxes differ.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from evonas.cli.output import print_table
from evonas.data import load_coco
from evonas.data.coco import CocoDataset
from evonas.errors import EvonasError
from evonas.export.produce import FORMATS, calibration_images, export_detector
from evonas.files import write_json
from evonas.json_values import without_nan
from scripts.report.check_networks import PUBLISHED, made, random_networks
from scripts.report.same_boxes import same_boxes

_LOST = 0.005  # AP that int8 may cost


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is done with each network.

    Attributes:
        train: Photographs for training and for int8's ranges.
        val: Photographs for AP.
        photographs: Those on which boxes are compared.
        out: Folder for the files.
        calibration: How many of `train` set int8's ranges.
        threshold: Lowest score of the boxes that are compared.
        formats: Files that are written.
    """

    train: CocoDataset
    val: CocoDataset
    photographs: CocoDataset
    out: Path
    calibration: int
    threshold: float
    formats: tuple[str, ...] = FORMATS


def examine(name: str, weights: str, wanted: Wanted) -> dict[str, Any]:
    """Exports one network; returns what is to be said of it."""
    began = time.monotonic()
    folder = wanted.out / f"{name.replace(':', '-')}-{weights}"
    folder.mkdir(parents=True, exist_ok=True)
    archive = made(name, weights, wanted.train, folder)
    row: dict[str, Any] = {"network": name, "weights": weights}
    try:
        images = calibration_images(wanted.train, archive.image_size, wanted.calibration)
        files = export_detector(archive, folder, wanted.formats, images, wanted.val)
    except EvonasError as error:
        return row | {"refused": str(error)}
    ap = {entry.format: entry.map for entry in files if entry.map == entry.map}
    rounding = [entry for file in files for entry in file.rounding]
    paths = [wanted.photographs.path_of(i) for i in range(len(wanted.photographs))]
    boxes = same_boxes(folder, paths, wanted.threshold)
    return row | {
        "refused": "",
        "files": len([file for file in files if file.file]),
        "rms": max(entry.rms for entry in rounding),
        "rms_of_torch": max(entry.rms / max(entry.torch_rms, 1e-30) for entry in rounding),
        "map": ap,
        "images": len(wanted.val),
        "photographs": len(paths),
        "threshold": wanted.threshold,
        "boxes": {key: asdict(value) for key, value in boxes.items()},
        "seconds": round(time.monotonic() - began, 1),
    }


def faults(row: dict[str, Any]) -> list[str]:
    """Returns what is wrong with a network's files."""
    if row["refused"]:
        return [f"refused: {row['refused']}"]
    found = []
    for kind in ("tflite-int8", "tflite-int8-post"):
        lost = row["map"]["archive"] - row["map"].get(kind, float("nan"))
        if row["weights"].isdigit() and lost > _LOST:
            found.append(f"{kind} loses {lost:.4f} AP")
    for key in ("file", "archive"):
        boxes = row["boxes"][key]
        if boxes["unmatched"] > boxes["limit"]:
            missed = boxes["unmatched"] - boxes["limit"]
            found.append(f"{missed} boxes differ from evonas detect on the {key}")
    if not row["boxes"]["file"]["boxes"] and row["weights"] != "initial":
        found.append("no boxes were compared")
    return found


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Returns the lines written so far; one that a kill cut short is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def examined(names: list[str], kinds: list[str], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yields a network's row after the other; what is known already is not done again."""
    path = wanted.out / "networks.jsonl"
    known = {(row["network"], row["weights"]): row for row in rows_of(path)}
    for weights in kinds:
        for name in names:
            if (name, weights) not in known:
                row = dict(without_nan(examine(name, weights, wanted)))
                with open(path, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                known[name, weights] = row
            yield known[name, weights]


def cells(row: dict[str, Any]) -> list[str]:
    """Returns a row of the table."""
    head = [row["network"], row["weights"]]
    if row["refused"]:
        return [*head, f"refused: {row['refused']}", *[""] * 7]
    ap, boxes = row["map"], row["boxes"]
    int8 = ap.get("tflite-int8")
    same, default = boxes["archive"], boxes["default"]
    return [
        *head,
        str(row["files"]),
        f"{row['rms']:.1e}",
        f"{ap['archive']:.4f}",
        "" if int8 is None else f"{int8 - ap['archive']:+.4f}",
        f"{same['boxes']} of {same['expected']}",
        f"{same['unmatched']} ({same['limit']})",
        f"{same['pixels']:.1e}, {same['score']:.1e}",
        str(default["unmatched"]),
    ]


HEADS = (
    "network", "weights", "files", "rms", "AP", "int8", "boxes", "other (at a limit)",
    "pixels, score", "other by default",
)  # fmt: skip


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder of photographs.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    random: Annotated[int, typer.Option(help="Random networks of the paper's space.")] = 10,
    only: Annotated[list[str] | None, typer.Option(help="These networks instead.")] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="initial, speaking, or a number of training steps.")
    ] = None,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="Files; by default all.")
    ] = None,
    train_images: Annotated[int, typer.Option(help="Training photographs.")] = 200,
    images: Annotated[int, typer.Option(help="Validation photographs for AP.")] = 50,
    photographs: Annotated[int, typer.Option(help="Validation photographs for boxes.")] = 50,
    calibration: Annotated[int, typer.Option(help="Photographs for int8's ranges.")] = 32,
    threshold: Annotated[float, typer.Option(help="Lowest score of boxes compared.")] = 0.02,
    threads: int = 1,
) -> None:
    """Prints a line per network and kind of weights."""
    torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    train_set, val = load_coco(data, "train"), load_coco(data, "val")
    wanted = Wanted(
        train_set.first(train_images),
        val.first(images),
        val.first(photographs),
        out,
        calibration,
        threshold,
        tuple(formats or FORMATS),
    )
    names = only or [*PUBLISHED, *random_networks(random)]
    rows, wrong = [], []
    for row in examined(names, weights or ["initial", "speaking", "8"], wanted):
        rows.append(row)
        print("  ".join(cells(row)), flush=True)
        wrong += [f"{row['network']}, {row['weights']}: {told}" for told in faults(row)]
    write_json(out / "faults.json", {"faults": wrong})
    print_table(list(HEADS), [cells(row) for row in rows], "\n".join(wrong) or "nothing differs")
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
