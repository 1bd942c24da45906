"""Predicted against measured times of a device, as data and as a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from evonas.latency import LatencyPredictor, Measurements


def errors_data(predictor: "LatencyPredictor", test: "Measurements") -> dict[str, Any]:
    """Returns `measured`, `predicted` (ms), `error` (fraction) and `arch_id`, (n,) each."""
    predicted = predictor.predict(test.genotypes)
    return {
        "title": f"{predictor.device}, {predictor.space.name}: {len(test)} networks not fitted to",
        "arch_id": test.space.arch_ids(test.genotypes),
        "measured": test.latency_ms,
        "predicted": predicted,
        "error": predicted / test.latency_ms - 1,
    }


def errors_figure(data: dict[str, Any]) -> Any:
    """Draws the networks with a band of 5 and of 10 %; returns a Plotly figure.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    try:
        from plotly import graph_objects
    except ImportError:
        from evonas.errors import MissingPackageError

        raise MissingPackageError("plotly", "app") from None
    ends = np.array([data["measured"].min(), data["measured"].max()])
    figure = graph_objects.Figure()
    for share in (0.10, 0.05):
        figure.add_scatter(
            x=[*ends, *ends[::-1]],
            y=[*(ends * (1 + share)), *(ends[::-1] * (1 - share))],
            fill="toself",
            mode="none",
            fillcolor="rgba(31, 119, 180, 0.15)",
            name=f"within {share:.0%}",
        )
    figure.add_scatter(
        x=data["measured"],
        y=data["predicted"],
        mode="markers",
        name="networks",
        text=[f"{a}<br>{e:+.1%}" for a, e in zip(data["arch_id"], data["error"], strict=True)],
    )
    figure.update_layout(title=data["title"], template="plotly_white")
    figure.update_xaxes(title="measured, ms", type="log")
    figure.update_yaxes(title="predicted, ms", type="log")
    return figure
