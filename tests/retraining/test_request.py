import subprocess
import sys

import pytest

from evonas.data import make_digits
from evonas.errors import ConfigurationError, DataError, SchemaError
from evonas.retraining import RunFolder, plan_training
from evonas.table import shipped_tables
from evonas.training.recipe import Recipe, describe_recipe, recipe_from
from evonas.training.recipes import RECIPES, load_recipe

ARCHITECTURE = "pico:0000000"
QUICK = ("steps=6", "batch_size=4", "warmup_steps=2", "validations=2")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=12, val=6)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_their_description(name):
    assert recipe_from(describe_recipe(RECIPES[name])) == RECIPES[name]


def test_a_description_is_that_of_the_first_release_where_nothing_new_is_used():
    assert list(describe_recipe(Recipe(steps=5))) == [
        "steps", "batch_size", "learning_rate", "weight_decay", "warmup_steps", "ema_decay",
        "gradient_clip", "bfloat16", "focal_alpha", "augmentation",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["steps"], "must be NAME=VALUE"),
        (["stepps=3"], "unknown 'stepps'; known: steps, "),
        (["learning_rate=.inf"], "learning_rate is inf; it must be 1e-12 to 1000"),
        (["weight_decay=.nan"], "weight_decay is nan; it must be 0 to 1000"),
        (["augmentation.zoom=.inf"], "zoom is inf; it must be 1 to 100"),
        (["steps=100000000000000000000000000"], "steps is 1e.26; it must be 1 to 1e.08"),
        (["steps=many"], "steps: expected int, got 'many'"),
        (["steps=0"], "steps is 0; it must be 1 to 1e"),
        (["optimiser=adam"], "unknown optimiser 'adam'; adamw or sgd"),
        (["augmentation.spin=1"], "unknown 'spin'"),
        (["augmentation=1"], "augmentation must be a mapping"),
        (["learning_rate=-1"], "learning_rate is -1; it must be 1e-12 to 1000"),
        (["ema_decay=1.0"], "ema_decay is 1; it must be 0 to 0.999999"),
    ],
)
def test_bad_changes_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        load_recipe("nano", changes)


def test_changes_and_files(tmp_path):
    changed = load_recipe("nano", ["learning_rate=1e-3", "sync_norm=true", "optimiser=sgd"])
    assert (changed.learning_rate, changed.sync_norm, changed.optimiser) == (1e-3, True, "sgd")
    file = tmp_path / "mine.yaml"
    file.write_text("base: nano\nsteps: 7\naugmentation:\n  flip: 0.5\n")
    recipe = load_recipe(str(file), ["batch_size=2"])
    assert (recipe.steps, recipe.batch_size, recipe.augmentation.flip) == (7, 2, 0.5)
    assert recipe.learning_rate == RECIPES["nano"].learning_rate
    file.write_text("- 1")
    with pytest.raises(ConfigurationError, match="must hold the values of a recipe"):
        load_recipe(str(file))
    with pytest.raises(
        ConfigurationError, match="unknown recipe 'mine'; known: boards, inspection, int8, "
    ):
        load_recipe("mine")


def test_validations_are_spread_evenly_and_the_last_is_at_the_end():
    recipe = Recipe(steps=10, validations=3)
    assert [step + 1 for step in range(10) if recipe.validates_after(step)] == [4, 7, 10]
    every = Recipe(steps=2, validations=5)
    assert [step for step in range(2) if every.validates_after(step)] == [0, 1]


def test_the_same_training_has_the_same_id(digits, monkeypatch):
    plan = plan_training(ARCHITECTURE, digits, changes=QUICK)
    monkeypatch.chdir(digits.parent)
    assert plan_training(ARCHITECTURE, "digits", changes=QUICK).id == plan.id
    assert plan_training(ARCHITECTURE, digits, changes=QUICK, seed=1).id != plan.id
    assert plan_training(ARCHITECTURE, digits).id != plan.id


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"architecture": "pico:zz"}, Exception, "pico"),
        ({"init": "nowhere"}, ConfigurationError, "--init nowhere: no weights at nowhere"),
        ({"seed": -1}, ConfigurationError, "seed is -1"),
        ({"recipe": "mobiledet-small-data"}, ConfigurationError, "name some with --init"),
        (
            {"architecture": "ssdlite-mobilenet-v2", "table": "t"},
            ConfigurationError,
            "belongs to no space",
        ),
        ({"data": "/nowhere"}, DataError, "/nowhere: no such folder"),
        (
            {"architecture": "mobiledet-cpu", "init": "supernet"},
            ConfigurationError,
            "no supernet weights at .*supernets/mobiledet@cpu.*: evonas supernet train --space",
        ),
    ],
)
def test_bad_requests_are_refused(digits, given, error, message):
    with pytest.raises(error, match=message):
        plan_training(**{"architecture": ARCHITECTURE, "data": digits, **given})


def test_tables_that_cannot_take_a_result_are_refused(digits, tmp_path):
    file = tmp_path / "file"
    file.write_text("no table")
    for table, error, message in (
        (file, SchemaError, "no readable benchmark table"),
        (tmp_path, SchemaError, "no folder of a table"),
        (file / "table", DataError, "file/table: cannot be made: Not a directory"),
        (shipped_tables()["pico-v3"], DataError, "a single-file table is not appended to"),
    ):
        with pytest.raises(error, match=message):
            plan_training(ARCHITECTURE, digits, table=table)
    plan_training(ARCHITECTURE, digits, table=tmp_path / "new" / "table")
    assert list(tmp_path.iterdir()) == [file]


def test_a_plan_imports_no_torch(digits):
    code = (
        "import sys\nfrom evonas.retraining import plan_training\n"
        f"plan_training('nano:000000000000000', {str(digits)!r}, init='supernet')\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_folder_keeps_the_request(digits, tmp_path):
    request = plan_training(ARCHITECTURE, digits, changes=QUICK, table=tmp_path / "table")
    folder = RunFolder(tmp_path / "run")
    folder.create(request)
    assert folder.request() == request
    with pytest.raises(ConfigurationError, match="holds a run already"):
        folder.create(request)
    folder.config.write_text('{"version": 99}')
    with pytest.raises(SchemaError, match="version 99; this evonas reads 1"):
        folder.request()
    folder.config.write_text("{")
    with pytest.raises(SchemaError, match="not valid JSON"):
        folder.request()
    with pytest.raises(SchemaError, match="no such file; expected a run"):
        RunFolder(tmp_path / "none").request()


def test_curves_are_read_while_they_are_written(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.read_curves() == []
    common = {"seconds": 0.1, "images_per_second": 40.0}
    folder.add_to_curves({"step": 1, "loss": float("nan"), **common})
    folder.add_to_curves({"step": 2, "loss": 0.5, **common})
    with folder.curves.open("a") as file:
        file.write('{"step": 3, "lo')
    first, second = {"step": 1, "loss": None, **common}, {"step": 2, "loss": 0.5, **common}
    assert folder.read_curves() == [first, second]
    assert folder.keep_curves(1) == [first]
    assert folder.read_curves() == [first]
