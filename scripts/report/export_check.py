r"""Every file of published and random 320-pixel networks, untrained and trained a little.

    python -m scripts.report.export_check --out /tmp/check --random 10

Each network is exported as it is initialised, and again after a few steps of training on noise.
A refusal is a line that says so, and exit code 1. Printed are the errors of the float32 files and
of torch's own float32 against the network in float64: root mean square and largest, relative to
the output's size.
"""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.cli.output import print_table
from evonas.detector import Detector, anchor_boxes, detection_loss
from evonas.detector.archive import Archive, Card
from evonas.errors import EvonasError
from evonas.export.produce import FORMATS, export_detector
from evonas.space import load_space, resolve
from evonas.training.validation import as_input

PUBLISHED = ("mobiledet-cpu", "mobiledet-edgetpu", "mobiledet-dsp", "mobiledet-gpu")
CLASSES = tuple(f"class {n}" for n in range(10))


def random_networks(count: int) -> list[str]:
    """Returns `arch_id`s, half of them under the CPU's rules: h-swish, squeeze-and-excite."""
    found: list[str] = []
    for name, n in (("mobiledet", count - count // 2), ("mobiledet@cpu", count // 2)):
        space = load_space(name)
        found += space.arch_ids(space.sample(n, np.random.default_rng(0)))
    return found


def network(name: str, steps: int) -> Detector:
    """Returns a network after some steps of SGD on noise with a box per image."""
    torch.manual_seed(0)
    detector = Detector(resolve(name).architecture.with_classes(len(CLASSES)))
    anchors = anchor_boxes(detector.architecture.skeleton)
    optimiser = torch.optim.SGD(detector.parameters(), 0.01, momentum=0.9)
    for _ in range(steps):
        detector.train()
        codes, logits = detector(as_input(noise(2)))
        boxes = torch.tensor([[[40.0, 40.0, 200.0, 240.0]]] * 2)
        labels = torch.ones(2, 1, dtype=torch.long)
        loss = detection_loss(codes, logits, anchors, boxes, labels)
        optimiser.zero_grad()
        sum(loss).backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 10)
        optimiser.step()
    return detector.eval()


def noise(count: int) -> torch.Tensor:
    """Returns random images (n, 3, 320, 320) uint8."""
    return torch.randint(0, 256, (count, 3, 320, 320), dtype=torch.uint8)


def main(
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    random: int = 10,
    steps: int = 3,
    threads: int = 1,
) -> None:
    """Prints a line per network, training and output."""
    torch.set_num_threads(threads)
    rows, refused = [], 0
    for name in (*PUBLISHED, *random_networks(random)):
        for count in (0, steps):
            archive = Archive(network(name, count), Card(name, CLASSES))
            where = out / f"{name.replace(':', '-')}-{count}"
            try:
                files = export_detector(archive, where, FORMATS, noise(8))
            except EvonasError as error:
                refused += 1
                print(f"{name} after {count} steps: refused: {error}", file=sys.stderr, flush=True)
                continue
            for file in files:
                for entry in file.rounding:
                    figures = entry.rms, entry.torch_rms, entry.largest, entry.torch_largest
                    rows.append(
                        [
                            name,
                            str(count),
                            file.format,
                            entry.output,
                            *(f"{x:.1e}" for x in figures),
                        ]
                    )
            print(f"{name} after {count} steps: {len(files)} files", file=sys.stderr, flush=True)
    heads = ["network", "steps", "file", "output", "rms", "torch's", "largest", "torch's"]
    print_table(heads, rows, f"{refused} refused")
    raise typer.Exit(1 if refused else 0)


if __name__ == "__main__":
    typer.run(main)
