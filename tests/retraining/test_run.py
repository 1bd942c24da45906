import json
import shutil
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from evonas.data import make_digits
from evonas.detector.archive import load_archive
from evonas.errors import ConfigurationError, DataError, GenotypeError, SchemaError
from evonas.paths import find_data
from evonas.retraining import RunFolder, plan_training, read_examples
from evonas.retraining.run import Machine, run_training
from evonas.space import catalogue, load_space
from evonas.space.make import SpaceChanges, make_space
from evonas.table import open_table
from evonas.training.loop import TrainingError

ARCHITECTURE = "pico:0000000"
QUICK = ("steps=6", "batch_size=4", "warmup_steps=2", "validations=2")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=12, val=6)


def start(path, data, *changes, **options):
    folder = RunFolder(path)
    folder.create(plan_training(ARCHITECTURE, data, changes=(*QUICK, *changes), **options))
    return folder


def interrupt_after(steps):
    asked = iter(range(1, 10_000))
    return Machine(interrupted=lambda: next(asked) >= steps)


@pytest.fixture(scope="module")
def done(digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    folder = start(path, digits, table=path.parent / "table")
    run_training(path)
    return folder


def test_a_run_leaves_everything_behind(done, digits):
    metrics = json.loads(done.metrics.read_text())
    assert len(metrics["val"]["coco"]) == 12
    assert list(metrics["val"]["per_class"]) == [str(digit) for digit in range(10)]
    assert metrics["steps"] == 6
    rows = done.read_curves()
    assert [row["step"] for row in rows if "map" in row] == [3, 6]
    assert len([row for row in rows if "loss" in row]) == 6
    archive = load_archive(done.best)
    assert archive.card.architecture == ARCHITECTURE
    assert archive.card.made["seed"] == 0
    assert json.loads(done.card.read_text())["classes"] == list(archive.card.classes)
    curves = json.loads(done.curves_by_class.read_text())["val"]
    assert len(curves["recall"]) == 101
    assert {len(curve) for curve in curves["0.50"].values() if curve} == {101}
    confusion = json.loads(done.confusion.read_text())
    assert len(confusion["classes"]) == len(confusion["val"]) == 11
    examples = read_examples(done)
    assert len(examples) == 6
    assert all(example.picture.exists() and example.truth for example in examples)
    environment = json.loads(done.environment.read_text())
    assert environment.keys() >= {"data", "git_commit", "versions", "threads"}
    assert "validation AP" in done.log.read_text()


def test_a_result_is_a_row_of_the_table(done, digits, tmp_path):
    table = open_table(done.request().table)
    [value] = table.column("trained_map")
    assert value == pytest.approx(json.loads(done.metrics.read_text())["val"]["map"])
    assert table.provenance("trained_map")["source"] == "trained"
    other = start(tmp_path / "other", digits, "steps=5", table=table.path)
    with pytest.raises(SchemaError, match="has 'trained_map' of another recipe"):
        run_training(other.path)


def test_a_done_run_is_not_run_again(done):
    def refuse(line):
        raise AssertionError(line)

    assert run_training(done.path, Machine(report=refuse))["steps"] == 6


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_an_interrupted_run_goes_on_bit_for_bit(done, digits, tmp_path, steps):
    folder = start(tmp_path / "run", digits)
    with pytest.raises(KeyboardInterrupt):
        run_training(folder.path, interrupt_after(steps))
    assert folder.checkpoint.exists()
    time.sleep(1)  # TensorBoard orders event files by the second, and runs do not resume within one
    run_training(folder.path)
    ours, theirs = load_file(folder.best), load_file(done.best)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    known = [(row["step"], row.get("loss"), row.get("map")) for row in done.read_curves()]
    assert [(row["step"], row.get("loss"), row.get("map")) for row in folder.read_curves()] == known
    assert scalars(folder, "val/map") == [(s, pytest.approx(ap)) for s, _, ap in known if ap]
    assert [step for step, _ in scalars(folder, "train/loss")] == [1, 2, 3, 4, 5, 6]


def scalars(folder, tag):
    """What TensorBoard shows of a run."""
    events = EventAccumulator(str(folder.events)).Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_training_ends_without_improvement(digits, tmp_path):
    # With a rate this low nothing improves; the first of the equal validations stays the best.
    folder = start(
        tmp_path, digits, "steps=30", "validations=30", "patience=2", "learning_rate=1e-12"
    )
    result = run_training(folder.path)
    assert result["steps"] < 30
    folder.metrics.unlink()
    assert run_training(folder.path) == result  # goes on from there to the same end


def test_other_classes_start_from_trained_weights(done, digits, tmp_path):
    data = tmp_path / "renamed"
    shutil.copytree(digits, data)
    for split in ("train", "val"):
        file = data / "annotations" / f"instances_{split}.json"
        content = json.loads(file.read_text())
        content["categories"] = [
            {"id": entry["id"], "name": {"1": "one"}.get(entry["name"], entry["name"])}
            for entry in content["categories"]
        ] + [{"id": 99, "name": "cat"}]
        file.write_text(json.dumps(content))
    folder = start(tmp_path / "run", data, "learning_rate=1e-12", init=str(done.path))
    assert folder.request().init == str(done.best)
    run_training(folder.path)
    ours, theirs = load_archive(folder.best).detector, load_archive(done.best).detector
    name = "head0_classes1"
    weights, before = ours.unit(name).weight.detach(), theirs.unit(name).weight.detach()
    weights, before = (
        weights.view(-1, 11, *weights.shape[1:]),
        before.view(-1, 10, *weights.shape[1:]),
    )
    torch.testing.assert_close(weights[:, 2:10], before[:, 2:], atol=1e-6, rtol=0)
    assert (weights[:, 1] - before[:, 1]).abs().max() > 1e-3
    torch.testing.assert_close(
        ours.unit("stem").weight, theirs.unit("stem").weight, atol=1e-6, rtol=0
    )


def test_images_of_another_size_start_from_trained_weights(done, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_OPENED", {})
    file = tmp_path / "large.yaml"
    file.write_text(make_space("pico", "large", SpaceChanges(image_size=96))[1])
    load_space(str(file))
    folder = RunFolder(tmp_path / "run")
    changes = [*QUICK, "learning_rate=1e-12"]
    folder.create(plan_training("large:0000000", digits, changes=changes, init=str(done.path)))
    run_training(folder.path)
    ours, theirs = load_archive(folder.best).detector, load_archive(done.best).detector
    assert ours.architecture.skeleton.image_size == 96
    for name, weight in theirs.named_parameters():
        torch.testing.assert_close(
            dict(ours.named_parameters())[name], weight, atol=1e-6, rtol=0, msg=name
        )


def test_weights_that_do_not_fit_are_refused(done, digits, tmp_path):
    for name in ("pico:1000000", "mobiledet-cpu"):
        refused = pytest.raises(ConfigurationError, match=f"weights of pico:0000000, not of {name}")
        with refused:
            plan_training(name, digits, changes=QUICK, init=str(done.path))
        folder = RunFolder(tmp_path / name)
        folder.create(replace(plan_training(name, digits, changes=QUICK), init=str(done.best)))
        with refused:  # they were others when it was planned
            run_training(folder.path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"weights", r"not a \.safetensors file"),
        (None, r"not a \.safetensors file"),  # cut off
        (save({"a": torch.zeros(1)}), "neither the weights of a network nor of a supernet"),
        (
            save({"a": torch.zeros(1)}, {"card": '{"kind": "detector", "architecture": ["a"]}'}),
            "neither the weights of a network nor of a supernet",
        ),
        (save({"a": torch.zeros(1)}, {"card": "["}), "card: not valid JSON"),
    ],
)
def test_what_are_no_weights_is_refused(done, digits, tmp_path, content, message):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content or done.best.read_bytes()[:-9])
    with pytest.raises(SchemaError, match=message):
        plan_training(ARCHITECTURE, digits, changes=QUICK, init=str(file))


def test_a_network_outside_the_supernets_space_is_refused(digits, tmp_path):
    with pytest.raises(GenotypeError):
        plan_training("mobiledet-cpu", digits, init=str(find_data("supernets/nano.safetensors")))


def test_a_table_that_cannot_be_written_in_the_end_takes_the_result_later(digits, tmp_path):
    folder = start(tmp_path / "run", digits, table=tmp_path / "tables" / "table")
    (tmp_path / "tables").write_text("")
    with pytest.raises(DataError, match=r"cannot be made: .*the run itself is done: with --resume"):
        run_training(folder.path)
    ap = folder.read_metrics()["val"]["map"]
    (tmp_path / "tables").unlink()
    for _ in range(2):
        run_training(folder.path)
        table = open_table(tmp_path / "tables" / "table")
        assert (table.n_parts, *table.column("trained_map")) == (1, pytest.approx(ap))


def test_changed_data_and_other_classes_are_refused(digits, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(digits, data)
    folder = start(tmp_path / "run", data)
    with pytest.raises(KeyboardInterrupt):
        run_training(folder.path, interrupt_after(1))
    file = data / "annotations" / "instances_val.json"
    content = json.loads(file.read_text())
    content["categories"][0]["name"] = "zero"
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"classes zero, 1, .* but the training split has 0, 1"):
        run_training(folder.path)
    content["categories"][0]["name"] = "0"
    file.write_text(json.dumps(content, indent=1))
    with pytest.raises(DataError, match="changed since"):
        run_training(folder.path)


def test_a_loss_that_is_not_finite_keeps_its_batch(digits, tmp_path):
    folder = start(tmp_path, digits, "steps=40", "learning_rate=1000", "warmup_steps=1")
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf)"):
        run_training(folder.path)
    batch = load_file(tmp_path / "bad-batch-0.safetensors")
    assert batch["images"].shape == (4, 3, 64, 64)


def test_initial_weights_from_the_supernet(tmp_path):
    data = make_digits(tmp_path / "digits", train=12, val=6)
    folder = start(tmp_path / "run", data, "learning_rate=1e-12", init="supernet")
    assert folder.request().init.endswith("supernets/nano.safetensors")
    assert run_training(folder.path)["val"]["map"] > 0.1
