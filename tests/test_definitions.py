"""Definitions keep the hashes that the shipped files were made with."""

import hashlib
from dataclasses import dataclass, field, fields, replace

import pytest

from evonas.benchmark.catalogue import CATALOGUE
from evonas.benchmark.definition import Noise, ProblemDefinition
from evonas.definitions import definition
from evonas.latency.sources.analytic import HARDWARE, Roofline, formula
from evonas.latency.store import network_fingerprint
from evonas.space import Head, SearchSpace, Skeleton, list_spaces, load_space
from evonas.space.blocks import Conv, Op
from evonas.space.walk import BlockSpace

# By space: `SearchSpace.fingerprint`, `network_fingerprint`.
SPACES = {
    "nano": ("f24bff39f5de6e16", "c2b6e2520d030bd0"),
    "nano-ibn+fused": ("64b119df1b96dff6", "b2d58dba0b3d9a52"),
    "nano-ibn": ("dea33a6116ee2ec8", "6a9ca5abb00e061c"),
    "nano-early": ("3270f73d6b4a8716", "898ea747ed3d76be"),
    "nano-late": ("52f211cd1f4a8798", "72d874ec136a71b4"),
    "femto": (
        "baefbc54def08d4e",
        "425d137c81a2949b",
    ),  # provisional: no table of it yet
    "pico": ("bd05fca85ed36065", "548ce85f4f2ffe15"),
    "nano@cpu": ("59c83ec8fb20734e", "097342d1c1b32b5c"),
    "nano-ibn+fused@cpu": ("e45ae1f75622d857", "388cc9919501c4ea"),
    "nano-ibn@cpu": ("e2287928fe00970e", "51aa29f66336d0ce"),
    "nano@dsp": ("82bb728bf477cfbf", "8dc5ae439f0e1894"),
    "nano-ibn+fused@dsp": ("ad7ee4efc66dbcc9", "af721b4b5e4acd9f"),
    "nano-ibn@dsp": ("fd33733968b0a512", "25af9c7018b17f01"),
    "nano@edgetpu": ("f24bff39f5de6e16", "c2b6e2520d030bd0"),
    "nano-ibn+fused@edgetpu": ("64b119df1b96dff6", "b2d58dba0b3d9a52"),
    "nano-ibn@edgetpu": ("dea33a6116ee2ec8", "6a9ca5abb00e061c"),
    "nano@gpu": ("323fad4a9a423b04", "b2db1a12dec8fbca"),
    "nano-ibn+fused@gpu": ("e77cc3f7293e036d", "4f169f0a8b61270a"),
    "nano-ibn@gpu": ("9615dd0ecc5a4f3d", "cc5a599c207317f2"),
    "mobiledet": ("9ea213c22246feec", "12a5b0cd711e7f6e"),
    "mobiledet-ibn+fused": ("3d65b9fd4e85ed4e", "12a3f010c4bb6663"),
    "mobiledet-ibn": ("a81f26437f8b8c22", "fbaeb4eb99bde13c"),
    "mobiledet-early": ("811c61d175750e00", "9a674fe903963d9b"),
    "mobiledet-late": ("26742c2fc3dfbeaa", "1a427042555570b9"),
    "mobiledet@cpu": ("85f4278af422d7dc", "07d86a519bf2a832"),
    "mobiledet-ibn+fused@cpu": ("d7abe0e34e7e4f73", "e0f6e55ce9b20556"),
    "mobiledet-ibn@cpu": ("c370428ffcba3dad", "e97952998f290b07"),
    "mobiledet@dsp": ("d25259b589e665cd", "63a266949de67480"),
    "mobiledet-ibn+fused@dsp": ("9df545085023b0ee", "2129d57edffbfbcf"),
    "mobiledet-ibn@dsp": ("b43ef4a733d4cd17", "ee889e94b85be725"),
    "mobiledet@edgetpu": ("9ea213c22246feec", "12a5b0cd711e7f6e"),
    "mobiledet-ibn+fused@edgetpu": ("3d65b9fd4e85ed4e", "12a3f010c4bb6663"),
    "mobiledet-ibn@edgetpu": ("a81f26437f8b8c22", "fbaeb4eb99bde13c"),
    "mobiledet@gpu": ("0c5a346dfe5e0f12", "66e14122ec62c896"),
    "mobiledet-ibn+fused@gpu": ("c7b7545ea1f7db8f", "385f2bbcf9c8b9f1"),
    "mobiledet-ibn@gpu": ("21ff0ed90f981557", "8b29107bfe7d7af8"),
}
# The hash of each problem's definition; the checksum of its numbers is in the shipped file.
PROBLEMS = {
    "pico/u55": "d03ba5f04f42b4cf",
    "pico/u65": "9067cbe6cff0f2b3",
    "pico/u85": "bd3a6269cc7de24d",
    "pico/cpu": "f80a071a18afb010",
    "pico/systolic": "fdab41bebd3e9d16",
    "pico/gpu": "0f828cd528e2b7dc",
    "pico/costs": "0795cfda4ede88d7",
    "pico/memory": "45a38f11fc9a4c3c",
    "pico/sizes": "6d99b51083aa31b0",
    "pico/two-devices": "c032b56c9adc93df",
    "pico/devices": "ab87a16a0c3a982a",
    "pico/everything": "cd72d33f02491240",
    "pico/u55-budget": "efda98e21d2a4ff9",
    "pico/u55-noisy": "5734ef2eb44cc2b1",
    "pico/cpu-noisy": "9a41c3cbdda9787a",
    "pico/capacity-u55": "90c8060b592187b9",
    "nano/u55": "61fabde16e0e5924",
    "nano/u65": "dcdc9c931a13840a",
    "nano/u85": "af824991a9a7a943",
    "nano/cpu": "2e765db3a4f593e0",
    "nano/two-devices": "e563ca1ff6477cbe",
    "nano/memory": "9bfd4e228bcc23ba",
    "nano/devices": "ea3437d15c85ab76",
    "nano/u55-budget": "b1e2485683bbb83c",
    "nano/cpu-noisy": "c0503add084dcf65",
    "nano/capacity-u55": "1ec23856ad71d97e",
    "mobiledet/capacity-u55": "1a8293069f0b2387",
    "mobiledet/capacity-u85": "8bd76617e7edb9ac",
    "mobiledet/weights-cpu": "b78cac049af2fa2b",
    "mobiledet/two-devices": "47412b205da12d9d",
    "mobiledet/memory-budget": "d72671bf88669f51",
}
FORMULAS = {
    "systolic-64x64": (
        "SystolicArray(rows=64, columns=64, clock_hz=480000000.0, bytes_per_second=25600000000.0)"
    ),
    "edge-gpu": (
        "Roofline(matrix_flops=11300000000000.0, vector_flops=2800000000000.0, "
        "bytes_per_second=137000000000.0, "
        "launch_seconds=5e-06)"
    ),
}


def test_every_space_has_the_fingerprints_of_the_shipped_files():
    assert SPACES == {
        name: (load_space(name).fingerprint, network_fingerprint(load_space(name)))
        for name in list_spaces()
    }


def test_every_problem_and_formula_has_its_first_definition():
    assert PROBLEMS == {
        problem.name: hashlib.sha256(problem.definition().encode()).hexdigest()[:16]
        for problem in CATALOGUE
    }
    assert FORMULAS == {device: formula(device) for device in HARDWARE}


@dataclass(frozen=True)
class LaterHead(Head):
    attention: str = "none"
    groups: tuple[int, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class LaterSkeleton(Skeleton):
    dropout: float = 0.0


@dataclass(frozen=True)
class LaterBlocks(BlockSpace):
    shortcut: bool = True


@dataclass(frozen=True)
class LaterOp(Op):
    dilation: int = 1


@dataclass(frozen=True)
class LaterProblem(ProblemDefinition):
    fidelities: tuple[int, ...] = ()


@dataclass(frozen=True)
class LaterNoise(Noise):
    shape: str = "normal"


@dataclass(frozen=True)
class LaterRoofline(Roofline):
    idle_watts: float = 0.0


@dataclass(frozen=True)
class LaterConv(Conv):
    dilation: int = 1


def later(value, into, **changes):
    """The same value of a class with more fields."""
    known = {entry.name: getattr(value, entry.name) for entry in fields(value)}
    return into(**{**known, **changes})


def later_space(space: SearchSpace, skeleton=(), head=(), block=(), op=()) -> SearchSpace:
    def ops(some):
        return tuple(later(one, LaterOp, **dict(op)) for one in some)

    return replace(
        space,
        skeleton=later(
            space.skeleton,
            LaterSkeleton,
            head=later(space.skeleton.head, LaterHead, **dict(head)),
            **dict(skeleton),
        ),
        blocks=tuple(
            later(one, LaterBlocks, first=ops(one.first), further=ops(one.further), **dict(block))
            for one in space.blocks
        ),
    )


def test_a_new_field_with_its_default_changes_no_space():
    space = load_space("pico")
    assert later_space(space).fingerprint == space.fingerprint
    assert network_fingerprint(later_space(space)) == network_fingerprint(space)


@pytest.mark.parametrize(
    "change",
    [
        {"skeleton": {"dropout": 0.1}},
        {"head": {"attention": "full"}},
        {"head": {"groups": (2,)}},
        {"block": {"shortcut": False}},
        {"op": {"dilation": 2}},
    ],
)
def test_a_new_field_that_is_used_changes_the_space(change):
    space = load_space("pico")
    assert later_space(space, **change).fingerprint != space.fingerprint


def test_a_new_field_of_a_problem_a_formula_or_a_convolution_counts_when_it_is_used(monkeypatch):
    [problem] = [one for one in CATALOGUE if one.name == "pico/cpu-noisy"]
    noise = tuple(later(one, LaterNoise) for one in problem.noise)
    assert later(problem, LaterProblem, noise=noise).definition() == problem.definition()
    assert later(problem, LaterProblem, fidelities=(1,)).definition() != problem.definition()

    monkeypatch.setitem(HARDWARE, "edge-gpu", later(HARDWARE["edge-gpu"], LaterRoofline))
    assert formula("edge-gpu") == FORMULAS["edge-gpu"]
    used = replace(HARDWARE["edge-gpu"], idle_watts=2.0)
    monkeypatch.setitem(HARDWARE, "edge-gpu", used)
    assert formula("edge-gpu").endswith(", idle_watts=2.0)")

    convs = Op.__module__ + ".Conv"
    monkeypatch.setattr(convs, LaterConv)
    network_fingerprint.cache_clear()
    assert network_fingerprint(load_space("pico")) == SPACES["pico"][1]
    monkeypatch.setattr(convs, lambda *args, **options: LaterConv(*args, **options, dilation=2))
    network_fingerprint.cache_clear()
    assert network_fingerprint(load_space("pico")) != SPACES["pico"][1]
    network_fingerprint.cache_clear()


def test_only_what_is_laid_out_can_be_hashed():
    with pytest.raises(AssertionError, match="a definition of Op is not laid out"):
        definition((Op("ibn", 3),), {})
    with pytest.raises(AssertionError, match="float64 is not laid out"):
        definition(__import__("numpy").float64(1), {})
