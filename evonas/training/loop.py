"""The training loop, the same for supernets and for single networks.

All randomness of a step follows from the seed and the step's number, so that a resumed training
goes on bit for bit and every process of a distributed one draws the same architecture.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from evonas.data.augment import augment
from evonas.data.tensors import DetectionBatch
from evonas.detector import Network, anchor_boxes, detection_loss
from evonas.errors import EvonasError
from evonas.space import Architecture
from evonas.training.checkpoint import load_checkpoint, save_checkpoint
from evonas.training.recipe import Recipe

# A network's outputs, codes and logits, for the step's images.
Forward = Callable[[Architecture], tuple[Tensor, Tensor]]
# The loss of codes and logits on the step's boxes.
Criterion = Callable[[Tensor, Tensor], Tensor]
# What a step minimises.
Objective = Callable[[int, Forward, Criterion], Tensor]

# A training is given up when its loss, averaged over this many steps, is this much worse than the
# best average so far.
_WINDOW, _COLLAPSE = 200, 2.0


class TrainingError(EvonasError):
    """A training that cannot go on: its loss is not finite, or has collapsed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands."""

    step: int
    steps: int
    loss: float
    images_per_second: float
    seconds_left: float


class Average:
    """Exponential average of a network's parameters and buffers; early steps weigh less long."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves towards the network's present values."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        present = network.state_dict()
        torch._foreach_lerp_(
            list(self.values.values()), [present[name] for name in self.values], weight
        )


def train(
    network: Network,
    architecture_at: Callable[[int], Architecture],
    data: DetectionBatch,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60.0,
    report: Callable[[Progress], None] | None = None,
    report_steps: int = 50,
    objective: Objective | None = None,
) -> dict[str, Tensor]:
    """Trains a network in place and returns its averaged weights.

    Args:
        network: A static network or a supernet.
        architecture_at: The architecture to run at a step.
        data: Training images and boxes, in memory.
        recipe: How.
        seed: Decides batches and augmentation.
        checkpoint: File from which an interrupted training goes on and to which it saves.
        checkpoint_seconds: Time between two saves.
        report: Called every `report_steps`.
        report_steps: Steps between two reports.
        objective: What a step minimises, if it is not one architecture's loss.

    Returns:
        The averaged state, by name.

    Raises:
        TrainingError: The loss is not finite or has collapsed; the last checkpoint stays.
    """
    optimiser = torch.optim.AdamW(_parameter_groups(network, recipe), lr=recipe.learning_rate)
    average = Average(network, recipe.ema_decay)
    losses: list[float] = []
    start = 0
    if checkpoint is not None and checkpoint.exists():
        start, losses = load_checkpoint(
            checkpoint, network, optimiser, average.values, recipe, seed
        )
    objective = objective or partial(one_architecture, architecture_at)
    network.train()
    device = next(network.parameters()).device
    anchors = anchor_boxes(architecture_at(0).skeleton).to(device)
    began = saved = time.monotonic()
    for step in range(start, recipe.steps):
        images, boxes, labels = _batch(data, recipe, seed, step)
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate_at(step)
        images, boxes, labels = images.to(device), boxes.to(device), labels.to(device)
        forward = partial(_forward, network, images, recipe.bfloat16)
        criterion = partial(_criterion, anchors, boxes, labels, recipe.focal_alpha)
        loss = objective(step, forward, criterion)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_clip)
        losses.append(loss.item())
        _check_loss(losses, step)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        average.update(network, step)

        now = time.monotonic()
        done = step + 1
        if report and (done % report_steps == 0 or done == recipe.steps):
            rate = (done - start) / (now - began)
            recent = float(np.mean(losses[-report_steps:]))
            left = (recipe.steps - done) / rate
            report(Progress(done, recipe.steps, recent, rate * recipe.batch_size, left))
        if checkpoint and (now - saved > checkpoint_seconds or done == recipe.steps):
            save_checkpoint(
                checkpoint, done, losses, network, optimiser, average.values, recipe, seed
            )
            saved = now
    return average.values


def one_architecture(
    architecture_at: Callable[[int], Architecture],
    step: int,
    forward: Forward,
    criterion: Criterion,
) -> Tensor:
    """Returns the loss of the step's architecture; see `Objective`."""
    return criterion(*forward(architecture_at(step)))


def _forward(
    network: Network, images: Tensor, bfloat16: bool, architecture: Architecture
) -> tuple[Tensor, Tensor]:
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        return network.run(images, architecture)


def _criterion(
    anchors: Tensor, boxes: Tensor, labels: Tensor, alpha: float, codes: Tensor, logits: Tensor
) -> Tensor:
    return detection_loss(codes, logits, anchors, boxes, labels, alpha).total


def _batch(
    data: DetectionBatch, recipe: Recipe, seed: int, step: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Draws the step's images, each epoch in an order of its own, and augments them."""
    size, n = recipe.batch_size, len(data)
    positions = np.arange(step * size, (step + 1) * size)
    epochs = set((positions // n).tolist())
    order = {e: np.random.default_rng((seed, e)).permutation(n) for e in epochs}
    chosen = np.array([order[p // n][p % n] for p in positions.tolist()])
    generator = torch.Generator().manual_seed(
        int(np.random.SeedSequence((seed, step)).generate_state(1)[0])
    )
    images, boxes, labels = augment(
        data.images[chosen], data.boxes[chosen], data.labels[chosen], generator, recipe.augmentation
    )
    return images.contiguous(memory_format=torch.channels_last), boxes, labels


def _parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    """Weight decay on convolution weights, none on biases and batch norm."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]


def _check_loss(losses: list[float], step: int) -> None:
    if not np.isfinite(losses[-1]):
        raise TrainingError(f"the loss is {losses[-1]} at step {step}; try a lower learning rate")
    if len(losses) % _WINDOW == 0:
        means = np.reshape(losses, (-1, _WINDOW)).mean(axis=1)
        if means[-1] > _COLLAPSE * means.min():
            raise TrainingError(
                f"the loss has collapsed at step {step}: {means[-1]:.3g} on average over "
                f"{_WINDOW} steps, after {means.min():.3g}; try a lower learning rate"
            )
