"""AP of networks by search, by export, by training and by `evonas val`: equal to the last digit?

    python -m scripts.compare.one_ap --out /tmp/one_ap

Ten random networks of `nano`, with the shipped supernet's weights, on digits scenes: by the scorer
of a search, by export (the archive's card, measured on the validation split), by `evonas val` of
the exported archive, and by pycocotools from the detections that `val` made. Each is then trained
for some steps, and the run's own figure is held against export, `val`, a search's evaluation and
pycocotools. Exits with 1 if any two differ.
"""

import contextlib
import io
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.cli.output import print_table
from evonas.data import CocoDataset, load_coco, make_digits
from evonas.detector.archive import Archive, load_archive
from evonas.export.evaluate import evaluate_subject
from evonas.export.produce import export_detector
from evonas.export.subject import open_subject
from evonas.paths import shipped_data
from evonas.retraining import RunFolder, plan_training
from evonas.retraining.run import run_training
from evonas.scoring.supernet import SupernetScorer
from evonas.space import load_space
from evonas.supernet.archive import extract_archive
from evonas.training.detections import Detections
from evonas.training.validation import Validation


def main(
    out: Annotated[Path, typer.Option(help="Folder for data, runs and files.")],
    networks: Annotated[int, typer.Option(help="How many.")] = 10,
    images: Annotated[int, typer.Option(help="Validation images, up to 500.")] = 200,
    steps: Annotated[int, typer.Option(help="Of each training.")] = 20,
    seed: int = 0,
) -> None:
    """Prints a line for each network."""
    torch.set_num_threads(1)
    data = out / "digits"
    if not data.exists():
        make_digits(data, train=200, val=images)
    dataset = load_coco(data, "val")
    supernet = shipped_data() / "supernets" / "nano.safetensors"
    space = load_space("nano")
    genotypes = space.sample(networks, np.random.default_rng(seed))
    scores = SupernetScorer(supernet, data)(genotypes)["map"]
    rows, differ = [], False
    for arch_id, by_search in zip(space.arch_ids(genotypes), scores.tolist(), strict=True):
        name = arch_id.replace(":", "-")
        archive = extract_archive(arch_id, supernet, data)
        inherited = [by_search, *_elsewhere(archive, out / name / "supernet", dataset)]
        run = RunFolder(out / name / f"run-{steps}-{seed}")
        if not run.config.exists():
            changes = [f"steps={steps}", "validations=1", "warmup_steps=1"]
            run.create(plan_training(arch_id, data, "nano", changes, str(supernet), seed))
        by_training = run_training(run.path)["val"]["map"]
        trained = load_archive(run.best)
        by_search = Validation(dataset, trained.image_size).score(trained.detector)[0]
        files = _elsewhere(trained, out / name / "trained", dataset)
        trained_figures = [by_training, by_search, trained.card.metrics["map"], *files]
        differ |= len({*inherited}) > 1 or len({*trained_figures}) > 1
        rows.append([arch_id, *(_told(figures) for figures in (inherited, trained_figures))])
    print_table(
        ["network", "search, export, val, pycocotools", "training, search, card, export, val, ..."],
        rows,
    )
    raise typer.Exit(int(differ))


def _elsewhere(archive: Archive, folder: Path, dataset: CocoDataset) -> list[float]:
    """Returns AP by export, by `val` of the exported archive, and by pycocotools."""
    export_detector(archive, folder, ["archive"], validation=dataset)
    exported = load_archive(folder / "detector.safetensors").card
    found = evaluate_subject(open_subject(folder), dataset, samples=0)
    return [exported.metrics["map"], found.metrics.ap, by_pycocotools(dataset, found.detections)]


def by_pycocotools(dataset: CocoDataset, detections: Detections) -> float:
    """Returns AP of detections by the reference code."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    boxes = detections.sides()
    found = [
        {
            "image_id": int(dataset.image_ids[image]),
            "category_id": int(dataset.category_ids[label]),
            "bbox": box.tolist(),
            "score": float(score),
        }
        for image, label, box, score in zip(
            detections.image_index, detections.labels, boxes, detections.scores, strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(dataset.annotation_file))
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.imgIds = dataset.image_ids.tolist()
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def _told(figures: list[float]) -> str:
    """Returns the one figure, or all of them where they differ."""
    return " ".join(map(repr, dict.fromkeys(figures)))


if __name__ == "__main__":
    typer.run(main)
