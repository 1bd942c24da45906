"""Writes tiny data sets in the layouts that people have; each image differs from all others."""

import json
from itertools import count

import numpy as np
from PIL import Image

_NUMBERS = count()


def image(path, size=(100, 80), exif=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(next(_NUMBERS)).integers(0, 255, (*size[::-1], 3), np.uint8)
    options = {}
    if exif:
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = exif
    Image.fromarray(pixels).save(path, **options)
    return path


def text(path, content, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode(encoding))
    return path


def voc_xml(path, objects, size=None, filename=""):
    """Writes an XML file; objects are (name, xmin, ymin, xmax, ymax, further elements)."""
    name = f"<filename>{filename}</filename>" if filename else ""
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    rows = "".join(
        f"<object><name>{kind}</name>{more}<bndbox><xmin>{a}</xmin><ymin>{b}</ymin>"
        f"<xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for kind, a, b, c, d, more in objects
    )
    return text(path, f"<annotation>{name}{stated}{rows}</annotation>")


def yolo(folder, labels, yaml="", n=4, encoding="utf-8"):
    for split in ("train", "valid"):
        for i in range(n):
            image(folder / split / "images" / f"f{i}.jpg")
            text(folder / split / "labels" / f"f{i}.txt", labels, encoding)
    yaml = yaml or "train: train/images\nval: valid/images\nnames: [cat, dog]\n"
    text(folder / "data.yaml", yaml)
    return folder


def coco(folder, boxes, classes=("cat", "dog"), val_classes=None, splits=("train", "val"), n=4):
    """Writes a COCO-format folder; each of n images has all boxes (category number, bbox)."""
    for split in splits:
        for i in range(n):
            image(folder / split / f"f{i}.jpg")
        named = val_classes if split == "val" and val_classes else classes
        content = instances(n, boxes, named)
        text(folder / "annotations" / f"instances_{split}.json", json.dumps(content))
    return folder


def instances(n, boxes, classes):
    every = [(i, category, box) for i in range(n) for category, box in boxes]
    return {
        "images": [
            {"id": i, "file_name": f"f{i}.jpg", "width": 100, "height": 80} for i in range(n)
        ],
        "annotations": [
            {"id": k, "image_id": i, "category_id": category, "bbox": box, "iscrowd": 0}
            for k, (i, category, box) in enumerate(every, 1)
        ],
        "categories": [{"id": k, "name": name} for k, name in enumerate(classes, 1)],
    }
