"""What the number of candidates before suppression costs, on sparse and on crowded images.

    python -m scripts.compare.protocols --network runs/mine --data ~/.cache/evonas/digits

Crowded images are put together from the data's own: 2x2 and 3x3 of them side by side, each seen by
the network as it is, their anchors, codes and logits joined. So the network is equally good on all
of them, and only post-processing meets more objects.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from evonas.cli.output import print_table
from evonas.data import CocoDataset, load_coco
from evonas.data.tensors import load_tensors
from evonas.detector import FAST, PUBLISHED, Detector, Protocol, anchor_boxes, postprocess
from evonas.detector.archive import load_archive
from evonas.training.average_precision import mean_precision, precision_at_recalls
from evonas.training.detections import Detections, GroundTruth
from evonas.training.validation import as_input, images_at_a_time

PROTOCOLS = [
    *(replace(FAST, name=f"{count} candidates", candidates=count) for count in (50, 100, 200, 400)),
    PUBLISHED,
]


def main(
    network: Annotated[Path, typer.Option(help="An archive, or the folder of a run.")],
    data: Annotated[Path, typer.Option(help="COCO-format folder of small square images.")],
    side: Annotated[list[int] | None, typer.Option(help="Images a side, such as 1, 2, 3.")] = None,
    images: Annotated[int, typer.Option(help="Only the first images; 0 for all.")] = 0,
    threads: int = 1,
) -> None:
    """Prints AP, AP50 and milliseconds an image of each protocol."""
    torch.set_num_threads(threads)
    archive = load_archive(network / "best.safetensors" if network.is_dir() else network)
    detector = archive.detector.folded()
    dataset = load_coco(data, "val")
    dataset = dataset.first(images) if images else dataset
    pixels = load_tensors(dataset, archive.image_size, archive.card.resizing).images
    rows = []
    for count in side or (1, 2, 3):
        crowded = _joined(dataset, count)
        truth = GroundTruth(crowded)
        outputs = list(_outputs(detector, pixels, count))
        for protocol in PROTOCOLS:
            began = time.perf_counter()
            found = _detections(outputs, detector, count, protocol)
            took = (time.perf_counter() - began) / len(crowded) * 1e3
            precision = precision_at_recalls(truth, found)
            rows.append(
                [
                    f"{count}x{count}: {len(truth.boxes) / len(crowded):.1f} boxes an image",
                    protocol.name,
                    f"{mean_precision(precision):.4f}",
                    f"{mean_precision(precision[0]):.4f}",
                    f"{took:.2f}",
                ]
            )
    print_table(["images", "protocol", "AP", "AP50", "ms"], rows, title=str(network))


def _joined(dataset: CocoDataset, count: int) -> CocoDataset:
    """Returns the annotations of count x count images side by side."""
    n = len(dataset) // count**2
    dataset = dataset.first(n * count**2)
    size = dataset.sizes[0]
    place = dataset.image_index % count**2
    boxes = dataset.boxes.copy()
    boxes[:, 0] += place % count * size[0]
    boxes[:, 1] += place // count * size[1]
    return replace(
        dataset,
        image_ids=np.arange(n),
        sizes=dataset.sizes[:n] * count,
        image_index=dataset.image_index // count**2,
        boxes=boxes,
    )


def _outputs(detector: Detector, images: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields codes and logits of some joined images at a time."""
    of_one = count**2
    whole = images[: len(images) // of_one * of_one]
    step = max(1, images_at_a_time(images.shape[-1]) // of_one) * of_one
    with torch.inference_mode():
        for batch in whole.split(step):
            codes, logits = detector(as_input(batch))
            n = len(batch) // of_one
            yield codes.reshape(n, -1, 4), logits.reshape(n, -1, logits.shape[2])


def _detections(
    outputs: list[tuple[Tensor, Tensor]], detector: Detector, count: int, protocol: Protocol
) -> Detections:
    skeleton = detector.architecture.skeleton
    size = skeleton.image_size
    corners = [(x * size, y * size) for y in range(count) for x in range(count)]
    anchors = torch.cat([anchor_boxes(skeleton) + torch.tensor([x, y, x, y]) for x, y in corners])
    parts = [
        postprocess(codes, logits, anchors, size * count, protocol) for codes, logits in outputs
    ]
    boxes, scores, labels = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    scale = np.ones((len(boxes), 2))
    return Detections.from_padded(np.arange(len(boxes)), boxes, scores, labels, scale)


if __name__ == "__main__":
    typer.run(main)
