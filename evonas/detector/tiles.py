"""Large images in tiles: where the tiles lie, and one list of detections out of those on tiles.

An object on the border of two tiles is seen in parts. A part says so: its box ends at a border of
its tile that is none of the image. Where another tile has the object whole, the part is dropped;
where none has, the parts are joined.

A network whose maps have a stride finds other things in an image that is moved by part of a stride
(Zhang, "Making convolutional networks shift-invariant again", 2019). Where tiles overlap, two looks
that differ so find more than two that are the same: tiles are laid so that they differ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import ConfigurationError

_AT_BORDER = 0.01  # of a tile's side: a box that ends so near its border is cut by it
_COVERED = 0.5  # share of a part that a whole object covers, where it is that object's
_ALONGSIDE = 0.5  # overlap over union, along a border, of two parts of one object
_SMALLEST = 8  # pixels
_STRIDE = 8  # pixels of a network's input: of the finest map that it looks for objects on
_PARTS = (2 / 3, 1 / 3)  # of a stride, at which tiles begin by turns; the first begins at 0


@dataclass(frozen=True, slots=True)
class TileDetections:
    """Detections on the tiles of one image, in its pixels.

    Attributes:
        boxes: (n, 4) x1, y1, x2, y2.
        scores: (n,).
        labels: (n,) classes.
        tiles: (n,) index of the tile that each was found on.
    """

    boxes: Floats
    scores: Floats
    labels: NDArray[np.intp]
    tiles: NDArray[np.intp]


def tile_windows(
    width: int, height: int, side: int, overlap: float, image_size: int
) -> NDArray[np.intp]:
    """Returns (n, 4) tiles as x1, y1, x2, y2 that cover an image, row by row.

    All are `side` pixels wide and high, but for images that are smaller. Neighbours share at least
    `overlap` of a side; the last ones are moved back into the image.

    Args:
        width: Of the image, in pixels.
        height: Likewise.
        side: Of a tile, in pixels of the image.
        overlap: Share of a side.
        image_size: Side of the network's input, to which tiles are resized.

    Raises:
        ConfigurationError: No such side or overlap.

    >>> tile_windows(150, 100, 100, 0.2, image_size=64).tolist()
    [[0, 0, 100, 100], [50, 0, 150, 100]]
    """
    if side < _SMALLEST:
        raise ConfigurationError(f"a tile of {side} pixels; at least {_SMALLEST} are required")
    if not 0 <= overlap < 1:
        raise ConfigurationError(f"an overlap of {overlap}; it must be at least 0 and below 1")
    most = max(side * (1 - overlap), 1)
    stride = _STRIDE * side / image_size
    return np.array(
        [
            (x, y, min(x + side, width), min(y + side, height))
            for y in _starts(max(height - side, 0), most, stride)
            for x in _starts(max(width - side, 0), most, stride)
        ],
        np.intp,
    )


def _starts(last: int, most: float, stride: float) -> list[int]:
    """Returns where tiles begin along a side: evenly, but neighbours at other parts of a stride.

    Args:
        last: Where the last one begins.
        most: From one to the next; where little less would do, less is moved.
        stride: Of the network, in pixels of the image.
    """
    count = int(np.ceil(last / most)) + 1
    even = np.linspace(0, last, count)
    part = np.resize(_PARTS, count)
    to_spare = most - last / max(count - 1, 1)
    moved = (np.round(even / stride - part) + part) * stride - even
    moved = moved.clip(-to_spare / 2, to_spare / 2)
    moved[[0, -1]] = 0
    return [int(start) for start in (even + moved).round()]


def merge_tiles(
    found: TileDetections,
    windows: NDArray[np.intp],
    size: tuple[int, int],
    iou_threshold: float = 0.6,
) -> TileDetections:
    """Puts detections on tiles together, class by class, best first.

    Whole objects suppress each other as on one image; parts that a whole one covers are dropped,
    and parts on both sides of a border are joined into one box with the better one's score.

    Args:
        found: Detections in pixels of the image.
        windows: (m, 4) the tiles, as `tile_windows` gives them.
        size: Width and height of the image.
        iou_threshold: Of two objects of a class that overlap by more, the better one stays.

    Returns:
        The detections; of a joined one, the tile of its best part.
    """
    kept: list[TileDetections] = []
    cut = _cut_sides(found, windows, size)
    for label in np.unique(found.labels):
        of_class = found.labels == label
        kept.append(_merged(_chosen(found, of_class), cut[of_class], iou_threshold))
    if not kept:
        return found
    together = TileDetections(
        np.concatenate([part.boxes for part in kept]),
        np.concatenate([part.scores for part in kept]),
        np.concatenate([part.labels for part in kept]),
        np.concatenate([part.tiles for part in kept]),
    )
    return _chosen(together, np.argsort(-together.scores, kind="stable"))


def _merged(found: TileDetections, cut: NDArray[np.bool_], iou_threshold: float) -> TileDetections:
    """Puts the detections of one class together."""
    is_part = np.asarray(cut.any(axis=1), np.bool_)
    whole = _chosen(found, ~is_part)
    whole = _chosen(whole, _suppressed(whole, iou_threshold))
    parts, sides = _chosen(found, is_part), cut[is_part]
    covered = _overlap(parts.boxes, whole.boxes)[1] > _COVERED
    apart = np.asarray(~covered.any(axis=1), np.bool_)
    parts = _joined(_chosen(parts, apart), sides[apart])
    parts = _chosen(parts, _suppressed(parts, iou_threshold, _COVERED))
    return TileDetections(
        np.concatenate([whole.boxes, parts.boxes]),
        np.concatenate([whole.scores, parts.scores]),
        np.concatenate([whole.labels, parts.labels]),
        np.concatenate([whole.tiles, parts.tiles]),
    )


def _cut_sides(
    found: TileDetections, windows: NDArray[np.intp], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Returns (n, 4) which sides (left, top, right, bottom) end at a border inside the image."""
    tiles = windows[found.tiles].reshape(-1, 4)
    near = _AT_BORDER * np.maximum(tiles[:, 2:] - tiles[:, :2], 1)
    inside = np.concatenate([tiles[:, :2] > 0, tiles[:, 2:] < np.array(size)], axis=1)
    at_border = np.concatenate(
        [
            found.boxes[:, :2] <= tiles[:, :2] + near,
            found.boxes[:, 2:] >= tiles[:, 2:] - near,
        ],
        axis=1,
    )
    result: NDArray[np.bool_] = inside & at_border
    return result


def _joined(parts: TileDetections, cut: NDArray[np.bool_]) -> TileDetections:
    """Joins parts of one class across borders, until none is left to join."""
    boxes, scores, tiles = parts.boxes.copy(), parts.scores.copy(), parts.tiles.copy()
    cut = cut.copy()
    order = list(np.argsort(-scores, kind="stable"))
    position = 0
    while position < len(order):
        one = order[position]
        other = next((o for o in order if o != one and _are_one(boxes, cut, tiles, one, o)), None)
        if other is None:
            position += 1
            continue
        first, second = (one, other) if scores[one] >= scores[other] else (other, one)
        _extend(boxes, cut, first, second)
        order.remove(second)
        position = 0  # the longer box may reach what was out of reach
    chosen = np.array(order, np.intp)
    return TileDetections(boxes[chosen], scores[chosen], parts.labels[chosen], tiles[chosen])


def _are_one(
    boxes: Floats, cut: NDArray[np.bool_], tiles: NDArray[np.intp], one: int, other: int
) -> bool:
    """Whether two parts face each other over a border and lie alongside."""
    if tiles[one] == tiles[other]:
        return False
    a, b = boxes[one], boxes[other]
    for axis in (0, 1):
        low, high, across = axis, axis + 2, 1 - axis
        faces = (cut[one, high] and cut[other, low] and a[low] <= b[low]) or (
            cut[one, low] and cut[other, high] and b[low] <= a[low]
        )
        meets = min(a[high], b[high]) >= max(a[low], b[low])
        shared = min(a[across + 2], b[across + 2]) - max(a[across], b[across])
        union = max(a[across + 2], b[across + 2]) - min(a[across], b[across])
        if faces and meets and shared > _ALONGSIDE * union:
            return True
    return False


def _extend(boxes: Floats, cut: NDArray[np.bool_], first: int, second: int) -> None:
    """Makes the first box hold the second one; a side is cut where the outer one was."""
    a, b = boxes[first].copy(), boxes[second]
    for side in range(4):
        outer = b[side] < a[side] if side < 2 else b[side] > a[side]
        if outer:
            boxes[first, side], cut[first, side] = b[side], cut[second, side]


def _suppressed(
    found: TileDetections, iou_threshold: float, covered: float = 1.0
) -> NDArray[np.intp]:
    """Returns the best of every place; with `covered`, also of boxes that lie mostly in another."""
    order = np.argsort(-found.scores, kind="stable")
    kept: list[int] = []
    for index in order.tolist():
        iou, share = _overlap(found.boxes[[index]], found.boxes[kept])
        if not ((iou > iou_threshold) | (share > covered)).any():
            kept.append(index)
    return np.array(kept, np.intp)


def _overlap(ours: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    """Returns (n, m) intersections over union, and over our own area."""
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = (high - low).clip(min=0).prod(axis=2)
    area = (ours[:, 2:] - ours[:, :2]).clip(min=0).prod(axis=1)[:, None]
    other = (theirs[:, 2:] - theirs[:, :2]).clip(min=0).prod(axis=1)[None]
    tiny = np.finfo(np.float64).tiny
    return shared / np.maximum(area + other - shared, tiny), shared / np.maximum(area, tiny)


def _chosen(found: TileDetections, rows: NDArray[np.bool_] | NDArray[np.intp]) -> TileDetections:
    return TileDetections(
        found.boxes[rows], found.scores[rows], found.labels[rows], found.tiles[rows]
    )
