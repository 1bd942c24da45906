"""Runtimes of this machine: a network is loaded, run many times, and timed against a reference.

The clock is the running thread's CPU time: on an idle machine it is the wall clock's time for a
runtime of one thread, and on a busy one it does not count the moments that others had the core.
What neighbours still do to caches and clock frequency slows a reference network alike: it runs in
turn with the measured one, and the measurement is the median ratio of the pairs.
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
_BURST_SECONDS = 0.006
# Pairs of bursts until the median ratio is known to the wanted standard error, within bounds.
_PAIRS = (8, 60)
_SECONDS = 2.5
_WANTED_ERROR = 0.004
_REJECTED_ERROR = 0.02


class RuntimeSource:
    """Times networks on this machine, one thread on one core.

    Args:
        device: A device whose source is `measured`.
        reference: A typical network of the space, run around every measurement.

    Raises:
        MissingPackageError: The runtime is not installed.
    """

    def __init__(self, device: Device, reference: Architecture) -> None:
        package, self._load = _RUNTIMES[device.name]
        self.versions = {package: version(package), "machine": machine_name()}
        self._reference = _Bursts(self._load(reference))

    def measure(self, architecture: Architecture) -> Measurement:
        """Returns the time as if the reference took what it took meanwhile.

        `extras` has `reference_ms`, that time of the reference, by which a campaign carries all
        its measurements to one state of the machine, and `error`, the standard error of the
        ratio. `steady` is 0 where that stays too large: the point is to be rejected.
        """
        network = _Bursts(self._load(architecture))
        fewest, most = _PAIRS
        pairs: list[tuple[float, float]] = []
        error, end = np.inf, time.monotonic() + _SECONDS
        while len(pairs) < fewest or (
            error > _WANTED_ERROR and len(pairs) < most and time.monotonic() < end
        ):
            pairs.append((network.milliseconds(), self._reference.milliseconds()))
            error = _relative_error(pairs)
        own, reference = np.array(pairs).T
        low, ratio, high = np.percentile(own / reference, (25, 50, 75))
        reference_ms = float(np.median(reference))
        return Measurement(
            latency_ms=float(ratio) * reference_ms,
            spread=float((high - low) / ratio),
            extras={
                "reference_ms": reference_ms,
                "error": error,
                "pairs": float(len(pairs)),
                "steady": float(error <= _REJECTED_ERROR),
            },
        )


class _Bursts:
    """A loaded network that is run in bursts of a fixed number of runs."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        first = [_milliseconds(invoke) for _ in range(3)]
        self._runs = max(1, round(1e3 * _BURST_SECONDS / min(first)))

    def milliseconds(self) -> float:
        """Returns the median time of a burst's runs."""
        if self._runs == 1:
            return _milliseconds(self._invoke)
        self._invoke()
        return float(np.median([_milliseconds(self._invoke) for _ in range(self._runs)]))


def _relative_error(pairs: list[tuple[float, float]]) -> float:
    """Standard error of the median ratio over the ratio, from the interquartile range."""
    if len(pairs) < 4:
        return float("inf")
    own, reference = np.array(pairs).T
    low, ratio, high = np.percentile(own / reference, (25, 50, 75))
    # A normal's IQR is 1.35 sigma, and its median's error 1.25 sigma / sqrt(n).
    return float(1.25 / 1.35 * (high - low) / ratio / len(pairs) ** 0.5)


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
