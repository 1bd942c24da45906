"""How a search goes: hypervolume over evaluations, and its figures in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from evonas.figures.palette import BLUE


@dataclass(frozen=True, slots=True)
class Course:
    """How far a search is.

    Attributes:
        evaluated: Networks evaluated, by generation.
        hypervolume: Of the front, by generation.
        generation: Generations done.
        generations: Generations asked for.
        per_second: Networks evaluated a second.
        seconds_left: Estimate of the time to its end.
    """

    evaluated: list[float]
    hypervolume: list[float]
    generation: int = 0
    generations: int = 0
    per_second: float = 0.0
    seconds_left: float = 0.0


def course(progress: Sequence[dict[str, float]]) -> Course:
    """Returns how far a search is, from the lines of its `progress.jsonl`.

    >>> course([{"generation": 1, "generations": 4, "evaluated": 8, "hypervolume": 2.0,
    ...          "seconds": 4.0, "seconds_left": 12.0}]).per_second
    2.0
    """
    if not progress:
        return Course([], [])
    last_of = {int(line["generation"]): line for line in progress if line["generation"] > 0}
    last = progress[-1]
    return Course(
        [line["evaluated"] for line in last_of.values()],
        [line["hypervolume"] for line in last_of.values()],
        int(last["generation"]),
        int(last["generations"]),
        last["evaluated"] / last["seconds"] if last["seconds"] > 0 else 0.0,
        last["seconds_left"],
    )


def course_figure(data: Course) -> go.Figure:
    """Draws the hypervolume as it grew."""
    figure = go.Figure(
        go.Scatter(
            x=data.evaluated,
            y=data.hypervolume,
            mode="lines+markers",
            line={"shape": "hv", "color": BLUE},
            hovertemplate="%{y:.5g} after %{x} networks<extra></extra>",
        )
    )
    figure.update_layout(
        xaxis_title="networks evaluated",
        yaxis_title="hypervolume (higher is better)",
        height=300,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        uirevision="course",
    )
    return figure
