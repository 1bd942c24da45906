"""Explore's faults that were seen in a browser (app.md 1, 6): the front is the picture."""

import math
import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.browser import settle
from tests.e2e.test_explore import PHONE
from tests.e2e.test_journeys import metric

pytestmark = pytest.mark.e2e

PLOT = """() => {
    const plot = [...document.querySelectorAll('.st-key-front .js-plotly-plot')].at(-1);
    const plain = value => Array.from(value).map(Number);
    return {
        traces: Object.fromEntries(plot._fullData.map(trace => [trace.name, {
            size: trace.marker && trace.marker.size,
            opacity: trace.marker && trace.marker.opacity,
            symbol: trace.marker && trace.marker.symbol,
            n: trace.x.length,
        }])),
        x: {type: plot._fullLayout.xaxis.type, range: plain(plot._fullLayout.xaxis.range)},
        budgets: (plot._fullLayout.shapes || []).map(shape => shape.x0),
    };
}"""
BUDGET = 0.5  # ms


def explore(page: Page, url: str, query: str) -> dict:
    page.goto(f"{url}/explore?{query}&budget:latency:cpu-xnnpack={BUDGET}")  # arrives at /
    settle(page)
    expect(page.locator(".st-key-front .scatterlayer .trace").first).to_be_attached()
    return page.evaluate(PLOT)


def lasso_all(page: Page) -> None:
    box = page.locator(".st-key-front .nsewdrag").first.bounding_box()
    assert box is not None
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.01)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def test_the_front_is_the_picture_under_a_budget(open_page, url, app_folder):
    (app_folder / "runs" / "shortlist.json").unlink(missing_ok=True)  # it has room for 20
    page = open_page(viewport={"width": 1280, "height": 1400})
    plot = explore(page, url, "colour=trained_map")
    assert "/explore" not in page.url
    over, cloud = plot["traces"]["over budget"], plot["traces"]["dominated, no trained_map"]
    assert over["size"] < cloud["size"]
    assert over["opacity"] < cloud["opacity"]
    assert cloud["symbol"] == "circle-open"  # hollow, for want of a colour
    assert plot["x"]["type"] == "log"
    low, high = plot["x"]["range"]
    assert math.log10(BUDGET) < high < math.log10(BUDGET) + 0.1 * (high - low)
    assert plot["budgets"] == [pytest.approx(BUDGET)]
    expect(page.locator(".annotation-text")).to_have_text(f"budget: at most {BUDGET} ms")
    left_out = page.get_by_text(re.compile(r"left out: [\d,]+ beyond the budget of"))
    expect(left_out).to_be_visible()

    page.get_by_text("All", exact=True).click()
    page.wait_for_url(re.compile("view=All"))
    page.wait_for_function(f"({PLOT})().x.range[1] > {high + 0.3}")
    settle(page)
    lasso_all(page)
    expect(page.get_by_text(re.compile(r"20 of [\d,]+ picked: the shortlist"))).to_be_visible()
    expect(page.get_by_text(re.compile("picked beyond a budget or without"))).to_be_visible()
    [asked] = re.findall(r"Add \d+ of (\d+)", page.locator(".st-key-add button").inner_text())
    drawn = page.evaluate(PLOT)["traces"]
    within = [each["n"] for name, each in drawn.items() if name and name != "over budget"]
    assert int(asked) <= sum(within)  # none of those over budget

    page.get_by_text("Fronts of sub-spaces").click()
    page.wait_for_url(re.compile("subspaces=true"))
    shared = page.url
    other = open_page(**PHONE)  # where there is the least room for labels
    other.goto(f"{shared}&parallel=true")
    settle(other)
    expect(other.locator(".legendtext").filter(has_text="front of ibn+fused")).to_be_attached()
    titles = other.locator(".parcoords .axis-title")
    expect(
        titles.filter(has_text="operation").or_(titles.filter(has_text="layer")).first
    ).to_be_attached()
    edges = "boxes => boxes.map(node => node.getBoundingClientRect()).map(b => [b.left, b.right])"
    places = titles.evaluate_all(edges)
    assert len(places) > 3
    assert all(left[1] <= right[0] for left, right in pairwise(places))  # none over another


def test_rows_without_a_value_are_counted_and_colours_are_by_quantile(open_page, url):
    page = open_page()
    page.goto(f"{url}/?y=trained_map&colour=latency:ethos-u55-256")
    settle(page)
    expect(page.get_by_text(re.compile(r"left out: [\d,]+ without trained_map"))).to_be_visible()
    assert "of 20,227" in metric(page, "within budget")
    expect(page.locator(".st-key-front .cbtitle")).to_contain_text("by quantile")


def test_each_device_has_its_best_network_and_a_link_to_it(open_page, url):
    page = open_page()
    page.goto(url)
    settle(page)
    line = page.locator(".evonas-devices")
    expect(line).to_contain_text("Best within 1 ms on each device")
    cell = line.locator("div div").filter(has_text="ethos-u55-256")
    network = cell.get_by_role("link")
    name = network.inner_text()
    [ap] = re.findall(r"([\d.]+) AP", cell.inner_text())
    network.click()
    best = page.get_by_text("Best under my budget (latency:ethos-u55-256 at most 1 ms)")
    expect(best).to_be_visible()
    expect(page.locator(".st-key-front .xtitle").filter(has_text="ethos-u55")).to_be_visible()
    expect(page.locator("p").filter(has=best)).to_contain_text(name)
    expect(page.locator("p").filter(has=best)).to_contain_text(f"{ap} AP")
    page.go_back()
    expect(page.get_by_text("no budget set")).to_be_visible()
    expect(page.locator(".st-key-front .xtitle").filter(has_text="cpu-xnnpack")).to_be_visible()
    expect(page.locator(".st-key-front .xtitle")).to_have_count(1)
