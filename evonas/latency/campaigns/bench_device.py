#!/usr/bin/env python3
"""Measures the networks of this folder on the board at hand and fills results.csv.

`evonas device export-samples` puts this file beside them. It needs Python 3.9 with LiteRT
(ai-edge-litert, tflite-runtime or tensorflow) or ONNX Runtime, and nothing of evonas:

    python3 bench_device.py --threads 1

Beside a network's median time it writes the quartiles (`low`, `high`) and number of its `bursts`,
the time of the `reference` network between them, how the board was set, and its state. Stopped at
any moment and run again, it goes on with what is not measured yet. Then take results.csv back:
`evonas device import results.csv --device NAME --space SPACE`.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import glob
import importlib
import io
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Row = dict[str, str]
Invoke = Callable[[], object]

_LITERT = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite")
_BURST_MS = 6.0
_FEWEST, _MOST = 10, 2000
_SLOWER = 1.15


class BenchError(Exception):
    """What the user can mend."""


def main(arguments: list[str] | None = None) -> int:
    """Measures what results.csv lacks; returns the exit code."""
    options = _options(arguments)
    try:
        _bench(options)
    except BenchError as error:
        _say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from here")
        return 130
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runtime", choices=["auto", "litert", "onnxruntime"], default="auto")
    parser.add_argument("--threads", type=int, default=1, help="threads of a network; default 1")
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.0,
        help="for a network; default 1, and 10 bursts at least",
    )
    parser.add_argument("--rest", type=float, default=0.0, help="seconds to cool before each")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent)
    return parser.parse_args(arguments)


def _bench(options: argparse.Namespace) -> None:
    known = 1 <= options.threads <= 256 and 0 < options.seconds <= 3600
    if not (known and 0 <= options.rest <= 3600):
        raise BenchError("--threads is 1 to 256, --seconds above 0 and --rest from 0, up to 3600")
    path = options.folder / "results.csv"
    rows = read_rows(path)
    name, kind, read = _runtime(options)
    settings = {"runtime": name, "threads": str(options.threads), "machine": machine()}
    _refuse_to_mix(rows, settings)
    left = [row for row in rows if not row["latency"]]
    _say(f"{name}, {options.threads} thread(s), {settings['machine']}: {len(left)} of {len(rows)}")
    if not left:
        return

    def load(row: Row) -> Bursts:
        return Bursts(_loaded(read, options.folder / kind / f"{row['file']}.{kind}"))

    reference = load(rows[0])
    fastest = min(reference.milliseconds() for _ in range(_FEWEST))
    slow = 0
    for number, row in enumerate(left, start=1):
        time.sleep(options.rest)
        times, around = alternate(load(row), reference, options.seconds)
        low, median, high = (f"{time_ms:.6g}" for time_ms in statistics.quantiles(times, n=4))
        beside = statistics.median(around)
        fastest = min(fastest, *around)
        slow += beside > _SLOWER * fastest
        row |= {"latency": median, "unit": "ms", "low": low, "high": high}
        row |= {"bursts": str(len(times)), "reference": f"{beside:.6g}", **settings, **state()}
        write_rows(path, rows)
        _say(
            f"{number}/{len(left)} {row['file']} {median} ms ({low} to {high}), "
            f"reference {beside / fastest:.2f} of its fastest, {row['temperature_c'] or '?'} C"
        )
    if slow:
        _say(
            f"{slow} of {len(left)} networks ran while the reference was more than "
            f"{_SLOWER - 1:.0%} slower than at its fastest: the board was hot or busy. `import` "
            "corrects for it; --rest SECONDS lets it cool"
        )


def alternate(
    network: Bursts, reference: Bursts, seconds: float
) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of a network's bursts and of the reference's between them."""
    times: list[float] = []
    around: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < _FEWEST or (time.perf_counter() < end and len(times) < _MOST):
        times.append(network.milliseconds())
        around.append(reference.milliseconds())
    return times, around


class Bursts:
    """A loaded network that is run in bursts: one run, or several after one that warms caches."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke
        first = min(self._once() for _ in range(3))
        self._runs = max(1, round(_BURST_MS / first))

    def milliseconds(self) -> float:
        """Returns the median time of a burst's runs."""
        if self._runs > 1:
            self._invoke()
        return statistics.median(self._once() for _ in range(self._runs))

    def _once(self) -> float:
        start = time.perf_counter()
        self._invoke()
        return 1e3 * (time.perf_counter() - start)


def read_rows(path: Path) -> list[Row]:
    """Returns the rows of results.csv."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: cannot be read: {error}") from None
    reader = csv.DictReader(io.StringIO(text))
    columns = ("arch_id", "file", "latency", "unit")
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise BenchError(f"{path}: no column {', '.join(missing)}: not a file of export-samples")
    rows = [{name: (row.get(name) or "") for name in row if name} for row in reader]
    if not rows:
        raise BenchError(f"{path}: has no networks")
    return rows


def write_rows(path: Path, rows: list[Row]) -> None:
    """Writes results.csv so that a reader, or a kill, finds the old one or the new one."""
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    unfinished = path.with_name(f".{path.name}.partial")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise BenchError(f"{path}: cannot be written: {error}") from None


def _refuse_to_mix(rows: list[Row], settings: Row) -> None:
    for row in rows:
        for name, here in settings.items():
            there = row.get(name, "")
            if row["latency"] and there and there != here:
                raise BenchError(
                    f"results.csv has networks measured with {name} {there}, this is {here}: "
                    "figures of both do not mix; go on as before, or begin with an empty copy"
                )


def _runtime(options: argparse.Namespace) -> tuple[str, str, Callable[[str], Invoke]]:
    """Returns a runtime's name with its version, its kind of file, and what loads one."""
    tried = []
    if options.runtime in ("auto", "litert"):
        for name in _LITERT:
            with contextlib.suppress(ImportError):
                module, package = importlib.import_module(name), name.partition(".")[0]
                version = getattr(importlib.import_module(package), "__version__", "")
                label = f"{package} {version}".strip()
                return label, "tflite", partial(_load_litert, module, options)
        tried.append("LiteRT (pip install ai-edge-litert)")
    if options.runtime in ("auto", "onnxruntime"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module("onnxruntime")
            label = f"onnxruntime {module.__version__}"
            return label, "onnx", partial(_load_onnx, module, options)
        tried.append("ONNX Runtime (pip install onnxruntime)")
    raise BenchError(f"there is no {' and no '.join(tried)} here")


def _loaded(read: Callable[[str], Invoke], path: Path) -> Invoke:
    if not path.is_file():
        raise BenchError(f"{path}: no such file; copy the whole folder of export-samples")
    try:
        return read(str(path))
    except Exception as error:  # each runtime has its own
        raise BenchError(f"{path}: cannot be run: {error}") from error


def _load_litert(module: Any, options: argparse.Namespace, path: str) -> Invoke:
    import numpy as np

    interpreter = module.Interpreter(model_path=path, num_threads=options.threads)
    interpreter.allocate_tensors()
    image = interpreter.get_input_details()[0]
    values = np.random.default_rng(0).uniform(-1, 1, image["shape"])
    whole = np.issubdtype(image["dtype"], np.integer)
    scaled = (127 * values if whole else values).astype(image["dtype"])
    interpreter.set_tensor(image["index"], scaled)
    invoke: Invoke = interpreter.invoke
    return invoke


def _load_onnx(module: Any, options: argparse.Namespace, path: str) -> Invoke:
    import numpy as np

    given = module.SessionOptions()
    given.intra_op_num_threads, given.inter_op_num_threads = options.threads, 1
    session = module.InferenceSession(path, given, providers=["CPUExecutionProvider"])
    image = session.get_inputs()[0]
    values = np.random.default_rng(0).uniform(-1, 1, image.shape).astype(np.float32)
    return lambda: session.run(None, {image.name: values})


def state() -> Row:
    """Returns the hottest sensor in degrees Celsius and the clock's governor; empty if unknown."""
    heats = [_text(path) for path in glob.glob("/sys/class/thermal/thermal_zone*/temp")]
    celsius = [int(text) / 1000 for text in heats if text.lstrip("-").isdigit()]
    files = glob.glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    governors = sorted({_text(path) for path in files} - {""})
    hottest = f"{max(celsius):.1f}" if celsius else ""
    return {"temperature_c": hottest, "governor": " ".join(governors)}


def machine() -> str:
    """Returns the board's name, or its processor's."""
    name = _text("/sys/firmware/devicetree/base/model").strip("\0")
    if name:
        return name
    for line in _text("/proc/cpuinfo").splitlines():
        if line.startswith(("model name", "Hardware")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
