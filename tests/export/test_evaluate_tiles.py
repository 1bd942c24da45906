"""AP of whole images that are looked at tile by tile."""

import json

import pytest
from PIL import Image

from evonas.cli import main
from evonas.data import load_coco
from evonas.detector.archive import save_archive
from evonas.export.evaluate import evaluate_subject
from evonas.export.evaluate_tiles import Tiles
from evonas.export.subject import open_subject
from evonas.paths import shipped_data
from evonas.supernet.archive import extract_archive


@pytest.fixture(scope="module")
def subject(digits, tmp_path_factory):
    weights = shipped_data() / "supernets" / "nano.safetensors"
    path = tmp_path_factory.mktemp("network") / "a.safetensors"
    save_archive(path, extract_archive("nano:111057020002190", weights, digits))
    return open_subject(path)


@pytest.fixture(scope="module")
def mosaics(digits, tmp_path_factory):
    """Whole images of two by two digits scenes, each scene a tile of its own."""
    scenes, out = load_coco(digits, "val"), tmp_path_factory.mktemp("mosaics")
    (out / "val").mkdir()
    (out / "annotations").mkdir()
    images, boxes = [], []
    for number in range(len(scenes) // 4):
        whole = Image.new("RGB", (128, 128))
        for place in range(4):
            index, at = 4 * number + place, (64 * (place % 2), 64 * (place // 2))
            whole.paste(Image.open(scenes.path_of(index)).convert("RGB"), at)
            rows = scenes.image_index == index
            for box, label in zip(scenes.boxes[rows], scenes.labels[rows], strict=True):
                x, y, width, height = box.tolist()
                boxes.append(
                    {
                        "id": len(boxes) + 1,
                        "image_id": number + 1,
                        "category_id": int(scenes.category_ids[label]),
                        "bbox": [x + at[0], y + at[1], width, height],
                        "area": width * height,
                        "iscrowd": 0,
                    }
                )
        whole.save(out / "val" / f"{number}.png")
        images.append({"id": number + 1, "file_name": f"{number}.png", "width": 128, "height": 128})
    categories = [
        {"id": int(i), "name": name}
        for i, name in zip(scenes.category_ids, scenes.class_names, strict=True)
    ]
    content = {"images": images, "annotations": boxes, "categories": categories}
    (out / "annotations" / "instances_val.json").write_text(json.dumps(content))
    return out


def test_tiles_put_together_are_as_good_as_the_tiles(subject, digits, mosaics):
    scenes, whole = load_coco(digits, "val"), load_coco(mosaics, "val")
    scenes = scenes.first(4 * len(whole))
    alone = evaluate_subject(subject, scenes, samples=0).metrics.ap
    together = evaluate_subject(subject, whole, samples=0, tiles=Tiles(64, 0.0)).metrics.ap
    small = evaluate_subject(subject, whole, samples=0).metrics.ap
    assert together == pytest.approx(alone, abs=0.02)
    assert small < alone - 0.1  # objects of half the size, which the network was not trained on


def test_an_object_on_several_tiles_counts_once(subject, mosaics):
    whole = load_coco(mosaics, "val")
    apart = evaluate_subject(subject, whole, samples=0, tiles=Tiles(64, 0.0)).metrics.ap
    shared = evaluate_subject(subject, whole, samples=0, tiles=Tiles(64, 0.5)).metrics.ap
    assert shared == pytest.approx(apart, abs=0.05)


def test_the_command_says_how_it_looked(subject, mosaics, capsys):
    command = ["val", str(subject.file), "--data", str(mosaics), "--tile", "64"]
    assert main([*command, "--bootstrap", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tiles"] == {"side": 64, "overlap": 0.2}
