"""Whether a file's detections follow from its own codes and logits, whatever the order of ties.

Networks whose scores tie have several right answers, and runtimes break ties differently. So a
file's detections are not compared with another list but with what suppression must satisfy:
each is a candidate, no two of a class overlap too much, and each detection of the reference is
there, or suppressed by a better one, or beyond a limit.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from evonas.detector import Detections, Protocol, box_iou, postprocess
from evonas.detector.anchors import BOX_SCALES, LARGEST_LOG, centre_size
from evonas.export.rounding import ExportError

SCORE = 1e-5  # how far a score may be from its logit's
PIXELS = 0.01  # how far a box's side may be from its code's
_OVERLAP = 1e-3  # within which an overlap counts as the threshold


@dataclass(frozen=True, slots=True)
class _Found:
    """Detections of one image with the candidates that they are: boxes before clipping.

    A clipped box can be that of several candidates, where scores are equal too, as those of int8
    often are: `unclipped` is the nearest candidate's, `may_be` (k, n_anchors) marks all.
    """

    unclipped: Tensor
    scores: Tensor
    labels: Tensor
    may_be: Tensor


class SuppressionCheck:
    """Checks detections against the codes and logits that they were made from.

    Args:
        codes: (n, n_anchors, 4).
        logits: (n, n_anchors, n_classes).
        anchors: (n_anchors, 4) in pixels.
        image_size: Side to which boxes are clipped.
        protocol: What the file does.
        largest_log: The most that a code of a side is taken for; infinite for TFLite's operator.
    """

    def __init__(
        self,
        codes: Tensor,
        logits: Tensor,
        anchors: Tensor,
        image_size: int,
        protocol: Protocol,
        largest_log: float = LARGEST_LOG,
    ) -> None:
        self._protocol, self._size = protocol, image_size
        self._boxes = _decoded(codes, anchors, largest_log)
        self._scores = logits.sigmoid()
        self._reference = postprocess(codes, logits, anchors, image_size, protocol)

    def check(self, found: Detections, file: str) -> int:
        """Returns how many detections were checked.

        Args:
            found: Boxes in pixels, clipped; padding has label -1.
            file: Its name, for the message.

        Raises:
            ExportError: One of them does not follow from codes and logits, or one is missing.
        """
        checked = 0
        for image in range(len(found.boxes)):
            real = found.labels[image] >= 0
            theirs = Detections(*(part[image][real] for part in found))
            problem = self._problem(image, theirs)
            if problem:
                raise ExportError(f"{file}: other detections than the network's: {problem}")
            checked += int(real.sum())
        return checked

    def _problem(self, image: int, theirs: Detections) -> str:
        protocol = self._protocol
        if bool((theirs.scores < protocol.score_threshold - SCORE).any()):
            return f"a score of {float(theirs.scores.min()):.4f}"
        found = self._as_candidates(image, theirs)
        if len(found.scores) < len(theirs.scores):
            return f"{len(theirs.scores) - len(found.scores)} boxes that no anchor has there"
        real = self._reference.labels[image] >= 0
        ours = self._as_candidates(
            image, Detections(*(part[image][real] for part in self._reference))
        )
        most = protocol.iou_threshold + _OVERLAP
        for i, j in (self._overlaps(found, found) > most).triu(1).nonzero().tolist():
            if bool((self._between(image, found.may_be[i], found.may_be[j]) > most).all()):
                return "two that overlap by more than the protocol allows"
        better = found.scores[None] >= ours.scores[:, None] - SCORE
        least = protocol.iou_threshold - _OVERLAP
        near = self._overlaps(ours, found) >= least
        apart = (ours.unclipped[:, None] - found.unclipped[None]).nan_to_num(0.0).abs().amax(-1)
        same = (apart <= PIXELS) & (ours.labels[:, None] == found.labels[None]) & better
        missing = ~((near & better) | same).any(1) & (ours.scores > self._least(image, found))
        for i in missing.nonzero().flatten().tolist():
            alike = found.labels == ours.labels[i] if protocol.per_class else better[i]
            others = (better[i] & alike).nonzero().flatten().tolist()
            missing[i] = not any(
                bool((self._between(image, ours.may_be[i], found.may_be[j]) >= least).any())
                for j in others
            )
        if bool(missing.any()):
            score = float(ours.scores[missing].max())
            return f"{int(missing.sum())} are missing, the best of score {score:.4f}"
        return ""

    def _as_candidates(self, image: int, found: Detections) -> _Found:
        """Returns those detections that are candidates, with these candidates' boxes."""
        scores = self._scores[image]
        clipped = self._boxes[image].clamp(0, self._size)
        apart = (found.boxes[:, None] - clipped[None]).abs().amax(-1)  # (k, n_anchors)
        off = (scores[:, found.labels].T - found.scores[:, None]).abs()
        apart.masked_fill_(off > SCORE, float("inf"))
        nearest, anchor = apart.min(1)
        real = nearest <= PIXELS
        where = self._suppressed_by(image)[anchor[real]]
        return _Found(where, found.scores[real], found.labels[real], (apart <= PIXELS)[real])

    def _suppressed_by(self, image: int) -> Tensor:
        """Returns the boxes (n_anchors, 4) whose overlaps count."""
        boxes = self._boxes[image]
        return boxes.clamp(0, self._size) if self._protocol.clip == "before" else boxes

    def _between(self, image: int, a: Tensor, b: Tensor) -> Tensor:
        """Returns the overlaps of all that one detection may be with all that another may be."""
        boxes = self._suppressed_by(image).double()
        return box_iou(boxes[a], boxes[b]).nan_to_num(0.0)

    def _overlaps(self, a: _Found, b: _Found) -> Tensor:
        overlap = box_iou(a.unclipped.double(), b.unclipped.double()).nan_to_num(0.0)
        if not self._protocol.per_class:
            return overlap
        return overlap * (a.labels[:, None] == b.labels[None])

    def _least(self, image: int, found: _Found) -> float:
        """Returns the score up to which a detection may be missing."""
        protocol, scores = self._protocol, self._scores[image].flatten()
        least = protocol.score_threshold
        if len(found.scores) >= protocol.detections:
            least = max(least, float(found.scores.min()))
        if protocol.candidates and protocol.candidates < len(scores):
            least = max(least, float(scores.topk(protocol.candidates).values[-1]))
        return least + SCORE


def _decoded(codes: Tensor, anchors: Tensor, largest_log: float) -> Tensor:
    """Returns boxes before clipping; sides that float32 cannot hold are infinite."""
    centre, size = centre_size(anchors)
    middle = codes[..., :2] / BOX_SCALES[0] * size + centre
    half = (codes[..., 2:] / BOX_SCALES[1]).clamp(max=largest_log).exp() * size / 2
    return torch.cat([middle - half, middle + half], -1)
