"""Every reader of files and texts from outside, each with a small valid file to damage."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.stress import mutations
from scripts.stress.mutations import Mutation

_NAME = "pico:0000000"


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Attributes:
        file: What is damaged, below the reader's folder.
        make: Fills the folder with valid files; it is given the folder of `base_files` too.
        run: Reads the folder; refusing with exit code 2 or 3, or an EvonasError, is right.
        how: Ways to damage the file.
    """

    file: str
    make: Callable[[Path, Path], None]
    run: Callable[[Path], None]
    how: tuple[Mutation, ...]


def base_files(folder: Path) -> None:
    """Makes what readers start from: a data set, tables, a job, a network's files and its run."""
    import torch

    from evonas.data import load_coco
    from evonas.detector import Detector
    from evonas.detector.archive import Archive, Card
    from evonas.export.produce import calibration_images, export_detector
    from evonas.space import resolve

    light_files(folder)
    torch.manual_seed(0)
    detector = Detector(resolve(_NAME).architecture).eval()
    archive = Archive(detector, Card(_NAME, tuple("0123456789")))
    images = calibration_images(load_coco(folder / "digits", "train"), 64, 4)
    export_detector(archive, folder / "export", calibration=images)
    short = (
        "--set",
        "steps=2",
        "--set",
        "batch_size=2",
        "--set",
        "validations=1",
        "--threads",
        "1",
    )
    _cli("train", _NAME, "--data", str(folder / "digits"), "--out", str(folder / "run"), *short)


def light_files(folder: Path) -> None:
    """Makes those that need no torch: a data set, tables, latencies, a job."""
    from evonas.data import make_digits
    from evonas.space import load_space
    from evonas.table import export_rows, open_table, write_table

    data = make_digits(folder / "digits", train=6, val=3)
    _cli("table", "import", str(folder / "table"), str(_csv(folder / "rows.csv")), "--source",
         "supernet")  # fmt: skip
    table = open_table(folder / "table")
    write_table(folder / "table.h5", table)
    for kind in ("csv", "jsonl", "parquet"):
        export_rows(table, folder / f"rows2.{kind}")
    _cli("job", "submit", _NAME, "--data", str(data), "--jobs", str(folder / "jobs"))
    space = load_space("pico")
    latencies = space.costs(space.genotypes(_ids()))["madds"] / 1e6
    rows = [f"{i},{ms:.4f},ms" for i, ms in zip(_ids(), latencies.tolist(), strict=True)]
    (folder / "device.csv").write_text("\n".join(["arch_id,latency,unit", *rows]) + "\n")


def _ids() -> list[str]:
    import numpy as np

    from evonas.space import load_space

    space = load_space("pico")
    return sorted(set(space.arch_ids(space.sample(40, np.random.default_rng(0)))))


def _csv(path: Path) -> Path:
    rows = [f"{arch_id},0.{number:03}" for number, arch_id in enumerate(_ids(), 100)]
    path.write_text("\n".join(["arch_id,map", *rows]) + "\n")
    return path


def _cli(*arguments: str) -> None:
    """Runs a command; what it refuses is well, whatever else it raises is not."""
    from evonas.cli import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main(arguments)


def _copy(*names: str) -> Callable[[Path, Path], None]:
    """Returns what copies base files; `a:b` under another name."""

    def make(folder: Path, base: Path) -> None:
        for name in names:
            source, _, target = name.partition(":")
            place = folder / (target or Path(source).name)
            place.parent.mkdir(parents=True, exist_ok=True)
            if (base / source).is_dir():
                shutil.copytree(base / source, place)
            else:
                shutil.copy(base / source, place)

    return make


def _voc(folder: Path, base: Path) -> None:
    _copy("digits/train:JPEGImages")(folder, base)
    (folder / "Annotations").mkdir()
    for image in sorted((folder / "JPEGImages").iterdir()):
        text = (
            "<annotation><size><width>64</width><height>64</height></size><object><name>cat</name>"
            "<difficult>0</difficult><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>30</xmax>"
            "<ymax>40</ymax></bndbox></object></annotation>"
        )
        (folder / "Annotations" / f"{image.stem}.xml").write_text(text)


def _yolo(folder: Path, base: Path) -> None:
    _copy("digits/train:images/train", "digits/val:images/val")(folder, base)
    for image in sorted((folder / "images").rglob("*.png")):
        label = folder / "labels" / image.parent.name / f"{image.stem}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("0 0.5 0.5 0.25 0.25\n1 0.3 0.3 0.2 0.1\n")
    text = "train: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n"
    (folder / "data.yaml").write_text(text)


def _recipe(folder: Path, base: Path) -> None:
    text = "base: nano\nsteps: 100\nlearning_rate: 0.01\naugmentation:\n  flip: 0.5\n  zoom: 1.2\n"
    (folder / "recipe.yaml").write_text(text)


def _requests(folder: Path, base: Path) -> None:
    requests = [
        {"do": "describe"},
        {"do": "sample", "n": 3, "seed": 1},
        {"do": "evaluate", "genotypes": [[0] * 7]},
        {"do": "judge", "genotypes": [[0] * 7, [1] * 7]},
    ]
    (folder / "requests").write_text("\n".join(map(json.dumps, requests)))


def _convert(folder: Path) -> None:
    _cli("data", "convert", str(folder), "--out", str(folder / "out"))
    shutil.rmtree(folder / "out", ignore_errors=True)


def _check(folder: Path) -> None:
    _cli("data", "check", str(folder / "digits"))


def _detect(file: str) -> Callable[[Path], None]:
    return lambda folder: _cli(
        "detect", str(folder / file), str(folder / "000000.png"), "--threshold", "0", "--json"
    )


def _import(file: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        table = folder / "t"
        _cli("table", "import", str(table), str(folder / file), "--source", "supernet")
        if table.exists():
            _cli("table", "info", str(table), "--json")
            shutil.rmtree(table)

    return run


def _table(name: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        _cli("table", "info", str(folder / name))
        _cli("table", "front", str(folder / name), "--objectives", "map,madds")
        _cli("table", "verify", str(folder / name), "--no-predictions")

    return run


def _device(folder: Path) -> None:
    file, data = str(folder / "device.csv"), str(folder / "data")
    _cli("device", "import", file, "--device", "mine", "--space", "pico", "--data-dir", data)
    shutil.rmtree(folder / "data", ignore_errors=True)


def _resume(folder: Path) -> None:
    """Loads a checkpoint as a resumed training does."""
    import torch

    from evonas.data import load_coco
    from evonas.data.tensors import load_tensors
    from evonas.detector import Detector
    from evonas.errors import EvonasError
    from evonas.retraining import RunFolder
    from evonas.space import resolve
    from evonas.training.checkpoint import checkpoint_steps
    from evonas.training.loop import train

    with contextlib.suppress(EvonasError):
        recipe = RunFolder(folder / "run").request().recipe
        checkpoint_steps(folder / "run" / "last.pt")
        architecture = resolve("pico:0000000").architecture
        data = load_tensors(load_coco(folder / "digits", "train"), 64)
        torch.manual_seed(0)
        network = Detector(architecture)
        train(network, lambda _: architecture, data, recipe, 0, folder / "run" / "last.pt")


def _jobs(folder: Path) -> None:
    _cli("job", "list", "--jobs", str(folder / "jobs"))
    _cli("job", "list", "--jobs", str(folder / "jobs"), "--json")


def _serve(folder: Path) -> None:
    import evonas
    from evonas.benchmark.server import serve

    text = (folder / "requests").read_bytes().decode(errors="replace")
    replies = list(serve(evonas.load_problem("pico/u55"), text.splitlines()))
    assert all(isinstance(json.loads(reply), dict) for reply in replies)


def _load_recipe(folder: Path) -> None:
    from evonas.errors import EvonasError
    from evonas.training.recipes import load_recipe

    with contextlib.suppress(EvonasError):
        load_recipe(str(folder / "recipe.yaml"))


_MODEL = ("export/card.json", "digits/val/000000.png")
READERS: dict[str, Reader] = {
    "coco": Reader(
        "digits/annotations/instances_val.json", _copy("digits"), _check, mutations.JSON
    ),
    "image": Reader("digits/val/000000.png", _copy("digits"), _check, mutations.BYTES),
    "detect image": Reader(
        "000000.png", _copy("export/detector-nms.onnx", *_MODEL), _detect("detector-nms.onnx"),
        mutations.BYTES,
    ),
    "voc": Reader("Annotations/000000.xml", _voc, _convert, mutations.TEXT),
    "yolo labels": Reader("labels/train/000000.txt", _yolo, _convert, mutations.TEXT),
    "yolo yaml": Reader("data.yaml", _yolo, _convert, mutations.TEXT),
    "recipe": Reader("recipe.yaml", _recipe, _load_recipe, mutations.TEXT),
    "archive": Reader(
        "detector.safetensors", _copy("export/detector.safetensors", *_MODEL),
        _detect("detector.safetensors"), mutations.SAFETENSORS,
    ),
    "card": Reader(
        "card.json", _copy("export/detector.onnx", *_MODEL), _detect("detector.onnx"),
        mutations.JSON,
    ),
    "onnx": Reader(
        "detector.onnx", _copy("export/detector.onnx", *_MODEL), _detect("detector.onnx"),
        mutations.BYTES,
    ),
    "onnx nms": Reader(
        "detector-nms.onnx", _copy("export/detector-nms.onnx", *_MODEL),
        _detect("detector-nms.onnx"), mutations.BYTES,
    ),
    "tflite": Reader(
        "detector.tflite", _copy("export/detector.tflite", *_MODEL), _detect("detector.tflite"),
        mutations.BYTES,
    ),
    "tflite int8": Reader(
        "detector-int8.tflite", _copy("export/detector-int8.tflite", *_MODEL),
        _detect("detector-int8.tflite"), mutations.BYTES,
    ),
    "checkpoint": Reader("run/last.pt", _copy("run", "digits"), _resume, mutations.BYTES),
    "table file": Reader("table.h5", _copy("table.h5"), _table("table.h5"), mutations.BYTES),
    "table part": Reader("table/*.h5", _copy("table"), _table("table"), mutations.BYTES),
    "csv": Reader("rows2.csv", _copy("rows2.csv"), _import("rows2.csv"), mutations.TEXT),
    "jsonl": Reader("rows2.jsonl", _copy("rows2.jsonl"), _import("rows2.jsonl"), mutations.JSON),
    "parquet": Reader(
        "rows2.parquet", _copy("rows2.parquet"), _import("rows2.parquet"), mutations.BYTES
    ),
    "table card": Reader(
        "rows2.csv.card.json", _copy("rows2.csv", "rows2.csv.card.json"), _import("rows2.csv"),
        mutations.JSON,
    ),
    "device csv": Reader("device.csv", _copy("device.csv"), _device, mutations.TEXT),
    "job status": Reader("jobs/*/status.json", _copy("jobs"), _jobs, mutations.JSON),
    "job request": Reader("jobs/*/config.json", _copy("jobs"), _jobs, mutations.JSON),
    "job curves": Reader(
        "jobs/*/curves.jsonl", _copy("jobs", "run/curves.jsonl:curves.jsonl"), _jobs,
        mutations.JSON,
    ),
    "requests": Reader("requests", _requests, _serve, mutations.JSON),
}  # fmt: skip


def target(folder: Path, reader: Reader) -> Path:
    """Returns the file that is damaged."""
    found = sorted(folder.glob(reader.file))
    if not found and reader.file.startswith("jobs/*/"):
        (job,) = folder.glob("jobs/*")
        return job / Path(reader.file).name
    return found[0]
