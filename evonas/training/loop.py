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

from evonas.data.tensors import CocoImages, DetectionBatch
from evonas.detector import Network, anchor_boxes, detection_loss
from evonas.errors import ConfigurationError, EvonasError
from evonas.files import remove_partial_files
from evonas.space import Architecture
from evonas.training.batches import Batches
from evonas.training.checkpoint import load_checkpoint, save_batch, save_checkpoint
from evonas.training.processes import ALONE, Processes
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
    """A training that cannot go on: loss or gradient are not finite, or the loss has collapsed."""


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
    data: DetectionBatch | CocoImages,
    recipe: Recipe,
    seed: int,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60.0,
    report: Callable[[Progress], None] | None = None,
    report_steps: int = 50,
    report_seconds: float = float("inf"),
    objective: Objective | None = None,
    validate: Callable[[int, dict[str, Tensor]], bool] | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    workers: int = 0,
    processes: Processes = ALONE,
) -> dict[str, Tensor]:
    """Trains a network in place and returns its averaged weights.

    Args:
        network: A static network or a supernet.
        architecture_at: The architecture to run at a step.
        data: Training images and boxes, in memory or decoded as needed.
        recipe: How.
        seed: Decides batches and augmentation.
        checkpoint: File from which an interrupted training goes on and to which it saves.
        checkpoint_seconds: Time between two saves.
        report: Called every `report_steps`.
        report_steps: Steps between two reports.
        report_seconds: Time between two reports, at most, where a step takes less.
        objective: What a step minimises, if it is not one architecture's loss.
        validate: Called with the steps done and the averaged weights as often as the recipe says,
            in every process; returns whether training is to end here.
        interrupted: Asked after each step; when true, the state is saved and training stops.
        workers: Processes that decode images, for data that is not in memory.
        processes: Those that train together, each on its share of every batch.

    Returns:
        The averaged state, by name.

    Raises:
        TrainingError: The loss or its gradient is not finite, or the loss has collapsed; the last
            checkpoint stays, and the batch of what is not finite is saved beside it.
        ConfigurationError: A batch too small for batch norm.
        KeyboardInterrupt: `interrupted` said so.
    """
    _check_batch(recipe, architecture_at(0), processes)
    device = next(network.parameters()).device
    optimiser = _make_optimiser(network, recipe)
    scaler = torch.amp.GradScaler(device.type, enabled=recipe.float16)
    average = Average(network, recipe.ema_decay)
    losses: list[float] = []
    start = 0
    if checkpoint is not None and processes.rank == 0:
        remove_partial_files(checkpoint.parent)
    if checkpoint is not None and checkpoint.exists():
        start, losses = load_checkpoint(
            checkpoint, network, optimiser, scaler, average.values, recipe, seed
        )

    def save(done: int) -> None:
        if checkpoint is not None and processes.rank == 0:
            save_checkpoint(
                checkpoint, done, losses, network, optimiser, scaler, average.values, recipe, seed
            )

    network.train(not recipe.freeze_norm)
    if recipe.sync_norm and processes.count > 1:
        network.synchronise_norm()
    if recipe.int8:
        network.round_as_int8()
    run = torch.compile(network.run) if recipe.compile else network.run
    objective = objective or partial(one_architecture, architecture_at)
    anchors = anchor_boxes(architecture_at(0).skeleton).to(device)
    batches = Batches(data, recipe, seed, device, workers, processes)
    began = saved = reported = time.monotonic()
    for step, (images, boxes, labels) in enumerate(batches(start), start):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate_at(step)
        forward = partial(_forward, run, images, recipe)
        criterion = partial(_criterion, anchors, boxes, labels, recipe, processes)
        loss = objective(step, forward, criterion)
        torch.autograd.backward(scaler.scale(loss))
        processes.average_gradients(network.parameters())
        scaler.unscale_(optimiser)
        norm = nn.utils.clip_grad_norm_(network.parameters(), recipe.gradient_clip)
        if scaler.is_enabled():  # it leaves out the step of a gradient that is not finite
            norm = torch.zeros_like(norm)
        asked = loss.new_tensor(float(interrupted()))
        state = processes.sum(torch.stack([loss.detach(), asked, norm.to(loss)]))
        losses.append(state[0].item() / processes.count)
        is_finite = bool(state[::2].isfinite().all())
        if checkpoint is not None and not is_finite:
            bad = checkpoint.with_name(f"bad-batch-{processes.rank}.safetensors")
            save_batch(bad, images, boxes, labels)
        _check_loss(losses, step)
        if not is_finite:
            raise TrainingError(
                f"the gradient is not finite at step {step}, whose loss is {losses[-1]:.3g}; try a "
                "lower learning rate"
            )
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad(set_to_none=True)
        average.update(network, step)

        now = time.monotonic()
        done = step + 1
        due = done % report_steps == 0 or now - reported >= report_seconds
        if report and (due or done == recipe.steps):
            reported = now
            rate = (done - start) / (now - began)
            recent = float(np.mean(losses[-report_steps:]))
            left = (recipe.steps - done) / rate
            report(Progress(done, recipe.steps, recent, rate * recipe.batch_size, left))
        stop, validated = False, validate is not None and recipe.validates_after(step)
        if validate and validated:
            processes.share_first(average.values.values())  # batch norm differs unless synchronised
            stop = validate(done, average.values)
            began += time.monotonic() - now  # the rate is that of training alone
            network.train(not recipe.freeze_norm)
        due = validated or now - saved > checkpoint_seconds or done == recipe.steps
        if due or state[1] > 0:
            save(done)
            saved = now
        if state[1] > 0:
            raise KeyboardInterrupt
        if stop:
            break
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
    run: Callable[[Tensor, Architecture], tuple[Tensor, Tensor]],
    images: Tensor,
    recipe: Recipe,
    architecture: Architecture,
) -> tuple[Tensor, Tensor]:
    precision = torch.float16 if recipe.float16 else torch.bfloat16
    with torch.autocast(images.device.type, precision, enabled=recipe.bfloat16 or recipe.float16):
        return run(images, architecture)


def _criterion(
    anchors: Tensor,
    boxes: Tensor,
    labels: Tensor,
    recipe: Recipe,
    processes: Processes,
    codes: Tensor,
    logits: Tensor,
) -> Tensor:
    """Normalised by the matches of all processes, as if the batch were in one."""
    parts = detection_loss(
        codes, logits, anchors, boxes, labels, recipe.focal_alpha,
        box_loss=recipe.box_loss, match_overlap=recipe.match_overlap,
    )  # fmt: skip
    matches = processes.sum(parts.matches).clamp(min=1)
    share = parts.matches.clamp(min=1) * processes.count / matches
    return (parts.classes + recipe.box_weight * parts.boxes) * share


def _check_batch(recipe: Recipe, architecture: Architecture, processes: Processes) -> None:
    """Refuses batches of which batch norm can take no statistics.

    Raises:
        ConfigurationError: One image per process, and maps of one pixel.
    """
    images = recipe.batch_size // processes.count
    smallest = min(level.size for level in architecture.levels())
    if images * smallest**2 < 2 and not recipe.freeze_norm:
        raise ConfigurationError(
            f"batch_size={recipe.batch_size} over {processes.count} processes: the smallest map "
            f"of this network is {smallest}x{smallest}, so batch norm needs at least 2 images per "
            f"process: --set batch_size={2 * processes.count}"
        )


def _make_optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight decay on convolution weights, none on biases and batch norm."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1]
    groups: list[dict[str, object]] = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


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
