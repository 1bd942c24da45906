"""What a training costs is said before, and a budget of time becomes steps that stay."""

import json

import pytest
import torch

from evonas.cli import main
from evonas.data import make_digits
from evonas.errors import ConfigurationError
from evonas.retraining import plan_training
from evonas.retraining.cost import measure_training
from evonas.supernet.train import measure_supernet
from evonas.training.cost import Cost, fitted_recipe, planned
from evonas.training.recipes import load_recipe

RECIPE = load_recipe("nano", ["batch_size=4"])
COST = Cost(0.5, 2**30, 60.0)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=16, val=8)


def plan(path, hours, resumes=False, cost=COST):
    said = []
    recipe = planned(RECIPE, hours, path, resumes, lambda: cost, said.append)
    return recipe, said


def test_hours_become_the_steps_that_they_are_enough_for(tmp_path):
    recipe, said = plan(tmp_path / "steps.json", 0.1)
    assert recipe.steps == (360 - 60) / 0.5
    assert said == ["600 steps of 0.5 s will take about 6:00 and 1.0 GiB"]


def test_a_slower_machine_resumes_with_the_steps_it_began_with(tmp_path):
    first, _ = plan(tmp_path / "steps.json", 0.1)
    again, said = plan(tmp_path / "steps.json", 0.1, True, Cost(50.0, 2**30))
    assert (again, said) == (first, [])


@pytest.mark.parametrize("damage", ["", "{", '{"hours": 0.1}', '{"steps": "many"}'])
def test_a_damaged_memory_is_measured_again(tmp_path, damage):
    (tmp_path / "steps.json").write_text(damage)
    assert plan(tmp_path / "steps.json", 0.1)[0].steps == 600


def test_another_budget_is_measured_again(tmp_path):
    plan(tmp_path / "steps.json", 0.1)
    assert plan(tmp_path / "steps.json", 0.2)[0].steps == 1320


def test_a_budget_for_hardly_any_step_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"enough for 0 steps of 0.50 s; at least 1:10"):
        plan(tmp_path / "steps.json", 0.01)
    assert not (tmp_path / "steps.json").exists()


def test_short_trainings_have_a_short_warm_up():
    assert fitted_recipe(RECIPE, 200).warmup_steps == 20
    assert fitted_recipe(RECIPE, 5000).warmup_steps == RECIPE.warmup_steps


def test_a_supernet_of_some_hours_says_what_it_costs(digits, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("evonas.supernet.train.measure_supernet", lambda *_: Cost(36.0, 2**30))
    out = tmp_path / "s.safetensors"
    command = ["supernet", "train", "--space", "pico", "--data", str(digits), "--out", str(out)]
    assert main([*command, "--set", "batch_size=2", "--hours", "0.21"]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["recipe"]["steps"] == 21
    assert "21 steps of 36 s will take about 12:36 and 1.0 GiB" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.json", "s.safetensors"]


def test_a_training_of_some_hours_keeps_its_steps_in_its_folder(
    digits, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("evonas.retraining.cost.measure_training", lambda *_: Cost(36.0, 2**30))
    command = ["train", "nano:000000000000000", "--data", str(digits), "--out", str(tmp_path / "r")]
    changes = ["--set", "batch_size=2", "--set", "validations=1"]
    assert main([*command, *changes, "--hours", "0.21"]) == 0
    assert json.loads((tmp_path / "r" / "config.json").read_text())["recipe"]["steps"] == 21
    assert "21 steps of 36 s" in capsys.readouterr().err
    assert main([*command, "--hours", "0.21"]) == 2  # and does not measure first
    assert "holds a run already" in capsys.readouterr().err


def test_costs_are_measured_and_leave_nothing(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe("nano", ["batch_size=2", "steps=6", "warmup_steps=1"])
    supernet = measure_supernet("pico", digits, recipe)
    request = plan_training("nano:000000000000000", digits, changes=("batch_size=2",))
    training = measure_training(request, torch.device("cpu"))
    for cost in (supernet, training):
        assert cost.step_seconds > 0
        assert cost.memory > 2**26
    assert training.fixed_seconds > 0
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command", [["supernet", "train", "--out", "x.safetensors"], ["train", "mobiledet-cpu"]]
)
def test_steps_and_hours_exclude_each_other(command, digits, capsys):
    assert main([*command, "--data", str(digits), "--set", "steps=5", "--hours", "1"]) == 2
    assert "--hours and --set steps=N exclude each other" in capsys.readouterr().err
