"""One COCO instances file, and where those of a data set lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evonas.data.records import Records
from evonas.errors import DataError
from evonas.limits import check_name, parse_json, read_limited

# Annotations and images of a split, relative to the folder: ours, COCO's own, CVAT's, Roboflow's.
LAYOUTS = (
    ("annotations/instances_{split}.json", "{split}"),
    ("annotations/instances_{split}.json", "images/{split}"),
    ("annotations/instances_{split}.json", "images"),
    ("annotations/instances_{split}2017.json", "{split}2017"),
    ("annotations/instances_{split}2017.json", "images/{split}2017"),
    ("{split}/_annotations.coco.json", "{split}"),
)
SPLITS = ("train", "val", "test")
_ALIASES = {"val": ("val", "valid", "validation")}
_KEYS = ("images", "annotations", "categories")


@dataclass(frozen=True, slots=True)
class Instances:
    """What a file says, checked but for its boxes; images are in the order of their ids."""

    path: Path
    images: Records
    annotations: Records
    image_ids: NDArray[np.int64]  # (n,)
    file_names: tuple[str, ...]  # (n,)
    sizes: NDArray[np.int64]  # (n, 2) width and height in pixels
    category_ids: NDArray[np.int64]  # (n_classes,)
    class_names: tuple[str, ...]  # (n_classes,)
    annotation_ids: NDArray[np.int64]  # (m,)
    image_index: NDArray[np.int64]  # (m,) position of the annotation's image
    labels: NDArray[np.int64]  # (m,) position of its category


def locate(folder: Path, split: str) -> tuple[Path, Path] | None:
    """Returns a split's annotation file and image folder, or None if it is in no known layout."""
    for name in _ALIASES.get(split, (split,)):
        for annotations, images in LAYOUTS:
            file = folder / annotations.format(split=name)
            image_folder = folder / images.format(split=name)
            if file.is_file() and image_folder.is_dir():
                return file, image_folder
    return None


def locate_splits(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Returns the files of all known splits; CVAT's one split "default" where there is no other."""
    found = {split: files for split in SPLITS if (files := locate(folder, split))}
    if not found and (default := locate(folder, "default")):
        return {"default": default}
    return found


def is_coco(content: Any) -> bool:
    """Returns whether parsed JSON has COCO's three lists."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in _KEYS)


def read_instances(path: Path) -> Instances:
    """Reads one file.

    Raises:
        DataError: What is wrong, with the file and the ids.
    """
    content = _read_json(path)
    images, annotations, categories = (
        Records(path, key.removesuffix("s").replace("ie", "y"), content[key]) for key in _KEYS
    )
    image_ids = images.unique_ids()
    order = np.argsort(image_ids)
    sizes = np.stack([images.integers("width"), images.integers("height")], axis=1)
    images.refuse(np.any(sizes < 1, axis=1), "has a width or height below 1")
    file_names = images.texts("file_name")
    names = dict(zip(categories.unique_ids().tolist(), categories.texts("name"), strict=True))
    for name in names.values():
        check_name(name, f"{path}: category")
    for group in _headings(categories.rows, annotations.rows):
        names.pop(group)
    if not names:
        raise DataError(f"{path}: no categories; name at least one class")
    category_ids = np.array(sorted(names), np.int64)
    return Instances(
        path=path,
        images=images,
        annotations=annotations,
        image_ids=image_ids[order],
        file_names=tuple(file_names[index] for index in order),
        sizes=sizes[order],
        category_ids=category_ids,
        class_names=tuple(names[index] for index in category_ids.tolist()),
        annotation_ids=annotations.unique_ids(),
        image_index=annotations.positions("image_id", image_ids[order]),
        labels=annotations.positions("category_id", category_ids),
    )


def _headings(categories: Any, annotations: Any) -> set[int]:
    """Returns the ids of categories that are no classes but what Roboflow calls the data set.

    Their supercategory is "none", others name them as theirs, and no annotation is of them.
    """
    above = {
        row.get("supercategory") for row in categories if row.get("supercategory") != row["name"]
    }
    headings = {
        row["id"]
        for row in categories
        if row.get("supercategory") == "none" and row["name"] in above
    }
    if headings:
        headings -= {row.get("category_id") for row in annotations if isinstance(row, dict)}
    return headings


def _read_json(path: Path) -> dict[str, Any]:
    content = parse_json(read_limited(path), str(path))
    if not isinstance(content, dict):
        raise DataError(f"{path}: must hold an object with the keys {', '.join(_KEYS)}")
    for key in _KEYS:
        if not isinstance(content.get(key), list):
            raise DataError(f"{path}: has no list under {key!r}; COCO needs {', '.join(_KEYS)}")
    return content
