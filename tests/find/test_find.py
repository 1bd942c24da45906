"""`evonas find`: what it asks, what it refuses, and where it goes on."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from evonas.cli import main
from evonas.data import make_digits
from evonas.errors import ConfigurationError, SchemaError
from evonas.find import FindSpec, run_find
from evonas.find.cost import _as_slow_as_allowed, make_plan
from evonas.find.question import check_question
from evonas.find.run import FindError, Watcher
from evonas.find.spec import claim_folder, read_plan, read_spec
from evonas.find.stages import stages
from evonas.space import load_space
from evonas.training.cost import Cost

PLAN = {
    "supernet_steps": 500, "population": 8, "generations": 3, "training_steps": 300,
    "seconds": {"supernet": 90.0}, "memory": 2**30,
}  # fmt: skip
FRONT = """arch_id,map,latency:ethos-u55-256,over_budget
nano:000000000000000,0.10,0.5,0
nano:0173a00230027c0,0.40,3.0,1
nano:111057020002190,0.30,1.0,0
nano:1050a7700700ba1,0.20,0.9,0
"""


@pytest.fixture
def spec(tmp_path):
    data = make_digits(tmp_path / "digits", train=4, val=4)
    return FindSpec(data, "ethos-u55-256", ("latency <= 1",), 64, space="nano")


@pytest.fixture
def out(tmp_path, spec):
    """A folder in which the search is done."""
    out = tmp_path / "out"
    (out / "search").mkdir(parents=True)
    (out / "search" / "front.csv").write_text(FRONT)
    (out / "search" / "run.json").write_text("{}")
    (out / "plan.json").write_text(json.dumps(PLAN))
    return out


def calls(spec, out, name):
    [stage] = [stage for stage in stages(spec, out) if stage.name == name]
    return [call.arguments for call in stage.calls()]


def test_a_bare_latency_is_the_device_s(spec):
    texts = ("latency <= 5 and madds < 1e7", "latency:cpu-xnnpack <= 2", "not (latency > 3)")
    assert FindSpec(spec.data, "u", texts).conditions() == [
        "latency:u <= 5 and madds < 1e7", "latency:cpu-xnnpack <= 2", "not (latency:u > 3)",
    ]  # fmt: skip


def test_the_best_within_budget_are_trained_from_the_supernet(spec, out):
    first, second = calls(spec, out, "training")
    assert first[:2] == ("train", "nano:111057020002190")  # 0.40 is over budget, measured
    assert second[:2] == ("train", "nano:1050a7700700ba1")
    assert "--set=steps=300" in first
    assert f"--init={out / 'supernet.safetensors'}" in first


def test_the_supernet_has_the_recipe_of_the_trainings_and_all_the_spaces_anchors(spec, out):
    spec = replace(spec, recipe="boards", changes=("learning_rate=8e-3",))
    check_question(spec)
    [supernet], [training, _] = calls(spec, out, "supernet"), calls(spec, out, "training")
    assert "--recipe=boards" in supernet
    assert "--recipe=boards" in training
    assert "--set=anchors=null" in training
    assert "--set=anchors=null" not in supernet
    for call in (supernet, training):
        assert "--set=learning_rate=8e-3" in call
    spec = replace(spec, recipe="mobiledet-small-data")
    assert (spec.supernet_recipe, spec.training_changes) == ("nano", spec.changes)


def test_batches_are_of_16_images_at_most_at_a_rate_that_goes_with_them(spec, out):
    assert spec.supernet_changes == ("batch_size=16", "learning_rate=0.008")  # 64, at 0.016
    assert spec.training_changes == ()
    boards = replace(spec, recipe="boards")
    assert boards.supernet_changes == ()
    assert boards.training_changes == ("anchors=null",)
    published = replace(spec, recipe="mobiledet")  # SGD, 512 images at 0.8, from 0.13333
    rates = ("learning_rate=0.025", "warmup_from=0.00417")
    assert published.training_changes == ("batch_size=16", *rates)
    check_question(published)
    own = replace(spec, changes=("batch_size=32", "augmentation.flip=0.5"))
    assert own.supernet_changes == own.training_changes == own.changes
    rate = replace(spec, changes=("learning_rate=0.1",))
    assert rate.supernet_changes == ("batch_size=16", "learning_rate=0.1")
    assert "--set=batch_size=16" in calls(spec, out, "supernet")[0]
    assert "--set=batch_size=32" in calls(own, out, "training")[0]


@pytest.mark.parametrize(
    ("asked", "seconds", "used"),
    [
        ({}, 0.5, True),
        ({}, 0.95, False),
        ({"changes": ("bfloat16=false",)}, 0.5, False),
        ({"recipe": "mobiledet"}, 0.5, False),  # it is of bfloat16 by itself
    ],
)
def test_trainings_are_under_bfloat16_where_it_is_measured_to_be_faster(
    spec, tmp_path, monkeypatch, asked, seconds, used
):
    spec = replace(spec, **asked)
    heard = []

    def measured(_space, _data, recipe, *_, **__):
        return Cost(seconds if recipe.bfloat16 else 1.0, 2**30)

    def trained(request, _device):
        heard.append(request.recipe.bfloat16)
        return Cost(0.1, 2**30)

    monkeypatch.setattr("evonas.find.cost.measure_supernet", measured)
    monkeypatch.setattr("evonas.find.cost.measure_training", trained)
    out = tmp_path / "out"
    out.mkdir()
    plan = make_plan(spec, spec.space, spec.data, out)
    assert read_plan(out) == plan
    assert plan.bfloat16 is used
    under = used or spec.recipe == "mobiledet"
    assert plan.seconds["supernet"] == plan.supernet_steps * (seconds if under else 1.0)
    assert heard == [under]
    [supernet] = calls(spec, out, "supernet")
    assert ("--set=bfloat16=true" in supernet) is used


def test_the_networks_are_trained_in_the_supernets_precision(spec, out):
    (out / "plan.json").write_text(json.dumps({**PLAN, "bfloat16": True}))
    for call in (*calls(spec, out, "supernet"), *calls(spec, out, "training")):
        assert "--set=bfloat16=true" in call


@pytest.mark.parametrize("change", ["steps=100", " warmup_steps = 5"])
def test_steps_follow_from_the_hours_and_are_not_set(spec, change):
    with pytest.raises(ConfigurationError, match="steps follow from the hours"):
        check_question(replace(spec, changes=(change,)))


def test_a_network_that_does_not_fit_the_device_is_not_trained(spec, out):
    lines = [f"{line},{int('0.30' in line)}" for line in FRONT.splitlines()[1:]]
    header = "arch_id,map,latency:ethos-u55-256,over_budget,too_large"
    (out / "search" / "front.csv").write_text("\n".join([header, *lines]))
    [first, *_] = calls(spec, out, "training")
    assert first[:2] == ("train", "nano:1050a7700700ba1")


def test_a_begun_training_resumes_and_a_done_one_is_left(spec, out):
    for number, file in (("1", "metrics.json"), ("2", "config.json")):
        folder = out / "trained" / number
        folder.mkdir(parents=True)
        (folder / file).write_text("{}")
    assert calls(spec, out, "training") == [("train", "--resume", f"--out={out / 'trained' / '2'}")]


def test_a_search_without_any_network_within_budget_says_so(spec, out):
    (out / "search" / "front.csv").write_text(FRONT.replace(",0\n", ",1\n"))
    with pytest.raises(ConfigurationError, match="no network meets latency:ethos-u55-256 <= 1"):
        calls(spec, out, "training")


def test_data_without_a_validation_split_is_divided(spec, out):
    (spec.data / "annotations" / "instances_val.json").unlink()
    [call] = calls(spec, out, "data")
    assert call == ("data", "split", str(spec.data), "--split=val=0.2", f"--out={out / 'data'}")


def test_tiles_have_the_size_of_the_network(spec, out):
    tiled = FindSpec(spec.data, spec.device, image_size=160, tile=320)
    [call] = calls(tiled, out, "data")
    assert call[3:5] == ("--size=160", "--scale=0.5")


def test_a_folder_with_another_question_is_refused(spec, tmp_path):
    claim_folder(tmp_path / "out", spec)
    claim_folder(tmp_path / "out", spec)
    assert read_spec(tmp_path / "out") == spec
    other = replace(spec, tile=64)
    with pytest.raises(ConfigurationError, match=r"another find \(tile 0, now 64\)"):
        claim_folder(tmp_path / "out", other)


def test_what_the_plan_refused_is_asked_again_in_the_same_folder(spec, tmp_path):
    out = tmp_path / "out"
    claim_folder(out, replace(spec, where=("latency < 1e-9",), hours=0.01))
    claim_folder(out, spec)
    assert read_spec(out) == spec
    with pytest.raises(ConfigurationError, match="another find"):
        claim_folder(out, replace(spec, image_size=96))
    (out / "plan.json").write_text(json.dumps(PLAN))
    claim_folder(out, spec)
    with pytest.raises(ConfigurationError, match="another find"):
        claim_folder(out, replace(spec, where=("latency <= 2",)))


def test_a_running_find_keeps_its_question(spec, tmp_path, monkeypatch):
    out = tmp_path / "out"
    claim_folder(out, spec)
    monkeypatch.setattr("evonas.find.run.locked", lambda path: nullcontext(False))
    with pytest.raises(FindError, match="another process is at it"):
        run_find(replace(spec, where=()), out)
    assert read_spec(out) == spec


def test_conditions_that_no_network_meets_are_told_with_the_way_on(spec, tmp_path):
    asked = replace(spec, where=("latency < 1e-9",))
    with pytest.raises(ConfigurationError, match=r"the fastest takes .* the command goes on"):
        _as_slow_as_allowed(asked, load_space("nano"))


@pytest.mark.parametrize("damage", ["", "[]", "{}", json.dumps({**PLAN, "population": "x"})])
def test_a_damaged_plan_is_told(tmp_path, damage):
    (tmp_path / "plan.json").write_text(damage)
    with pytest.raises(SchemaError, match=r"plan\.json"):
        read_plan(tmp_path)


def test_a_stage_that_fails_ends_with_its_code_and_reason(spec, tmp_path):
    (spec.data / "annotations" / "instances_train.json").write_text("{")
    with pytest.raises(FindError, match=r"check the data: .*instances_train\.json") as caught:
        run_find(spec, tmp_path / "out")
    assert caught.value.exit_code == 3
    progress = json.loads((tmp_path / "out" / "progress.json").read_text())
    assert (progress["state"], progress["stage"]) == ("stopped", "check")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--device", "ethos-u55"], "unknown device"),
        (["--image-size", "100"], "a multiple of 32 is required"),
        (["--where", "latency below 5"], "latency"),
        (["--hours", "0"], "a number from 0.01"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    spec, tmp_path, capsys, changed, message
):
    command = ["find", "--data", str(spec.data), "--device", spec.device]
    assert main([*command, "--out", str(tmp_path / "out"), *changed]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_kills_in_the_long_stages_change_nothing(tmp_path):
    from scripts.stress.find import outcome, run, seconds_of_stages

    data = make_digits(tmp_path / "digits", train=64, val=24)
    run(tmp_path / "a" / "find", data, (), {}, 0)
    took = seconds_of_stages(tmp_path / "a" / "find")
    stages = ("supernet", "search", "training", "files")
    assert run(tmp_path / "b" / "find", data, stages, took, 1) >= 3
    assert outcome(tmp_path / "b" / "find") == outcome(tmp_path / "a" / "find")
    page = (tmp_path / "b" / "find" / "report.html").read_text()
    assert "evonas supernet train" in page
    assert "takes" in page
    chart = page.partition("How the networks were trained")[2].partition("</svg>")[0]
    networks = len(list((tmp_path / "b" / "find" / "trained").iterdir()))
    assert chart.count("<circle") == 2 * networks  # two looks at the validation split each


@pytest.mark.parametrize(
    ("changed", "code", "message"),
    [
        (["--where", "foo < 3"], 2, "a condition names 'foo'; allowed are map, map50"),
        (["--where", "latency:no-such < 3"], 2, "unknown device 'no-such'"),
        (["--where", "map > 2"], 2, "no network meets map > 2.0: map lies between 0 and 1"),
        (["--where", "latency <= 0"], 2, "no network meets latency:ethos-u55-256 <= 0.0"),
        (["--device", "pixel1-cpu"], 2, "device 'pixel1-cpu' is published: it cannot be asked"),
        (["--where", "latency:pixel1-cpu < 9"], 2, "device 'pixel1-cpu' is published"),
        (["--set", "foo=3"], 2, "unknown 'foo'"),
        (["--recipe", "no-such"], 2, "unknown recipe 'no-such'"),
        (["--space", "no-such"], 2, "unknown space 'no-such'"),
        (["--data", "no-such"], 3, "no-such: no COCO-format folder"),
    ],
)
def test_what_a_later_stage_could_not_answer_is_refused_at_once(
    spec, tmp_path, capsys, changed, code, message
):
    command = ["find", "--data", str(spec.data), "--device", spec.device]
    assert main([*command, "--out", str(tmp_path / "out"), *changed]) == code
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_or_file_that_is_no_find_is_left_alone(spec, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in (spec.data, tmp_path / "file"):
        with pytest.raises(ConfigurationError, match="is there already and holds no find"):
            claim_folder(place, spec)
    assert not (spec.data / "find.json").exists()


def test_an_error_of_a_stage_is_told_once(spec, tmp_path):
    (spec.data / "annotations" / "instances_train.json").write_text("{")
    spec = replace(spec, tile=64)
    folder, lines = tmp_path / "out", []
    claim_folder(folder, spec)
    (folder / "check.json").write_text("{}")
    with pytest.raises(FindError, match="cut the data"):
        run_find(spec, folder, Watcher(line=lines.append))
    assert not [line for line in lines if "instances_train" in line]
