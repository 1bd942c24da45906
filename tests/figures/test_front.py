import numpy as np
import pytest

from evonas.figures.front import Panel, front_figure
from evonas.objectives import load_objective


def test_figure_draws_cloud_line_and_front_of_each_panel() -> None:
    pytest.importorskip("plotly")
    panel = Panel(
        x=load_objective("madds"),
        y=load_objective("map"),
        cloud=np.array([[2.0, 0.1]]),
        cloud_ids=["nano:a"],
        front=np.array([[1.0, 0.2], [3.0, 0.3]]),
        front_text=["nano:b", "nano:c"],
        line=np.array([[1.0, 0.2], [3.0, 0.3]]),
    )
    figure = front_figure([panel, panel], "a title")
    assert [trace.name for trace in figure.data[:3]] == [
        "dominated",
        "front of these two objectives",
        "Pareto front",
    ]
    assert len(figure.data) == 6
    assert list(figure.data[2].text) == ["nano:b", "nano:c"]
    assert figure.layout.yaxis.title.text == "map (AP, higher is better)"
