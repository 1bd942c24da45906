"""Trains backbones of `nano` as classifiers of single digits: the proxy that MobileDets do without.

    python -m scripts.build.classification --truth benchmark_data/truth/nano-v6.h5 \
        --data data/digits --table runs/classification/table

The networks are those of a table with `trained_map`. Their images are the boxes of the detection
data with a margin, stretched to the network's input; the last block's map is averaged over its
places and read by one linear layer. It can be stopped at any moment: what is in the table is not
trained again.
"""

import time
from math import cos, pi
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor, nn
from torchvision.ops import roi_align

from evonas.data import data_fingerprint, load_coco
from evonas.data.augment import normalise
from evonas.data.tensors import DetectionBatch, load_tensors
from evonas.detector import Detector
from evonas.detector.network import layer_convs
from evonas.ranking import load_truth
from evonas.space import Architecture, load_space
from evonas.table import create_table, open_table
from evonas.training.memory import keep_freed_memory
from evonas.training.static import NORM_IMAGES
from evonas.training.validation import as_input

_MARGIN = 1.25
_RATE, _DECAY = 4e-3, 0.02


class Classifier(nn.Module):
    """A backbone, the mean over its last map, and a linear layer."""

    def __init__(self, architecture: Architecture, n_classes: int) -> None:
        super().__init__()
        self.detector = Detector(architecture)
        self.logits = nn.Linear(architecture.blocks[-1].width, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Returns logits (n, n_classes) of images (n, 3, size, size) in [-1, 1]."""
        run, architecture = self.detector.sequence, self.detector.architecture
        x = run(images, [("stem", architecture.stem_conv())])
        for layer in architecture.layers():
            x = run(x, layer_convs(layer), layer.residual)
        logits: Tensor = self.logits(x.mean((2, 3)))
        return logits


def crops(batch: DetectionBatch) -> tuple[Tensor, Tensor]:
    """Returns the boxes' images, (m, 3, size, size) uint8, and their labels, (m,)."""
    size = batch.images.shape[-1]
    image, slot = torch.nonzero(batch.labels >= 0, as_tuple=True)
    boxes = batch.boxes[image, slot]
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * _MARGIN
    around = torch.cat([image[:, None].float(), centre - half, centre + half], dim=1)
    pixels = [
        roi_align(batch.images.float(), rows, size, sampling_ratio=2).round().to(torch.uint8)
        for rows in around.split(500)
    ]
    return torch.cat(pixels), batch.labels[image, slot]


def accuracy_of(
    architecture: Architecture,
    train: tuple[Tensor, Tensor],
    val: tuple[Tensor, Tensor],
    steps: int,
    batch_size: int,
    seed: int,
) -> float:
    """Trains one network from scratch; returns its accuracy on the validation images, 0 to 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Classifier(architecture, int(train[1].max()) + 1)
    model = model.to(memory_format=torch.channels_last).train()
    used = [weight for name, weight in model.named_parameters() if "head" not in name]
    optimiser = torch.optim.AdamW(used, lr=_RATE, weight_decay=_DECAY)
    rng = np.random.default_rng(seed)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = _RATE * (1 + cos(pi * step / steps)) / 2
        rows = torch.from_numpy(rng.integers(len(train[1]), size=batch_size))
        loss = nn.functional.cross_entropy(model(normalise(train[0][rows])), train[1][rows])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(used, 5.0)
        optimiser.step()
    model.detector.calibrate(as_input(train[0][:NORM_IMAGES]))
    model.eval()
    with torch.inference_mode():
        right = [
            model(normalise(images)).argmax(1) == labels
            for images, labels in zip(*(part.split(250) for part in val), strict=True)
        ]
    return float(torch.cat(right).float().mean())


def main(
    truth: Annotated[Path, typer.Option(help="Table with trained_map.")],
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    table: Annotated[Path, typer.Option(help="Table that takes the column `accuracy`.")],
    space: str = "nano",
    steps: int = 500,
    batch_size: int = 16,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Trains until all are in the table; prints a line for each."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    the_space = load_space(space)
    genotypes = load_truth(open_table(truth), the_space).genotypes
    results = open_table(table) if table.exists() else create_table(table)
    known = results.known(genotypes, ["accuracy"], the_space)["accuracy"]
    size = the_space.skeleton.image_size
    train, val = (crops(load_tensors(load_coco(data, split), size)) for split in ("train", "val"))
    print(f"{len(train[1])} training images, {len(val[1])} validation images", flush=True)
    provenance = {
        "unit": "top-1 accuracy",
        "direction": "max",
        "source": "trained",
        "task": "classification",
        "recipe": f"{steps} steps of {batch_size} boxes, AdamW, rate {_RATE}, decay {_DECAY}",
        "data": data_fingerprint(data),
        "seed": str(seed),
        "torch": torch.__version__,
    }
    for genotype in genotypes[np.isnan(known)]:
        began = time.process_time()
        accuracy = accuracy_of(the_space.decode(genotype), train, val, steps, batch_size, seed)
        column = {"accuracy": [accuracy]}
        results.append(the_space, genotype[None], column, provenance=provenance)
        [arch_id] = the_space.arch_ids(genotype[None])
        seconds = time.process_time() - began
        print(f"{arch_id}  accuracy {accuracy:.4f}  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    typer.run(main)
