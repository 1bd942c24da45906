import contextlib
import dataclasses
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evonas.data.coco import CocoDataset
from evonas.errors import DataError
from evonas.training.average_precision import average_precision
from evonas.training.detections import Detections, GroundTruth
from evonas.training.evaluation import evaluate_detections

FIGURES = (
    "ap ap50 ap75 ap_small ap_medium ap_large ar1 ar10 ar100 ar_small ar_medium ar_large".split()
)


def make_dataset(rng, n_images=25, n_classes=4, crowds=True, per_image=6):
    """Random boxes of all sizes; some images and classes have none."""
    counts = rng.integers(0, per_image, n_images) * (rng.random(n_images) < 0.8)
    image_index = np.repeat(np.arange(n_images), counts)
    m = len(image_index)
    side = np.exp(rng.uniform(np.log(8), np.log(200), (m, 2)))
    corner = rng.uniform(0, 400, (m, 2))
    return CocoDataset(
        annotation_file=None,
        image_folder=None,
        image_ids=np.arange(n_images) * 3 + 1,
        file_names=tuple(f"{i}.png" for i in range(n_images)),
        sizes=np.full((n_images, 2), 640),
        category_ids=np.arange(n_classes) + 5,
        class_names=tuple("abcdefgh"[:n_classes]),
        annotation_ids=np.arange(m) + 1,
        image_index=image_index,
        boxes=np.concatenate([corner, side], axis=1),
        labels=rng.integers(0, n_classes - 1, m),  # the last class has no box
        areas=side.prod(1) * rng.uniform(0.5, 1, m),
        is_crowd=(rng.random(m) < 0.2) & crowds,
    )


def make_detections(rng, dataset, n, noise=0.15, distinct_scores=40):
    """Boxes around the true ones, wrong ones, duplicates, and equal scores."""
    m = len(dataset.boxes)
    image_index = rng.integers(0, len(dataset), n)
    labels = rng.integers(0, dataset.n_classes, n)
    corner = rng.uniform(0, 400, (n, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 200, (n, 2))], axis=1)
    if m:
        near = rng.random(n) < 0.7
        source = rng.integers(0, m, n)
        true = dataset.boxes[source]
        corners = np.concatenate([true[:, :2], true[:, :2] + true[:, 2:]], axis=1)
        moved = corners + noise * rng.normal(size=(n, 4)) * np.tile(true[:, 2:], 2)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        boxes[near] = moved[near]
        image_index[near] = dataset.image_index[source[near]]
        keep_label = near & (rng.random(n) < 0.8)
        labels[keep_label] = dataset.labels[source[keep_label]]
    exact = rng.random(n) < 0.1
    boxes[exact] = np.round(boxes[exact])
    scores = rng.integers(0, distinct_scores, n) / distinct_scores
    return Detections(image_index, boxes, scores, labels)


def by_pycocotools(dataset, detections):
    """The twelve figures and AP by class, with NaN for -1."""
    annotations = [
        {
            "id": int(number),
            "image_id": int(dataset.image_ids[image]),
            "category_id": int(dataset.category_ids[label]),
            "bbox": box.tolist(),
            "area": float(area),
            "iscrowd": int(crowd),
        }
        for number, image, label, box, area, crowd in zip(
            dataset.annotation_ids,
            dataset.image_index,
            dataset.labels,
            dataset.boxes,
            dataset.areas,
            dataset.is_crowd,
            strict=True,
        )
    ]
    rows = np.column_stack(
        [
            dataset.image_ids[detections.image_index],
            detections.sides(),
            detections.scores,
            dataset.category_ids[detections.labels],
        ]
    )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": int(i), "width": 640, "height": 640} for i in dataset.image_ids],
            "annotations": annotations,
            "categories": [{"id": int(i), "name": str(i)} for i in dataset.category_ids],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    undefined = precision == -1
    per_class = np.where(undefined, np.nan, precision).mean((0, 1))
    return np.where(evaluation.stats == -1, np.nan, evaluation.stats), per_class


@pytest.mark.parametrize("seed", range(8))
def test_equals_pycocotools(seed, capfd):
    rng = np.random.default_rng(seed)
    dataset = make_dataset(rng, crowds=seed % 2 == 0)
    detections = make_detections(rng, dataset, 600)
    expected, per_class = by_pycocotools(dataset, detections)
    assert expected[0] > 0.05

    ground_truth = GroundTruth(dataset)
    metrics = evaluate_detections(ground_truth, detections)
    figures = [getattr(metrics, name) for name in FIGURES]
    np.testing.assert_allclose(figures, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(metrics.ap_per_class, per_class, rtol=0, atol=1e-12)

    precision = average_precision(ground_truth, detections)
    np.testing.assert_allclose(precision.mean(0), per_class, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.nanmean(precision), expected[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.nanmean(precision[0]), expected[1], rtol=0, atol=1e-12)
    assert capfd.readouterr() == ("", "")

    limits = np.array([(0, 32), (32, 96), (96, 1e5)]) ** 2 / 640**2  # COCO's; all images are alike
    for shares, by_size in zip(limits, expected[3:6], strict=True):
        precision = average_precision(ground_truth, detections, tuple(shares))
        np.testing.assert_allclose(np.nanmean(precision), by_size, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_more_than_a_hundred_detections_of_a_class(seed):
    rng = np.random.default_rng(seed)
    dataset = make_dataset(rng, n_images=3, n_classes=2, per_image=40)
    detections = make_detections(rng, dataset, 900)
    most = np.bincount(detections.image_index * 2 + detections.labels).max()
    assert most > 100
    expected, per_class = by_pycocotools(dataset, detections)
    metrics = evaluate_detections(GroundTruth(dataset), detections)
    figures = [getattr(metrics, name) for name in FIGURES]
    np.testing.assert_allclose(figures, expected, rtol=0, atol=1e-12)
    precision = average_precision(GroundTruth(dataset), detections)
    np.testing.assert_allclose(precision.mean(0), per_class, rtol=0, atol=1e-12)


def test_ground_truth_is_not_used_up():
    rng = np.random.default_rng(0)
    dataset = make_dataset(rng)
    ground_truth = GroundTruth(dataset)
    first, second = (make_detections(rng, dataset, 300) for _ in range(2))
    before = evaluate_detections(ground_truth, first)
    between = evaluate_detections(ground_truth, second)
    after = evaluate_detections(ground_truth, first)
    assert dataclasses.replace(before, ap_per_class=0, precision=0) == dataclasses.replace(
        after, ap_per_class=0, precision=0
    )
    assert between.ap != before.ap


def test_perfect_detections():
    rng = np.random.default_rng(0)
    dataset = make_dataset(rng, crowds=False)
    boxes = dataset.boxes.copy()
    boxes[:, 2:] += boxes[:, :2]
    detections = Detections(dataset.image_index, boxes, np.ones(len(boxes)), dataset.labels)
    metrics = evaluate_detections(GroundTruth(dataset), detections)
    assert metrics.ap == metrics.ar100 == 1
    assert np.isnan(metrics.ap_per_class[-1])  # no image has it
    assert np.nanmin(average_precision(GroundTruth(dataset), detections)) == 1


def _no_detections():
    return Detections(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))


def test_nothing_detected_scores_zero():
    dataset = make_dataset(np.random.default_rng(0))
    metrics = evaluate_detections(GroundTruth(dataset), _no_detections())
    assert metrics.ap == metrics.ar100 == 0
    assert np.nanmax(average_precision(GroundTruth(dataset), _no_detections())) == 0


def test_no_boxes_at_all_is_undefined():
    rng = np.random.default_rng(0)
    dataset = make_dataset(rng, per_image=1)
    assert not len(dataset.boxes)
    detections = make_detections(rng, dataset, 20)
    assert np.isnan(evaluate_detections(GroundTruth(dataset), detections).ap)
    assert np.isnan(average_precision(GroundTruth(dataset), detections)).all()


def test_boxes_without_area_hit_nothing():
    dataset = make_dataset(np.random.default_rng(0))
    corner = dataset.boxes[:, :2]
    detections = Detections(
        dataset.image_index,
        np.concatenate([corner, corner], axis=1),
        np.ones(len(corner)),
        dataset.labels,
    )
    assert evaluate_detections(GroundTruth(dataset), detections).ap == 0
    assert np.nanmax(average_precision(GroundTruth(dataset), detections)) == 0


@pytest.mark.parametrize("score", [average_precision, evaluate_detections])
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("scores", np.nan, "not finite"),
        ("boxes", np.inf, "not finite"),
        ("labels", 4, "label outside 0..3"),
        ("labels", -1, "label outside 0..3"),
        ("image_index", 25, "image outside 0..24"),
    ],
)
def test_refuses_what_cannot_be_scored(score, field, value, message):
    rng = np.random.default_rng(0)
    dataset = make_dataset(rng)
    detections = make_detections(rng, dataset, 10)
    getattr(detections, field)[3] = value
    with pytest.raises(DataError, match=message):
        score(GroundTruth(dataset), detections)


def test_from_padded():
    boxes = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    scores = np.array([[0.9, 0.5, 0.0], [0.8, 0.0, 0.0]], np.float32)
    labels = np.array([[2, 1, -1], [0, -1, -1]])
    scale = np.array([[2.0, 1.0], [0.5, 4.0]])
    detections = Detections.from_padded(np.array([7, 3]), boxes, scores, labels, scale)
    assert detections.image_index.tolist() == [7, 7, 3]
    assert detections.labels.tolist() == [2, 1, 0]
    assert detections.boxes.tolist() == [[0, 1, 4, 3], [8, 5, 12, 7], [6, 52, 7, 60]]
    np.testing.assert_allclose(detections.scores, [0.9, 0.5, 0.8], atol=1e-6)
