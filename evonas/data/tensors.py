"""Images and boxes as torch tensors: all at once for small data, decoded as needed for large."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from evonas.data.coco import CocoDataset
from evonas.data.images import read_image, resized_pixels
from evonas.errors import DataError

_MAX_BYTES = 8 << 30  # beyond it, images are better decoded as they are needed


@dataclass(frozen=True, slots=True)
class DetectionBatch:
    """n square images with their boxes, padded to the most that one of them has.

    Padding has label -1, and so have crowd boxes: neither is a training target.
    """

    images: Tensor  # (n, 3, side, side) uint8
    boxes: Tensor  # (n, max_boxes, 4) float32, x1, y1, x2, y2 in pixels of the resized image
    labels: Tensor  # (n, max_boxes) int64
    is_crowd: Tensor  # (n, max_boxes) bool
    indices: Tensor  # (n,) int64, positions in the data set

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: NDArray[np.int64]) -> "DetectionBatch":
        """Returns the images of those positions (k,), in that order."""
        return DetectionBatch(*(getattr(self, name)[chosen] for name in self.__slots__))


def fits_in_memory(n_images: int, image_size: int) -> bool:
    """Returns whether `load_tensors` takes that many images."""
    return n_images * 3 * image_size**2 <= _MAX_BYTES


def load_tensors(
    dataset: CocoDataset, image_size: int, resizing: str = "antialiased"
) -> DetectionBatch:
    """Decodes a whole data set into memory; images are stretched to a square.

    Args:
        dataset: Images and boxes.
        image_size: Side of the square.
        resizing: How images are resized; see `evonas.data.images.resized_pixels`.

    Raises:
        DataError: An image cannot be decoded, or all of them would take more than 8 GiB.
    """
    n_bytes = len(dataset) * 3 * image_size**2
    if not fits_in_memory(len(dataset), image_size):
        raise DataError(
            f"{dataset.annotation_file}: {len(dataset)} images at {image_size} pixels take "
            f"{n_bytes / 2**30:.0f} GiB, more than the 8 GiB for data in memory; use CocoImages"
        )
    images = np.empty((len(dataset), 3, image_size, image_size), np.uint8)
    for index in range(len(dataset)):
        images[index] = _decode(dataset, index, image_size, resizing)
    return _with_boxes(dataset, torch.from_numpy(images), np.arange(len(dataset)))


class CocoImages(Dataset[tuple[int, Tensor]]):
    """A data set whose images are decoded as they are asked for, by the workers of a DataLoader.

    `DataLoader(images, batch_size, collate_fn=images.collate, num_workers=...)` gives
    `DetectionBatch`es, the same that `load_tensors` gives at once.
    """

    def __init__(
        self, dataset: CocoDataset, image_size: int, resizing: str = "antialiased"
    ) -> None:
        self.dataset = dataset
        self.image_size = image_size
        self.resizing = resizing

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[int, Tensor]:
        """Returns the index and its image, (3, image_size, image_size) uint8.

        Raises:
            DataError: The image cannot be decoded.
        """
        pixels = _decode(self.dataset, index, self.image_size, self.resizing)
        return index, torch.from_numpy(np.ascontiguousarray(pixels))

    def collate(self, items: Sequence[tuple[int, Tensor]]) -> DetectionBatch:
        """Stacks decoded images and adds their boxes."""
        indices = np.array([index for index, _ in items], np.int64)
        return _with_boxes(self.dataset, torch.stack([image for _, image in items]), indices)


def _decode(dataset: CocoDataset, index: int, image_size: int, resizing: str) -> NDArray[np.uint8]:
    width, height = dataset.sizes[index].tolist()
    path, image_id = dataset.path_of(index), int(dataset.image_ids[index])
    return resized_pixels(read_image(path, image_id, (width, height)), image_size, resizing)


def _with_boxes(dataset: CocoDataset, images: Tensor, indices: NDArray[np.int64]) -> DetectionBatch:
    """Looks up the boxes of images (n, 3, side, side) at those indices (n,), all at once."""
    starts = np.searchsorted(dataset.image_index, indices)
    counts = np.searchsorted(dataset.image_index, indices, side="right") - starts
    slots = np.arange(counts.max(initial=0))
    used = slots < counts[:, None]
    source = (starts[:, None] + slots)[used]

    scale = images.shape[-1] / dataset.sizes[indices].astype(np.float64)
    corners = np.concatenate([dataset.boxes[:, :2], dataset.boxes[:, :2] + dataset.boxes[:, 2:]], 1)
    boxes = np.zeros((*used.shape, 4), np.float32)
    boxes[used] = corners[source]
    boxes = (boxes * np.tile(scale, 2)[:, None]).clip(0, images.shape[-1]).astype(np.float32)
    is_crowd = np.zeros(used.shape, bool)
    is_crowd[used] = dataset.is_crowd[source]
    labels = np.full(used.shape, -1)
    labels[used] = np.where(dataset.is_crowd[source], -1, dataset.labels[source])
    return DetectionBatch(
        images=images,
        boxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(labels),
        is_crowd=torch.from_numpy(is_crowd),
        indices=torch.from_numpy(indices),
    )
