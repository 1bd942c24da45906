"""What only a browser shows; the pages' logic is tested in tests/app."""

import json
import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from tests.browser import settle

pytestmark = pytest.mark.e2e

REACHED = """() => Math.max(0, ...[...document.querySelectorAll('.st-key-growth .js-plotly-plot')]
    .flatMap(plot => plot._fullData || [])
    .flatMap(trace => Array.from(trace.x || []).map(Number)))"""


def metric(page: Page, label: str) -> str:
    box = page.get_by_test_id("stMetric").filter(has_text=label)
    return box.get_by_test_id("stMetricValue").inner_text()


def lasso(page: Page) -> None:
    """Draws a lasso round the upper left of the picture, where the front is."""
    area = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    assert area is not None
    left, top, width, height = area["x"], area["y"], area["width"], area["height"]
    corners = [(0.02, 0.02), (0.3, 0.02), (0.3, 0.6), (0.02, 0.6), (0.02, 0.02)]
    x, y = corners[0]
    page.mouse.move(left + x * width, top + y * height)
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(left + x * width, top + y * height, steps=6)
    page.mouse.up()


def test_budget_lasso_shortlist_compare(open_page, url, app_folder):
    page = open_page()
    page.goto(url)
    settle(page)
    everything = metric(page, "within budget")
    number = page.get_by_label("latency:cpu-xnnpack at most (ms)").last
    number.fill("1")
    number.press("Enter")
    expect(page.get_by_test_id("stMetric").filter(has_text="within budget")).not_to_contain_text(
        everything
    )
    settle(page)
    assert "budget" in page.url
    page.locator(".js-plotly-plot .nsewdrag").first.scroll_into_view_if_needed()
    lasso(page)
    add = page.get_by_role("button", name=re.compile(r"Add [1-9]\d*( of \d+)? to the shortlist"))
    add.click()
    expect(page.get_by_role("button", name=re.compile(r"Shortlist \([1-9]"))).to_be_visible()
    listed = json.loads((app_folder / "runs" / "shortlist.json").read_text())
    assert listed
    page.get_by_role("button", name=re.compile("Shortlist")).click()
    page.get_by_text("Clear the shortlist, notes too").click()
    expect(page.get_by_role("button", name=re.compile("Remove all .* for good"))).to_be_visible()
    page.keyboard.press("Escape")
    assert json.loads((app_folder / "runs" / "shortlist.json").read_text()) == listed
    page.get_by_role("link", name="Compare").first.click()
    expect(page.get_by_role("heading", name="Block by block")).to_be_visible()
    settle(page)
    assert next(iter(listed)) in unquote(page.url)


def test_a_link_to_an_architecture_survives_a_reload(open_page, url):
    page = open_page()
    arch_id = "nano:0173a00230027c0"
    for arrive in (lambda: page.goto(f"{url}/architecture?arch={arch_id}"), page.reload):
        arrive()
        settle(page)
        expect(page.get_by_role("textbox", name="arch_id or name of a network")).to_have_value(
            arch_id
        )
        expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_a_search_is_started_watched_stopped_and_resumed(open_page, url):
    page = open_page()
    page.goto(f"{url}/searches")
    settle(page)
    page.get_by_label("Name", exact=True).fill("in-the-browser")
    for label, value in (("Population", "60"), ("Evaluations", "54000")):
        page.get_by_role("spinbutton", name=label, exact=True).fill(value)
        page.keyboard.press("Tab")
        settle(page)
    page.get_by_role("button", name="Start", exact=True).click()
    state = page.get_by_test_id("stMetric").filter(has_text="state")
    expect(state).to_contain_text("running")
    generation = page.get_by_test_id("stMetric").filter(has_text="generation")
    expect(generation).to_contain_text(re.compile(r"[1-9]\d* of 900"), timeout=60_000)
    early = metric(page, "generation")
    expect(generation).not_to_contain_text(early, timeout=30_000)
    expect(page.get_by_test_id("stMetric").filter(has_text="hypervolume")).to_contain_text("0.")
    expect(page.get_by_role("heading", name="Its front so far")).to_be_visible()
    expect(page.locator(".st-key-fronts .legendtext").first).to_have_text("in-the-browser")
    page.wait_for_function(f"({REACHED})() > 0")
    reached = page.evaluate(REACHED)
    page.wait_for_function(f"({REACHED})() > {reached}")  # its curve, while it runs
    evaluations = page.get_by_test_id("stDataFrame").first.locator("td").nth(3)  # in the list
    expect(evaluations).to_have_text(re.compile(r"^[1-9]"))
    expect(evaluations).not_to_have_text(evaluations.text_content() or "")
    expect(state).to_contain_text("running")
    page.locator(".st-key-stop button").click()  # Streamlit has a Stop too
    expect(state).to_contain_text("stopped")
    page.get_by_role("button", name="Resume").click()
    expect(state).to_contain_text("running")
    page.locator(".st-key-stop button").click()  # Streamlit has a Stop too
    expect(state).to_contain_text("stopped")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove for good").click()
    expect(page.get_by_text("No search yet")).to_be_visible()


def test_dark_mode_is_dark(open_page, url):
    page = open_page(color_scheme="dark")
    page.goto(url)
    settle(page)
    colour = page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    )
    assert max(map(int, re.findall(r"\d+", colour)[:3])) < 60


def test_read_only_shows_and_starts_nothing(open_page, read_only_url):
    page = open_page()
    page.goto(f"{read_only_url}/searches")
    settle(page)
    expect(page.get_by_text("Read-only").first).to_be_visible()
    expect(page.get_by_role("button", name="Start the search")).to_have_count(0)
    page.goto(read_only_url)
    settle(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
