import json

import numpy as np
import pytest
from PIL import Image


class SmallData:
    """A COCO-format folder of three images that a test may damage before it is read."""

    def __init__(self, folder):
        self.folder = folder
        self.content = {
            "images": [
                {"id": 30, "file_name": "c.png", "width": 40, "height": 20},
                {"id": 10, "file_name": "a.png", "width": 20, "height": 20},
                {"id": 20, "file_name": "b.png", "width": 20, "height": 30},
            ],
            "annotations": [
                {"id": 1, "image_id": 30, "category_id": 7, "bbox": [10, 5, 20, 10]},
                {"id": 2, "image_id": 10, "category_id": 3, "bbox": [0, 0, 10, 20]},
                {
                    "id": 3,
                    "image_id": 30,
                    "category_id": 3,
                    "bbox": [0, 0, 40, 20],
                    "iscrowd": 1,
                    "area": 700.5,
                },
            ],
            "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}],
        }

    def write(self, split="val", annotations="annotations/instances_val.json", images="val"):
        (self.folder / images).mkdir(parents=True, exist_ok=True)
        for image in self.content["images"]:
            size = (image["height"], image["width"], 3)
            pixels = np.full(size, image["id"], np.uint8)
            Image.fromarray(pixels).save(self.folder / images / image["file_name"])
        path = self.folder / annotations
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.content))
        return self.folder


@pytest.fixture
def small(tmp_path):
    return SmallData(tmp_path / "small")
