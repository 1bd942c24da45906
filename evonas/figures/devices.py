"""A device's predicted latencies against its measured ones, as data and as pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.errors import MissingPackageError, SchemaError
from evonas.figures.palette import BLUE, GREEN, GREY, VERMILION, shade
from evonas.latency import (
    LatencyPredictor,
    held_out,
    load_measurements,
    load_predictor,
    measurements_path,
)
from evonas.latency.predictors.adapt import CROSS_VALIDATED
from evonas.latency.store import ROLES
from evonas.space import Op, SearchSpace

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_STYLES = {
    "fitted to": (GREY, "circle-open"),
    "held out": (VERMILION, "diamond"),
    "of a front": (GREEN, "square-open"),
}
_BANDS = (0.10, 0.05)  # of the measured time


@dataclass(frozen=True, slots=True, eq=False)
class DeviceErrors:
    """Measured and predicted latencies of the networks of a campaign.

    Attributes:
        predictor: What predicts.
        measured: (n,) ms.
        predicted: (n,) ms.
        groups: By name (n,) which networks: fitted to, held out of the fit, or measured because
            a search ended with them, and not fitted to either.
        arch_ids: (n,) identifiers.
        by_op: By op the mean signed relative error of held-out networks that use it, and their
            number.
        versions: What the measurements depend on.
    """

    predictor: LatencyPredictor
    measured: Floats
    predicted: Floats
    groups: Mapping[str, NDArray[np.bool_]]
    arch_ids: list[str]
    by_op: dict[str, tuple[float, int]]
    versions: dict[str, str]

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """(n,) whether a network was held out of the fit."""
        return self.groups["held out"]

    @property
    def relative(self) -> Floats:
        """(n,) signed errors over the measured time."""
        return (self.predicted - self.measured) / self.measured


def errors_data(
    device: str, space: SearchSpace, data_dir: Path | str | None = None
) -> DeviceErrors | None:
    """Returns a device's predictions beside its measurements, None where nothing was measured.

    Raises:
        ConfigurationError: No predictor for the device and space.
        SchemaError: The measurements are damaged.
    """
    path = measurements_path(device, space, data_dir)
    if not path.exists():
        return None
    measurements = load_measurements(path, space).trusted()
    if not len(measurements):
        raise SchemaError(f"{path.name}: holds no network that was measured steadily")
    predictor = load_predictor(device, space, data_dir)
    predicted = predictor.predict(measurements.genotypes)
    relative = (predicted - measurements.latency_ms) / measurements.latency_ms
    fitted_to_all = predictor.versions.get("errors") == CROSS_VALIDATED
    unseen = held_out(measurements) & (not fitted_to_all)
    of_front = (measurements.columns["role"] == ROLES.index("front")) & (not fitted_to_all)
    users = op_users(space, measurements.genotypes)
    return DeviceErrors(
        predictor,
        measurements.latency_ms,
        predicted,
        {"fitted to": ~unseen & ~of_front, "held out": unseen, "of a front": of_front},
        space.arch_ids(measurements.genotypes),
        {
            name: (float(relative[unseen & uses].mean()), int((unseen & uses).sum()))
            for name, uses in users.items()
            if (unseen & uses).any()
        },
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


def errors_figure(data: DeviceErrors) -> "Figure":
    """Draws predicted over measured, with a band of 5 and of 10 % about where they agree.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError:
        raise MissingPackageError("plotly", "app") from None
    ends = np.array([data.measured.min(), data.measured.max()])
    figure = Figure()
    for share in _BANDS:
        figure.add_scatter(
            x=[*ends, *ends[::-1]],
            y=[*(ends * (1 + share)), *(ends[::-1] * (1 - share))],
            fill="toself",
            mode="none",
            fillcolor=shade(BLUE, 0.15),
            hoverinfo="skip",
            name=f"within {share:.0%}",
        )
    for name, mask in data.groups.items():
        if not mask.any():
            continue
        colour, symbol = _STYLES[name]
        rows = np.flatnonzero(mask)
        figure.add_scatter(
            x=data.measured[rows].astype(np.float32),
            y=data.predicted[rows].astype(np.float32),
            text=[f"{data.arch_ids[row]}<br>{data.relative[row]:+.1%}" for row in rows],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 6, "opacity": 0.7},
            name=f"{name} ({len(rows)})",
            hovertemplate="%{text}<br>measured %{x:.4g} ms, predicted %{y:.4g} ms<extra></extra>",
        )
    figure.update_layout(
        xaxis={"title": "measured (ms)", "type": "log"},
        yaxis={"title": "predicted (ms)", "type": "log"},
        height=420,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


def ops_figure(data: DeviceErrors) -> "Figure":
    """Draws the mean error of held-out networks that use each op.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Bar, Figure
    except ImportError:
        raise MissingPackageError("plotly", "app") from None
    names = sorted(data.by_op)
    errors = [data.by_op[name][0] for name in names]
    figure = Figure(
        Bar(
            x=errors,
            y=names,
            orientation="h",
            marker={"color": BLUE},
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
