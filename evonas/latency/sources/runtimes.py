"""Runtimes of this machine: a network is loaded, run many times, and timed against a reference.

The clock is the running thread's CPU time: on an idle machine it is the wall clock's time for a
runtime of one thread, and on a busy one it does not count the moments that others had the core.
What neighbours do to shared caches and memory comes and goes within seconds and slows networks
unlike: on two busy cores a network of 500 ms repeats within 4 % only, and the reference jumps by a
quarter. So a burst of runs counts only if the reference network, run just before and just after
it, was as fast as it can be. What then remains is a slow drift, for which the reference corrects.
"""

import contextlib
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import numpy as np

from evonas.errors import MissingPackageError
from evonas.graph.tflite import write_tflite
from evonas.latency.devices import Device
from evonas.latency.sources.measurement import Measurement
from evonas.space import Architecture

# Runs a loaded network once.
Invoke = Callable[[], object]

# A burst is one run of a network, or as many as take this long after one that warms caches.
_BURST_SECONDS = 0.006
# Bursts that are to count, and how long to wait for them.
_WANTED = 5
_FEWEST = 2
_SECONDS = 4.0
# The reference at its fastest is this quantile of all its bursts; how much slower is undisturbed.
_FASTEST = 0.05
_UNDISTURBED = 0.05
_CALIBRATION = 40


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
        self.versions = {
            package: version(package),
            "machine": machine_name(),
            "timing": "between undisturbed references",
        }
        self._reference = _Bursts(self._load(reference))
        self._seen = [self._reference.milliseconds() for _ in range(_CALIBRATION)]

    def measure(self, architecture: Architecture) -> Measurement:
        """Returns the median time of the undisturbed bursts.

        `extras` has `reference_ms`, the reference's median time around them, by which a campaign
        carries all its measurements to one state of the machine, and `bursts`, how many count.
        `steady` is 0 where too few do: the point is to be rejected.
        """
        network = _Bursts(self._load(architecture))
        own: list[float] = []
        around = [self._reference.milliseconds()]
        quiet: list[int] = []
        end = time.monotonic() + _SECONDS
        while len(quiet) < _WANTED and (len(own) < _FEWEST or time.monotonic() < end):
            own.append(network.milliseconds())
            around.append(self._reference.milliseconds())
            quiet = self._undisturbed(around)
        self._seen += around
        counted = quiet or range(len(own))
        times = np.array([own[i] for i in counted])
        reference = np.array([(around[i], around[i + 1]) for i in counted])
        low, median, high = np.percentile(times, (25, 50, 75))
        return Measurement(
            latency_ms=float(median),
            spread=float((high - low) / median),
            extras={
                "reference_ms": float(np.median(reference)),
                "bursts": float(len(quiet)),
                "steady": float(len(quiet) >= _FEWEST),
            },
        )

    def _undisturbed(self, around: list[float]) -> list[int]:
        """Returns which gaps between the reference's bursts had it fast on both sides."""
        limit = float(np.quantile([*self._seen, *around], _FASTEST)) * (1 + _UNDISTURBED)
        slower = [max(pair) for pair in pairwise(around)]
        return [i for i, reference in enumerate(slower) if reference <= limit]


class _Bursts:
    """A loaded network that is run in bursts of a fixed number of runs."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        first = [thread_milliseconds(invoke) for _ in range(3)]
        self._runs = max(1, round(1e3 * _BURST_SECONDS / min(first)))

    def milliseconds(self) -> float:
        """Returns the median time of a burst's runs."""
        if self._runs == 1:
            return thread_milliseconds(self._invoke)
        self._invoke()
        return float(np.median([thread_milliseconds(self._invoke) for _ in range(self._runs)]))


def thread_milliseconds(invoke: Invoke) -> float:
    """Runs once; returns this thread's CPU time."""
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
    from evonas.graph.onnx import write_onnx

    return load_onnx(write_onnx(architecture))


def load_onnx(onnx: bytes) -> Invoke:
    """Loads an ONNX file into ONNX Runtime, one thread, with a random input."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingPackageError("onnxruntime", "devices") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    image = session.get_inputs()[0]
    values = np.random.default_rng(0).uniform(-1, 1, image.shape).astype(np.float32)
    return lambda: session.run(None, {image.name: values})


# Device -> the package whose version matters, and how a network is loaded.
_RUNTIMES: dict[str, tuple[str, Callable[[Architecture], Invoke]]] = {
    "cpu-xnnpack": ("ai-edge-litert", load_xnnpack),
    "host-onnxruntime": ("onnxruntime", load_onnxruntime),
}
