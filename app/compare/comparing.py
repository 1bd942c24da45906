"""Designs side by side: what differs, and their objectives on one scale."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from app.shared.designs import computed
from app.shared.front import objectives_of
from evonas.figures.palette import SERIES
from evonas.objectives import Objective, load_objective
from evonas.space import Design
from evonas.table import BenchmarkTable

MOST = 6
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "x")  # beside the colours

Values = dict[str, dict[str, float]]  # by objective, by arch_id


def differences(designs: Sequence[Design]) -> list[dict[str, str]]:
    """Returns a row for the stem, each block's width and each layer, with every design's choice.

    The row says in `differs` whether the designs are not of one mind.
    """
    chosen = [_choices(design) for design in designs]
    parts = sorted({part for choices in chosen for part in choices})
    rows = []
    for part in parts:
        values = [choices.get(part, "") for choices in chosen]
        row = {"part": part[2]} | {
            d.arch_id or d.name: value for d, value in zip(designs, values, strict=True)
        }
        rows.append(row | {"differs": "yes" if len(set(values)) > 1 else ""})
    return rows


def _choices(design: Design) -> dict[tuple[int, int, str], str]:
    """By block, layer and label what the design has there."""
    found = {(0, 0, "stem width"): f"{design.architecture.stem}"}
    for number, block in enumerate(design.architecture.blocks, start=1):
        found[number, 0, f"block {number} width"] = f"{block.width}"
        for layer, op in enumerate(block.ops, start=1):
            found[number, layer, f"block {number} layer {layer}"] = op.name
    return found


def objective_values(
    designs: Sequence[Design],
    tables: Mapping[str, BenchmarkTable],
    trained: Mapping[str, Mapping[str, float]] | None = None,
) -> Values:
    """Returns what is known of each design: counted, predicted, or the first table's value.

    Args:
        designs: The designs.
        tables: Tables by name.
        trained: AP of those that were trained here, by `arch_id` and by data, steps and seed.
    """
    values: Values = {}
    for design in designs:
        if design.space is None or design.genotype is None or design.arch_id is None:
            continue
        genotypes = design.genotype[None]
        found = computed(design.space, genotypes)
        known = {name: float(v[0]) for name, v in found.items() if np.isfinite(v[0])}
        known |= (trained or {}).get(design.arch_id, {})
        for table in tables.values():
            if design.space.name not in table.spaces:
                continue
            names = objectives_of(table, design.space.name)
            for name, value in table.lookup(genotypes, names, design.space).items():
                if np.isfinite(value[0]):
                    known.setdefault(name, float(value[0]))
        for name, number in known.items():
            values.setdefault(name, {})[design.arch_id] = number
    return values


def show_value(name: str, value: float) -> str:
    """Returns a value with its unit.

    >>> show_value("madds", 18_179_200.0), show_value("latency:edge-gpu", 0.19293)
    ('18.18 M', '0.1929 ms')
    """
    objective = _objective(name)
    if objective.unit == "bytes":
        return f"{value / 1e3:,.4g} kB"
    if not objective.maximise and objective.unit != "ms":
        return f"{value / 1e6:.4g} M"
    return f"{value:.4g} {objective.unit}"


def _objective(name: str) -> Objective:
    """The objective that a row is about; of a training here, behind it stands of which one."""
    return load_objective(name.partition(" (")[0])


def is_trained_here(name: str) -> bool:
    """Returns whether an objective is the AP of a training of this app."""
    return name.startswith("trained_map (")


def comparable(values: Values) -> Values:
    """Returns what at least two designs have, but for what was trained here.

    A single value would read as the best of all; a training of a few steps would stretch the
    picture.

    >>> comparable({"map": {"a": 0.5}, "params": {"a": 1.0, "b": 2.0}})
    {'params': {'a': 1.0, 'b': 2.0}}
    """
    return {
        name: by_design
        for name, by_design in values.items()
        if len(by_design) > 1 and not is_trained_here(name)
    }


def normalised(values: Values) -> Values:
    """Returns each objective as a share of the best design's: 1 is best, less is worse.

    >>> normalised({"latency:d": {"a": 2.0, "b": 4.0}})
    {'latency:d': {'a': 1.0, 'b': 0.5}}
    """
    shares: Values = {}
    for name, by_design in values.items():
        maximise = _objective(name).maximise
        best = max(by_design.values()) if maximise else min(by_design.values())
        if best > 0:
            shares[name] = {
                arch_id: value / best if maximise else best / value
                for arch_id, value in by_design.items()
            }
    return shares


def normalised_figure(shares: Values, arch_ids: Sequence[str]) -> go.Figure:
    """Draws one row per objective and one point per design; right is better."""
    figure = go.Figure()
    names = list(shares)
    for arch_id, (colour, symbol) in zip(
        arch_ids, zip(SERIES, _SYMBOLS, strict=True), strict=False
    ):
        known = [name for name in names if arch_id in shares[name]]
        figure.add_trace(
            go.Scatter(
                x=[shares[name][arch_id] for name in known],
                y=known,
                mode="markers",
                name=arch_id,
                marker={"color": colour, "symbol": symbol, "size": 12},
                hovertemplate="%{y}: %{x:.0%} of the best<extra>" + arch_id + "</extra>",
            )
        )
    figure.update_layout(
        height=120 + 36 * len(names),
        xaxis={"title": "share of the best (right is better)", "tickformat": ".0%"},
        yaxis={"autorange": "reversed"},
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure
