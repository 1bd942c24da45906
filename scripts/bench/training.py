"""Training steps a second against torchvision's SSD: same backbone, head, data and batch.

    python -m scripts.bench.training --data data/digits --arch nano:1050a7700700ba1

torchvision's SSD gets our backbone, the convolutions of our head and our anchors; its images are a
list and its targets dicts, as its reference training feeds them, with its own normalisation,
matcher and loss. Both clip gradients and run AdamW, without augmentation. They are two processes
that take turns, so that a busy machine slows both; CPU time is what counts on such a machine, with
one thread. `evonas train` makes the C library keep freed memory, torchvision's reference does not;
`--keep-freed both` and `--keep-freed none` tell what that alone is worth.
"""

import multiprocessing
import time
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor, nn

from evonas.data import load_coco
from evonas.data.augment import normalise
from evonas.data.tensors import DetectionBatch, load_tensors
from evonas.detector import Detector, anchor_boxes, detection_loss
from evonas.detector.network import layer_convs, level_convs
from evonas.space import Architecture, resolve
from evonas.training.memory import keep_freed_memory


class Maps(nn.Module):
    """The maps of a detector's levels, by name, as torchvision's SSD takes them."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> "OrderedDict[str, Tensor]":
        """Returns the maps of images (n, 3, size, size)."""
        run, architecture = self.detector.sequence, self.detector.architecture
        x = run(images, [("stem", architecture.stem_conv())])
        outputs: dict[int, Tensor] = {}
        for layer in architecture.layers():
            x = run(x, layer_convs(layer), layer.residual)
            outputs[layer.block] = x
        maps = OrderedDict()
        for number, level in enumerate(architecture.levels()):
            x = outputs[level.source] if level.source else x
            x = run(x, level_convs(number, "stage", level.stage))
            maps[str(number)] = x
        return maps


class Head(nn.Module):
    """The same predictors, with a background class as torchvision's loss wants."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, maps: list[Tensor]) -> dict[str, Tensor]:
        """Returns box codes and class logits, (n, n_anchors, values)."""
        run, architecture = self.detector.sequence, self.detector.architecture
        found: dict[str, list[Tensor]] = {"bbox_regression": [], "cls_logits": []}
        for number, (level, x) in enumerate(zip(architecture.levels(), maps, strict=True)):
            for part, convs, name, values in (
                ("boxes", level.boxes, "bbox_regression", 4),
                ("classes", level.classes, "cls_logits", architecture.skeleton.head.class_slots),
            ):
                y = run(x, level_convs(number, part, convs))
                found[name].append(y.permute(0, 2, 3, 1).reshape(len(y), -1, values))
        return {name: torch.cat(parts, 1) for name, parts in found.items()}


class Anchors(nn.Module):
    """Our anchors, for each image."""

    def __init__(self, anchors: Tensor) -> None:
        super().__init__()
        self.anchors = anchors

    def forward(self, images: Any, maps: list[Tensor]) -> list[Tensor]:
        """Returns (n_anchors, 4) for each image."""
        return [self.anchors] * len(images.tensors)


def torchvision_step(
    architecture: Architecture, n_classes: int
) -> Callable[[DetectionBatch], None]:
    """Returns what trains torchvision's SSD on a batch."""
    from torchvision.models.detection.ssd import SSD

    detector = Detector(architecture.with_classes(n_classes + 1))
    detector = detector.to(memory_format=torch.channels_last)
    side = architecture.skeleton.image_size
    model = SSD(
        Maps(detector),
        Anchors(anchor_boxes(architecture.skeleton)),
        (side, side),
        n_classes + 1,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        head=Head(detector),
    )
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4)

    def step(batch: DetectionBatch) -> None:
        images = [image.float() / 255 for image in batch.images]
        targets = [
            {"boxes": boxes[labels >= 0], "labels": labels[labels >= 0] + 1}
            for boxes, labels in zip(batch.boxes, batch.labels, strict=True)
        ]
        loss = torch.stack(list(model(images, targets).values())).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()

    return step


def evonas_step(architecture: Architecture, n_classes: int) -> Callable[[DetectionBatch], None]:
    """Returns what trains our detector on a batch, as the training loop does."""
    detector = Detector(architecture.with_classes(n_classes))
    detector = detector.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(detector.parameters(), 1e-4, fused=True)
    anchors = anchor_boxes(architecture.skeleton)

    def step(batch: DetectionBatch) -> None:
        images = normalise(batch.images).contiguous(memory_format=torch.channels_last)
        codes, logits = detector(images)
        loss = detection_loss(codes, logits, anchors, batch.boxes, batch.labels).total
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(detector.parameters(), 5.0)
        optimiser.step()

    return step


def serve(
    pipe: Connection,
    side: str,
    data: Path,
    arch: str,
    batch_size: int,
    steps: int,
    threads: int,
    keep_freed: tuple[str, ...],
) -> None:
    """Runs rounds in a process of its own; answers each with wall and CPU seconds."""
    if threads:
        torch.set_num_threads(threads)
    if side in keep_freed:
        keep_freed_memory()
    architecture = resolve(arch).architecture
    dataset = load_coco(data, "train").first(batch_size * steps)
    images = load_tensors(dataset, architecture.skeleton.image_size)
    batches = [images.take(np.arange(i * batch_size, (i + 1) * batch_size)) for i in range(steps)]
    make = evonas_step if side == "evonas" else torchvision_step
    step = make(architecture, dataset.n_classes)
    while pipe.recv():
        began, cpu = time.perf_counter(), time.process_time()
        for batch in batches:
            step(batch)
        pipe.send((time.perf_counter() - began, time.process_time() - cpu))


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    arch: str = "nano:1050a7700700ba1",
    batch_size: int = 32,
    rounds: int = 5,
    steps: Annotated[int, typer.Option(help="Steps a round.")] = 4,
    threads: Annotated[int, typer.Option(help="0 for all.")] = 0,
    keep_freed: Annotated[
        str, typer.Option(help="Sides whose C library keeps freed memory: evonas, both or none.")
    ] = "evonas",
) -> None:
    """Prints images a second of both, the median of the rounds, and the ratio."""
    context = multiprocessing.get_context("spawn")
    pipes = {}
    sides = ("evonas", "torchvision")
    keeping = {"evonas": sides[:1], "both": sides, "none": ()}.get(keep_freed)
    if keeping is None:
        raise typer.BadParameter(f"{keep_freed}: must be evonas, both or none")
    for side in sides:
        pipes[side], theirs = context.Pipe()
        given = (theirs, side, data, arch, batch_size, steps, threads, keeping)
        context.Process(target=serve, args=given, daemon=True).start()
    seconds: dict[str, list[tuple[float, float]]] = {side: [] for side in pipes}
    for number in range(rounds + 1):
        for side, pipe in pipes.items():
            pipe.send(True)
            taken = pipe.recv()
            if number:  # the first round warms up
                seconds[side].append(taken)
    for pipe in pipes.values():
        pipe.send(False)
    print(f"{arch}, batch {batch_size}, {threads or torch.get_num_threads()} threads")
    taken_by = {side: np.array(seconds[side]) for side in pipes}
    for side, values in taken_by.items():
        wall, cpu = steps * batch_size / np.median(values, axis=0)
        print(f"  {side:12} {wall:7.1f} images/s, {cpu:7.1f} images per CPU second")
    ours, reference = taken_by.values()
    for name, ratios in zip(("time", "CPU time"), (reference / ours).T, strict=True):
        print(
            f"  ratio by {name:9} {np.median(ratios):.2f} ({ratios.min():.2f}..{ratios.max():.2f})"
        )


if __name__ == "__main__":
    typer.run(main)
