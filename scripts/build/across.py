"""The models over all spaces: networks of random spaces are measured, then fitted to.

    python -m scripts.build.across measure ethos-u55-256 runs/across/ethos-u55-256.jsonl --count 420
    python -m scripts.build.across fit ethos-u55-256 \
        benchmark_data/latency/ethos-u55-256.across.jsonl.gz benchmark_data

A file that is there already is gone on with. Of a compiler every operation's time is known; of a
runtime, which should have a quiet machine, that of the whole network.
"""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import typer

from evonas.errors import EvonasError
from evonas.graph.network import detector_graph
from evonas.graph.tflite import write_tflite
from evonas.latency import load_device
from evonas.latency.campaigns.campaign import reference_architecture
from evonas.latency.predictors.across import save_across
from evonas.latency.predictors.across_fit import NetworkTimes, fit_across
from evonas.latency.predictors.operations import Operation, operations
from evonas.latency.sources.ethos import EthosSource, _Table
from evonas.latency.sources.load import open_source
from evonas.latency.sources.runtimes import RuntimeSource
from evonas.space import Architecture, load_space
from scripts.build.across_spaces import random_networks

app = typer.Typer()

# By kind of source: networks of a space, and the multiply-adds that are too many.
_PER_SPACE = {"compiler": 6, "measured": 3}
_MOST_MADDS = {"compiler": 4e9, "measured": 2.5e9}


@app.command()
def measure(device: str, out: Path, count: int = 420, seed: int = 11) -> None:
    """Measures networks; the order is mixed, so that a part of them is of all kinds, too."""
    known = load_device(device)
    source = open_source(known, load_space("nano"))
    if isinstance(source, RuntimeSource):
        source = RuntimeSource(known, reference_architecture(load_space("nano")))
    limits = _PER_SPACE[known.source], _MOST_MADDS[known.source]
    networks = list(random_networks(count, seed, *limits))
    order = np.random.default_rng(1).permutation(count)
    done = len(out.read_text().splitlines()) if out.exists() else 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a") as file:
        for place in order[done:]:
            number, architecture = networks[place]
            row: dict[str, Any] = {"space": number, "image": architecture.skeleton.image_size}
            start = time.perf_counter()
            try:
                row |= _measured(source, architecture)
            except EvonasError as error:
                row |= {"failed": str(error)}
            file.write(json.dumps(row | {"seconds": round(time.perf_counter() - start, 2)}) + "\n")
            file.flush()


@app.command()
def fit(device: str, rows: Path, data_dir: Path) -> None:
    """Fits a model, prints its errors in spaces left out, and writes it."""
    known = load_device(device)
    source = open_source(known, load_space("nano"))
    networks = list(read_networks(rows))
    model = fit_across(device, known.source, networks, source.versions)
    print(json.dumps(dict(model.accuracy)))
    print(save_across(model, data_dir))


def read_networks(path: Path) -> Iterator[NetworkTimes]:
    """Yields the networks of a file; times of a disturbed machine are left out, others corrected.

    Measured times are carried to the reference's median time, as in a campaign.
    """
    content = path.read_bytes()
    text = gzip.decompress(content) if path.suffix == ".gz" else content
    rows = [json.loads(line) for line in text.decode().splitlines()]
    rows = [row for row in rows if "ms" in row and row.get("steady", 1)]
    references = [row["reference_ms"] for row in rows if "reference_ms" in row]
    usual = float(np.median(references)) if references else 1.0
    for row in rows:
        found = tuple(Operation(*values) for values in row["operations"])
        milliseconds = row["ms"] * usual / row.get("reference_ms", usual)
        times = np.array(row["times"]) if "times" in row else None
        yield NetworkTimes(row["space"], found, milliseconds, times)


def _measured(source: Any, architecture: Architecture) -> dict[str, Any]:
    nodes = detector_graph(architecture).nodes
    found = [astuple(op) for op in operations(nodes)]
    if not isinstance(source, EthosSource):
        measured = source.measure(architecture)
        figures = {"ms": measured.latency_ms, "spread": measured.spread, **measured.extras}
        return {**figures, "operations": found}
    compiled = source._compile(write_tflite(architecture, "int8"))
    table, per_cycle = _Table(compiled.opt_database, "perf"), 1e3 / source.npu.clock_hz
    by_name = dict.fromkeys((node.name for node in nodes), 0.0)
    for name, cycles in zip(table["name"], table["op_cycles"], strict=True):
        tensor = name if name in by_name else name.partition("_intermediate")[0]
        by_name[tensor] += per_cycle * float(cycles)
    times: list[float] = []
    for node in nodes:  # an activation is one with its convolution; see `operations`
        if node.kind in ("hard_swish", "logistic"):
            times[-1] += by_name[node.name]
        else:
            times.append(by_name[node.name])
    total = per_cycle * compiled.perf_report.totalCycles
    return {"ms": total, "operations": found, "times": times}


if __name__ == "__main__":
    app()
