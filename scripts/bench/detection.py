"""Loss and post-processing against torchvision's SSD, on the same maps and targets in one run.

    python -m scripts.bench.detection

Both are handed the same box codes, class scores and targets, at the sizes of `nano` and of the
paper's networks. Where the algorithms agree by definition the results must be the same: matches
and box loss to the last anchor, and detections whose scores are probabilities of a softmax with
the background in it (torchvision's) and of independent sigmoids (ours), which is arranged by
giving torchvision the logarithms of our probabilities and of what is left of one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import typer
from torch import Tensor
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.ops import box_iou

from evonas.detector import FAST, anchor_boxes, detection_loss, encode_boxes, match, postprocess
from evonas.space import Skeleton, load_space

IOU, SCORE = FAST.iou_threshold, FAST.score_threshold
DETECTIONS, CANDIDATES = 100, 200  # torchvision takes candidates class by class
PROTOCOL = replace(FAST, candidates=CANDIDATES)


@dataclass(frozen=True)
class Case:
    """The same maps and targets for both.

    Attributes:
        size: Side of the images.
        anchors: (n_anchors, 4).
        codes: (n, n_anchors, 4) predicted box codes.
        logits: (n, n_anchors, n_classes) of independent sigmoids.
        boxes: (n, m, 4) true boxes.
        labels: (n, m) true classes, from 0.
    """

    size: int
    anchors: Tensor
    codes: Tensor
    logits: Tensor
    boxes: Tensor
    labels: Tensor

    def softmax_logits(self) -> Tensor:
        """Returns (n, n_anchors, 1 + n_classes) whose softmax gives our probabilities.

        Where ours add up to more than one, which no softmax does, only the order is kept.
        """
        probability = self.logits.double().sigmoid()
        rest = (1 - probability.sum(-1, keepdim=True)).clamp(min=1e-3)
        return torch.cat([rest, probability], -1).log().float()


def make_case(skeleton: Skeleton, batch: int, background: float, seed: int = 0) -> Case:
    """Returns maps with high scores near objects and noise elsewhere.

    Args:
        skeleton: Gives anchors and classes.
        batch: Number of images.
        background: Mean logit away from objects. Trained `nano` networks have about -5, and
            hundreds of scores above 0.01 in an image; at -10 hardly one is.
        seed: Of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    anchors, n_classes = anchor_boxes(skeleton), skeleton.head.class_slots
    size, objects = skeleton.image_size, 5
    sides = size * (0.1 + 0.4 * torch.rand(batch, objects, 2, generator=generator))
    corner = torch.rand(batch, objects, 2, generator=generator) * (size - sides)
    boxes = torch.cat([corner, corner + sides], -1)
    labels = torch.randint(n_classes, (batch, objects), generator=generator)
    matched = match(anchors, boxes, labels >= 0)
    index = matched.clamp(min=0)
    shape = (batch, len(anchors))
    logits = torch.randn(*shape, n_classes, generator=generator) + background
    peak = (2 * torch.randn(shape, generator=generator)).clamp(-4, 4)
    label = labels.gather(1, index)[..., None]
    peaks = torch.where(matched >= 0, peak, torch.tensor(background))[..., None]
    logits.scatter_(2, label, torch.maximum(logits.gather(2, label), peaks))
    truth = encode_boxes(boxes.gather(1, index[..., None].expand(-1, -1, 4)), anchors)
    noise = torch.randn(*shape, 4, generator=generator)
    codes = torch.where(matched[..., None] >= 0, truth + 0.5 * noise, noise)
    return Case(size, anchors, codes, logits, boxes, labels)


def torchvision_ssd(n_classes: int, size: int) -> SSD:
    """Returns torchvision's SSD with our thresholds; its network is never run."""
    nothing = torch.nn.Identity()
    return SSD(
        nothing,
        DefaultBoxGenerator([[2]]),
        (size, size),
        n_classes + 1,
        head=nothing,
        score_thresh=SCORE,
        nms_thresh=IOU,
        detections_per_img=DETECTIONS,
        topk_candidates=CANDIDATES,
    ).eval()


def their_loss(ssd: SSD, case: Case, logits: Tensor, codes: Tensor) -> dict[str, Tensor]:
    """Matching and loss as in `SSD.forward`."""
    n = len(codes)
    anchors = [case.anchors] * n
    targets = [
        {"boxes": b, "labels": label + 1} for b, label in zip(case.boxes, case.labels, strict=True)
    ]
    matches = [ssd.proposal_matcher(box_iou(target["boxes"], case.anchors)) for target in targets]
    heads = {"bbox_regression": codes, "cls_logits": logits}
    losses: dict[str, Tensor] = ssd.compute_loss(targets, heads, anchors, matches)
    return losses


def their_detections(ssd: SSD, case: Case, logits: Tensor) -> list[dict[str, Tensor]]:
    """Post-processing as in `SSD.forward`."""
    n, size = len(logits), (case.size, case.size)
    heads = {"bbox_regression": case.codes, "cls_logits": logits}
    found: list[dict[str, Tensor]] = ssd.postprocess_detections(
        heads, [case.anchors] * n, [size] * n
    )
    return found


def seconds(call: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Returns the median times of two calls, made in turn for three seconds at least."""
    times: list[tuple[float, float]] = []
    call(), other()
    end = time.perf_counter() + 3
    while time.perf_counter() < end or len(times) < 5:
        a = time.perf_counter()
        call()
        b = time.perf_counter()
        other()
        times.append((b - a, time.perf_counter() - b))
    ours, theirs = torch.tensor(times).median(0).values.tolist()
    return ours, theirs


def same_detections(case: Case, ssd: SSD, logits: Tensor) -> tuple[int, float, float]:
    """Compares all detections: how many, smallest IoU, largest difference of scores."""
    ours = postprocess(case.codes, case.logits, case.anchors, case.size, PROTOCOL)
    count, least, worst = 0, 1.0, 0.0
    for i, theirs in enumerate(their_detections(ssd, case, logits)):
        k = int((ours.labels[i] >= 0).sum())
        assert k == len(theirs["scores"]), f"image {i}: {k} and {len(theirs['scores'])} detections"
        # Nearly equal scores may stand in either order: each box against its like of their class.
        same = ours.labels[i, :k, None] == theirs["labels"] - 1
        overlap, like = (box_iou(ours.boxes[i, :k], theirs["boxes"]) * same).max(1)
        assert len(set(like.tolist())) == k, f"image {i}: other detections"
        count += k
        least = min(least, float(overlap.min()))
        worst = max(worst, float((ours.scores[i, :k] - theirs["scores"][like]).abs().max()))
    return count, least, worst


def same_matches(case: Case, ssd: SSD, logits: Tensor) -> float:
    """Compares matches; returns the relative difference of the box losses."""
    matched = match(case.anchors, case.boxes, case.labels >= 0)
    for ours, boxes in zip(matched, case.boxes, strict=True):
        theirs = ssd.proposal_matcher(box_iou(boxes, case.anchors))
        assert torch.equal(ours.clamp(min=-1), theirs.clamp(min=-1)), "other matches"
    ours = detection_loss(case.codes, case.logits, case.anchors, case.boxes, case.labels).boxes
    theirs = their_loss(ssd, case, logits, case.codes)["bbox_regression"]
    return float(abs(ours / theirs - 1))


def timed(case: Case, ssd: SSD) -> dict[str, tuple[float, float]]:
    """Returns the seconds of each step, ours and torchvision's."""
    logits = case.softmax_logits()
    codes = case.codes.clone().requires_grad_()
    own, other = case.logits.clone().requires_grad_(), logits.clone().requires_grad_()

    def our_loss() -> None:
        loss = detection_loss(codes, own, case.anchors, case.boxes, case.labels).total
        torch.autograd.backward(loss)

    def their_step() -> None:
        torch.autograd.backward(list(their_loss(ssd, case, other, codes).values()))

    def our_detections() -> None:
        postprocess(case.codes, case.logits, case.anchors, case.size, PROTOCOL)

    steps = {
        "loss + backward": seconds(our_loss, their_step),
        "post-processing": seconds(our_detections, lambda: their_detections(ssd, case, logits)),
    }
    ours, theirs = (sum(side) for side in zip(*steps.values(), strict=True))
    return steps | {"both": (ours, theirs)}


def main(threads: int = 1) -> None:
    """Prints what agrees, and both times."""
    torch.set_num_threads(threads)
    print(f"{'space':10} {'batch':>5} {'what':15} {'ours ms':>8} {'torchvision':>11} {'ratio':>6}")
    for name, batch in (("nano", 32), ("mobiledet", 8)):
        skeleton = load_space(name).skeleton
        ssd = torchvision_ssd(skeleton.head.class_slots, skeleton.image_size)
        agreeing = make_case(skeleton, batch, background=-10)
        count, least, worst = same_detections(agreeing, ssd, agreeing.softmax_logits())
        difference = same_matches(agreeing, ssd, agreeing.softmax_logits())
        for what, (ours, theirs) in timed(make_case(skeleton, batch, background=-5), ssd).items():
            print(
                f"{name:10} {batch:5} {what:15} {ours * 1e3:8.1f} {theirs * 1e3:11.1f} "
                f"{theirs / ours:6.1f}"
            )
        print(
            f"{'':16} {count} detections, least IoU {least:.5f}, scores within {worst:.1e}; "
            f"same matches, box loss within {difference:.1e}",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
