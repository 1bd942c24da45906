"""Spaces as YAML files: what a file may say, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from evonas.errors import ConfigurationError
from evonas.space import Op, load_space
from evonas.space.family import read_family
from evonas.space.rules import ops_of

SMALL = """\
name: small
image_size: 96
multipliers: [0.5, 1]
ops: [ibn, fused_k3_e6]
stem: {width: 16}
blocks:
  - {width: 16}
  - {width: 32, depth: 3, stride: 2, first: [ibn_k3_e4]}
  - {widths: [24, 48], stride: 2}
head:
  taps: [2, 3]
  extra_depths: [64]
  class_slots: 3
anchors:
  scales: [0.2, 0.9]
  aspect_ratios: [1, 2]
"""


def read(text: str):
    return next(iter(read_family(text, "small.yaml", load_space).values())).space


def refused(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


def test_a_file_says_all_that_a_space_is():
    space = read(SMALL)
    assert (space.name, space.skeleton.image_size) == ("small", 96)
    assert space.stems == (8, 16)
    assert space.skeleton.strides == (1, 2, 2)
    assert [block.widths for block in space.blocks] == [(8, 16), (16, 32), (24, 48)]
    assert [block.depth for block in space.blocks] == [1, 3, 1]
    assert space.blocks[1].first == (Op("ibn", 3, 4),)
    names = [op.name for op in space.blocks[1].further]
    assert names == ["ibn_k3_e4", "ibn_k3_e8", "ibn_k5_e4", "ibn_k5_e8", "fused_k3_e6"]
    assert space.skeleton.head.taps == (2, 3)
    assert space.skeleton.head.aspect_ratios == (1.0, 2.0)


def test_order_and_comments_of_a_file_change_no_identity_but_every_value_does():
    same = "# a comment\n" + "\n".join(
        [*SMALL.splitlines()[5:], *SMALL.splitlines()[:5]]  # the head before the name
    )
    space = read(SMALL)
    assert read(same).fingerprint == space.fingerprint
    for old, new in (("96", "128"), ("[1, 2]", "[1, 2.5]"), ("depth: 3", "depth: 2"), ("3]", "]")):
        text = SMALL.replace(old, new, 1)
        if new == "]":
            text = SMALL.replace("taps: [2, 3]", "taps: [2]")
        assert read(text).fingerprint != space.fingerprint, new


def test_rules_set_activation_gates_kernels_and_widths():
    space = read(SMALL + "rules: gpu\n")
    assert space.stems == (16,)
    assert {op.kernel for block in space.blocks for op in block.first} == {3}
    cpu = read(SMALL + "rules: cpu\n").skeleton
    assert (cpu.activation, cpu.squeeze_excite) == ("h_swish", True)
    own = read(SMALL + "rules: {activation: h_swish, kernels: [3, 7]}\n")
    assert own.skeleton.activation == "h_swish"
    assert {op.kernel for op in own.blocks[0].first} == {3, 7}


def test_a_file_may_have_parts_with_names_of_their_own():
    spaces = read_family(SMALL + "parts: true\n", "small.yaml", load_space)
    assert {"small", "small-ibn", "small-late", "small@cpu", "small-ibn@dsp"} <= spaces.keys()
    kinds = {op.kind for block in spaces["small-ibn"].space.blocks for op in block.first}
    assert kinds == {"ibn"}
    assert spaces["small-ibn@dsp"].whole == "small@dsp"


def test_a_part_of_another_space_must_be_in_it():
    pico = (Path(__file__).parents[2] / "evonas/space/spaces/pico.yaml").read_text()
    entries = read_family(pico.replace("pico", "tiny"), "tiny.yaml", load_space)
    assert entries["tiny"].whole == "nano"
    wider = pico.replace("widths: [64]", "widths: [80]")
    assert "part_of: nano does not contain pico: 'b4.width'" in refused(wider)
    assert "pico.yaml" not in refused(pico.replace("part_of: nano", "part_of: nowhere"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("96", "200", "small.yaml:2: image_size: 200: a multiple of 32 from 32 to 640"),
        ("96", "672", "small.yaml:2: image_size: 672: a multiple of 32"),
        ("96", "true", "small.yaml:2: image_size: True"),
        ("ibn, f", "ibm, f", "small.yaml:4: ops[1]: there is no op 'ibm'"),
        ("fused_k3_e6", "fused_k4_e6", "small.yaml:4: ops[2]: there is no op 'fused_k4_e6'"),
        ("fused_k3_e6", "ibn_k3_e4", "small.yaml:4: ops[2]: the op ibn_k3_e4 stands here twice"),
        ("[2, 3]", "[2, 4]", "small.yaml:11: head.taps[2]: block 4 is not there"),
        ("[2, 3]", "[3, 2]", "small.yaml:11: head.taps[2]: 2 comes after 3"),
        ("depth: 3", "depth: 30", "small.yaml:8: blocks[2].depth: 30: a whole number from 1 to 12"),
        ("stride: 2}", "stride: 3}", "small.yaml:9: blocks[3].stride: 3"),
        ("[24, 48]", "[24, 42]", "small.yaml:9: blocks[3].widths[2]: 42: a multiple of 8"),
        ("[24, 48]", "[24, 24]", "small.yaml:9: blocks[3].widths[2]: 24 stands here twice"),
        ("widths: [24, 48]", "widths: [24], width: 8", "small.yaml:9: blocks[3]: name either"),
        ("name: small", "name: Small!", "small.yaml:1: name: 'Small!': 1 to 40 lower-case"),
        ("stem:", "stemm:", "small.yaml:5: stemm: unknown key; allowed here are version, name"),
        ("  taps: [2, 3]\n", "", "small.yaml:10: head: lacks the key 'taps'"),
        ("class_slots: 3", "class_slots: 3\n  taps: [1]", "small.yaml:14: head: the key 'taps'"),
        ("scales: [0.2, 0.9]", "scales: [0.9, 0.2]", "small.yaml:15: anchors.scales: the small"),
        ("[1, 2]", "[1, .nan]", "small.yaml:16: anchors.aspect_ratios[2]: nan"),
        ("name: small", "name: small\nversion: 2", "small.yaml:2: version: 2 is newer"),
        ("multipliers: [0.5, 1]", "multipliers: [0.5, 1", "small.yaml:4: not readable as YAML"),
        ("name: small", "name: small\nrules: npu", "small.yaml:2: rules: 'npu' is not known; all"),
    ],
)
def test_a_fault_is_told_with_its_file_line_and_what_is_allowed(old, new, message):
    assert old in SMALL
    assert message in refused(SMALL.replace(old, new, 1))


def test_an_empty_file_a_list_and_a_space_without_choices_are_refused():
    assert refused("") == "small.yaml:1: the file is empty"
    assert "small.yaml:1: expected keys with values" in refused("- 1\n")
    single = SMALL.replace("[0.5, 1]", "[1]").replace("[ibn, fused_k3_e6]", "[ibn_k3_e4]")
    single = single.replace("[24, 48]", "[24]").replace("depth: 3", "depth: 1")
    assert "small.yaml:6: blocks: there is nothing to choose" in refused(single)


def test_yaml_that_grows_or_calls_is_refused():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nname: [*b, *b]\n"
    assert "alias within an anchored value" in refused(bomb)
    assert "small.yaml" in refused("name: !!python/object/apply:os.system [true]\n")


def test_ops_are_named_by_kind_or_one_by_one():
    assert [op.name for op in ops_of("tucker", (3,))] == [
        "tucker_k3_0.25_0.25",
        "tucker_k3_0.25_0.75",
        "tucker_k3_0.75_0.25",
        "tucker_k3_0.75_0.75",
    ]
    for op in (*ops_of("ibn", (3, 7)), *ops_of("ibn0", (5,)), *ops_of("tucker", (3,))):
        assert ops_of(op.name, (3,)) == (op,)
    for wrong in ("ibn_k3", "ibn_k3_e13", "ibn_k9_e4", "tucker_k3_0_1", "tucker_k5_0.5_0.5", ""):
        assert ops_of(wrong, (3,)) == (), wrong
