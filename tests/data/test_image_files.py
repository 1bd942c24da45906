import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from evonas.data.images import image_sizes, open_image, read_image, resized_pixels
from evonas.errors import DataError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
RGB = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)


def _palette():
    return Image.fromarray(RGB).quantize(48)


IMAGES = {
    "rgb": (Image.fromarray(RGB), RGB),
    "grey": (Image.fromarray(GREY), np.stack([GREY] * 3, -1)),
    "grey with alpha": (Image.fromarray(GREY).convert("LA"), np.stack([GREY] * 3, -1)),
    "rgba": (Image.fromarray(RGB).convert("RGBA"), RGB),
    "palette": (_palette(), np.asarray(_palette().convert("RGB"))),
    "16 bit": (Image.fromarray(GREY.astype(np.uint16) * 257), np.stack([GREY] * 3, -1)),
    "1 bit": (Image.fromarray(GREY > 99), np.stack([(GREY > 99) * 255] * 3, -1)),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_every_kind_becomes_rgb(tmp_path, kind, suffix):
    image, expected = IMAGES[kind]
    path = tmp_path / f"image.{suffix}"
    image.save(path)
    np.testing.assert_array_equal(np.asarray(read_image(path, 1, (8, 6))), expected)


def test_transparent_palette(tmp_path):
    path = tmp_path / "image.png"
    image = _palette()
    image.save(path, transparency=b"\x00\x80" * 24)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(np.asarray(read_image(path, 1, (8, 6))), expected)


def test_exif_rotation_as_the_annotations_see_it(tmp_path):
    path = tmp_path / "image.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    Image.fromarray(RGB).save(path, exif=exif)
    turned = np.asarray(read_image(path, 1, (6, 8)))
    np.testing.assert_array_equal(turned, np.rot90(RGB, -1))
    np.testing.assert_array_equal(np.asarray(read_image(path, 1, (8, 6))), RGB)


def test_another_size_than_annotated(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(RGB).save(path)
    with pytest.raises(DataError, match=r"image\.png: image 5 is 8x6 pixels, but .* 9x6"):
        read_image(path, 5, (9, 6))


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("n_bytes", [0, 20, 300])
def test_cut_off_files_are_named(tmp_path, suffix, n_bytes):
    path = tmp_path / f"image.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(DataError, match=r"image\.(png|jpg): image 5 cannot be decoded"):
        read_image(path, 5, (50, 50))


def test_floating_point_images_are_refused(tmp_path):
    path = tmp_path / "image.tiff"
    Image.fromarray(GREY.astype(np.float32)).save(path)
    with pytest.raises(DataError, match="floating-point"):
        read_image(path, 5, (8, 6))


def test_resized_pixels():
    assert resized_pixels(Image.fromarray(RGB), 16).shape == (3, 16, 16)
    flat = Image.fromarray(np.full((5, 9, 3), 77, np.uint8))
    assert (resized_pixels(flat, 4) == 77).all()


def test_tensorflow_1s_resizing_starts_at_the_corner_and_does_not_smooth():
    row = np.array([[0, 100]], np.uint8)
    image = Image.fromarray(np.repeat(np.repeat(row, 2, 0)[..., None], 3, 2))
    assert resized_pixels(image, 4, "tf1")[0, 0].tolist() == [0, 50, 100, 100]
    wide = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8, 1).repeat(3, 2))
    halved = resized_pixels(wide, 4, "tf1")[0]
    assert halved.tolist() == np.arange(64).reshape(8, 8)[::2, ::2].tolist()


def test_tensorflow_1s_resizing_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)
    ours = resized_pixels(Image.fromarray(pixels), 20, "tf1")
    for y in range(20):
        for x in range(20):
            v, u = y * 37 / 20, x * 53 / 20
            top, left = int(v), int(u)
            bottom, right = min(top + 1, 36), min(left + 1, 52)
            rows = [
                pixels[row, left] * (1 - (u - left)) + pixels[row, right] * (u - left)
                for row in (top, bottom)
            ]
            value = rows[0] * (1 - (v - top)) + rows[1] * (v - top)
            assert np.abs(ours[:, y, x] - value).max() <= 0.501


def test_sixteen_bits_are_scaled_row_by_row_as_at_once(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 65536, (600, 5), np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = ((pixels.astype(np.int64) + 128) // 257).astype(np.uint8)
    shown = np.asarray(read_image(tmp_path / "a.png", 1, (5, 600)))
    np.testing.assert_array_equal(shown, np.repeat(expected[..., None], 3, axis=2))


def claim(path, width, height):
    """Writes a PNG file that says to be of a size, with hardly any pixels in it."""
    Image.new("L", (1, 1)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("side", [9_000, 12_000, 30_000])  # Pillow warns at 9,500, stops at 13,400
@pytest.mark.parametrize("open_it", [open_image, image_sizes, lambda p: read_image(p, 1, (9, 9))])
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, open_it, side):
    path = claim(tmp_path / "bomb.png", side, side)
    with pytest.raises(DataError, match="at most 64,000,000 pixels are allowed"):
        open_it(path)


def test_pillows_own_warning_does_not_reach_the_terminal(tmp_path):
    path = claim(tmp_path / "bomb.png", 12_000, 12_000)
    code = (
        "import sys, pathlib; from evonas.data.images import open_image;"
        "open_image(pathlib.Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert "at most 64,000,000" in ended.stderr
    assert "Warning" not in ended.stderr


def test_formats_that_start_programs_are_not_opened(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match="cannot be decoded"):
        open_image(path)
