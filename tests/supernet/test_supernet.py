import numpy as np
import pytest
import torch

from evonas.data import load_coco, make_digits
from evonas.data.tensors import CocoImages
from evonas.detector import Detector
from evonas.errors import ConfigurationError, SchemaError
from evonas.space import load_space, resolve
from evonas.supernet import Supernet, UniformSampling, load_supernet, save_supernet
from evonas.supernet.train import new_supernet, train_supernet
from evonas.training.loop import train
from evonas.training.recipe import Recipe

SPACE = load_space("nano")


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return new_supernet("nano", 10, seed=0)


def test_a_slice_is_the_extracted_network(supernet):
    images = torch.rand(8, 3, 64, 64) * 2 - 1
    for genotype in SPACE.sample(6, np.random.default_rng(0)):
        architecture = SPACE.decode(genotype)
        detector = supernet.extract(architecture)
        assert isinstance(detector, Detector)
        with torch.no_grad():
            expected = supernet(images, architecture)
            detector.train()
            found = detector(images)
            detector.calibrate(images)
            detector.fold()
            folded = detector(images)
        for a, b, c in zip(expected, found, folded, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-4)
            # Running variance divides by n - 1, the batch's by n.
            torch.testing.assert_close(c, a, rtol=0.05, atol=0.05)


def test_extraction_copies(supernet):
    architecture = SPACE.decode(SPACE.sample(1, np.random.default_rng(1))[0])
    detector = supernet.extract(architecture)
    before = supernet.units["stem"].weight.clone()
    with torch.no_grad():
        detector.units["stem"].weight.zero_()
    assert torch.equal(supernet.units["stem"].weight, before)


def test_a_step_trains_only_what_its_architecture_uses(supernet):
    architecture = SPACE.decode(np.zeros(SPACE.n_genes, np.uint8))
    codes, logits = supernet(torch.rand(2, 3, 64, 64), architecture)
    (codes.sum() + logits.sum()).backward()
    used = {name for name, p in supernet.named_parameters() if p.grad is not None}
    supernet.zero_grad(set_to_none=True)
    assert "units.b1l1_ibn0_spatial3.weight" in used
    assert not any("fused" in name or "l2" in name for name in used)


def test_architecture_of_a_step_depends_on_seed_and_step_alone():
    first, again = UniformSampling(SPACE, 3), UniformSampling(SPACE, 3)
    drawn = [first(step) for step in range(5)]
    assert [again(step) for step in reversed(range(5))] == drawn[::-1]
    assert len(set(drawn)) == 5


def test_weights_round_trip_in_half_precision(supernet, tmp_path):
    card = {
        "space": "nano",
        "fingerprint": SPACE.fingerprint,
        "classes": [str(i) for i in range(10)],
    }
    path = tmp_path / "nano.safetensors"
    save_supernet(path, supernet.state_dict(), card)
    loaded, read = load_supernet(path)
    assert read["classes"] == card["classes"]
    for name, value in supernet.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": "0"}, "another definition of the space 'nano'"),
        ({"version": 99}, "version 99; this evonas reads up to 2"),
        ({"classes": ["cat"]}, "do not fit the space"),
    ],
)
def test_foreign_weights_are_refused(supernet, tmp_path, change, message):
    card = {"space": "nano", "fingerprint": SPACE.fingerprint, "classes": list("0123456789")}
    path = tmp_path / "nano.safetensors"
    save_supernet(path, supernet.state_dict(), card | change)
    with pytest.raises(SchemaError, match=message):
        load_supernet(path)


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "nano.safetensors"
    with pytest.raises(SchemaError, match="no such file"):
        load_supernet(path)
    for content in (b"", b"x" * 100):
        path.write_bytes(content)
        with pytest.raises(SchemaError, match="not the weights of a supernet"):
            load_supernet(path)


@pytest.mark.slow
def test_a_real_step_of_the_full_space(tmp_path):
    root = make_digits(tmp_path / "digits", train=4, val=2)
    space = load_space("mobiledet")
    supernet = new_supernet("mobiledet", 10, seed=0)
    before = supernet.unit("stem").weight.detach().clone()
    losses: list[float] = []
    train(
        supernet,
        UniformSampling(supernet.space, 0),
        CocoImages(load_coco(root, "train"), space.skeleton.image_size),
        Recipe(steps=1, batch_size=2, warmup_steps=1),
        seed=0,
        report=lambda progress: losses.append(progress.loss),
        report_steps=1,
    )
    assert np.isfinite(losses).all()
    assert len(losses) == 1
    assert not torch.equal(supernet.unit("stem").weight, before)


def test_a_design_of_a_part_of_the_space_has_the_weights_of_the_same_network():
    supernet = Supernet(load_space("nano"))
    pico = resolve("pico:1000000")
    part = supernet.extract_design(pico)
    [same] = pico.space.translate(pico.genotype[None], supernet.space)
    whole = supernet.extract_design(resolve(supernet.space.arch_ids(same[None])[0]))
    for name, value in part.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name
    with pytest.raises(ConfigurationError, match="ssdlite-mobilenet-v2, which is a point of no"):
        supernet.extract_design(resolve("ssdlite-mobilenet-v2"))


def test_a_network_is_its_share_of_a_supernet_that_starts_from_it():
    supernet = new_supernet("pico", 10, 1)
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    [genotype] = supernet.space.sample(1, np.random.default_rng(3))
    architecture = supernet.space.decode(genotype)
    network = new_supernet("pico", 10, 2).extract(architecture)
    supernet.take(network, architecture)
    again = supernet.extract(architecture)
    for name, value in network.named_parameters():
        assert torch.equal(value, again.get_parameter(name)), name
    changed = [n for n, v in supernet.state_dict().items() if not torch.equal(v, before[n])]
    assert 0 < len(changed) < len(before)  # the layers that it does not have keep theirs


def test_a_network_of_other_layers_is_refused():
    from evonas.errors import ConfigurationError
    from evonas.supernet.train import new_supernet

    supernet = new_supernet("pico", 10, 0)
    first, second = (
        supernet.space.decode(g) for g in supernet.space.sample(2, np.random.default_rng(0))
    )
    with pytest.raises(ConfigurationError, match="is another one than that of pico"):
        supernet.take(supernet.extract(first), second)


def test_training_starts_from_an_archive_of_other_classes(tmp_path):
    from evonas.cli import main
    from evonas.detector.archive import Archive, Card, save_archive
    from evonas.supernet import load_supernet

    digits = make_digits(tmp_path / "digits", train=8, val=2)
    design = resolve("nano:0173a00230027c0")
    network = Detector(design.architecture.with_classes(2))
    save_archive(tmp_path / "a.safetensors", Archive(network, Card(design.name, ("3", "cat"))))
    out = tmp_path / "s.safetensors"
    command = ["supernet", "train", "--data", str(digits), "--out", str(out)]
    changes = ["--set", "steps=1", "--set", "batch_size=2", "--set", "learning_rate=1e-9"]
    assert main([*command, *changes, "--init", str(tmp_path / "a.safetensors")]) == 0
    supernet, card = load_supernet(out)
    assert "--init" in card["command"]
    taken = supernet.extract_design(design)
    assert torch.allclose(taken.unit("stem").weight, network.unit("stem").weight, atol=1e-3)
    logits = taken.unit("head0_classes1").weight
    theirs = network.unit("head0_classes1").weight
    ours = logits.view(-1, 10, *logits.shape[1:])[:, 3]
    assert torch.allclose(ours, theirs.view(-1, 2, *theirs.shape[1:])[:, 0], atol=1e-3)
    command[-1] = str(tmp_path / "t.safetensors")
    elsewhere = ["--space", "pico", "--init", str(tmp_path / "a.safetensors")]
    assert main([*command, *changes, *elsewhere]) == 3


def test_a_trained_supernet_is_not_written_over(tmp_path):
    out = tmp_path / "s.safetensors"
    out.write_bytes(b"hours of work")
    with pytest.raises(ConfigurationError, match="is there already"):
        train_supernet("pico", tmp_path / "no-data", out)
    assert out.read_bytes() == b"hours of work"


@pytest.mark.parametrize("name", ["notes.txt", "folder.safetensors"])
def test_a_place_that_cannot_take_the_weights_is_refused_before_training(tmp_path, name):
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"ends in \.safetensors is required"):
        train_supernet("pico", tmp_path / "no-data", tmp_path / name)
    assert (tmp_path / "notes.txt").read_text() == "mine"
