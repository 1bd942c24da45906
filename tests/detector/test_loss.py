from dataclasses import replace

import pytest
import torch
import torchvision
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from evonas.detector import (
    FAST,
    box_iou,
    decode_boxes,
    detection_loss,
    encode_boxes,
    match,
    postprocess,
)
from evonas.detector.loss import box_losses


def random_boxes(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(*shape, 2, generator=generator) * 40
    return torch.cat([corner, corner + 4 + torch.rand(*shape, 2, generator=generator) * 20], -1)


def test_iou_is_torchvisions():
    a, b = random_boxes(30), random_boxes(20, seed=1)
    torch.testing.assert_close(box_iou(a, b), torchvision.ops.box_iou(a, b))


def test_codes_decode_to_the_boxes():
    boxes, anchors = random_boxes(50), random_boxes(50, seed=1)
    torch.testing.assert_close(decode_boxes(encode_boxes(boxes, anchors), anchors), boxes)


@pytest.mark.parametrize("least", [0.5, 0.3])
def test_matching_is_that_of_a_loop_over_boxes(least):
    anchors, boxes = random_boxes(80), random_boxes(3, 4, seed=1)
    present = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]]).bool()
    matched = match(anchors, boxes, present, least)
    for image in range(3):
        expected = [-1] * 80
        iou = box_iou(boxes[image], anchors)
        real = [i for i in range(4) if present[image, i]]
        for anchor in range(80):
            best = max(real, key=lambda i: iou[i, anchor].item(), default=-1)
            if best >= 0 and iou[best, anchor] >= least:
                expected[anchor] = best
        for i in real:
            expected[int(iou[i].argmax())] = i
        assert matched[image].tolist() == expected


def test_loss_is_focal_loss_and_smooth_l1_per_match():
    anchors, boxes = random_boxes(60), random_boxes(2, 3, seed=1)
    labels = torch.tensor([[0, 4, -1], [2, -1, -1]])
    generator = torch.Generator().manual_seed(2)
    codes = torch.randn(2, 60, 4, generator=generator)
    logits = (4 * torch.randn(2, 60, 5, generator=generator)).requires_grad_()
    loss = detection_loss(codes, logits, anchors, boxes, labels)

    matched = match(anchors, boxes, labels >= 0)
    n, target, box_loss = 0, torch.zeros(2, 60, 5), torch.zeros(())
    for image in range(2):
        for anchor in range(60):
            i = int(matched[image, anchor])
            if i >= 0:
                n += 1
                target[image, anchor, labels[image, i]] = 1
                code = encode_boxes(boxes[image, i], anchors[anchor])
                box_loss += torch.nn.functional.smooth_l1_loss(
                    codes[image, anchor], code, reduction="sum"
                )
    focal = sigmoid_focal_loss(logits, target, alpha=0.75, gamma=2, reduction="sum")
    torch.testing.assert_close(loss.classes, focal / n)
    torch.testing.assert_close(loss.boxes, box_loss / n)
    assert loss.matches == n
    (ours,), (theirs,) = (torch.autograd.grad(of, logits) for of in (loss.classes, focal / n))
    torch.testing.assert_close(ours, theirs)


def test_the_giou_loss_is_torchvisions_per_match():
    anchors, boxes = random_boxes(60), random_boxes(2, 3, seed=1)
    labels = torch.tensor([[0, 4, -1], [2, -1, -1]])
    generator = torch.Generator().manual_seed(2)
    codes = torch.randn(2, 60, 4, generator=generator).requires_grad_()
    loss = detection_loss(
        codes, torch.zeros(2, 60, 5), anchors, boxes, labels, box_loss="giou"
    ).boxes

    matched = match(anchors, boxes, labels >= 0)
    image, anchor = (matched >= 0).nonzero(as_tuple=True)
    found = decode_boxes(codes[image, anchor], anchors[anchor])
    theirs = generalized_box_iou_loss(found, boxes[image, matched[image, anchor]], reduction="mean")
    torch.testing.assert_close(loss, theirs)
    slopes = [torch.autograd.grad(of, codes, retain_graph=True)[0] for of in (loss, theirs)]
    torch.testing.assert_close(*slopes)


def test_the_giou_loss_of_a_box_of_no_size_is_finite():
    codes = torch.tensor([[0.0, 0, -100, -100]]).requires_grad_()
    anchor = torch.tensor([[0.0, 0, 8, 8]])
    loss = box_losses(codes, anchor, torch.tensor([[40.0, 40, 40, 40]]), "giou").sum()
    loss.backward()
    assert 1 <= loss <= 2
    assert codes.grad is not None
    assert codes.grad.isfinite().all()


def test_loss_without_any_box_is_finite():
    logits = torch.zeros(2, 60, 5, requires_grad=True)
    loss = detection_loss(
        torch.zeros(2, 60, 4),
        logits,
        random_boxes(60),
        torch.zeros(2, 0, 4),
        torch.zeros(2, 0).long(),
    )
    loss.total.backward()
    assert loss.boxes == 0
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("seed", range(5))
def test_suppression_is_a_greedy_loop_over_falling_scores(seed):
    anchors = random_boxes(40, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    codes = 0.5 * torch.randn(2, 40, 4, generator=generator)
    logits = torch.randn(2, 40, 3, generator=generator)
    found = postprocess(
        codes, logits, anchors, 64, replace(FAST, score_threshold=0.4, iou_threshold=0.5)
    )
    for image in range(2):
        boxes = decode_boxes(codes[image], anchors).clamp(0, 64)
        scores = logits[image].sigmoid()
        kept: list[tuple[int, int]] = []
        for pair in scores.flatten().argsort(descending=True).tolist():
            anchor, label = divmod(pair, 3)
            rivals = boxes[[a for a, c in kept if c == label]]
            overlaps = box_iou(boxes[anchor][None], rivals)
            if scores[anchor, label] > 0.4 and not (overlaps > 0.5).any():
                kept.append((anchor, label))
        count = len(kept)
        assert found.labels[image].tolist() == [c for _, c in kept] + [-1] * (100 - count)
        torch.testing.assert_close(found.boxes[image, :count], boxes[[a for a, _ in kept]])


def test_detections_are_sorted_padded_and_inside_the_image():
    anchors = random_boxes(60)
    generator = torch.Generator().manual_seed(3)
    codes = torch.randn(2, 60, 4, generator=generator)
    logits = torch.randn(2, 60, 5, generator=generator) - 3
    logits[1] = -20
    found = postprocess(codes, logits, anchors, 48, replace(FAST, score_threshold=0.1))
    assert (found.scores.diff(dim=1) <= 0).all()
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 48
    assert ((found.labels >= 0) == (found.scores > 0.1)).all()
    assert (found.labels[0] >= 0).any()
    assert (found.labels[1] == -1).all()
