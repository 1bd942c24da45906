import numpy as np
import pytest

from evonas.cli import main
from evonas.figures.devices import errors_data, errors_figure
from evonas.latency import unseen_networks
from evonas.space import load_space

pytest.importorskip("plotly")
U55 = "ethos-u55-256"


def test_every_measured_network_is_of_one_group_and_drawn_once():
    data = errors_data(U55, load_space("nano"))
    np.testing.assert_array_equal(sum(mask.astype(int) for mask in data.groups.values()), 1)
    drawn = [trace for trace in errors_figure(data).data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in drawn) == len(data.measured)
    for on, group in (("random", "held out"), ("front", "of a front")):
        if data.groups[group].any():
            _, test = unseen_networks(U55, "nano", on=on)
            assert int(data.groups[group].sum()) == len(test)


def test_the_command_draws_the_picture_of_the_app(tmp_path):
    path = tmp_path / "u55.html"
    assert main(["device", "evaluate", "--device", U55, "--picture", str(path)]) == 0
    page = path.read_text()
    for trace in errors_figure(errors_data(U55, load_space("nano"))).data:
        assert trace.name in page
