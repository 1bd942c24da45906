"""Archives, supernets and checkpoints: what is damaged or cannot be is refused with a message."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from evonas.detector import Detector
from evonas.detector.archive import Archive, Card, load_archive, save_archive
from evonas.detector.weights_file import load_weights, save_weights
from evonas.errors import DataError, SchemaError
from evonas.files import atomic_file, remove_partial_files
from evonas.paths import shipped_data
from evonas.seal import unsealed
from evonas.space import resolve
from evonas.supernet import load_supernet
from evonas.training.checkpoint import checkpoint_steps, save_checkpoint
from evonas.training.recipe import Recipe

ARCHITECTURE = "pico:0000000"
CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(resolve(ARCHITECTURE).architecture)


@pytest.fixture
def archive(tmp_path, detector):
    path = tmp_path / "a.safetensors"
    save_archive(path, Archive(detector, Card(ARCHITECTURE, CLASSES)))
    return path


@pytest.fixture
def checkpoint(tmp_path, detector):
    path = tmp_path / "last.pt"
    optimiser = torch.optim.AdamW(detector.parameters())
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    save_checkpoint(path, 5, [1.0], detector, optimiser, scaler, {}, Recipe(steps=10), 0)
    return path


def flips(content: bytes, n: int):
    rng = np.random.default_rng(0)
    for at in [*range(8, 40), *rng.integers(len(content), size=n).tolist()]:
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(8))
        yield damaged


def test_every_flipped_bit_of_an_archive_is_refused(archive):
    for damaged in flips(archive.read_bytes(), 40):
        archive.write_bytes(damaged)
        with pytest.raises(SchemaError):
            load_archive(archive)


def test_every_flipped_bit_of_a_checkpoint_is_refused(checkpoint):
    assert checkpoint_steps(checkpoint) == 5
    content = checkpoint.read_bytes()
    for damaged in [*flips(content, 40), content[:-1], content[:-46], content[:100], b""]:
        checkpoint.write_bytes(damaged)
        with pytest.raises(DataError, match=r"last\.pt: .*remove it to start again"):
            checkpoint_steps(checkpoint)


@pytest.mark.parametrize("step", [-1, 1.5, True, "5", None])
def test_checkpoints_without_a_step_are_refused(checkpoint, step):
    told, is_sealed = unsealed(checkpoint.read_bytes())
    assert is_sealed
    content = torch.load(io.BytesIO(told), weights_only=True)
    torch.save({**content, "version": 1, "step": step}, checkpoint)
    with pytest.raises(DataError, match="not a checkpoint of a training"):
        checkpoint_steps(checkpoint)


def test_a_checkpoint_of_version_1_has_no_seal_and_is_read(checkpoint):
    content = torch.load(io.BytesIO(unsealed(checkpoint.read_bytes())[0]), weights_only=True)
    torch.save({**content, "version": 1}, checkpoint)
    assert checkpoint_steps(checkpoint) == 5
    torch.save(content, checkpoint)
    with pytest.raises(DataError, match="its end is missing"):
        checkpoint_steps(checkpoint)


def test_the_shipped_supernet_which_has_no_seal_is_read():
    path = shipped_data() / "supernets" / "nano.safetensors"
    assert load_supernet(path)[1]["space"] == "nano"


def test_an_archive_of_version_1_is_read_and_one_of_version_2_needs_its_seal(archive, detector):
    card = {"version": 1, "kind": "detector", "architecture": ARCHITECTURE, "classes": [*CLASSES]}
    for version, fine in ((1, True), (2, False), (99, False)):
        content = save(detector.state_dict(), {"card": json.dumps(card | {"version": version})})
        archive.write_bytes(content)
        if fine:
            assert load_archive(archive).card.classes == CLASSES
        else:
            with pytest.raises(SchemaError, match=r"damaged|reads up to 2"):
                load_archive(archive)


WRONG_CARDS = [
    ({"std": 0}, "std is 0"),
    ({"std": "x"}, "std: expected a number"),
    ({"mean": True}, "mean: expected a number"),
    ({"std": None}, "std: expected a number"),
    ({"score_threshold": 2}, "score_threshold is 2; it must be 0 to 1"),
    ({"classes": "0123456789"}, "classes must be a list"),
    ({"classes": []}, "classes must be a list"),
    ({"classes": [1, 2]}, "names of classes must be texts"),
    ({"classes": ["x"] * 9000}, "weights that do not fit"),
    ({"architecture": 3}, "architecture: expected text"),
    ({"metrics": [1]}, "metrics and made: expected objects"),
    ({"metrics": {"map": "high"}}, "'map': expected a number"),
    ({"anchors": 3}, "not the card"),
    ({"more": 1}, "not the card"),
    ({"kind": "supernet"}, "another kind"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_CARDS)
def test_cards_that_cannot_be_are_refused(archive, detector, change, message):
    card = {"kind": "detector", "architecture": ARCHITECTURE, "classes": [*CLASSES], **change}
    save_weights(archive, detector.state_dict(), card)
    with pytest.raises(SchemaError, match=message):
        load_archive(archive)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(archive, value):
    card, weights = load_weights(archive, "an archive")
    next(iter(weights.values())).view(-1)[0] = value
    save_weights(archive, weights, card)
    with pytest.raises(SchemaError, match="no finite numbers"):
        load_archive(archive)


def test_archives_stay_safetensors_and_are_written_alike(archive, detector, tmp_path):
    content = archive.read_bytes()
    assert load(content).keys() == detector.state_dict().keys()
    save_archive(archive, load_archive(archive))
    assert archive.read_bytes() == content


def test_partial_files_of_killed_writers_are_removed_and_no_others(tmp_path):
    path = tmp_path / "last.pt"
    with atomic_file(path):
        [partial] = tmp_path.iterdir()
        left = partial.with_name(partial.name.replace(".partial", "x.partial"))
        left.touch()
        os.utime(left, (0, 0))
        os.utime(partial, (0, 0))
        assert remove_partial_files(tmp_path) == [left]
    assert path.exists()


def test_what_never_ends_is_refused():
    zeros = Path("/dev/zero")
    with pytest.raises(SchemaError, match=r"/dev/zero: .*not a regular file"):
        load_weights(zeros, "weights")
    with pytest.raises(DataError, match=r"/dev/zero: .*not a regular file"):
        checkpoint_steps(zeros)
