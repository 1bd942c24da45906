"""Writes the digits scenes as a COCO-format folder."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evonas.data.coco_folder import check_outside_data
from evonas.data.glyphs import N_CLASSES
from evonas.data.scenes import Scene, draw_scene
from evonas.errors import ConfigurationError, DataError

_MIN_SIZE = 32  # smaller scenes leave no room for legible digits


def make_digits(
    out: Path | str,
    seed: int = 0,
    train: int = 4000,
    val: int = 1000,
    size: int = 64,
    on_image: Callable[[int, int], None] | None = None,
) -> Path:
    """Writes `annotations/instances_{train,val}.json`, `train/*.png` and `val/*.png`.

    The folder appears whole or not at all, and its bytes depend on the arguments alone.

    Args:
        out: The folder to make; it must not exist, or be empty.
        seed: Scenes of different seeds differ, but the digits kept for validation do not.
        train: Number of training scenes.
        val: Number of validation scenes.
        size: Side of a scene in pixels; digits are 12 to 42 pixels high at 64.
        on_image: Called with (images written, images in all).

    Returns:
        The folder.

    Raises:
        ConfigurationError: A number is out of range, or the place lies in a data set.
        DataError: The folder holds something already or cannot be written.
    """
    _check_arguments(seed, train, val, size)
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError(
            f"{out}: exists and is not an empty folder; name another, or remove it first"
        )
    check_outside_data(out)
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        (partial / "annotations").mkdir()
        _write_split(partial, seed, "train", train, size, lambda n: _tell(on_image, n, train + val))
        _write_split(
            partial, seed, "val", val, size, lambda n: _tell(on_image, train + n, train + val)
        )
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _check_arguments(seed: int, train: int, val: int, size: int) -> None:
    allowed = {"seed": (seed, 0), "train": (train, 1), "val": (val, 1), "size": (size, _MIN_SIZE)}
    for name, (value, least) in allowed.items():
        if value < least:
            raise ConfigurationError(f"digits: {name} is {value}; it must be at least {least}")


def _tell(on_image: Callable[[int, int], None] | None, done: int, total: int) -> None:
    if on_image is not None:
        on_image(done, total)


def _write_split(
    folder: Path, seed: int, split: str, count: int, size: int, on_image: Callable[[int], None]
) -> None:
    from PIL import Image

    (folder / split).mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(count):
        scene = draw_scene(seed, split, index, size)
        name = f"{index:06d}.png"
        # Not compressed, so that the bytes do not depend on the zlib that Pillow was built with;
        # noise hardly compresses anyway.
        Image.fromarray(scene.image).save(folder / split / name, compress_level=0)
        images.append({"id": index + 1, "file_name": name, "width": size, "height": size})
        annotations += _annotations_of(scene, index + 1, len(annotations) + 1)
        on_image(index + 1)
    content = {
        "info": {"description": f"evonas digits scenes, {split}", "seed": seed, "size": size},
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": label + 1, "name": str(label), "supercategory": "digit"}
            for label in range(N_CLASSES)
        ],
    }
    path = folder / "annotations" / f"instances_{split}.json"
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


def _annotations_of(scene: Scene, image_id: int, first_id: int) -> list[dict[str, Any]]:
    return [
        {
            "id": first_id + offset,
            "image_id": image_id,
            "category_id": int(label) + 1,
            "bbox": [int(left), int(top), int(right - left), int(bottom - top)],
            "area": int((right - left) * (bottom - top)),
            "iscrowd": 0,
        }
        for offset, ((left, top, right, bottom), label) in enumerate(
            zip(scene.boxes, scene.labels, strict=True)
        )
    ]
