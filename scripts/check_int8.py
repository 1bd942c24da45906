r"""What full int8 costs a trained network, under the rules of every device.

    python scripts/check_int8.py --data data/digits --out runs/int8

Trains one random network of `nano` of median cost under each device's rules (the CPU's have
h-swish and squeeze-and-excite, which quantise badly), exports it as `evonas export` does, and
prints its AP in torch, as float32 and as int8 in LiteRT. It can be stopped at any moment: a
training goes on from its checkpoint, and a trained network is not trained again.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.data import data_fingerprint, load_coco
from evonas.data.tensors import load_tensors
from evonas.detector.archive import Archive, Card, load_archive, save_archive
from evonas.export.produce import calibration_images, export_detector
from evonas.space import SearchSpace, find_architecture, load_space
from evonas.training.recipe import Recipe
from evonas.training.static import train_detector

SPACES = ("nano@edgetpu", "nano@dsp", "nano@gpu", "nano@cpu")
RECIPE = Recipe(steps=1000, warmup_steps=100)


def median_network(space: SearchSpace) -> str:
    """Returns the `arch_id` of a random network of median multiply-adds."""
    genotypes = space.sample(101, np.random.default_rng(0))
    middle = np.argsort(space.costs(genotypes)["madds"])[50]
    return space.arch_ids(genotypes[middle : middle + 1])[0]


def trained(space: SearchSpace, data: Path, out: Path, recipe: Recipe) -> Archive:
    """Returns the trained network, from its file or by training it."""
    path = out / "trained.safetensors"
    if path.exists():
        return load_archive(path)
    dataset = load_coco(data, "train")
    arch_id = median_network(space)
    architecture = find_architecture(arch_id).with_classes(dataset.n_classes)
    tensors = load_tensors(dataset, space.skeleton.image_size)
    detector = train_detector(architecture, tensors, recipe, 0, out / "training.checkpoint.pt")
    made = {"seed": 0, "steps": recipe.steps, "data": data_fingerprint(data)}
    archive = Archive(detector, Card(arch_id, tuple(dataset.class_names), made=made))
    save_archive(path, archive)
    return archive


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    out: Annotated[Path, typer.Option(help="Folder for networks and files.")],
    steps: int = RECIPE.steps,
    threads: int = 1,
) -> None:
    """Prints a line a device."""
    torch.set_num_threads(threads)
    print(f"{'rules':14} {'network':24} {'torch':>7} {'fp32':>7} {'int8':>7} {'loss':>7}")
    for name in SPACES:
        space, folder = load_space(name), out / name
        folder.mkdir(parents=True, exist_ok=True)
        archive = trained(space, data, folder, replace(RECIPE, steps=steps))
        files = export_detector(
            archive,
            folder,
            ["archive", "tflite", "tflite-int8"],
            calibration_images(load_coco(data, "train"), archive.image_size),
            load_coco(data, "val"),
        )
        ap = {entry.format: entry.map for entry in files if entry.format != "vela"}
        fp32, int8 = ap["tflite"], ap["tflite-int8"]
        print(
            f"{name:14} {archive.card.architecture:24} {ap['archive']:7.4f} {fp32:7.4f} "
            f"{int8:7.4f} {fp32 - int8:7.4f}",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
