"""One training with its curves: what the trained table has of a network and seed."""

import time
from pathlib import Path

import torch

from evonas.data import data_fingerprint, load_coco
from evonas.data.tensors import load_tensors
from evonas.detector import Detector
from evonas.files import read_json, write_json
from evonas.space import Genotypes, SearchSpace
from evonas.table import BenchmarkTable
from evonas.training.checkpoint import checkpoint_steps
from evonas.training.recipe import Recipe, describe_recipe
from evonas.training.static import train_detector
from evonas.training.validation import Validation

QUANTITIES = (
    "trained_map",
    "trained_map50",
    "trained_map_small",
    "trained_map_medium",
    "trained_map_large",
    "trained_seconds",
)


def column(quantity: str, seed: int, step: int | None = None) -> str:
    """Returns the name of a quantity's column.

    >>> column("trained_map", 2, 125), column("trained_seconds", 0)
    ('trained_map:2#125', 'trained_seconds')
    """
    return quantity + (f":{seed}" if seed else "") + (f"#{step}" if step is not None else "")


def provenance(data: Path, recipe: Recipe) -> dict[str, str]:
    """Returns what the values of all seeds depend on."""
    return {
        "source": "trained",
        "recipe": str(describe_recipe(recipe)),
        "data": data_fingerprint(data),
        "torch": torch.__version__,
    }


class CurveTrainer:
    """Trains networks on one data set, one after the other, into one table."""

    def __init__(self, space: SearchSpace, data: Path, table: BenchmarkTable, recipe: Recipe):
        size, train = space.skeleton.image_size, load_coco(data, "train")
        self.space, self.table, self.recipe = space, table, recipe
        self.n_classes = train.n_classes
        self.train = load_tensors(train, size)
        self.validation = Validation(load_coco(data, "val"), size)
        self.provenance = provenance(data, recipe)

    def __call__(self, genotype: Genotypes, seed: int, folder: Path) -> str:
        """Trains the network of genotype (1, n_genes); its state is kept in the folder.

        Returns:
            A line on what came out.

        Raises:
            DataError: The table has the column of another recipe, other data or another torch;
                nothing was trained.
        """
        [arch_id] = self.space.arch_ids(genotype)
        known = self.provenance | {"seed": str(seed)}
        first: dict[str, list[float]] = {column(QUANTITIES[0], seed): []}
        self.table.append(self.space, genotype[:0], first, provenance=known)
        checkpoint, state = (folder / f"{arch_id}-{seed}.{end}" for end in ("pt", "json"))
        curve = self._curve(genotype, seed, checkpoint, state)
        last = max(curve)
        columns = {
            column(name, seed, step): [value]
            for step, values in curve.items()
            for name, value in zip(QUANTITIES, values, strict=True)
        }
        columns |= {
            column(name, seed): [value] for name, value in zip(QUANTITIES, curve[last], strict=True)
        }
        self.table.append(self.space, genotype, columns, provenance=known)
        for path in (checkpoint, state):
            path.unlink(missing_ok=True)
        ap, ap50, *_, seconds = curve[last]
        return f"{arch_id} seed {seed}  AP {ap:.4f}  AP50 {ap50:.4f}  {seconds:.0f} s"

    def _curve(
        self, genotype: Genotypes, seed: int, checkpoint: Path, state: Path
    ) -> dict[int, tuple[float, ...]]:
        """Trains, or resumes; returns the quantities after each validation, by step.

        The checkpoint is written after a validation only, and the curve just before it: what is
        trained twice after a kill counts once.
        """
        done = checkpoint_steps(checkpoint) if state.exists() else 0
        known = read_json(state, "the state of a training")["curve"] if done else {}
        curve = {int(step): tuple(v) for step, v in known.items() if int(step) <= done}
        before = curve[done][-1] if done else 0.0
        validating, began = 0.0, time.process_time()

        def validate(step: int, detector: Detector) -> None:
            nonlocal validating
            seconds = before + time.process_time() - began - validating
            start = time.process_time()
            detector.fold()
            found = self.validation.detect(detector)
            figures = *self.validation.precision(found), *self.validation.precision_by_size(found)
            curve[step] = (*figures, seconds)
            write_json(state, {"curve": {str(step): list(v) for step, v in curve.items()}})
            validating += time.process_time() - start

        network = self.space.decode(genotype[0]).with_classes(self.n_classes)
        network = self.recipe.with_anchors(network)
        if done < self.recipe.steps:
            train_detector(
                network, self.train, self.recipe, seed, checkpoint,
                validate=validate, checkpoint_seconds=float("inf"),
            )  # fmt: skip
        return curve
