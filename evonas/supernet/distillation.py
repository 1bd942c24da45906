"""What a supernet's step minimises, the first of its architectures teaching the others."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from evonas.supernet.sampling import Sampling, architectures
from evonas.training.loop import Criterion, Forward


@dataclass(frozen=True, slots=True)
class SupernetObjective:
    """What a supernet's step minimises: the mean loss of its architectures.

    Attributes:
        sampling: Gives the step's architectures.
        distillation: Weight of the distance to the first architecture's outputs in the loss of
            the others; the first one, the widest, learns from the boxes alone and is not changed
            by those who learn from it (BigNAS's in-place distillation, arXiv 2003.11142).
    """

    sampling: Sampling
    distillation: float = 0.0

    def __call__(self, step: int, forward: Forward, criterion: Criterion) -> Tensor:
        """Returns the mean loss of the step's architectures; see `evonas.training.loop`."""
        losses: list[Tensor] = []
        teacher: tuple[Tensor, Tensor] | None = None
        for architecture in architectures(self.sampling, step):
            codes, logits = forward(architecture)
            loss = criterion(codes, logits)
            if teacher is not None:
                loss = loss + self.distillation * distance(codes, logits, *teacher)
            elif self.distillation:
                teacher = codes.detach(), logits.detach()
            losses.append(loss)
        return torch.stack(losses).mean()


def distance(
    codes: Tensor, logits: Tensor, teacher_codes: Tensor, teacher_logits: Tensor
) -> Tensor:
    """Returns how far outputs are from a teacher's, zero where they agree.

    Classes: the divergence of each anchor's and class's probability. Boxes: smooth L1, weighted
    by the teacher's confidence that there is an object. Both are sums over the teacher's expected
    number of objects, as the detection loss is over the number of matches.

    Args:
        codes: (n, n_anchors, 4).
        logits: (n, n_anchors, n_classes).
        teacher_codes: (n, n_anchors, 4).
        teacher_logits: (n, n_anchors, n_classes).
    """
    codes, logits = codes.float(), logits.float()
    target = teacher_logits.float().sigmoid()
    confidence = target.amax(-1)
    count = confidence.sum().clamp(min=1)
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
    own = F.binary_cross_entropy_with_logits(teacher_logits.float(), target, reduction="sum")
    boxes = F.smooth_l1_loss(codes, teacher_codes.float(), reduction="none").sum(-1)
    return (cross - own + (confidence * boxes).sum()) / count
