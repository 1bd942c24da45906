"""Writes one split of a conversion and keeps its account."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from evonas.data.box_rules import AS_READ, TWICE, judge
from evonas.data.conversion import SplitAccount, count
from evonas.data.convert_options import ConvertOptions
from evonas.data.formats.source import RawImage, Source
from evonas.data.images import image_sizes
from evonas.errors import DataError


class SplitWriter:
    """Links a split's images into a folder and gives their annotations.

    Attributes:
        account: What went in and came out.
        faults: One example of each kind of bad box.
    """

    def __init__(
        self,
        source: Source,
        options: ConvertOptions,
        names: Mapping[str, str],
        classes: Sequence[str],
        folder: Path,
    ) -> None:
        self.source, self.options, self.names, self.folder = source, options, names, folder
        self.categories = {name: number for number, name in enumerate(classes, 1)}
        self.account = SplitAccount()
        self.faults: list[str] = []
        self._used: set[str] = set()
        self._images: list[dict[str, object]] = []
        self._annotations: list[dict[str, object]] = []

    def write(
        self, images: Sequence[RawImage], on_image: Callable[[Path], None]
    ) -> dict[str, object]:
        """Returns the split's instances, as in a COCO file."""
        for image in images:
            try:
                size, scale = self._size_and_scale(image)
            except DataError as error:
                self.account.unreadable.append(str(error))
                continue
            number = len(self._images) + 1
            name = self._file_name(image.path)
            link(image.path, self.folder / name)
            self._images.append(
                {"id": number, "file_name": name, "width": size[0], "height": size[1]}
            )
            self._add_boxes(image, number, size, scale)
            on_image(image.path)
        self.account.images = len(self._images)
        return {
            "images": self._images,
            "annotations": self._annotations,
            "categories": [{"id": n, "name": name} for name, n in self.categories.items()],
        }

    def _size_and_scale(self, image: RawImage) -> tuple[tuple[int, int], tuple[float, float]]:
        """Returns the size that the boxes are written for, and the boxes' pixels of it.

        Without a stated size an image is upright, as viewers show it; the reader of what is
        written turns the stored pixels if it must.
        """
        stored, upright = image_sizes(image.path)
        size = stored if image.size == stored != upright else upright
        if self.source.shares:
            return size, (float(size[0]), float(size[1]))
        if image.size in (None, size):
            return size, (1.0, 1.0)
        assert image.size is not None
        if self.options.resized == "refuse":
            raise DataError(
                f"{image.path}: {size[0]}x{size[1]} pixels, but its annotations are for "
                f"{image.size[0]}x{image.size[1]}; --resized scale scales the boxes"
            )
        return size, (size[0] / image.size[0], size[1] / image.size[1])

    def _add_boxes(
        self, image: RawImage, number: int, size: tuple[int, int], scale: tuple[float, float]
    ) -> None:
        account, before = self.account, len(self._annotations)
        account.images_without_labels += not image.labelled
        written: set[tuple[object, ...]] = set()
        for raw in image.boxes:
            account.boxes_read += 1
            name = self.names[raw.name]
            if not name:
                account.left_out += 1
                continue
            box = (
                raw.left * scale[0],
                raw.top * scale[1],
                raw.width * scale[0],
                raw.height * scale[1],
            )
            mend = self.options.bad_boxes == "clip"
            kept, outcome = judge(box, *size, corners=self.source.corners, mend=mend)
            if (name, *box) in written:  # a detector cannot find one object twice
                kept, outcome = None, TWICE
            written.add((name, *box))
            if kept is None:
                if outcome not in account.dropped:
                    self.faults.append(f"the first: {raw.name} in {image.path}, {outcome}")
                count(account.dropped, outcome)
                continue
            if outcome != AS_READ:
                count(account.changed, outcome)
            account.boxes_written += 1
            account.ignored += raw.ignored
            count(account.per_class, name)
            left, top, wide, high = (round(value, 3) for value in kept)
            area = wide * high
            if raw.area is not None and outcome == AS_READ:
                area = raw.area * scale[0] * scale[1]
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": number,
                    "category_id": self.categories[name],
                    "bbox": [left, top, wide, high],
                    "area": round(area, 3),
                    "iscrowd": int(raw.ignored),
                }
            )
        account.images_without_boxes += len(self._annotations) == before

    def _file_name(self, path: Path) -> str:
        """Returns a name that no earlier image has, on file systems that ignore case too."""
        name, copies = path.name, 1
        while name.casefold() in self._used:
            copies += 1
            name = f"{path.stem}-{copies}{path.suffix}"
        self._used.add(name.casefold())
        return name


def link(source: Path, target: Path) -> None:
    """Links a file under a second name, or copies it where the file system cannot link."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
