"""What a detector finds on the tiles of large images, as detections on the whole images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evonas.data.coco import CocoDataset
from evonas.data.images import read_image, resized_pixels
from evonas.detector import Detections as Padded
from evonas.detector.tiles import TileDetections, merge_tiles, tile_windows
from evonas.training.detections import Detections
from evonas.training.validation import as_input, images_at_a_time

# Detections of an image that are put together, the best of all its tiles: COCO's figures ask for
# 100 per image, and joining takes time that grows with their square.
_MOST = 200


@dataclass(frozen=True, slots=True)
class Tiles:
    """How images are looked at in tiles.

    Attributes:
        side: Of a tile, in pixels of the image.
        overlap: Share of a side that neighbours have in common, at least.
    """

    side: int
    overlap: float


def detect_on_tiles(
    find: Callable[[Tensor], Padded],
    dataset: CocoDataset,
    image_size: int,
    resizing: str,
    tiles: Tiles,
) -> Detections:
    """Finds objects on all tiles of all images and puts them together; see `merge_tiles`.

    Args:
        find: Finds objects in float32 images (n, 3, size, size) from -1 to 1.
        dataset: The whole images.
        image_size: Side of the network's input, to which each tile is resized.
        resizing: How; see `evonas.data.images.resized_pixels`.
        tiles: Where the tiles lie.

    Returns:
        Detections in pixels of the whole images.

    Raises:
        ConfigurationError: No such side or overlap.
        DataError: An image cannot be read.
    """
    found = [
        _of_image(find, dataset, index, image_size, resizing, tiles)
        for index in range(len(dataset))
    ]
    counts = [len(part.scores) for part in found]
    return Detections(
        np.repeat(np.arange(len(dataset)), counts),
        np.concatenate([part.boxes for part in found]),
        np.concatenate([part.scores for part in found]),
        np.concatenate([part.labels for part in found]).astype(np.int64),
    )


def _of_image(
    find: Callable[[Tensor], Padded],
    dataset: CocoDataset,
    index: int,
    image_size: int,
    resizing: str,
    tiles: Tiles,
) -> TileDetections:
    width, height = dataset.sizes[index].tolist()
    image = read_image(dataset.path_of(index), int(dataset.image_ids[index]), (width, height))
    windows = tile_windows(width, height, tiles.side, tiles.overlap, image_size)
    crops = [resized_pixels(image.crop(tuple(w)), image_size, resizing) for w in windows.tolist()]
    pixels = torch.from_numpy(np.stack(crops))
    parts: list[Detections] = []
    with torch.inference_mode():
        for batch in np.array_split(
            np.arange(len(windows)), -(-len(windows) // images_at_a_time(image_size))
        ):
            boxes, scores, labels = (p.numpy() for p in find(as_input(pixels[batch])))
            scale = (windows[batch, 2:] - windows[batch, :2]) / image_size
            parts.append(Detections.from_padded(batch, boxes, scores, labels, scale))
    tile = np.concatenate([part.image_index for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    best = np.argsort(-scores, kind="stable")[:_MOST]
    tile = tile[best]
    together = TileDetections(
        np.concatenate([part.boxes for part in parts])[best] + np.tile(windows[tile, :2], 2),
        scores[best],
        np.concatenate([part.labels for part in parts])[best],
        tile,
    )
    return merge_tiles(together, windows, (width, height))
