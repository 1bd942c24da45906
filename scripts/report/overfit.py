"""Trains each published network on 16 images until it knows them by heart.

    python -m scripts.report.overfit
    python -m scripts.report.overfit mobiledet-cpu ssdlite-mobilenet-v2

A network, loss or assignment that is wrong somewhere does not reach a high AP even on the images
that it was trained on. The images are digits scenes of 320x320 pixels.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import torch
import typer

from evonas.cli.output import print_table
from evonas.data import make_digits
from evonas.retraining import RunFolder, plan_training
from evonas.retraining.run import Machine, run_training
from evonas.space.baselines import list_baselines
from evonas.space.published import PUBLISHED

_IMAGES = 16
_PLAIN = ("zoom=1", "stretch=1", "shift=0", "brightness=0", "contrast=0", "colour=0")


def make_data(folder: Path) -> Path:
    """Writes a data set whose validation images are its training images."""
    make_digits(folder, train=_IMAGES, val=1, size=320)
    shutil.rmtree(folder / "val")
    shutil.copytree(folder / "train", folder / "val")
    annotations = folder / "annotations"
    shutil.copy(annotations / "instances_train.json", annotations / "instances_val.json")
    return folder


def main(
    networks: Annotated[list[str] | None, typer.Argument(help="Default: all there are.")] = None,
    steps: int = 60,
    learning_rate: float = 4e-3,
    bfloat16: bool = False,
    threads: int = 0,
) -> None:
    """Prints each network's AP on the images that it was trained on."""
    if threads:
        torch.set_num_threads(threads)
    changes = [
        f"steps={steps}", f"batch_size={_IMAGES}", f"learning_rate={learning_rate}",
        f"bfloat16={str(bfloat16).lower()}", "ema_decay=0.9", f"warmup_steps={steps // 10}",
        "validations=3", *(f"augmentation.{change}" for change in _PLAIN),
    ]  # fmt: skip
    rows = []
    with tempfile.TemporaryDirectory() as place:
        data = make_data(Path(place) / "data")
        for name in networks or [*PUBLISHED, *list_baselines()]:
            folder = RunFolder(Path(place) / name)
            folder.create(plan_training(name, data, changes=changes))
            result = run_training(folder.path, Machine(report=typer.echo))
            rows.append([name, f"{result['val']['map']:.3f}", f"{result['seconds']:.0f}"])
            print_table(["network", "AP", "s"], rows, f"{steps} steps of the same {_IMAGES} images")


if __name__ == "__main__":
    typer.run(main)
