"""Explore as a browser shows it: a finger, the toolbar, the picks, a device of one's own."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from evonas.latency import load_predictor, save_predictor
from evonas.space import load_space
from tests.browser import serve, settle
from tests.e2e.test_journeys import lasso

pytestmark = pytest.mark.e2e

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ADD = re.compile(r"Add [1-9]\d*( of \d+)? to the shortlist")


def scrolled(page: Page) -> float:
    return page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")


def swipe(page: Page, *corners: tuple[float, float]) -> None:
    """Moves a finger over the picture, between places in shares of its width and height."""
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)

    def send(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})
        page.wait_for_timeout(20)

    (x, y), *_ = corners
    send("touchStart", {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]})
    for (from_x, from_y), (to_x, to_y) in pairwise(corners):
        for step in range(1, 9):
            x, y = from_x + (to_x - from_x) * step / 8, from_y + (to_y - from_y) * step / 8
            send("touchMove", {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]})
    send("touchEnd")
    page.wait_for_timeout(700)


def test_a_finger_on_the_picture_scrolls_until_picking_is_on(open_page, url):
    page = open_page(**PHONE)
    page.goto(url)
    settle(page)
    assert scrolled(page) == 0
    swipe(page, (0.6, 0.6), (0.6, 0.1))
    assert scrolled(page) > 50
    expect(page.get_by_role("button", name=ADD)).to_have_count(0)
    expect(page.locator(".js-plotly-plot .modebar").first).to_be_hidden()
    page.get_by_text("Pick in the picture").click()
    expect(page.locator(".st-key-picking .nsewdrag").first).to_be_attached()
    settle(page)
    page.locator(".js-plotly-plot").first.scroll_into_view_if_needed()
    before = scrolled(page)
    swipe(page, (0.05, 0.05), (0.9, 0.05), (0.9, 0.6), (0.05, 0.6), (0.05, 0.05))
    assert scrolled(page) == before
    expect(page.get_by_role("button", name=ADD)).to_be_visible()


def test_a_wide_window_picks_without_a_switch(open_page, url):
    page = open_page()
    page.goto(url)
    settle(page)
    expect(page.get_by_text("Pick in the picture")).to_be_hidden()
    drag = page.locator(".js-plotly-plot .nsewdrag").first
    assert drag.evaluate("node => getComputedStyle(node).pointerEvents") == "all"


def test_the_toolbar_lies_over_no_legend(open_page, url):
    page = open_page()
    page.goto(f"{url}/?colour=trained_map")
    settle(page)
    page.locator(".js-plotly-plot").first.hover()
    toolbar = page.locator(".js-plotly-plot .modebar").first.bounding_box()
    legend = page.locator(".js-plotly-plot .legend").first.bounding_box()
    assert toolbar is not None
    assert legend is not None
    assert toolbar["y"] + toolbar["height"] <= legend["y"]


def test_ticking_a_row_keeps_the_lasso(open_page, url):
    page = open_page(viewport={"width": 1280, "height": 1400})
    page.goto(url)
    settle(page)
    lasso(page)
    add = page.get_by_role("button", name=ADD)
    expect(add).to_be_visible()
    settle(page)
    before = add.inner_text()
    table = page.locator(".st-key-rows").first.bounding_box()
    assert table is not None
    page.mouse.click(table["x"] + 18, table["y"] + 38 + 35 * 6.5)
    expect(page.locator(".js-plotly-plot .legendtext").filter(has_text="ticked")).to_be_visible()
    settle(page)
    assert int(re.findall(r"\d+", add.inner_text())[-1]) >= int(re.findall(r"\d+", before)[-1])


def test_a_device_of_ones_own_is_an_axis_until_it_is_removed(open_page, tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("EVONAS_HOME", str(home))
    save_predictor(replace(load_predictor("ethos-u55-256", load_space("nano")), device="mine"))
    assert list(home.rglob("*.npz"))  # in the user's own folder, not in the installation
    with serve(tmp_path) as (address, _):
        page = open_page()
        page.goto(f"{address}/devices?device=mine")
        settle(page)
        page.get_by_role("link", name="See mine as an axis in Explore").click()
        expect(page.get_by_role("heading", name="Explore")).to_be_visible()
        settle(page)
        number = page.get_by_label("latency:mine at most (ms)").last
        number.fill("1")
        number.press("Enter")
        expect(page.get_by_text("Best under my budget (latency:mine at most 1 ms)")).to_be_visible()
        expect(page.locator(".js-plotly-plot .xtitle").first).to_contain_text("latency:mine")
        expect(page.locator(".js-plotly-plot .annotation-text")).to_have_text(
            "budget: at most 1 ms"
        )
        page.goto(f"{address}/devices?device=mine")
        settle(page)
        page.get_by_test_id("stMain").get_by_role("button", name="Remove").first.click()
        page.get_by_role("button", name="Remove it for good").click()
        expect(page.get_by_text("mine removed")).to_be_visible()
        assert not list(home.rglob("*.npz"))
