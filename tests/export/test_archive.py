import json

import pytest
import torch
from safetensors.torch import save

from evonas.detector import FAST
from evonas.detector.archive import load_archive, save_archive
from evonas.errors import SchemaError


def test_an_archive_brings_back_network_and_card(archive, pixels, tmp_path):
    path = tmp_path / "detector.safetensors"
    save_archive(path, archive)
    loaded = load_archive(path)
    assert loaded.card == archive.card
    assert loaded.detector.architecture == archive.detector.architecture
    for ours, theirs in zip(archive.detect(pixels), loaded.detect(pixels), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_baselines_are_archived_by_name_with_any_number_of_classes(tmp_path):
    from evonas.detector import Detector
    from evonas.detector.archive import Archive, Card
    from evonas.space import resolve

    name, path = "ssdlite-mobilenet-v2", tmp_path / "v2.safetensors"
    detector = Detector(resolve(name).architecture.with_classes(2))
    save_archive(path, Archive(detector, Card(name, ("cat", "dog"))))
    assert load_archive(path).detector.architecture.skeleton.head.class_slots == 2


def rewritten(path, change):
    """Rewrites an archive's card."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["card"])
        weights = {name: file.get_tensor(name) for name in file.keys()}
    del card["sha256"]
    card["version"] = 1  # which has no seal
    change(card)
    path.write_bytes(save(weights, metadata={"card": json.dumps(card)}))


def test_archives_of_version_1_detect_as_they_did_and_say_what_is_not_known(archive, tmp_path):
    path = tmp_path / "detector.safetensors"
    save_archive(path, archive)

    def old(card):
        for name in ("detection", "protocol", "resizing"):
            del card[name]
        card.update(version=1, score_threshold=0.02, iou_threshold=0.5)

    rewritten(path, old)
    card = load_archive(path).card
    assert (card.detection.candidates, card.detection.score_threshold) == (200, 0.02)
    assert card.detection.iou_threshold == 0.5
    assert (card.protocol, card.resizing) == (FAST, "antialiased")
    assert card.metrics_of == "protocol not stated"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.update(version=99), "version 99; this evonas reads up to 2"),
        (lambda card: card.update(kind="supernet"), "it is of another kind"),
        (lambda card: card.pop("classes"), "not the card of a detector"),
        (lambda card: card.pop("protocol"), "not the card of a detector"),
        (lambda card: card["protocol"].update(candidates=-1), "candidates is -1; an integer"),
        (lambda card: card["detection"].update(clip=1), "clip is 1; before or after"),
        (lambda card: card.update(resizing="cubic"), "antialiased or tf1 is allowed"),
        (lambda card: card.update(colour="red"), "not the card of a detector"),
        (lambda card: card.update(classes=["cat"]), "weights that do not fit"),
        (lambda card: card.update(architecture="mobiledet-cpu"), "weights that do not fit"),
        (lambda card: card.update(architecture="nothing"), "unknown architecture 'nothing'"),
    ],
)
def test_foreign_archives_are_refused(archive, tmp_path, change, message):
    path = tmp_path / "detector.safetensors"
    save_archive(path, archive)
    rewritten(path, change)
    with pytest.raises(SchemaError, match=message):
        load_archive(path)


def test_damaged_archives_are_refused(archive, tmp_path):
    path = tmp_path / "detector.safetensors"
    with pytest.raises(SchemaError, match="no such file"):
        load_archive(path)
    save_archive(path, archive)
    whole = path.read_bytes()
    for content in (b"", b"x" * 100, whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(SchemaError, match="not a detector's archive"):
            load_archive(path)
