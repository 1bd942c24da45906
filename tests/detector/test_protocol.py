"""Post-processing as protocols say, against loops written from the definitions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evonas.detector import (
    FAST,
    PUBLISHED,
    Detections,
    Protocol,
    decode_boxes,
    encode_boxes,
    load_protocol,
    postprocess,
)
from evonas.detector.protocol import protocol_from
from evonas.errors import ConfigurationError, SchemaError

SIZE = 64


def random_outputs(seed: int, n_anchors: int = 60, n_classes: int = 3):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n_anchors, 2, generator=generator) * 50 - 5
    sides = 4 + torch.rand(n_anchors, 2, generator=generator) * 25
    anchors = torch.cat([corner, corner + sides], 1)
    codes = 0.7 * torch.randn(2, n_anchors, 4, generator=generator)
    logits = 2 * torch.randn(2, n_anchors, n_classes, generator=generator) - 1
    return codes, logits, anchors


def iou(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inside = np.prod(np.maximum(high - low, 0))
    return inside / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside)


def reference(boxes: np.ndarray, scores: np.ndarray, protocol: Protocol):
    """(score, class, box) of one image, best first, from the protocol's words."""
    clipped = boxes.clip(0, SIZE)
    met = clipped if protocol.clip == "before" else boxes
    pairs = [(scores[a, c], c, a) for a in range(len(boxes)) for c in range(scores.shape[1])]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    if protocol.candidates:
        pairs = pairs[: protocol.candidates]
    kept = []
    for score, label, anchor in pairs:
        if not score > protocol.score_threshold:
            continue
        rivals = [a for _, c, a in kept if c == label or not protocol.per_class]
        if any(iou(met[anchor], met[a]) > protocol.iou_threshold for a in rivals):
            continue
        kept.append((score, label, anchor))
    if protocol.detections_per_class:
        count = dict.fromkeys(range(scores.shape[1]), 0)
        limited = []
        for entry in kept:
            count[entry[1]] += 1
            if count[entry[1]] <= protocol.detections_per_class:
                limited.append(entry)
        kept = limited
    if not protocol.candidates:  # TensorFlow drops what has no area in the image
        kept = [e for e in kept if (clipped[e[2], 2:] > clipped[e[2], :2]).all()]
    return [(score, label, clipped[a]) for score, label, a in kept[: protocol.detections]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "protocol",
    [
        PUBLISHED,
        replace(PUBLISHED, detections_per_class=3, detections=7),
        replace(PUBLISHED, clip="before"),
        FAST,
        replace(FAST, candidates=20, detections=9),
        replace(FAST, clip="after"),
        replace(FAST, per_class=False),
        replace(FAST, detections_per_class=2),
    ],
    ids=str,
)
def test_detections_are_those_of_a_loop(seed, protocol):
    codes, logits, anchors = random_outputs(seed)
    found = postprocess(codes, logits, anchors, SIZE, protocol)
    for image in range(2):
        boxes = decode_boxes(codes[image], anchors).double().numpy()
        expected = reference(boxes, logits[image].sigmoid().numpy(), protocol)
        count = int((found.labels[image] >= 0).sum())
        assert count == len(expected)
        assert found.labels[image, :count].tolist() == [label for _, label, _ in expected]
        scores = np.array([score for score, _, _ in expected])
        np.testing.assert_allclose(found.scores[image, :count].numpy(), scores, rtol=1e-6)
        np.testing.assert_allclose(
            found.boxes[image, :count].numpy(), np.stack([b for _, _, b in expected]), atol=1e-4
        )
        assert (found.labels[image, count:] == -1).all()


def test_published_post_processing_in_numbers():
    # Two boxes half outside overlap by 0.5 as they are, and by 1 once clipped: suppression comes
    # first, so both stay. The third overlaps the first by 0.7 and goes; of another class it stays.
    boxes = torch.tensor(
        [[-20.0, 0.0, 20.0, 20.0], [0.0, 0.0, 20.0, 20.0], [-20.0, 0.0, 20.0, 14.0]]
    )
    anchors = torch.tensor([[0.0, 0.0, 20.0, 20.0]]).expand(3, 4)
    codes = encode_boxes(boxes, anchors)[None]
    never = -30.0  # a score of 1e-13, below 1e-8
    logits = torch.tensor([[[2.0, never], [1.0, never], [0.0, 1.5]]])
    found = postprocess(codes, logits, anchors, SIZE, PUBLISHED)
    assert found.labels[0, :4].tolist() == [0, 1, 0, -1]
    expected = torch.tensor([2.0, 1.5, 1.0]).sigmoid()
    torch.testing.assert_close(found.scores[0, :3], expected)
    torch.testing.assert_close(
        found.boxes[0, :3],
        torch.tensor([[0.0, 0, 20, 20], [0.0, 0, 20, 14], [0.0, 0, 20, 20]]),
        atol=1e-4,
        rtol=0,
    )
    # Clipped before, the second is the first.
    fast = postprocess(codes, logits, anchors, SIZE, FAST)
    assert fast.labels[0, :4].tolist() == [0, 1, -1, -1]


def test_published_keeps_scores_down_to_one_in_a_hundred_million():
    anchors = torch.tensor([[0.0, 0.0, 8.0, 8.0], [20.0, 20.0, 30.0, 30.0]])
    logits = torch.tensor([[[-18.0], [-18.5]]])  # 1.52e-8 and 9.24e-9
    found = postprocess(torch.zeros(1, 2, 4), logits, anchors, SIZE, PUBLISHED)
    assert found.labels[0, :2].tolist() == [0, -1]


def test_no_images_give_no_detections():
    for protocol in (FAST, PUBLISHED):
        found = postprocess(
            torch.zeros(0, 9, 4), torch.zeros(0, 9, 2), torch.zeros(9, 4), 8, protocol
        )
        assert isinstance(found, Detections)
        assert found.boxes.shape == (0, 100, 4)


def test_a_protocol_survives_being_written():
    for protocol in (FAST, PUBLISHED):
        assert protocol_from(protocol.as_dict()) == protocol
        assert load_protocol(protocol.name) == protocol
    assert str(PUBLISHED) == (
        "published: all anchors, score above 1e-08, class by class, IoU 0.6, at most 100 a class, "
        "at most 100 an image, clipped after suppression"
    )
    with pytest.raises(
        ConfigurationError, match="unknown protocol 'slow'; known: crowded, fast, published"
    ):
        load_protocol("slow")


@pytest.mark.parametrize(
    "change",
    [
        {"candidates": -1},
        {"candidates": 1.5},
        {"candidates": True},
        {"detections": 0},
        {"detections": 10**9},
        {"score_threshold": float("nan")},
        {"iou_threshold": 1.5},
        {"per_class": "yes"},
        {"clip": "never"},
        {"name": ""},
        {"colour": "red"},
    ],
)
def test_a_protocol_of_nonsense_is_refused(change):
    with pytest.raises(SchemaError, match="protocol: "):
        protocol_from({**FAST.as_dict(), **change})
