import io
import json
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from app.detect.networks import find_networks, is_exported
from app.detect.uploads import MOST_BYTES, read_upload
from evonas.detector.archive import load_archive
from evonas.errors import DataError
from evonas.export.produce import export_detector
from tests.app.conftest import metrics


@pytest.fixture
def exported(done):
    export_detector(load_archive(done / "best.safetensors"), done / "export", ["onnx-nms"])
    return done


def as_file(kind: str, size=(90, 70), mode="RGB") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A few bytes that say they are a picture of that size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    made = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        made += struct.pack(">I", len(content)) + name + content
        made += struct.pack(">I", zlib.crc32(name + content))
    return made


def test_no_trained_network_says_where_to_get_one(open_app):
    at = open_app(page="detect")
    assert "page Training" in at.info[0].value
    assert not at.exception


def test_a_validation_image_goes_through_the_exported_network(open_app, exported):
    at = open_app(page="detect", network=exported.name)
    at = at.radio(key="source").set_value("Validation image").run()
    assert not at.exception
    assert not at.error
    assert metrics(at)["measured here"].endswith(" ms")
    assert float(metrics(at)["measured here"].removesuffix(" ms")) > 0
    at = at.slider(key="least-score").set_value(0.0).run()
    some = int(metrics(at)["objects"])
    at = at.slider(key="least-score").set_value(1.0).run()
    assert some > int(metrics(at)["objects"]) == 0
    assert "Predicted" in " ".join(caption.value for caption in at.caption)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_upload_goes_through_the_exported_network(open_app, exported, kind):
    at = open_app(page="detect")
    at = at.file_uploader(key="upload").set_value((f"a.{kind}", as_file(kind), "image/x")).run()
    assert not at.exception
    assert not at.error
    assert metrics(at)["measured here"]


@pytest.mark.slow
def test_a_network_is_exported_when_it_is_first_asked_for(open_app, done):
    [run] = find_networks().values()
    assert not is_exported(run)
    at = open_app(page="detect")
    at.default_timeout = 120
    at = at.radio(key="source").set_value("Validation image").run()
    assert not at.exception
    assert not at.error
    assert is_exported(run)
    assert metrics(at)["measured here"]


HOSTILE = {
    "nothing": b"",
    "text": b"<script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "gif": as_file("GIF"),
    "bmp": as_file("BMP"),
    "tiff": as_file("TIFF"),
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "half": as_file("PNG")[:200],
    "bomb": png_of(60_000, 60_000),
    "too many pixels": png_of(6_000, 6_000),
    "no width": png_of(0, 10),
    "large": b"\x89PNG\r\n\x1a\n" + b"\0" * MOST_BYTES,
    "pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_uploads_are_one_message(open_app, exported, name):
    with pytest.raises(DataError):
        read_upload(HOSTILE[name])
    at = open_app(page="detect")
    at = at.file_uploader(key="upload").set_value(("a.png", HOSTILE[name], "image/png")).run()
    assert not at.exception
    assert len(at.error) == 1
    assert str(exported.parents[2]) not in at.error[0].value


@pytest.mark.parametrize("network", ["../../etc", "<script>", "x" * 5000, "\x00"])
def test_forged_networks_show_the_last_one(open_app, exported, network):
    at = open_app(page="detect", network=network)
    assert not at.exception
    assert at.selectbox(key="network").value == exported.name


def test_runs_of_the_command_line_are_found_and_damaged_ones_left_out(open_app, done, folder):
    shutil.copytree(done, folder / "runs" / "mine")
    shutil.copytree(done, folder / "runs" / "broken")
    shutil.copytree(done, folder / "runs" / "found" / "trained" / "1")
    (folder / "runs" / "broken" / "config.json").write_text("{")
    assert list(find_networks()) == [done.name, "mine", "found/trained/1"]
    assert not open_app(page="detect").exception


@pytest.mark.parametrize("file", ["detector-nms.onnx", "card.json"])
def test_damaged_exports_are_one_message(open_app, exported, file):
    (exported / "export" / file).write_bytes(b"{")
    at = open_app(page="detect")
    at = at.radio(key="source").set_value("Validation image").run()
    assert not at.exception
    assert len(at.error) == 1


def test_read_only_exports_nothing_and_shows_what_is_exported(open_app, done, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="detect")
    at = at.radio(key="source").set_value("Validation image").run()
    assert "nothing is written" in at.info[0].value
    assert not (done / "export").exists()
    export_detector(load_archive(done / "best.safetensors"), done / "export", ["onnx-nms"])
    at = at.run()
    assert metrics(at)["measured here"]
    assert json.loads((done / "export" / "card.json").read_text())["classes"]


def test_networks_have_names_and_validation_images_their_truth(open_app, exported):
    at = open_app(page="detect", source="Validation image", **{"least-score": "0.1"})
    assert not at.exception
    assert at.selectbox(key="network").options == [
        "nano:000000000000000 on scenes, 6 steps, seed 0"
    ]
    assert at.slider(key="least-score").value == 0.1
    assert any(caption.value.startswith("True: the ") for caption in at.caption)


def test_read_only_does_not_ask_its_visitors_to_train(open_app, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="detect")
    assert "read-only" in at.info[0].value
    assert "submit" not in at.info[0].value
