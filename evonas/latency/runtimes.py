"""Runtimes of this machine: a network is loaded, run many times, and timed beside a reference.

The clock is the running thread's CPU time: on an idle machine it is the wall clock's time for a
runtime of one thread, and on a busy one it does not count the moments that others had the core.
What neighbours do to shared caches and memory only ever adds: the fastest tenth of the runs is
taken, which repeats within 0.2 % (networks of a millisecond) to 0.5 % (of 100 ms) where the median
repeats within 0.5 % to 2 %. A reference network runs in turn with the measured one. While it is
slow the measurement is repeated; what still shows a drift, `Measurements` corrects or rejects.
"""

import contextlib
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from evonas.errors import MissingPackageError
from evonas.latency.devices import Device
from evonas.latency.measurement import Measurement
from evonas.latency.writer import write_tflite
from evonas.space import Architecture

# Runs a loaded network once.
Invoke = Callable[[], object]

# A burst is one run of a network, or as many as take this long after one that warms caches.
_BURST_MS = 6.0
# Bursts of each network: so many if the time allows, and at least so many.
_BURSTS = (6, 24)
_SECONDS = 1.2
_FAST = 0.1
# The reference this much slower than it can be: the machine is disturbed, measure again.
_DISTURBED = 0.03
_ATTEMPTS = 3


class RuntimeSource:
    """Times networks on this machine, one thread.

    Args:
        device: A device whose source is `measured`.
        reference: A network of the space, run in turn with every measured one.

    Raises:
        MissingPackageError: The runtime is not installed.
    """

    def __init__(self, device: Device, reference: Architecture) -> None:
        package, load = _RUNTIMES[device.name]
        self.versions = {"machine": machine_name()}
        self._load = load
        self._reference = _Bursts(self._load(reference))
        self.versions[package] = version(package)
        self._reference_floor = float("inf")

    def measure(self, architecture: Architecture) -> Measurement:
        """Returns the time of the fastest runs; `extras` has `reference_ms` of the same moments."""
        network = _Bursts(self._load(architecture))
        attempts = []
        for _ in range(_ATTEMPTS):
            own, reference = _in_turn(network, self._reference)
            reference_ms = float(np.quantile(reference, _FAST))
            attempts.append((reference_ms, own))
            self._reference_floor = min(self._reference_floor, reference_ms)
            if reference_ms <= self._reference_floor * (1 + _DISTURBED):
                break
        reference_ms, own = min(attempts, key=lambda attempt: attempt[0])
        low, median, high = np.percentile(own, (25, 50, 75))
        return Measurement(
            latency_ms=float(np.quantile(own, _FAST)),
            spread=float((high - low) / median),
            extras={
                "median_ms": float(median),
                "reference_ms": reference_ms,
                "runs": float(len(own)),
            },
        )


class _Bursts:
    """A loaded network that is run in bursts of a fixed number of runs."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        first = [_milliseconds(invoke) for _ in range(3)]
        self._runs = max(1, round(_BURST_MS / min(first)))

    def times(self) -> list[float]:
        """Returns the times of one burst's runs, ms."""
        if self._runs > 1:
            self._invoke()
        return [_milliseconds(self._invoke) for _ in range(self._runs)]


def _in_turn(network: _Bursts, reference: _Bursts) -> tuple[list[float], list[float]]:
    """Runs both in turn until the time is up; returns their times, ms."""
    own: list[float] = []
    others: list[float] = []
    fewest, most = _BURSTS
    end = time.monotonic() + _SECONDS
    for burst in range(most):
        if burst >= fewest and time.monotonic() > end:
            break
        own += network.times()
        others += reference.times()
    return own, others


def _milliseconds(invoke: Invoke) -> float:
    start = time.thread_time_ns()
    invoke()
    return (time.thread_time_ns() - start) / 1e6


def pin_to_core(core: int) -> bool:
    """Keeps this process on one core; returns False where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {core})
        return True
    return False


def machine_name() -> str:
    """Returns the processor's name."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def load_xnnpack(architecture: Architecture) -> Invoke:
    """Loads a network into LiteRT, float32, one thread, XNNPACK."""
    return load_tflite(write_tflite(architecture, "fp32"))


def load_tflite(tflite: bytes) -> Invoke:
    """Loads a TFLite file into LiteRT with a random input."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise MissingPackageError("ai-edge-litert", "devices") from None
    interpreter: Any = Interpreter(model_content=tflite, num_threads=1)
    interpreter.allocate_tensors()
    image = interpreter.get_input_details()[0]
    values = np.random.default_rng(0).uniform(-1, 1, image["shape"]).astype(np.float32)
    if image["dtype"] is np.int8:
        values = (127 * values).astype(np.int8)
    interpreter.set_tensor(image["index"], values)
    return interpreter.invoke  # type: ignore[no-any-return]


def load_onnxruntime(architecture: Architecture) -> Invoke:
    """Loads a network into ONNX Runtime, float32, one thread."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackageError("onnxruntime", "devices") from None
    from evonas.latency.onnx_writer import write_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        write_onnx(architecture), options, providers=["CPUExecutionProvider"]
    )
    image = session.get_inputs()[0]
    values = np.random.default_rng(0).uniform(-1, 1, image.shape).astype(np.float32)
    return lambda: session.run(None, {image.name: values})


# Device -> the package whose version matters, and how a network is loaded.
_RUNTIMES: dict[str, tuple[str, Callable[[Architecture], Invoke]]] = {
    "cpu-xnnpack": ("ai-edge-litert", load_xnnpack),
    "host-onnxruntime": ("onnxruntime", load_onnxruntime),
}
