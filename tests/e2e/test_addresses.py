"""Back, shared links and fingers: what app.md 2, 4, 5, 6 and 7 saw go wrong in a browser."""

import re
from urllib.parse import unquote_plus

import pytest
from playwright.sync_api import Page, expect

from tests.browser import settle, show_in
from tests.e2e.test_explore import PHONE, scrolled

pytestmark = pytest.mark.e2e

ONE, TWO = "nano:117328917001000", "nano:106158016002b00"
WHY = "?x=latency:systolic-64x64&why=true&parallel=true"


def go_to(page: Page, title: str) -> None:
    """Goes to a page by the menu at the side, which is closed on a phone."""
    expand = page.get_by_test_id("stExpandSidebarButton")
    if expand.is_visible():
        expand.click()
        page.wait_for_timeout(600)  # it slides in
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    settle(page)


def within(page: Page) -> str:
    settle(page)
    box = page.get_by_test_id("stMetric").filter(has_text="within budget")
    return box.get_by_test_id("stMetricValue").inner_text()


def back(page: Page, title: str) -> None:
    page.go_back()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    settle(page)


def test_back_brings_the_budget_and_a_link_to_it_too(open_page, url):
    page = open_page()
    page.goto(url)
    everything = within(page)
    number = page.get_by_label("latency:cpu-xnnpack at most (ms)").last
    number.fill("1")
    number.press("Enter")
    page.wait_for_url(re.compile("budget"))
    some = within(page)
    assert some != everything
    address = page.url
    go_to(page, "Devices")
    assert "device=" in page.url
    go_to(page, "Compare")
    back(page, "Devices")
    back(page, "Explore")
    assert page.url == address
    assert within(page) == some
    page.go_back()
    expect(page).not_to_have_url(re.compile("budget"))
    expect(page.get_by_test_id("stMetric").filter(has_text="within budget")).to_contain_text(
        everything
    )
    other = open_page()
    other.goto(address)
    assert within(other) == some


def test_filters_and_ranges_are_in_the_address_and_hold_for_every_view(open_page, url):
    page = open_page()
    page.goto(f"{url}/{WHY}&important=")  # nothing to wait for
    everything = within(page)
    choices = page.get_by_role("combobox", name=re.compile("Filter by choice"))
    choices.click()
    choices.fill("fused in block 1")
    page.get_by_role("option", name="fused in block 1").click()
    page.wait_for_url(re.compile("genes"))
    expect(page.get_by_text("Every view below is filtered: fused in block 1")).to_be_visible()
    filtered = within(page)
    assert filtered != everything
    expect(page.get_by_text("100% of the front")).to_be_visible()
    count = filtered.split(" of ")[0]
    expect(page.get_by_text(f"of {count} within budgets and filters drawn")).to_be_visible()
    page.locator(".st-key-range-map input").last.focus()
    page.keyboard.press("PageDown")
    page.wait_for_url(re.compile("range"))
    expect(page.get_by_text("fused in block 1; map")).to_be_visible()
    narrowed = within(page)
    assert narrowed != filtered
    axes = page.get_by_role("combobox", name="Axes", exact=True)
    axes.click()
    axes.fill("block 4 width")
    page.get_by_role("option", name="block 4 width", exact=True).click()
    page.wait_for_url(re.compile("axes="))
    other = open_page()
    other.goto(page.url)
    assert within(other) == narrowed
    assert "fused in block 1" in unquote_plus(other.url)
    titles = other.locator(".parcoords .axis-title")
    expect(titles.filter(has_text="block 4 width")).to_be_attached()


def test_the_page_says_why_regular_convolutions_come_early_on_accelerators(open_page, url, serious):
    page = open_page()
    page.goto(f"{url}/?x=latency:systolic-64x64&why=true")
    settle(page)
    expect(page.get_by_text(re.compile(r"fused in block 1: \d\d% of the front"))).to_be_visible()
    expect(page.get_by_text(re.compile("these buy most AP: fused at"))).to_be_visible()
    expect(page.locator(".st-key-importance .js-plotly-plot")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-shares .js-plotly-plot")).to_contain_text("fused")
    assert not serious(page)


def test_compare_takes_a_network_once_and_survives_back(open_page, url):
    page = open_page()
    page.goto(f"{url}/compare?archs={ONE},{ONE},{TWO},nano:zz,<b>")
    settle(page)
    expect(page.get_by_role("heading", name="Block by block")).to_be_visible()
    expect(page.get_by_text("the address names it more often")).to_be_visible()
    expect(page.get_by_text("Left out of the address").first).to_contain_text("nano:zz")
    assert page.get_by_test_id("stException").count() == 0
    both = page.url
    page.get_by_role("button", name=re.compile(f"Remove {TWO}")).or_(
        page.get_by_test_id("stMultiSelectTag").nth(1).locator("svg")
    ).first.click()
    expect(page.get_by_text("Choose at least two designs")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Block by block")).to_be_visible()
    assert page.url == both


def test_strips_are_drawn_to_one_scale(open_page, url):
    page = open_page()
    page.goto(f"{url}/compare?archs={ONE},{TWO}")
    settle(page)
    expect(page.get_by_role("heading", name="Layers, to one scale")).to_be_visible()
    ends = page.evaluate(
        "[...document.querySelectorAll('[class*=st-key-strip] .js-plotly-plot')]"
        ".map(plot => plot.layout.xaxis.range[1])"
    )
    assert len(ends) == 2
    assert ends[0] == ends[1]


def test_a_read_only_detect_asks_nobody_to_train(open_page, read_only_url):
    page = open_page()
    page.goto(f"{read_only_url}/detect")
    settle(page)
    expect(page.get_by_text("read-only: none can be")).to_be_visible()
    expect(page.get_by_text("submit one")).to_have_count(0)


def swipe_over(page: Page, selector: str) -> None:
    """Moves a finger upward over a picture."""
    picture = page.locator(selector).first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    x, y = box["x"] + min(box["width"], 360) / 2, max(box["y"], 90) + 60
    finger = page.context.new_cdp_session(page)
    finger.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 9):
        point = {"x": x, "y": y - 12 * step}
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        page.wait_for_timeout(20)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(600)


def test_on_a_phone_a_finger_on_any_picture_of_why_scrolls(open_page, url, serious):
    page = open_page(**PHONE)
    page.goto(f"{url}/{WHY}")
    settle(page)
    expect(page.locator(".st-key-importance .js-plotly-plot")).to_be_visible(timeout=60_000)
    for scheme in ("light", "dark"):
        show_in(page, scheme)
        for key in ("shares", "gains", "importance"):
            page.locator(f".st-key-{key}").first.scroll_into_view_if_needed()
            page.wait_for_timeout(300)
            before = scrolled(page)
            swipe_over(page, f".st-key-{key} .js-plotly-plot")
            assert scrolled(page) > before, key
            expect(page.locator(f".st-key-{key} .modebar").first).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert not serious(page)
