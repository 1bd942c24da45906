"""The small folder in which the documents' commands run: what their reader would have there."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np

import evonas
from evonas.cli import main
from evonas.data import make_digits
from evonas.paths import shipped_data
from evonas.table import create_table
from tests.weights.test_checkpoint import PREFIX, variables_of
from tests.weights.tf_writer import pack, write_bundle

TRAIN, VAL, ROWS = 24, 12, 300
PHOTOGRAPHS = 40
ZOO = "ssdlite_mobiledet_cpu_320x320_coco_2020_05_19"


def make_small_folder(folder: Path) -> None:
    """Fills a folder: digits scenes, a table, a photo, a data set in YOLO's format."""
    from PIL import Image

    make_digits(folder / "data/digits", train=TRAIN, val=VAL)
    _table(folder / "runs/demo/table")
    Image.new("RGB", (120, 90), "grey").save(folder / "photo.jpg")
    _yolo(folder / "data/digits", folder / "my_yolo")


def make_photographs(folder: Path) -> None:
    """Fills a folder with `photos`, labelled for YOLO with 3 classes, and the zoo's file."""
    make_digits(folder / "scenes", train=PHOTOGRAPHS, val=1, size=320)
    others = [f"--rename={digit}=" for digit in range(3, 10)]
    three = str(folder / "three")
    assert main(["data", "convert", str(folder / "scenes"), *others, "--out", three]) == 0
    _yolo(folder / "three", folder / "photos", ("train",))
    _zoo_file(folder / f"{ZOO}.tar.gz")
    for name in ("scenes", "three"):
        shutil.rmtree(folder / name)


def make_boards(folder: Path) -> None:
    """Fills a folder with `PCBData`, a board a split."""
    from PIL import Image

    boards = folder / "PCBData"
    boards.mkdir()
    for split in ("trainval", "test"):
        Image.new("RGB", (640, 640), "grey").save(boards / f"{split}0_test.jpg")
        (boards / f"{split}0.txt").write_text("10 12 30 40 1\n")
        (boards / f"{split}.txt").write_text(f"{split}0.jpg {split}0.txt\n")


def _zoo_file(path: Path) -> None:
    """The published archive with random weights, of a size that can be trained."""
    variables = variables_of("mobiledet-cpu")
    for name, value in variables.items():
        if name.endswith("weights"):
            inputs = value[..., 0].size if value.shape[-1] > 1 else value[:, :, 0].size
            variables[name] = (value - 1) * np.float32(np.sqrt(24 / inputs))
    place = path.parent / ZOO
    place.mkdir()
    write_bundle(place / PREFIX, variables)
    pack(place, path)
    shutil.rmtree(place)


def _table(path: Path) -> None:
    """The first rows of the shipped table."""
    shipped = evonas.open_table(shipped_data() / "tables/nano-v5.h5")
    space, table = evonas.load_space("nano"), create_table(path)
    columns = [name for name in shipped.columns() if name.partition(":")[0] in _COLUMNS]
    genotypes, values = next(shipped.batches(columns, ROWS))
    for name in columns:
        provenance = dict(shipped.provenance(name))
        table.append(space, genotypes, {name: values[name]}, provenance=provenance)


_COLUMNS = ("map", "madds", "params", "latency")


def _yolo(digits: Path, out: Path, splits: tuple[str, ...] = ("train", "val")) -> None:
    """A data set in YOLO's format of the scenes."""
    names: list[str] = []
    for split in splits:
        content = json.loads((digits / f"annotations/instances_{split}.json").read_text())
        names = [c["name"] for c in sorted(content["categories"], key=lambda c: c["id"])]
        place = {
            c["id"]: i for i, c in enumerate(sorted(content["categories"], key=lambda c: c["id"]))
        }
        for kind in ("images", "labels"):
            (out / kind / split).mkdir(parents=True, exist_ok=True)
        for image in content["images"]:
            name = Path(image["file_name"])
            shutil.copy(digits / split / name.name, out / "images" / split / name.name)
            lines = []
            for box in content["annotations"]:
                if box["image_id"] == image["id"]:
                    x, y, w, h = box["bbox"]
                    centre = ((x + w / 2) / image["width"], (y + h / 2) / image["height"])
                    sides = (w / image["width"], h / image["height"])
                    values = " ".join(f"{value:.6f}" for value in (*centre, *sides))
                    lines.append(f"{place[box['category_id']]} {values}")
            (out / "labels" / split / f"{name.stem}.txt").write_text("\n".join(lines))
    lines = [f"{split}: images/{split}" for split in splits]
    (out / "data.yaml").write_text("\n".join([*lines, f"names: {json.dumps(names)}\n"]))


def fill_results(file: str) -> None:
    """Fills a results file as a device would that is a little slower than a known one."""
    predictor = evonas.load_predictor("cpu-xnnpack", "nano")
    path = Path(file)
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    genotypes = evonas.load_space("nano").genotypes([row["arch_id"] for row in rows])
    times = 1.7 * predictor.predict(genotypes) + 0.1
    assert np.isfinite(times).all()
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(
            {**row, "latency": f"{time:.4f}"} for row, time in zip(rows, times, strict=True)
        )
