"""YOLO-format and Pascal-VOC folders as COCO-format folders."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evonas.data.images import open_image
from evonas.data.voc import read_voc
from evonas.data.yolo import read_yolo
from evonas.errors import ConfigurationError, DataError

Box = tuple[str, tuple[float, float, float, float]]  # class and left, top, width, height in pixels


@dataclass(frozen=True, slots=True)
class Source:
    """A data set in another format.

    Attributes:
        classes: All its classes, in order.
        splits: Image files by split.
        boxes_of: Gives an image's boxes, by its file, width and height.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Path, ...]]
    boxes_of: Callable[[Path, int, int], list[Box]]


def convert_dataset(
    folder: Path | str,
    out: Path | str,
    rename: Mapping[str, str] | None = None,
    val_share: float = 0.1,
    on_image: Callable[[Path], None] = lambda _: None,
) -> dict[str, int]:
    """Writes a YOLO-format or Pascal-VOC folder as a COCO-format folder.

    Images are linked where the file system can, else copied. Boxes are cut off at the image's
    edges; what is left without size is dropped.

    Args:
        folder: With a `data.yaml` (YOLO) or `Annotations/` (Pascal VOC).
        out: The folder to make; it appears whole or not at all.
        rename: New names of classes; classes that get the same name become one, those that get
            an empty name are left out.
        val_share: Where there is no split val, every 1/share-th training image becomes one.
        on_image: Called with each image written.

    Returns:
        Images by split.

    Raises:
        DataError: Neither format, something in it is wrong, or `out` exists.
        ConfigurationError: A renamed class that there is not, or a share out of range.
    """
    folder, out = Path(folder), Path(out)
    source = _read(folder)
    names = {name: (rename or {}).get(name, name) for name in source.classes}
    unknown = sorted(set(rename or {}) - set(names))
    if unknown:
        raise ConfigurationError(f"no class {unknown[0]!r} in {folder}; there: {', '.join(names)}")
    if not 0 < val_share < 1:
        raise ConfigurationError(
            f"the share of validation images is {val_share}; 0 to 1 is allowed"
        )
    classes = list(dict.fromkeys(name for name in names.values() if name))
    splits = _with_validation(source.splits, val_share)
    if out.exists():
        raise DataError(f"{out}: exists already; name another folder, or remove it first")
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        (partial / "annotations").mkdir(parents=True)
        for split, images in splits.items():
            (partial / split).mkdir()
            content = _instances(source, images, partial / split, names, classes, on_image)
            file = partial / "annotations" / f"instances_{split}.json"
            file.write_text(json.dumps(content), encoding="utf-8")
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return {split: len(images) for split, images in splits.items()}


def _read(folder: Path) -> Source:
    if (folder / "Annotations").is_dir():
        return Source(*read_voc(folder))
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        if (folder / name).is_file():
            return Source(*read_yolo(folder / name))
    raise DataError(
        f"{folder}: neither a data.yaml (YOLO) nor Annotations/ (Pascal VOC); COCO-format folders "
        "need no conversion"
    )


def _with_validation(
    splits: Mapping[str, tuple[Path, ...]], share: float
) -> dict[str, tuple[Path, ...]]:
    splits = dict(splits)
    if "val" not in splits:
        every = round(1 / share)
        images = splits["train"]
        splits["val"] = images[::every]
        splits["train"] = tuple(path for i, path in enumerate(images) if i % every)
    return splits


def _instances(
    source: Source,
    images: tuple[Path, ...],
    folder: Path,
    names: Mapping[str, str],
    classes: list[str],
    on_image: Callable[[Path], None],
) -> dict[str, object]:
    """Links a split's images into a folder and returns its annotations."""
    rows: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, (path, file_name) in enumerate(zip(images, _file_names(images), strict=True), 1):
        width, height = open_image(path).size
        _link(path, folder / file_name)
        rows.append({"id": number, "file_name": file_name, "width": width, "height": height})
        for name, box in source.boxes_of(path, width, height):
            left, top, wide, high = _cut(box, width, height)
            if names[name] and wide > 0 and high > 0:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": classes.index(names[name]) + 1,
                        "bbox": [round(value, 3) for value in (left, top, wide, high)],
                        "area": round(wide * high, 3),
                        "iscrowd": 0,
                    }
                )
        on_image(path)
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    return {"images": rows, "annotations": annotations, "categories": categories}


def _file_names(images: tuple[Path, ...]) -> Iterator[str]:
    """Yields names that differ, for images that may come from several folders."""
    used: set[str] = set()
    for path in images:
        name = path.name
        if name in used:
            name = f"{len(used):06d}-{name}"
        used.add(name)
        yield name


def _cut(
    box: tuple[float, float, float, float], width: int, height: int
) -> tuple[float, float, float, float]:
    left, top = max(box[0], 0.0), max(box[1], 0.0)
    right, bottom = min(box[0] + box[2], width), min(box[1] + box[3], height)
    return left, top, right - left, bottom - top


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
