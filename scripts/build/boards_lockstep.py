"""Trains many networks side by side on one card: one step of each, then the next step of each.

All see the same batch, which is augmented once, for its order and its augmentation follow from
seed and step alone. On a GPU a network's step, from the images to the averaged weights, is one
CUDA graph; graphs run on several streams. The loss is that of `evonas.detector.detection_loss` in
shapes that do not depend on the batch. On a CPU the same steps run one by one, as the tests do.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evonas.data.tensors import DetectionBatch
from evonas.detector import Detector, anchor_boxes
from evonas.detector.loss import box_losses, match
from evonas.space import Architecture
from evonas.training.batches import Batches
from evonas.training.loop import TrainingError
from evonas.training.recipe import Recipe
from evonas.training.static import NORM_IMAGES
from evonas.training.validation import as_input

# Called with the place of a network, the steps done and the network as it would be returned.
Validate = Callable[[int, int, Detector], None]

_GAMMA = 2.0


def static_loss(
    codes: Tensor,
    logits: Tensor,
    anchors: Tensor,
    boxes: Tensor,
    labels: Tensor,
    recipe: Recipe,
) -> Tensor:
    """Returns what a step minimises; arguments as of `evonas.detector.detection_loss`.

    Every tensor's shape follows from the arguments' shapes, as a CUDA graph wants it.
    """
    matched = match(anchors, boxes, labels >= 0, recipe.match_overlap)
    positive, box = matched >= 0, matched.clamp(min=0)
    count = positive.sum().clamp(min=1)
    label = labels.gather(1, box).clamp(min=0)
    classes = torch.arange(logits.shape[2], device=logits.device)
    hits = (label[..., None] == classes) & positive[..., None]
    signed = torch.where(hits, -logits, logits)
    weight = torch.where(hits, recipe.focal_alpha, 1 - recipe.focal_alpha)
    focal = (weight * signed.sigmoid() ** _GAMMA * F.softplus(signed)).sum()
    true = boxes.gather(1, box[..., None].expand(-1, -1, 4))
    apart = box_losses(codes, anchors, true, recipe.box_loss)
    total: Tensor = (focal + recipe.box_weight * (apart * positive).sum()) / count
    return total


class Inputs:
    """What all networks read at a step, at fixed places in memory."""

    def __init__(self, first: tuple[Tensor, Tensor, Tensor], device: torch.device) -> None:
        self.batch = tuple(part.to(device).clone() for part in first)
        self.rate, self.weight = (torch.zeros((), device=device) for _ in range(2))

    def put(self, batch: tuple[Tensor, Tensor, Tensor], recipe: Recipe, step: int) -> None:
        """Sets the batch, the learning rate and the weight of the present in the average."""
        for place, part in zip(self.batch, batch, strict=True):
            place.copy_(part)
        self.rate.fill_(recipe.learning_rate_at(step))
        self.weight.fill_(1 - min(recipe.ema_decay, (1 + step) / (10 + step)))


class Lane:
    """One network, its optimiser and its averaged weights."""

    def __init__(
        self, architecture: Architecture, recipe: Recipe, seed: int, inputs: Inputs
    ) -> None:
        device = inputs.rate.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            detector = Detector(architecture)
        self.detector = detector.to(device).to(memory_format=torch.channels_last).train()
        self.anchors = anchor_boxes(architecture.skeleton).to(device)
        self.recipe, self.inputs = recipe, inputs
        weights = [p for p in detector.parameters() if p.ndim > 1]
        rest = [p for p in detector.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": weights, "weight_decay": recipe.weight_decay},
                {"params": rest, "weight_decay": 0.0},
            ],
            lr=inputs.rate,
            fused=True,
            capturable=device.type == "cuda",
        )
        self.average = {k: v.detach().clone() for k, v in detector.state_dict().items()}
        self.loss = torch.zeros((), device=device)
        self._graph: torch.cuda.CUDAGraph | None = None

    def step(self) -> None:
        """Trains on the inputs' batch."""
        images, boxes, labels = self.inputs.batch
        codes, logits = self.detector(images)
        loss = static_loss(codes, logits, self.anchors, boxes, labels, self.recipe)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.detector.parameters(), self.recipe.gradient_clip)
        self.optimiser.step()
        self.loss.copy_(loss.detach())
        present = self.detector.state_dict()
        with torch.no_grad():
            average = list(self.average.values())
            moved = torch._foreach_sub([present[name] for name in self.average], average)
            torch._foreach_mul_(moved, self.inputs.weight)
            torch._foreach_add_(average, moved)

    def capture(self, pool: Any) -> Any:
        """Records the step as a CUDA graph, on the current stream; returns its memory pool.

        Graphs of one pool must run one after the other. The step must have run once before.
        """
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, stream=torch.cuda.current_stream()):
            self.step()
        return self._graph.pool()

    def run(self) -> None:
        """Takes a step: the recorded one where there is one."""
        if self._graph is None:
            self.step()
        else:
            self._graph.replay()

    def averaged(self, first: Tensor) -> Detector:
        """Returns a network with the averaged weights, its statistics those of `first`."""
        copy = Detector(self.detector.architecture).to(first.device)
        copy = copy.to(memory_format=torch.channels_last)
        copy.load_state_dict(self.average)
        copy.calibrate(first)
        return copy.eval()


def train_in_lockstep(
    architectures: Sequence[Architecture],
    data: DetectionBatch,
    recipe: Recipe,
    seed: int,
    device: torch.device,
    validate: Validate,
    streams: int = 4,
) -> None:
    """Trains networks from scratch with one seed, as `train_detector` does each.

    Args:
        architectures: With the classes and anchors that they are to have.
        data: Training images and boxes, on the device.
        recipe: How; AdamW in float32 with batch norm of its own.
        seed: Decides initial weights, batches and augmentation.
        device: Where networks are trained.
        validate: Called as often as the recipe says, for one network after the other.
        streams: Networks that run at once on a GPU.

    Raises:
        TrainingError: A loss is not finite.
    """
    batches = Batches(data, recipe, seed, device)
    inputs = Inputs(next(iter(batches(0))), device)
    first = as_input(data.images[:NORM_IMAGES])
    lanes = [Lane(architecture, recipe, seed, inputs) for architecture in architectures]
    cuda = device.type == "cuda"
    queues = [torch.cuda.Stream(device) if cuda else None for _ in range(streams)]
    for step, batch in enumerate(batches(0)):
        inputs.put(batch, recipe, step)
        if cuda:
            torch.cuda.synchronize(device)
        pools: list[Any] = [None] * streams
        for number, lane in enumerate(lanes):
            place = number % streams
            with torch.cuda.stream(queues[place]):
                if cuda and step == 1:  # the first one has made the optimiser's state
                    pools[place] = lane.capture(pools[place])
                lane.run()
        if cuda:
            torch.cuda.synchronize(device)
        if recipe.validates_after(step):
            _check(lanes, step)
            for number, lane in enumerate(lanes):
                validate(number, step + 1, lane.averaged(first))


def _check(lanes: Sequence[Lane], step: int) -> None:
    losses = np.array([lane.loss.item() for lane in lanes])
    if not np.isfinite(losses).all():
        raise TrainingError(
            f"the loss of network {int(np.isfinite(losses).argmin())} is "
            f"{losses[~np.isfinite(losses)][0]} at step {step}"
        )
