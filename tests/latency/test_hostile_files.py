"""NPZ files from elsewhere: nothing is unpacked beyond the limit, nothing wrong is used."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from evonas.errors import SchemaError
from evonas.latency.predictors.predictor import _read as read_predictor
from evonas.latency.store import load_measurements
from evonas.npz import read_npz
from evonas.paths import shipped_data
from evonas.scoring.surrogate import load_surrogate
from evonas.space import load_space

NANO = load_space("nano")
READERS = {
    "predictor": ("latency/nano/ethos-u55-256.predictor.npz", read_predictor, "meta"),
    "measurements": ("latency/nano/ethos-u55-256.measurements.npz", load_measurements, "meta"),
    "surrogate": ("surrogates/nano-supernet.npz", load_surrogate, "card"),
}


def header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    file = io.BytesIO()
    entries = {"shape": shape, "fortran_order": False, "descr": descr}
    np.lib.format.write_array_header_1_0(file, entries)
    return file.getvalue()


HOSTILE = {
    "zeros that unpack to 100 MB": (header((10**8,), "|u1") + bytes(10**8), "unpacks to 100,"),
    "a declared shape of 8 TB": (header((10**12,)), "unpacks to 8,000,000,"),
    "objects": (header((1,), "|O") + b"\x80\x04]", "object"),
    "a negative shape": (header((-1,)), "negative"),
    "values cut off": (header((10,)), "EOF"),
    "no array": (b"hello", "EOF"),
    "a header without an end": (b"\x93NUMPY\x01\x00\x28\x23" + b"(" * 9000, "not a readable NPZ"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_array_is_refused_unread(reader, kind, tmp_path):
    name, read, _ = READERS[reader]
    content, message = HOSTILE[kind]
    path = tmp_path / "file.npz"
    shutil.copy(shipped_data() / name, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("column:x.npy", content)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(SchemaError, match=f"(?i){message}"):
        read(path, NANO)


@pytest.mark.parametrize("reader", READERS)
def test_a_deep_header_is_refused(reader, tmp_path):
    name, read, header_name = READERS[reader]
    arrays = dict(np.load(shipped_data() / name))
    arrays[header_name] = np.array("[" * 5000 + "]" * 5000)
    np.savez_compressed(tmp_path / "file.npz", **arrays)
    with pytest.raises(SchemaError, match="nested"):
        read(tmp_path / "file.npz", NANO)


def test_what_is_no_regular_file_is_refused(tmp_path):
    for path in (Path("/dev/zero"), tmp_path):
        with pytest.raises(ValueError, match="not a regular file"):
            read_npz(path)


DAMAGES = [
    ("predictor", "table", lambda v: v[:-1], "848 finite times"),
    ("predictor", "table", lambda v: v * np.nan, "finite times"),
    ("measurements", "genotypes", lambda v: v[:, :3], "takes"),
    ("measurements", "genotypes", lambda v: v + 200, "allowed are"),
    ("measurements", "column:spread", lambda v: v[:3], "shape"),
    ("surrogate", "model_left", np.zeros_like, "not in order"),  # would never end
    ("surrogate", "model_left", lambda v: v + 10**9, "left child"),
    ("surrogate", "model_feature", lambda v: v + 1000, "feature"),
    ("surrogate", "model_value", lambda v: v * np.nan, "finite"),
    ("surrogate", "model_roots", lambda v: v[:0], "no trees"),
    ("surrogate", "scale", lambda v: v * 0, "above 0"),
    ("surrogate", "centre", lambda v: v[:3], "shape"),
]


@pytest.mark.parametrize(("reader", "array", "damage", "message"), DAMAGES)
def test_arrays_that_do_not_fit_are_refused(reader, array, damage, message, tmp_path):
    name, read, _ = READERS[reader]
    arrays = dict(np.load(shipped_data() / name))
    arrays[array] = damage(arrays[array])
    np.savez_compressed(tmp_path / "file.npz", **arrays)
    with pytest.raises(SchemaError, match=message):
        read(tmp_path / "file.npz", NANO)


@pytest.mark.parametrize("reader", READERS)
def test_a_header_of_wrong_types_is_refused_or_harmless(reader, tmp_path):
    name, read, header_name = READERS[reader]
    arrays = dict(np.load(shipped_data() / name))
    known = json.loads(str(arrays[header_name]))
    for field in ("device", "source", "kind", "versions", "range_ms", "accuracy", "version"):
        if field not in known:
            continue
        for value in (None, [], 3):
            changed = np.array(json.dumps({**known, field: value}))
            np.savez_compressed(tmp_path / "file.npz", **{**arrays, header_name: changed})
            if value == [] and field in ("versions",):
                continue  # no versions are no versions
            if value == 3 and field == "version":
                message = "version 3"
            elif reader == "surrogate" and field == "source":
                continue  # a text for people, shown as it is
            else:
                message = "file.npz"
            with pytest.raises(SchemaError, match=message):
                read(tmp_path / "file.npz", NANO)
