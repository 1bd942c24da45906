"""The batches of a training: which images a step sees follows from the seed and its number."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from evonas.data.augment import Draws, augment
from evonas.data.tensors import CocoImages, DetectionBatch
from evonas.training.processes import ALONE, Processes
from evonas.training.recipe import Recipe

_AHEAD = 4  # batches that a worker decodes in advance


@dataclass(frozen=True, slots=True)
class Batches:
    """Augmented batches of a data set, one a step, or this process's share of them.

    Attributes:
        data: Images in memory, or decoded as needed by the workers of a loader.
        recipe: Batch size and augmentation.
        seed: Decides order and augmentation.
        device: Where the batches go.
        workers: Processes that decode images, for data that is not in memory.
        processes: Those among whom each batch is divided.
    """

    data: DetectionBatch | CocoImages
    recipe: Recipe
    seed: int
    device: torch.device
    workers: int = 0
    processes: Processes = ALONE

    def __call__(self, start: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yields images, boxes and labels of each step from `start` to the end."""
        steps = range(start, self.recipe.steps)
        for step, raw in zip(steps, self._raw(steps), strict=True):
            yield self._augmented(step, raw)

    def _raw(self, steps: range) -> Iterator[DetectionBatch]:
        if isinstance(self.data, DetectionBatch):
            yield from (self.data.take(self._chosen(step)) for step in steps)
            return
        loader = DataLoader(
            self.data,
            batch_sampler=(self._chosen(step).tolist() for step in steps),
            collate_fn=self.data.collate,
            num_workers=self.workers,
            prefetch_factor=_AHEAD if self.workers else None,
            pin_memory=self.device.type == "cuda",
        )
        yield from loader

    def _chosen(self, step: int) -> NDArray[np.int64]:
        """Returns this process's images of a step; each epoch has an order of its own."""
        size, n = self.recipe.batch_size, len(self.data)
        positions = np.arange(step * size, (step + 1) * size)
        epochs = set((positions // n).tolist())
        order = {e: np.random.default_rng((self.seed, e)).permutation(n) for e in epochs}
        chosen = np.array([order[p // n][p % n] for p in positions.tolist()])
        return chosen[self.processes.share(size)]

    def _augmented(self, step: int, raw: DetectionBatch) -> tuple[Tensor, Tensor, Tensor]:
        size = self.recipe.batch_size
        state = int(np.random.SeedSequence((self.seed, step)).generate_state(1)[0])
        generator = torch.Generator().manual_seed(state)
        draws = Draws(generator, self.processes.share(size).start, size)
        images, boxes, labels = augment(
            raw.images.to(self.device, non_blocking=True),
            raw.boxes.to(self.device, non_blocking=True),
            raw.labels.to(self.device, non_blocking=True),
            draws,
            self.recipe.augmentation,
        )
        return images.contiguous(memory_format=torch.channels_last), boxes, labels
