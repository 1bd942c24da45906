import gzip
import io
import os
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.errors import SchemaError
from evonas.weights.crc32c import crc32c
from evonas.weights.leveldb import table_entries
from evonas.weights.snappy import decompress
from evonas.weights.sources import Folder, Tarball
from evonas.weights.tensor_bundle import open_bundle
from tests.weights.tf_writer import snappy, table, varint, write_bundle

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tf1"


def bytewise(data: bytes) -> int:
    """The definition: one bit after the other."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def test_the_checksum_is_the_published_one():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("size", [0, 1, 1023, 8191, 8192, 8193, 30_011])
def test_many_bytes_at_once_give_the_same_checksum(size):
    data = np.random.default_rng(size).bytes(size)
    assert crc32c(data) == bytewise(data)


@given(st.binary(max_size=400))
def test_what_snappy_compressed_comes_back(data):
    assert decompress(snappy(data), 1000) == data


def test_snappys_other_copies_are_read():
    # "abcd", then 8 bytes from 4 before (two-byte offset), then 4 from 12 before (four-byte one).
    stream = varint(16) + b"\x0cabcd" + bytes([2 | 7 << 2, 4, 0]) + bytes([3 | 3 << 2, 12, 0, 0, 0])
    assert decompress(stream, 100) == b"abcd" * 4


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (varint(1 << 40) + b"\0a", "at most 100 allowed"),
        (varint(9) + b"\x0cabcd", "4 bytes, not 9"),
        (varint(9) + b"\x20abcd", "cut off"),
        (varint(9) + b"\x0cabcd" + bytes([1, 9]), "damaged"),
        (b"\xff" * 12, "longer than 64 bits"),
        (b"", "cut off"),
    ],
)
def test_damaged_snappy_is_refused(stream, message):
    with pytest.raises(SchemaError, match=message):
        decompress(stream, 100)


@pytest.mark.parametrize("compress", [False, True])
def test_tables_of_several_blocks_are_read(compress):
    entries = {f"scope/{i:04d}/weights".encode(): bytes([i % 256]) * (i % 50) for i in range(500)}
    assert table_entries(table(entries, compress=compress)) == entries


def test_tensorflows_own_index_is_read_in_full():
    bundle = open_bundle(Folder(FIXTURES), "model.ckpt-400000")
    assert len(bundle.variables) == 505
    weights = bundle.variables[
        "FeatureExtractor/MobileDetCPU/IBN_3/SeparableConv2d/depthwise_weights"
    ]
    assert weights.shape == (3, 3, 128, 1)
    assert sum(int(np.prod(v.shape)) for v in bundle.variables.values()) == 4_205_423
    value = bundle.read(["BoxPredictor_0/BoxEncodingPredictor/weights"])
    assert value["BoxPredictor_0/BoxEncodingPredictor/weights"].shape == (1, 1, 72, 12)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    rng = np.random.default_rng(0)
    write_bundle(
        folder / "model.ckpt-1",
        {
            "a/weights": rng.normal(size=(3, 3, 2, 4)).astype(np.float32),
            "a/BatchNorm/gamma": np.ones(4, np.float32),
            "global_step": np.array(7, np.int64),
        },
        compress=True,
    )
    return folder


def read_all(folder: Path) -> None:
    bundle = open_bundle(Folder(folder), "model.ckpt-1")
    bundle.read(bundle.variables)


def test_values_come_back(small):
    bundle = open_bundle(Folder(small), "model.ckpt-1")
    values = bundle.read(bundle.variables)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(
        values["a/weights"], rng.normal(size=(3, 3, 2, 4)).astype(np.float32)
    )
    assert values["global_step"] == 7


@pytest.mark.parametrize("end", ["index", "data-00000-of-00001"])
def test_every_flipped_bit_is_refused(small, tmp_path, end):
    files = {path.name: path.read_bytes() for path in small.iterdir()}
    name = f"model.ckpt-1.{end}"
    rng = np.random.default_rng(1)
    size = len(files[name])
    for place in range(size):
        changed = bytearray(files[name])
        changed[place] ^= 1 << int(rng.integers(8))
        for other, content in files.items():
            (tmp_path / other).write_bytes(content)
        (tmp_path / name).write_bytes(bytes(changed))
        try:
            read_all(tmp_path)
        except SchemaError:
            continue
        # What no checksum covers: the footer's padding.
        assert end == "index", place
        assert size - 44 <= place < size - 8, place


def test_a_file_cut_anywhere_is_refused(small, tmp_path):
    for path in small.iterdir():
        content = path.read_bytes()
        for end in range(0, len(content), 7):
            for other in small.iterdir():
                (tmp_path / other.name).write_bytes(other.read_bytes())
            (tmp_path / path.name).write_bytes(content[:end])
            with pytest.raises(SchemaError):
                read_all(tmp_path)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_index_makes_another_error_or_takes_memory(small, data):
    content = bytearray((small / "model.ckpt-1.index").read_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    tracemalloc.start()
    try:
        table_entries(bytes(content))
    except SchemaError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50 << 20


def test_a_compressed_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        info = tarfile.TarInfo("model.ckpt-1.index")
        info.size = 3 << 30
        file.write(info.tobuf())
        for _ in range(64):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(SchemaError, match=r"3,221,225,472 bytes; at most"):
        Tarball(path).read("model.ckpt-1.index")
    with pytest.raises(SchemaError, match=r"too large unpacked|not a readable tarball"):
        Tarball(path).names()


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_header_that_claims_gigabytes_is_refused(tmp_path, kind):
    path = tmp_path / "bomb.tar"
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 3 << 30
    path.write_bytes(info.tobuf() + bytes(4096))
    with pytest.raises(SchemaError, match=r"too large unpacked|not a readable tarball"):
        Tarball(path).names()


def test_only_ordinary_files_are_read(tmp_path):
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("model.ckpt-1.index")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("a/readme"), io.BytesIO())
    assert Tarball(path).names() == ["a/readme"]
    os.mkfifo(tmp_path / "pipe.index")
    assert Folder(tmp_path).names() == ["links.tar"]
