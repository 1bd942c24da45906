"""The problems, as plain data. Their points and fronts are in `benchmark_data/problems`.

Whoever changes a problem raises its version; `scripts/build/problems.py` refuses anything else.
"""

from evonas.benchmark.definition import Noise, ProblemDefinition
from evonas.objectives import BY_SIZE

_U55, _U65, _U85 = "latency:ethos-u55-256", "latency:ethos-u65-512", "latency:ethos-u85-2048"
_CPU, _ARRAY, _GPU = "latency:cpu-xnnpack", "latency:systolic-64x64", "latency:edge-gpu"
_FIVE = (_CPU, _U55, _U65, _ARRAY, _GPU)

# Two seeds of one network of the truth differed with a deviation of 0.0165 AP when it held 31, with
# 0.0133 now that it holds 150 (`evonas supernet rank --truth benchmark_data/truth/nano-v6.h5
# --data data/digits`). The clock's noise is that of a machine that does something else too; on a
# quiet one the CPU's predictor is off by 0.7 % on held-out networks (`evonas device evaluate
# --device cpu-xnnpack`).
_SEEDS = Noise("map", 0.0165)
_CLOCK = Noise(_CPU, 0.02, relative=True)

CATALOGUE = (
    ProblemDefinition("pico/u55", ("map", _U55), "Accuracy on one micro-NPU.", version=3),
    ProblemDefinition("pico/u65", ("map", _U65), "Accuracy on a larger NPU.", version=3),
    ProblemDefinition("pico/u85", ("map", _U85), "Accuracy on an NPU of 2,048 units.", version=2),
    ProblemDefinition("pico/cpu", ("map", _CPU), "Accuracy on a CPU.", version=3),
    ProblemDefinition(
        "pico/systolic", ("map", _ARRAY), "Depthwise layers waste the array.", version=3
    ),
    ProblemDefinition(
        "pico/gpu", ("map", _GPU), "Starting a kernel costs most: few layers win.", version=3
    ),
    ProblemDefinition(
        "pico/costs", ("map", "madds", "params"), "The costs of classical NAS.", version=3
    ),
    ProblemDefinition(
        "pico/memory", ("map", _U55, "peak_memory"), "The third one is stepped.", version=3
    ),
    ProblemDefinition(
        "pico/sizes",
        (*BY_SIZE, _U55),
        "What finds small objects is not what finds large ones.",
        version=2,
    ),
    ProblemDefinition(
        "pico/two-devices", ("map", _CPU, _U55), "One network for two devices.", version=3
    ),
    ProblemDefinition("pico/devices", ("map", *_FIVE), "One network for five devices.", version=3),
    ProblemDefinition(
        "pico/everything",
        ("map", "madds", "params", "peak_memory", _CPU, _U55, _U65, _ARRAY),
        "Eight objectives: AP, three costs and four latencies.",
        version=3,
    ),
    ProblemDefinition(
        "pico/u55-budget",
        ("map", _U55),
        "Two budgets leave a part of the space, and of the unconstrained front.",
        where=("params <= 150000 and latency:cpu-xnnpack <= 0.35",),
        version=3,
    ),
    ProblemDefinition(
        "pico/u55-noisy", ("map", _U55), "One seed is seen.", noise=(_SEEDS,), version=3
    ),
    ProblemDefinition(
        "pico/cpu-noisy",
        ("map", _CPU),
        "Both are seen inexactly.",
        noise=(_SEEDS, _CLOCK),
        version=3,
    ),
    ProblemDefinition(
        "pico/capacity-u55",
        ("params", _U55),
        "The most parameters in a time: additive over layers, its front known twice.",
        maximise=("params",),
    ),
    ProblemDefinition("nano/u55", ("map", _U55), "Accuracy on one micro-NPU.", version=6),
    ProblemDefinition("nano/u65", ("map", _U65), "Accuracy on a larger NPU.", version=6),
    ProblemDefinition("nano/u85", ("map", _U85), "Accuracy on an NPU of 2,048 units.", version=5),
    ProblemDefinition("nano/cpu", ("map", _CPU), "Accuracy on a CPU.", version=6),
    ProblemDefinition(
        "nano/two-devices", ("map", _CPU, _U55), "One network for two devices.", version=6
    ),
    ProblemDefinition(
        "nano/memory", ("map", _U55, "peak_memory"), "The third one is stepped.", version=6
    ),
    ProblemDefinition("nano/devices", ("map", *_FIVE), "One network for five devices.", version=7),
    ProblemDefinition(
        "nano/u55-budget",
        ("map", _U55),
        "Budgets of a microcontroller: few random networks meet them.",
        where=("params <= 120000 and peak_memory <= 82000",),
        version=6,
    ),
    ProblemDefinition(
        "nano/cpu-noisy",
        ("map", _CPU),
        "Both are seen inexactly, AP by as much as its surrogate is unsure.",
        noise=(Noise("map", "surrogate"), _CLOCK),
        version=6,
    ),
    ProblemDefinition(
        "nano/capacity-u55",
        ("madds", _U55),
        "The most multiply-adds in a time: additive, so its front is exact.",
        maximise=("madds",),
    ),
    ProblemDefinition(
        "mobiledet/capacity-u55",
        ("madds", _U55),
        "The paper's space: the most multiply-adds in a time, exact.",
        maximise=("madds",),
        version=2,
    ),
    ProblemDefinition(
        "mobiledet/capacity-u85",
        ("madds", _U85),
        "As before on an NPU eight times as wide, exact.",
        maximise=("madds",),
        version=2,
    ),
    ProblemDefinition(
        "mobiledet/weights-cpu",
        ("params", _CPU),
        "The most parameters in a time on a CPU, exact.",
        maximise=("params",),
        version=2,
    ),
    ProblemDefinition(
        "mobiledet/two-devices",
        ("madds", _CPU, _U85),
        "The most multiply-adds in a time on two devices that like different layers.",
        maximise=("madds",),
        version=4,
    ),
    ProblemDefinition(
        "mobiledet/memory-budget",
        ("madds", _U55, "peak_memory"),
        "With at most 5 million parameters.",
        maximise=("madds",),
        where=("params <= 5000000",),
        version=4,
    ),
)
