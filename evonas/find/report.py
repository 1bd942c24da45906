"""One HTML file: the choice, the front, AP with its interval, latency, cost and the commands."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from evonas.durations import show_seconds
from evonas.errors import SchemaError
from evonas.figures.page import charts, heading, page, paragraph, table
from evonas.figures.svg import Chart, Line, legend
from evonas.files import read_json, write_atomically
from evonas.find.progress import read_progress
from evonas.find.spec import FindSpec, read_plan
from evonas.find.stages import chosen_run, evaluations, read_front, trained_runs
from evonas.latency import load_device
from evonas.retraining import RunFolder

_HEADINGS = ["network", "AP by the supernet", "AP trained", "ms, predicted", "ms, measured"]
_HOW = {"compiler": "by its compiler's estimate"}


def write_report(spec: FindSpec, out: Path) -> Path:
    """Writes the report of a find that is done.

    Raises:
        SchemaError: A file of the folder is missing or damaged.
    """
    try:
        content = _content(spec, out)
    except (KeyError, TypeError, ValueError, IndexError, OSError) as error:
        raise SchemaError(f"{out}: a file of the find is damaged ({error!r})") from error
    path = out / "report.html"
    write_atomically(path, content.encode())
    return path


def summary(spec: FindSpec, out: Path) -> dict[str, Any]:
    """Returns what was found as JSON values.

    Raises:
        EvonasError: It is not done.
    """
    run = chosen_run(spec, out)
    arch_id = RunFolder(run).request().architecture
    [row] = [row for row in read_front(out) if row["arch_id"] == arch_id]
    found = {name: read_json(path, "AP") for name, path in evaluations(spec, out).items()}
    measured = f"measured:{spec.device}"
    return {
        "arch_id": arch_id,
        "device": spec.device,
        "latency_predicted_ms": float(row[spec.latency]),
        "latency_measured_ms": float(row[measured]) if row.get(measured) else None,
        "conditions": spec.conditions(),
        "ap": {
            name: {k: values[k] for k in ("split", "images", "map", "map50", "intervals")}
            for name, values in found.items()
        },
        "files": str(out / "files"),
    }


def _content(spec: FindSpec, out: Path) -> str:
    found = summary(spec, out)
    parts = [
        paragraph(_sentence(spec, found)),
        heading("How good it is"),
        table(["file", "split", "images", "AP", "95 %", "AP50", "95 %"], _ap_rows(found), left=2),
        paragraph(
            "Intervals are a bootstrap over images. The network was chosen by its AP on the "
            "validation split; where the split above is that one, expect a little less on new "
            "images.",
            note=True,
        ),
        heading("What there was to choose from"),
        charts([_front_chart(spec, out, found["arch_id"])]),
        legend(["network of the front", "trained", "chosen"]),
        table(_HEADINGS, _network_rows(spec, out)),
        heading("How the networks were trained"),
        charts([_training_chart(spec, out)]),
        paragraph(
            "Colours as above. Where a curve still rises at its end, more hours make a better "
            "network.",
            note=True,
        ),
        heading("What it cost"),
        table(["stage", "told before", "took"], _cost_rows(out)),
        heading("The commands"),
        f"<pre class='scroll'>{escape((out / 'commands.txt').read_text())}</pre>",
    ]  # fmt: skip
    return page(f"A detector for {spec.data.name} on {spec.device}", parts)


def _sentence(spec: FindSpec, found: Mapping[str, Any]) -> str:
    ap = next(iter(found["ap"].values()))
    low, high = ap["intervals"]["map50"]
    ms, how = found["latency_measured_ms"], _HOW.get(load_device(spec.device).source, "measured")
    if ms is None:
        ms, how = found["latency_predicted_ms"], "as predicted"
    wanted = " and ".join(found["conditions"]) or "no condition"
    return (
        f"{found['arch_id']} has AP50 {ap['map50']:.3f} ({low:.3f} to {high:.3f}) on the split "
        f"{ap['split']} and takes {ms:.3g} ms on {spec.device}, {how}; asked for: {wanted}. Its "
        f"files are in {found['files']}."
    )


def _ap_rows(found: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for name, values in found["ap"].items():
        ends = values["intervals"]
        between = {k: f"{ends[k][0]:.3f} to {ends[k][1]:.3f}" for k in ("map", "map50")}
        rows.append([
            name, values["split"], str(values["images"]), f"{values['map']:.4f}", between["map"],
            f"{values['map50']:.4f}", between["map50"],
        ])  # fmt: skip
    return rows


def _trained(spec: FindSpec, out: Path) -> dict[str, float]:
    """Returns AP on the validation split of each trained network."""
    runs = [RunFolder(folder) for folder in trained_runs(spec, out)]
    return {
        run.request().architecture: float(run.read_metrics()["val"]["map"] or 0.0) for run in runs
    }


def _front_chart(spec: FindSpec, out: Path, chosen: str) -> str:
    """AP is the supernet's throughout: what training made of it is another scale, in the table."""
    front, trained = read_front(out), _trained(spec, out)
    front.sort(key=lambda row: float(row[spec.latency]))
    ms = np.array([float(row[spec.latency]) for row in front])
    ap = np.array([float(row["map"]) for row in front])
    names = [row["arch_id"] for row in front]
    done = [names.index(name) for name in trained if name in names]
    one = [names.index(chosen)]
    lines = [
        Line("network of the front", ms, ap, 0, steps=True),
        Line("network of the front", ms, ap, 0, dots=True),
        Line("trained", ms[done], ap[done], 1, dots=True),
        Line("chosen", ms[one], ap[one], 2, dots=True),
    ]
    x = f"ms on {spec.device}, predicted"
    return Chart("Front of the search", x, "AP by the supernet", lines, size=(640, 380)).svg()


def _training_chart(spec: FindSpec, out: Path) -> str:
    lines, chosen = [], chosen_run(spec, out)
    for folder in trained_runs(spec, out):
        looks = [row for row in RunFolder(folder).read_curves() if row.get("map50") is not None]
        steps = np.array([float(row["step"]) for row in looks])
        ap50 = np.array([float(row["map50"]) for row in looks])
        name, style = ("chosen", 2) if folder == chosen else ("trained", 1)
        lines += [Line(name, steps, ap50, style, dots=dots) for dots in (False, True)]
    x = "steps, from the weights of the supernet"
    return Chart("AP50 on the validation split", x, "AP50", lines, size=(640, 300)).svg()


def _network_rows(spec: FindSpec, out: Path) -> list[list[str]]:
    trained = _trained(spec, out)
    rows = []
    for row in sorted(read_front(out), key=lambda row: -float(row["map"])):
        ap, ms = trained.get(row["arch_id"]), row.get(f"measured:{spec.device}")
        rows.append([
            row["arch_id"], f"{float(row['map']):.4f}", "" if ap is None else f"{ap:.4f}",
            f"{float(row[spec.latency]):.3f}", f"{float(ms):.3f}" if ms else "",
        ])  # fmt: skip
    return rows


def _cost_rows(out: Path) -> list[list[str]]:
    told = read_plan(out).seconds
    took = read_progress(out).took
    rows = [
        [name, show_seconds(told[name]) if name in told else "", show_seconds(seconds)]
        for name, seconds in took.items()
    ]
    total = [show_seconds(sum(told.values())), show_seconds(sum(took.values()))]
    return [*rows, ["all", *total]]
