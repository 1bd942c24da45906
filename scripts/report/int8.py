r"""What full int8 costs a trained network, under the rules of every device.

    python -m scripts.report.int8 --data data/digits --out runs/int8

Trains one random network of `nano` of median cost under each device's rules (the CPU's have
h-swish and squeeze-and-excite, which quantise badly), exports it as `evonas export` does, and
prints its AP in torch, as float32 and as int8 in LiteRT, and as int8 after quantisation-aware
fine-tuning (the recipe `int8`). It can be stopped at any moment: a training goes on from its
checkpoint, and a trained network is not trained again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.cli.output import print_table
from evonas.data import load_coco
from evonas.detector.archive import Archive, load_archive
from evonas.export.produce import calibration_images, export_detector
from evonas.retraining import RunFolder, plan_training
from evonas.retraining.run import Machine, run_training
from evonas.space import SearchSpace, load_space

SPACES = ("nano@edgetpu", "nano@dsp", "nano@gpu", "nano@cpu")


def median_network(space: SearchSpace) -> str:
    """Returns the `arch_id` of a random network of median multiply-adds."""
    genotypes = space.sample(101, np.random.default_rng(0))
    middle = np.argsort(space.costs(genotypes)["madds"])[50]
    return space.arch_ids(genotypes[middle : middle + 1])[0]


def trained(arch_id: str, data: Path, folder: Path, how: Sequence[str], init: str) -> Archive:
    """Returns the best network of a training, which goes on where it was stopped."""
    run = RunFolder(folder)
    if not run.path.exists():
        name, *changes = how
        run.create(plan_training(arch_id, data, name, changes, init))
    if not run.metrics.exists():
        run_training(run.path, Machine(report=lambda line: None))
    return load_archive(run.best)


def precisions(archive: Archive, data: Path, out: Path) -> dict[str, float]:
    """Returns AP in torch and in LiteRT as float32 and as int8."""
    files = export_detector(
        archive,
        out,
        ["archive", "tflite", "tflite-int8"],
        calibration_images(load_coco(data, "train"), archive.image_size),
        load_coco(data, "val"),
    )
    return {entry.format: entry.map for entry in files}


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    out: Annotated[Path, typer.Option(help="Folder for networks and files.")],
    steps: int = 1000,
    threads: int = 1,
) -> None:
    """Prints a line a device."""
    torch.set_num_threads(threads)
    rows = []
    for name in SPACES:
        arch_id, folder = median_network(load_space(name)), out / name
        plain = trained(arch_id, data, folder / "trained", ["nano", f"steps={steps}"], "scratch")
        init = str(folder / "trained")
        tuned = trained(arch_id, data, folder / "tuned", ["int8"], init)
        before = precisions(plain, data, folder / "files")
        after = precisions(tuned, data, folder / "tuned-files")
        ap = [before[kind] for kind in ("archive", "tflite", "tflite-int8")]
        rows.append([name, arch_id, *(f"{value:.4f}" for value in [*ap, after["tflite-int8"]])])
        heads = ["rules", "network", "torch", "float32", "int8", "int8 after fine-tuning"]
        print_table(heads, rows, "AP on the validation images")


if __name__ == "__main__":
    typer.run(main)
