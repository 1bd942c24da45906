"""Trains one network in several ways on equally many images, and prints the AP of each.

    python -m scripts.compare.recipes --data ~/.cache/evonas/digits

It is what the recipe `nano` was chosen by; a way is a list of changes of it, as for
`evonas train --set`, and `--way "learning_rate=0.01 batch_size=8"` tries others.
"""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from evonas.cli.output import print_table
from evonas.data import load_coco
from evonas.data.tensors import load_tensors
from evonas.space import resolve
from evonas.training.memory import keep_freed_memory
from evonas.training.recipes import load_recipe
from evonas.training.static import train_detector
from evonas.training.validation import Validation

# What augmentation was before, as strong as a supernet's.
_STRONG = (
    "augmentation.zoom=1.3 augmentation.stretch=1.15 augmentation.shift=0.15 "
    "augmentation.brightness=0.3 augmentation.contrast=0.3 augmentation.colour=0.2"
)
WAYS = (
    f"batch_size=32 learning_rate=0.003 {_STRONG}",
    f"learning_rate=0.003 {_STRONG}",
    _STRONG,
    "learning_rate=0.008",
    "",
    "learning_rate=0.032",
)


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    arch: Annotated[str, typer.Option(help="The network.")] = "nano:111057020002190",
    images: Annotated[int, typer.Option(help="Images that each way sees.")] = 16_000,
    way: Annotated[list[str] | None, typer.Option(help="Changes of the recipe nano.")] = None,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Prints a line for each way."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    architecture = resolve(arch).architecture
    size = architecture.skeleton.image_size
    train = load_tensors(load_coco(data, "train"), size)
    validation = Validation(load_coco(data, "val"), size)
    rows = []
    for changes in way or WAYS:
        words = changes.split()
        steps = images // load_recipe("nano", words).batch_size
        recipe = load_recipe("nano", [*words, f"steps={steps}", f"warmup_steps={steps // 10}"])
        began = time.process_time()
        detector = train_detector(architecture, train, recipe, seed)
        seconds = time.process_time() - began
        detector.fold()
        ap, ap50 = validation.score(detector)
        light = "strong" if "augmentation" in changes else "light"
        row = [f"{recipe.batch_size}", f"{recipe.learning_rate:g}", light]
        rows.append([*row, f"{ap:.4f}", f"{ap50:.4f}", f"{seconds:.0f}"])
        typer.echo(f"{changes or 'nano'}: AP {ap:.4f}", err=True)
    headings = ["batch", "rate", "augmentation", "AP", "AP50", "processor s"]
    print_table(headings, rows, f"{arch}, {images:,} images, seed {seed}")


if __name__ == "__main__":
    typer.run(main)
