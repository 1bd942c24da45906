"""A device's predictor against its measurements."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import SchemaError
from evonas.latency import (
    LatencyPredictor,
    held_out,
    load_measurements,
    load_predictor,
    measurements_path,
)
from evonas.latency.predictors.adapt import CROSS_VALIDATED
from evonas.space import Op, SearchSpace

_TRAINED, _HELD_OUT = "#8a8a8a", "#D55E00"


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Measured and predicted latencies of the networks of a campaign.

    Attributes:
        predictor: What predicts.
        measured: (n,) ms.
        predicted: (n,) ms.
        held_out: (n,) whether the fit never saw the network.
        arch_ids: (n,) identifiers.
        by_op: By op the mean signed relative error of held-out networks that use it, and their
            number.
        versions: What the measurements depend on.
    """

    predictor: LatencyPredictor
    measured: Floats
    predicted: Floats
    held_out: NDArray[np.bool_]
    arch_ids: list[str]
    by_op: dict[str, tuple[float, int]]
    versions: dict[str, str]

    @property
    def relative(self) -> Floats:
        """(n,) signed errors over the measured time."""
        return (self.predicted - self.measured) / self.measured


def residuals(device: str, space: SearchSpace) -> Residuals | None:
    """Returns a device's predictions beside its measurements, None where nothing was measured.

    Raises:
        ConfigurationError: No predictor for the device and space.
        SchemaError: The measurements are damaged.
    """
    path = measurements_path(device, space)
    if not path.exists():
        return None
    measurements = load_measurements(path, space).trusted()
    if not len(measurements):
        raise SchemaError(f"{path.name}: holds no network that was measured steadily")
    predictor = load_predictor(device, space)
    predicted = predictor.predict(measurements.genotypes)
    fitted_to_all = predictor.versions.get("errors") == CROSS_VALIDATED
    mask = held_out(measurements) & (not fitted_to_all)
    relative = (predicted - measurements.latency_ms) / measurements.latency_ms
    users = op_users(space, measurements.genotypes)
    by_op = {
        name: (float(relative[mask & uses].mean()), int((mask & uses).sum()))
        for name, uses in users.items()
        if (mask & uses).any()
    }
    return Residuals(
        predictor,
        measurements.latency_ms,
        predicted,
        mask,
        space.arch_ids(measurements.genotypes),
        by_op,
        dict(measurements.versions),
    )


def op_users(space: SearchSpace, genotypes: NDArray[np.uint8]) -> dict[str, NDArray[np.bool_]]:
    """Returns by op which networks, (n,), use it in some layer."""
    genes = {slot.name: column for column, slot in enumerate(space.genes)}
    users: dict[str, NDArray[np.bool_]] = {}
    for slot in space.slots:
        for index, choice in enumerate(slot.choices):
            if isinstance(choice, Op):
                uses = users.setdefault(choice.name, np.zeros(len(genotypes), np.bool_))
                uses |= genotypes[:, genes[slot.name]] == index if slot.name in genes else True
    return users


def agreement_figure(data: Residuals) -> go.Figure:
    """Draws predicted over measured, on the diagonal where they agree."""
    figure = go.Figure()
    for name, mask, colour, symbol in (
        ("fitted to", ~data.held_out, _TRAINED, "circle-open"),
        ("held out", data.held_out, _HELD_OUT, "diamond"),
    ):
        figure.add_trace(
            go.Scatter(
                x=data.measured[mask].astype(np.float32),
                y=data.predicted[mask].astype(np.float32),
                text=[a for a, chosen in zip(data.arch_ids, mask, strict=True) if chosen],
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.7},
                name=f"{name} ({int(mask.sum())})",
                hovertemplate="%{text}<br>measured %{x:.4g} ms, predicted %{y:.4g} ms"
                "<extra></extra>",
            )
        )
    ends = np.array([data.measured.min(), data.measured.max()])
    for factor, dash in ((1.0, "solid"), (1.05, "dot"), (0.95, "dot")):
        line = {"color": "#0072B2", "width": 1, "dash": dash}
        name = "equal" if factor == 1 else "5 % off"
        figure.add_trace(
            go.Scatter(
                x=ends,
                y=ends * factor,
                mode="lines",
                line=line,
                name=name,
                hoverinfo="skip",
                showlegend=factor >= 1,
            )
        )
    figure.update_layout(
        xaxis={"title": "measured (ms)", "type": "log"},
        yaxis={"title": "predicted (ms)", "type": "log"},
        height=420,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def ops_figure(data: Residuals) -> go.Figure:
    """Draws the mean error of held-out networks that use each op."""
    names = sorted(data.by_op)
    errors = [data.by_op[name][0] for name in names]
    figure = go.Figure(
        go.Bar(
            x=errors,
            y=names,
            orientation="h",
            marker={"color": "#0072B2"},
            customdata=[data.by_op[name][1] for name in names],
            hovertemplate="%{y}: %{x:+.2%} over %{customdata} networks<extra></extra>",
        )
    )
    reach = max(0.02, *(abs(error) * 1.2 for error in errors)) if errors else 0.02
    figure.update_layout(
        xaxis={
            "title": "mean error (right: too slow)",
            "tickformat": "+.1%",
            "range": [-reach, reach],
        },
        yaxis={"autorange": "reversed"},
        height=420,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
    )
    return figure
