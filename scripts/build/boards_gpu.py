"""Trains every network of a small space on one GPU, many side by side: minutes, not hours.

    python -m scripts.build.boards_gpu --data boards/tiles64 --table runs/boards-gpu/table

The networks, seeds and recipe of scripts/build/boards.py, whose table is the control: its rows were
trained one by one on a CPU. Each process trains groups of networks in lockstep; what a finished
group found is in the table at once, and a further call goes on from there. The table is one of its
own, for its columns come from another device; it has no `trained_seconds`, as no network has the
card to itself.
"""

import multiprocessing
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.benchmark.columns import every
from evonas.data import load_coco
from evonas.data.tensors import DetectionBatch, load_tensors
from evonas.detector import Detector
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import create_table, open_table
from evonas.training.recipe import Recipe
from evonas.training.recipes import load_recipe
from evonas.training.validation import Validation
from scripts.build.boards import in_order
from scripts.build.boards_lockstep import train_in_lockstep
from scripts.build.boards_training import QUANTITIES, column, provenance

_FIGURES = QUANTITIES[:-1]  # without the seconds


class GroupTrainer:
    """Trains groups of networks on one device into one table."""

    def __init__(
        self, space: SearchSpace, data: Path, table: Path, recipe: Recipe, device: torch.device
    ) -> None:
        size, train = space.skeleton.image_size, load_coco(data, "train")
        self.space, self.table, self.recipe, self.device = space, table, recipe, device
        self.n_classes = train.n_classes
        raw = load_tensors(train, size)
        self.train = DetectionBatch(*(getattr(raw, n).to(device) for n in raw.__slots__))
        self.validation = Validation(load_coco(data, "val"), size)
        self.batches = [batch.to(device) for batch in self.validation.batches()]
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        self.provenance = provenance(data, recipe) | {"device": name}

    def __call__(self, genotypes: Genotypes, seed: int, streams: int) -> str:
        """Trains genotypes (n, n_genes) with one seed; returns a line on what came out."""
        decoded = [self.space.decode(genotype) for genotype in genotypes]
        networks = [self.recipe.with_anchors(a.with_classes(self.n_classes)) for a in decoded]
        found: dict[str, list[float]] = {}

        def validate(number: int, step: int, detector: Detector) -> None:
            figures = self._figures(detector)
            for name, value in zip(_FIGURES, figures, strict=True):
                for place in (column(name, seed, step), column(name, seed)):
                    values = found.setdefault(place, [float("nan")] * len(networks))
                    values[number] = value

        train_in_lockstep(networks, self.train, self.recipe, seed, self.device, validate, streams)
        known = self.provenance | {"seed": str(seed)}
        columns = {name: np.array(values) for name, values in found.items()}
        open_table(self.table).append(self.space, genotypes, columns, provenance=known)
        mean = np.mean(found[column(_FIGURES[0], seed)])
        return f"{len(genotypes)} networks, seed {seed}, mean AP {mean:.4f}"

    def _figures(self, detector: Detector) -> tuple[float, ...]:
        """AP, AP50, and AP of small, medium and large objects; suppression is the CPU's part."""
        detector.fold()
        with torch.inference_mode():
            outputs = [detector(images) for images in self.batches]
            on_cpu = ((codes.cpu(), logits.cpu()) for codes, logits in outputs)
            detections = self.validation.detections(on_cpu, detector.architecture.skeleton)
        precision = self.validation.precision(detections)
        return *precision, *self.validation.precision_by_size(detections)


def groups(table: Path, space: SearchSpace, at_once: int) -> list[tuple[Genotypes, int]]:
    """Returns genotypes (n, n_genes) and the seed of each group that is not trained yet."""
    jobs = list(in_order(space.canonical(every(space))))
    trained, found = open_table(table), []
    for seed in sorted({seed for _, seed in jobs}):
        genotypes = np.concatenate([genotype for genotype, s in jobs if s == seed])
        name = column(_FIGURES[0], seed)
        missing = genotypes[np.isnan(trained.known(genotypes, [name], space)[name])]
        parts = np.split(missing, range(at_once, len(missing), at_once))
        found += [(part, seed) for part in parts if len(part)]
    return found


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder of tiles.")],
    table: Annotated[Path, typer.Option(help="Table that takes the results.")],
    space: str = "femto",
    recipe: str = "boards",
    processes: Annotated[int, typer.Option(help="About as many as processor cores.")] = 14,
    at_once: Annotated[int, typer.Option(help="Networks of a group.")] = 16,
    streams: Annotated[int, typer.Option(help="Of those, how many run at the same time.")] = 4,
    device: str = "cuda",
    most: Annotated[int | None, typer.Option(help="Groups after which to stop.")] = None,
) -> None:
    """Trains until all are in the table; prints a line for each group."""
    if not table.exists():
        create_table(table)
    todo = groups(table, load_space(space), at_once)[:most]
    shares = [
        (data, table, space, recipe, device, streams, todo[i::processes]) for i in range(processes)
    ]
    if processes == 1:
        _train(*shares[0])
        return
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_train, args=share) for share in shares if share[-1]]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed := sum(worker.exitcode != 0 for worker in workers):
        typer.echo(
            f"{failed} of {len(workers)} processes failed; call again for the rest", err=True
        )
        raise typer.Exit(1)


def _train(
    data: Path,
    table: Path,
    space: str,
    recipe: str,
    device: str,
    streams: int,
    todo: list[tuple[Genotypes, int]],
) -> None:
    torch.set_num_threads(1)
    # As exact as the CPU's rows, which are the control.
    torch.backends.cudnn.allow_tf32 = False
    trainer = GroupTrainer(
        load_space(space), data, table, load_recipe(recipe), torch.device(device)
    )
    for genotypes, seed in todo:
        print(trainer(genotypes, seed, streams), flush=True)


if __name__ == "__main__":
    typer.run(main)
