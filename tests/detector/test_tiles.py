"""Detections on tiles put together: objects cut by borders come out once and whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.detector.tiles import TileDetections, merge_tiles, tile_windows
from evonas.errors import ConfigurationError

SIZE = (300, 200)
INPUT = 64


def seen_on_tiles(objects, windows, least=0.15, score=0.9):
    """Returns what a perfect detector finds: an object's part on a tile, if it shows enough."""
    rows = []
    for x1, y1, x2, y2, label in objects:
        for number, (left, top, right, bottom) in enumerate(windows):
            box = max(x1, left), max(y1, top), min(x2, right), min(y2, bottom)
            area = max(box[2] - box[0], 0) * max(box[3] - box[1], 0)
            share = area / ((x2 - x1) * (y2 - y1))
            if share > least:
                rows.append((*box, score * (0.5 + share / 2), label, number))
    table = np.array(rows, float).reshape(-1, 7)
    return TileDetections(
        table[:, :4], table[:, 4], table[:, 5].astype(int), table[:, 6].astype(int)
    )


def merged(objects, side=100, overlap=0.2, size=SIZE, **how):
    windows = tile_windows(*size, side, overlap, INPUT)
    result = merge_tiles(seen_on_tiles(objects, windows, **how), windows, size)
    return sorted(
        (*box, label)
        for box, label in zip(result.boxes.tolist(), result.labels.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    "box",
    [
        (30, 30, 60, 60),  # on one tile
        (75, 30, 95, 60),  # whole on two tiles, in their overlap
        (70, 30, 120, 60),  # whole on one, cut on the other
        (40, 30, 180, 60),  # cut on both sides of a border
        (20, 40, 280, 80),  # wider than two tiles
        (40, 60, 160, 170),  # over the corner of four tiles
        (0, 0, 300, 200),  # the whole image
        (90, 0, 110, 200),  # a column over the border
    ],
)
def test_an_object_over_borders_comes_out_once_and_whole(box):
    assert merged([(*box, 3)], least=0.02) == [(*map(float, box), 3)]


def test_neighbours_on_both_sides_of_a_border_stay_two():
    objects = [(60, 20, 88, 60, 0), (92, 20, 118, 60, 0)]
    assert merged(objects) == [(*map(float, o[:4]), 0) for o in objects]


def test_objects_of_two_classes_in_one_place_both_stay():
    objects = [(70, 30, 130, 60, 0), (70, 30, 130, 60, 1)]
    assert [row[4] for row in merged(objects)] == [0, 1]


def test_a_part_that_lies_in_a_whole_object_of_another_class_stays():
    windows = tile_windows(*SIZE, 100, 0.2, INPUT)
    found = TileDetections(
        np.array([[70.0, 30, 95, 60], [80.0, 30, 100, 60]]),
        np.array([0.9, 0.8]), np.array([0, 1]), np.array([0, 0]),
    )  # fmt: skip
    assert len(merge_tiles(found, windows, SIZE).scores) == 2


def test_parts_at_different_heights_are_not_joined():
    """Two objects that each end at the same border."""
    windows = tile_windows(*SIZE, 100, 0.0, INPUT)
    found = TileDetections(
        np.array([[60.0, 10, 100, 30], [100.0, 60, 140, 90]]),
        np.array([0.9, 0.8]), np.array([0, 0]), np.array([0, 1]),
    )  # fmt: skip
    assert len(merge_tiles(found, windows, SIZE).scores) == 2


def test_the_joined_object_has_the_better_score_and_all_are_best_first():
    windows = tile_windows(*SIZE, 100, 0.0, INPUT)
    found = TileDetections(
        np.array([[60.0, 10, 100, 30], [100.0, 10, 140, 30], [10.0, 50, 20, 60]]),
        np.array([0.4, 0.7, 0.5]), np.array([0, 0, 1]), np.array([0, 1, 0]),
    )  # fmt: skip
    result = merge_tiles(found, windows, SIZE)
    assert result.scores.tolist() == [0.7, 0.5]
    assert result.boxes[0].tolist() == [60, 10, 140, 30]


def test_nothing_found_is_nothing():
    windows = tile_windows(*SIZE, 100, 0.2, INPUT)
    empty = TileDetections(np.empty((0, 4)), np.empty(0), np.empty(0, int), np.empty(0, int))
    assert len(merge_tiles(empty, windows, SIZE).scores) == 0


@given(
    st.integers(1, 700), st.integers(1, 700), st.integers(8, 300), st.floats(0, 0.9),
    st.integers(1, 20).map(lambda steps: 32 * steps),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_tiles_cover_the_image_and_share_the_overlap(width, height, side, overlap, size):
    windows = tile_windows(width, height, side, overlap, size)
    seen = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in windows:
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert (x2 - x1, y2 - y1) == (min(side, width), min(side, height))
        seen[y1:y2, x1:x2] = True
    assert seen.all()
    starts = np.unique(windows[:, 0])
    assert (np.diff(starts) <= max(side * (1 - overlap), 1) + 1).all()


@pytest.mark.parametrize("image_size", [160, 320])
@pytest.mark.parametrize("tiles", [2, 3, 4, 6])
def test_neighbours_see_an_object_at_other_parts_of_a_stride(tiles, image_size):
    """Sides that evenly spread tiles would divide into whole strides."""
    side = 320
    windows = tile_windows(side, tiles * side, side, 0.2, image_size)
    starts = np.unique(windows[:, 1])
    parts = starts * image_size / side % 8
    apart = np.abs(np.diff(parts))
    assert len(starts) > tiles
    assert np.minimum(apart, 8 - apart).min() >= 1.5


@pytest.mark.parametrize(
    ("side", "overlap"), [(7, 0.2), (-1, 0.2), (64, 1.0), (64, -0.1), (64, float("nan"))]
)
def test_tiles_that_cannot_be_are_refused(side, overlap):
    with pytest.raises(ConfigurationError):
        tile_windows(100, 100, side, overlap, INPUT)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_objects_that_are_apart_come_out_one_for_one(data):
    """Objects of a grid of cells, so that none overlaps another, any of them over borders."""
    cells = data.draw(
        st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), unique=True, max_size=8)
    )
    objects = []
    for column, row in cells:
        x, y = column * 60 + 4, row * 66 + 4
        wide, high = data.draw(st.integers(20, 48)), data.draw(st.integers(20, 48))
        objects.append((x, y, x + wide, y + high, data.draw(st.integers(0, 1))))
    expected = sorted((*map(float, o[:4]), o[4]) for o in objects)
    assert merged(objects, least=0.02) == expected
