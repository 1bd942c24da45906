"""Cuts the images of a COCO-format folder into tiles, a COCO-format folder again."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evonas.data.coco import CocoDataset, list_splits, load_coco
from evonas.data.coco_folder import new_folder, write_account, write_instances
from evonas.data.conversion import Conversion, SplitAccount, count
from evonas.data.images import read_image
from evonas.data.tiling import Tiling, visible_parts
from evonas.errors import ConfigurationError, DataError
from evonas.limits import MAX_PIXELS

_GREY = 128  # what lies outside a small image
SEEN_TOO_LITTLE = "shown too little by every tile"
NOT_KEPT = "to be ignored, shown only by tiles without other boxes that were not kept"
REPEATED = "more, of boxes that several tiles show"


@dataclass(frozen=True, slots=True)
class TileOptions:
    """How a data set is cut.

    Attributes:
        tiling: Where tiles lie.
        least_visible: Share of its area that a tile must show of a box to have it.
        keep_empty: Share of the tiles without a box that are kept, drawn at random.
        seed: Of that draw.
    """

    tiling: Tiling
    least_visible: float = 0.5
    keep_empty: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.least_visible <= 1:
            raise ConfigurationError(
                f"the least visible share is {self.least_visible}; it must be above 0 and at most 1"
            )
        if not 0 <= self.keep_empty <= 1:
            raise ConfigurationError(
                f"the share of empty tiles kept is {self.keep_empty}; it must be 0 to 1"
            )
        if self.seed < 0:
            raise ConfigurationError(f"the seed is {self.seed}; it must be at least 0")


def tile_dataset(
    folder: Path | str,
    out: Path | str,
    options: TileOptions,
    on_image: Callable[[int, int], None] = lambda done, total: None,
) -> Conversion:
    """Writes the tiles of all splits of a COCO-format folder as a COCO-format folder.

    Each image of its annotations says where it lies: `"tile": {"source": file name, "source_id":
    id, "size": [w, h], "offset": [left, top], "scale": [x, y]}`, the size in pixels of the
    whole image, the offset in scaled pixels, the scale in scaled pixels per pixel.

    Args:
        folder: The data set.
        out: The folder to make; it appears whole or not at all.
        options: How to cut.
        on_image: Called with (whole images cut, whole images in all).

    Returns:
        The account; a box in several tiles counts once in `boxes_read` and each time in
        `boxes_written`, the difference in `changed`.

    Raises:
        DataError: The data cannot be used, or `out` exists.
    """
    splits = list_splits(folder)
    datasets = {split: load_coco(folder, split) for split in splits or ("train",)}
    first = next(iter(datasets.values()))
    total, done = sum(map(len, datasets.values())), 0
    account = Conversion("COCO, cut into tiles", str(folder), asdict(options), first.class_names)

    def advance() -> None:
        nonlocal done
        done += 1
        on_image(done, total)

    with new_folder(Path(out)) as partial:
        (partial / "annotations").mkdir()
        for number, (split, dataset) in enumerate(datasets.items()):
            (partial / split).mkdir()
            cutter = _Cutter(dataset, options, partial / split, number)
            write_instances(partial, split, cutter.cut(advance))
            account.splits[split] = cutter.account
            if not cutter.account.boxes_written and cutter.account.boxes_read:
                why = ", ".join(f"{n} are {reason}" for reason, n in cutter.account.dropped.items())
                raise DataError(
                    f"{folder}: no tile of {split} has a box: {why}; nothing was written"
                )
            if not cutter.account.images:
                raise DataError(f"{folder}: no tile of {split} is kept; nothing was written")
        write_account(partial, account)
    return account


@dataclass(slots=True)
class _Cutter:
    """Cuts one split."""

    dataset: CocoDataset
    options: TileOptions
    folder: Path
    number: int  # the split's, for the draw of empty tiles
    account: SplitAccount = field(default_factory=SplitAccount)
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def cut(self, advance: Callable[[], None]) -> dict[str, Any]:
        """Writes the tiles and returns their annotations."""
        for index in range(len(self.dataset)):
            self._cut_image(index)
            advance()
        self.account.images = len(self.images)
        self.account.boxes_read = len(self.dataset.boxes)
        written = self.account.boxes_written = len(self.annotations)
        kept = self.account.boxes_read - sum(self.account.dropped.values())
        if written > kept:
            self.account.changed[REPEATED] = written - kept
        names, ids = self.dataset.class_names, self.dataset.category_ids.tolist()
        return {
            "images": self.images,
            "annotations": self.annotations,
            "categories": [{"id": i, "name": name} for i, name in zip(ids, names, strict=True)],
        }

    def _cut_image(self, index: int) -> None:
        dataset, tiling = self.dataset, self.options.tiling
        size = (int(dataset.sizes[index, 0]), int(dataset.sizes[index, 1]))
        image = read_image(dataset.path_of(index), int(dataset.image_ids[index]), size)
        width, height = tiling.scaled(*size)
        if width * height > MAX_PIXELS:
            raise ConfigurationError(
                f"{dataset.path_of(index)}: scaled to {width}x{height} pixels; at most "
                f"{MAX_PIXELS:,} pixels are cut"
            )
        if (width, height) != size:
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        scale = (width / size[0], height / size[1])
        first, last = np.searchsorted(dataset.image_index, [index, index + 1])
        boxes = dataset.boxes[first:last] * np.tile(scale, 2)
        # Of an image, not of the split, so that images may be added without changing others' tiles.
        draw = np.random.default_rng(
            [self.options.seed, self.number, int(dataset.image_ids[index]) % 2**63]
        )
        pixels = np.asarray(image)
        seen, written = np.zeros(len(boxes), bool), np.zeros(len(boxes), bool)
        for offset in tiling.offsets(width, height):
            shown, share = visible_parts(boxes, offset, tiling.size)
            # Half of a pixel wide is no object any more, whatever its share.
            held = (share >= self.options.least_visible - 1e-9) & (shown[:, 2:] >= 0.5).all(1)
            seen |= held
            is_empty = not (held & ~dataset.is_crowd[first:last]).any()
            if is_empty and draw.random() >= self.options.keep_empty:
                continue
            written |= held
            place = {
                "source": dataset.file_names[index],
                "source_id": int(dataset.image_ids[index]),
                "size": list(size),
                "offset": offset.tolist(),
                "scale": list(scale),
            }
            self._add_tile(pixels, place, first + np.flatnonzero(held), shown[held], is_empty)
        for _ in range(int((~seen).sum())):
            count(self.account.dropped, SEEN_TOO_LITTLE)
        for _ in range(int((seen & ~written).sum())):
            count(self.account.dropped, NOT_KEPT)

    def _add_tile(
        self,
        pixels: NDArray[np.uint8],
        place: dict[str, Any],
        held: NDArray[np.int64],
        boxes: NDArray[np.float64],
        is_empty: bool,
    ) -> None:
        number, side = len(self.images) + 1, self.options.tiling.size
        name = f"{place['source_id']:06d}-{place['offset'][0]}-{place['offset'][1]}.png"
        _save(pixels, place["offset"], side, self.folder / name)
        self.images.append(
            {"id": number, "file_name": name, "width": side, "height": side, "tile": place}
        )
        self.account.images_without_boxes += is_empty
        for source, box in zip(held.tolist(), boxes.round(3).tolist(), strict=True):
            label, crowd = int(self.dataset.labels[source]), bool(self.dataset.is_crowd[source])
            self.annotations.append(
                {
                    "id": len(self.annotations) + 1,
                    "image_id": number,
                    "category_id": int(self.dataset.category_ids[label]),
                    "bbox": box,
                    "area": round(box[2] * box[3], 3),
                    "iscrowd": int(crowd),
                }
            )
            self.account.ignored += crowd
            count(self.account.per_class, self.dataset.class_names[label])


def _save(pixels: NDArray[np.uint8], offset: list[int], side: int, path: Path) -> None:
    """Writes a tile; what lies outside the image is grey."""
    left, top = offset
    tile = pixels[top : top + side, left : left + side]
    missing = (side - tile.shape[0], side - tile.shape[1])
    if any(missing):
        tile = np.pad(tile, ((0, missing[0]), (0, missing[1]), (0, 0)), constant_values=_GREY)
    if (tile == tile[..., :1]).all():
        tile = tile[..., 0]  # a grey image in a third of the bytes
    # Not compressed, so that the bytes do not depend on the zlib that Pillow was built with.
    Image.fromarray(tile).save(path, compress_level=0)
