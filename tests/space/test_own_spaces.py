"""Spaces of one's own: read from a file, kept by name, made from another one."""

import numpy as np
import pytest

from evonas.errors import ConfigurationError
from evonas.space import add_space, catalogue, list_spaces, load_space, resolve, whole_space
from evonas.space.architecture import AnchorShapes, map_sizes
from evonas.space.make import SpaceChanges, make_space


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "_OPENED", {})
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path):
    space, text = make_space("mobiledet", "my-192", SpaceChanges(image_size=192, rules="edgetpu"))
    path = tmp_path / "any.yaml"
    path.write_text(text)
    assert load_space(str(path)).fingerprint == space.fingerprint
    catalogue._OPENED.clear()
    return path


def test_a_kept_space_is_found_by_its_name_in_another_process(file, monkeypatch):
    with pytest.raises(ConfigurationError, match=r"unknown space 'my-192'.*FILE\.yaml"):
        load_space("my-192")
    space = add_space(file)
    monkeypatch.setattr(catalogue, "_OPENED", {})  # what another process knows
    assert load_space("my-192") == space
    assert "my-192" in list_spaces()
    assert whole_space("my-192") == "my-192"
    name = space.arch_ids(space.sample(1, np.random.default_rng(0)))[0]
    assert resolve(name).space == space


def test_a_file_read_in_python_is_known_for_the_rest_of_the_process(file, home):
    assert load_space(str(file)) is load_space("my-192")
    assert not (home / "spaces").exists()


def test_another_definition_under_the_same_name_is_refused_until_the_first_is_forgotten(file):
    add_space(file)
    file.write_text("# the same\n" + file.read_text())
    add_space(file)
    file.write_text(file.read_text().replace("image_size: 192", "image_size: 160"))
    with pytest.raises(ConfigurationError, match="evonas space remove my-192"):
        add_space(file)
    catalogue.remove_space("my-192")
    assert add_space(file).skeleton.image_size == 160
    with pytest.raises(ConfigurationError, match="unknown space of your own 'nano'"):
        catalogue.remove_space("nano")


def test_the_name_of_a_shipped_space_is_its_own(file):
    file.write_text(file.read_text().replace("my-192", "nano"))
    with pytest.raises(ConfigurationError, match="'nano' is taken by a space that comes with"):
        add_space(file)
    file.write_text(catalogue.space_text("nano"))
    assert add_space(file) is load_space("nano")


def test_a_damaged_own_file_hurts_nothing_but_itself(file, home):
    add_space(file)
    (home / "spaces" / "broken.yaml").write_text("name: [\n")
    assert "nano" in list_spaces()
    assert "broken" not in list_spaces()
    [message] = catalogue.broken_spaces()
    assert "broken.yaml:2: not readable as YAML" in message
    with pytest.raises(ConfigurationError, match="not readable"):
        load_space("broken")
    (home / "spaces" / "other.yaml").write_text(file.read_text())
    with pytest.raises(ConfigurationError, match="'my-192', the file must be named so"):
        load_space("other")


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file; make one with: evonas space make"):
        load_space(str(tmp_path / "my.yaml"))


def test_a_space_is_made_with_every_change_that_is_asked_for():
    changes = SpaceChanges(
        image_size=192,
        multipliers=(0.25, 0.5, 0.75),
        rules="edgetpu",
        ops=("ibn", "fused_k3_e6"),
        depths=(1, 2, 3, 3, 2, 2, 1),
        strides=(1, 2, 2, 2, 2, 1, 1),
        taps=(4, 7),
        class_slots=3,
        anchors=AnchorShapes((0.1, 0.8), (1.0, 2.5), 1.2),
    )
    space, _ = make_space("mobiledet", "mine", changes)
    assert space.stems == (8, 16, 24)
    assert space.blocks[2].widths == (16, 24, 40)  # 12, 24 and 36, rounded to multiples of 8
    assert [block.depth for block in space.blocks] == [1, 2, 3, 3, 2, 2, 1]
    first = [op.name for op in space.blocks[0].first]
    assert first[:3] == ["ibn0_k3", "ibn0_k5", "ibn_k3_e4"]
    assert {op.name for op in space.blocks[1].first} == {*first[2:]}
    head = space.skeleton.head
    assert (head.taps, head.class_slots, head.scales) == ((4, 7), 3, (0.1, 0.8))
    assert map_sizes(space.skeleton) == (96, 96, 48, 24, 12, 6, 6, 6)


def test_extra_levels_that_would_repeat_a_single_pixel_are_left_out():
    space, _ = make_space("mobiledet", "mine", SpaceChanges(image_size=64))
    assert [level.size for level in space.decode([0] * space.n_genes).levels()] == [4, 2, 1]
    kept, _ = make_space("mobiledet", "mine", SpaceChanges(image_size=64, extra_depths=(64, 64)))
    assert kept.skeleton.head.extra_depths == (64, 64)


def test_listed_widths_are_multiplied_from_their_middle():
    space, _ = make_space("nano", "mine", SpaceChanges(multipliers=(0.5, 1)))
    assert [block.widths for block in space.blocks] == [(16, 24), (16, 32), (24, 40), (32, 64)]


@pytest.mark.parametrize(
    ("base", "changes", "message"),
    [
        ("mobiledet-ibn", {}, "unknown space with a file of its own 'mobiledet-ibn'"),
        ("nano", {"image_size": 100}, "the new space: image_size: 100: a multiple of 32"),
        ("nano", {"depths": (1, 2)}, "--depths: 2 numbers for 4 blocks"),
        ("nano", {"rules": "npu"}, "the new space: rules: 'npu' is not known"),
        ("nano", {"taps": (5,)}, "the new space: head.taps\\[1\\]: block 5 is not there"),
    ],
)
def test_a_change_that_is_not_allowed_is_told_without_lines_nobody_has_seen(base, changes, message):
    with pytest.raises(ConfigurationError, match=f"^{message}"):
        make_space(base, "mine", SpaceChanges(**changes))


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(ConfigurationError, match="the name 'pico' is taken"):
        make_space("nano", "pico", SpaceChanges())
