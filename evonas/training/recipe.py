"""How a network is trained, as data."""

from dataclasses import dataclass, field
from math import cos, pi

from evonas.data.augment import Augmentation


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training recipe.

    Attributes:
        steps: Optimiser steps.
        batch_size: Images a step, over all processes.
        learning_rate: Peak rate of AdamW.
        weight_decay: Decoupled, on convolution weights only.
        warmup_steps: Steps of linear rise before the cosine falls to zero.
        ema_decay: Decay of the averaged weights that are evaluated and saved.
        gradient_clip: Largest norm of the gradient.
        bfloat16: Run the network under bfloat16 autocast. It pays on processors that have it;
            on those with AVX2 alone a step takes six times as long.
        focal_alpha: Weight of the positive class in the focal loss.
        augmentation: How images are changed.
    """

    steps: int
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup_steps: int = 300
    ema_decay: float = 0.999
    gradient_clip: float = 5.0
    bfloat16: bool = False
    focal_alpha: float = 0.75
    augmentation: Augmentation = field(default_factory=Augmentation)

    def learning_rate_at(self, step: int) -> float:
        """Rate of a step, counted from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        share = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        return self.learning_rate * (1 + cos(pi * share)) / 2
