"""The line of Explore that names the best network on each device."""

import html
import re
from urllib.parse import parse_qs

import numpy as np
import pytest

from app.explore.every_device import best_within, round_limit
from evonas.table import open_table
from tests.app.conftest import SPACE, add_own_device, metrics

PREDICTED = {"source": "predicted"}


def with_devices(folder):
    """Adds two devices to the table: on one the accurate networks are slow, on one they are not."""
    table = open_table(folder / "table")
    genotypes, n = table.genotypes("nano"), len(table.genotypes("nano"))
    latencies = {
        "latency:slow": np.linspace(0.2, 2.0, n),
        "latency:fast": np.linspace(0.9, 0.5, n),
    }
    table.append(SPACE, genotypes, latencies, provenance=PREDICTED)


def line(at) -> str:
    [found] = [each.proto.body for each in at.get("html") if "Best within" in each.proto.body]
    return found


def cells(at) -> dict[str, tuple[str, str, str, dict[str, list[str]]]]:
    """Returns identifier, AP, ms and the link's address by device."""
    pattern = r'<div>([\w-]+)<br><b>([\d.]+) AP</b>, ([\d.]+) ms<br><a href="\?(.*?)"><code>(.*?)<'
    return {
        device: (arch_id, ap, ms, parse_qs(html.unescape(link)))
        for device, ap, ms, link, arch_id in re.findall(pattern, line(at))
    }


def test_the_best_network_on_each_device_is_that_of_the_table(open_app, folder):
    open_app()
    with_devices(folder)
    at = open_app_again(folder)
    assert not at.exception
    assert "Best within 1 ms on each device" in line(at)
    table = open_table(folder / "table")
    accuracies = table.column("map", "nano")
    assert set(cells(at)) == {"slow", "fast"}
    for device, (arch_id, ap, ms, link) in cells(at).items():
        latency = table.column(f"latency:{device}", "nano")
        best = max((a, -t, row) for row, (a, t) in enumerate(zip(accuracies, latency, strict=True))
                   if t <= 1)[-1]  # fmt: skip
        assert arch_id == SPACE.arch_ids(table.genotypes("nano")[[best]])[0]
        assert float(ap) == pytest.approx(accuracies[best], abs=5e-4)
        assert float(ms) == pytest.approx(latency[best], rel=1e-3)
        assert link["x"] == [f"latency:{device}"]
        assert link["y"] == ["map"]
    assert cells(at)["slow"][3]["budget:latency:slow"] == ["1"]
    assert "budget:latency:fast" not in cells(at)["fast"][3]  # all are as fast
    assert cells(at)["slow"][0] != cells(at)["fast"][0]


def open_app_again(folder, **query):
    from streamlit.testing.v1 import AppTest

    from tests.app.conftest import ENTRY

    at = AppTest.from_file(ENTRY, default_timeout=60)
    for name, value in query.items():
        at.query_params[name] = value
    return at.run()


def test_its_link_leads_to_the_network_within_the_budget(open_app, folder):
    open_app()
    with_devices(folder)
    arch_id, ap, _, link = cells(open_app_again(folder))["slow"]
    at = open_app_again(folder, **{name: value for name, [value] in link.items()})
    assert at.selectbox(key="x").value == "latency:slow"
    assert at.slider(key="budget:latency:slow").value == 1.0
    first = next(m.value for m in at.markdown if m.value.startswith("**Best under my budget"))
    assert arch_id in first
    assert f"**{ap} AP**" in first


def test_a_device_of_ones_own_has_its_place_in_it(open_app, own_data, folder):
    add_own_device("my-phone")
    assert "my-phone" in cells(open_app())


def test_a_table_without_latencies_has_no_such_line(open_app):
    at = open_app()
    assert metrics(at)["within budget"] == "60 of 60"
    assert not [each for each in at.get("html") if "Best within" in each.proto.body]


def test_missing_values_are_no_answer_and_of_equals_the_fastest_is():
    values = np.array([0.5, 0.6, 0.6, 0.9, np.nan])
    latency = np.array([0.1, 0.8, 0.7, 1.2, 0.1])
    assert best_within(values, latency, 1.0) == 2
    assert best_within(values, np.full(5, np.nan), 1.0) is None
    assert best_within(values, latency, 0.05) is None


def test_the_limit_is_round_and_in_the_middle_of_the_fronts():
    values = np.array([0.1, 0.5, np.nan])
    assert round_limit(values, [np.array([0.2, 1.3, 9.0])]) == 1.0
    assert round_limit(values, [np.array([20.0, 70.0, 1.0])]) == 50.0
    assert round_limit(values, [np.array([np.nan, np.nan, 1.0])]) == 1.0
