import json

import numpy as np
import pytest
from PIL import Image

from evonas.cli import main
from evonas.data.drawing import draw
from evonas.detector.archive import save_archive
from evonas.errors import DataError
from evonas.export.detect import detect_in_file


@pytest.fixture(scope="module")
def scene(digits):
    """A square scene; whatever is done to it below shows the same to the network."""
    return Image.open(sorted((digits / "val").glob("*.png"))[0]).convert("RGB")


def found_in(archive, path):
    image, objects = detect_in_file(archive, path, threshold=0.3)
    assert objects
    return image, objects


@pytest.mark.parametrize("size", [(640, 90), (33, 200), (64, 64)])
def test_boxes_are_in_the_images_own_pixels(archive, scene, tmp_path, size):
    other = scene.resize(size, Image.Resampling.BICUBIC)
    other.save(tmp_path / "other.png")
    other.resize((64, 64), Image.Resampling.BILINEAR).save(tmp_path / "square.png")
    image, objects = found_in(archive, tmp_path / "other.png")
    _, expected = found_in(archive, tmp_path / "square.png")
    assert image.size == size
    assert [entry.score for entry in objects] == [entry.score for entry in expected]
    stretch = np.array([*size, *size]) / 64
    for ours, theirs in zip(objects, expected, strict=True):
        np.testing.assert_allclose(ours.box, theirs.box * stretch, rtol=1e-5)
        x1, y1, x2, y2 = ours.box
        assert 0 <= x1 <= x2 <= image.width
        assert 0 <= y1 <= y2 <= image.height


def test_modes_show_the_same_objects(archive, scene, tmp_path):
    grey = scene.convert("L")
    grey.save(tmp_path / "grey.png")
    grey.convert("RGB").save(tmp_path / "rgb.png")
    rgba = scene.convert("RGBA")
    rgba.putalpha(128)
    rgba.save(tmp_path / "rgba.png")
    scene.save(tmp_path / "plain.png")
    for one, other in (("grey", "rgb"), ("rgba", "plain")):
        a = found_in(archive, tmp_path / f"{one}.png")[1]
        assert a == found_in(archive, tmp_path / f"{other}.png")[1]


def test_a_rotated_photograph_is_turned_upright(archive, scene, tmp_path):
    upright = scene.resize((scene.width * 2, scene.height))
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned; a viewer turns it by 90 degrees clockwise
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "stored.png", exif=exif)
    assert stored.size == (scene.width, scene.height * 2)
    image, objects = found_in(archive, tmp_path / "stored.png")
    assert image.size == upright.size
    assert objects == found_in(archive, tmp_path / "upright.png")[1]


def test_what_is_no_image_is_refused(archive, tmp_path):
    path = tmp_path / "note.png"
    path.write_text("hello")
    with pytest.raises(DataError, match=r"note\.png"):
        detect_in_file(archive, path, 0.3)


def test_drawing_leaves_the_image_and_marks_the_copy(archive, scene, tmp_path):
    scene.save(tmp_path / "scene.png")
    image, objects = found_in(archive, tmp_path / "scene.png")
    before = image.tobytes()
    drawn = draw(image, objects)
    assert image.tobytes() == before
    assert max(drawn.size) >= 240
    assert draw(image, []).tobytes() != drawn.tobytes()


def test_the_command_needs_the_archive_alone(archive, scene, tmp_path, capsys):
    save_archive(tmp_path / "net.safetensors", archive)
    scene.save(tmp_path / "scene.png")
    call = ["detect", str(tmp_path / "net.safetensors"), str(tmp_path / "scene.png")]
    assert main([*call, "--json", "--threshold", "0.3"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["images"]
    assert (shown["width"], shown["height"]) == scene.size
    assert {"name", "label", "score", "box"} == set(shown["detections"][0])
    assert main([*call, "--out", str(tmp_path / "drawn")]) == 0
    assert (tmp_path / "drawn" / "scene.png").exists()
    assert main(["detect", str(tmp_path / "none.safetensors"), str(tmp_path / "scene.png")]) == 3
    assert "no such file" in capsys.readouterr().err
