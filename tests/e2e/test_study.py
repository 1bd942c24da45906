"""Searches and Benchmark as a browser shows them: start, watch, compare, Back, a shared link."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.app.test_searches import growth, make_search
from tests.browser import serve, settle, show_in
from tests.e2e.conftest import kill_what_works_in
from tests.e2e.test_explore import PHONE
from tests.e2e.test_journeys import metric

pytestmark = pytest.mark.e2e

WIDE = {"viewport": {"width": 1280, "height": 900}}
LOOKS = {"wide": WIDE, "phone": PHONE}
LONG = 120_000  # milliseconds, for searches on a machine that does much else


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def study_url(folder) -> Iterator[str]:
    with serve(folder) as (address, _):
        yield address
    kill_what_works_in(folder)


def asked(page: Page, name: str) -> list[str]:
    """Returns what the address says under a name."""
    return [
        part
        for text in parse_qs(urlsplit(page.url).query).get(name, [])
        for part in text.split(",")
    ]


def choose(page: Page, label: str, option: str) -> None:
    """Chooses from a list by keyboard."""
    field = page.get_by_role("combobox", name=label, exact=True)
    field.click()
    field.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")
    settle(page)


def fill(page: Page, label: str, value: str) -> None:
    number = page.get_by_role("spinbutton", name=label, exact=True)
    number.fill(value)
    number.press("Tab")
    settle(page)


def press_when_still(page: Page, name: str) -> None:
    """Presses a button once no picture above it, still being laid out, moves it any more."""
    button, before = page.get_by_role("button", name=name), None
    button.scroll_into_view_if_needed()
    while (box := button.bounding_box()) != before:
        before = box
        page.wait_for_timeout(500)
    button.click()


def drawn_over(page: Page, title: str) -> None:
    """Waits until the hypervolumes are drawn over it; the picture before may still fade out."""
    expect(page.locator(".st-key-growth .xtitle").filter(has_text=title)).to_be_visible()
    settle(page)


def expect_legend(page: Page, key: str, entries: list[str]) -> None:
    expect(page.locator(f".st-key-{key} .legendtext")).to_have_text(entries)


@pytest.mark.parametrize("look", LOOKS)
def test_three_seeds_of_two_algorithms_are_started_watched_and_compared(open_page, study_url, look):
    page = open_page(**LOOKS[look])
    page.goto(f"{study_url}/searches")
    settle(page)
    start = page.get_by_role("button", name="Start", exact=True)
    if not start.is_visible():
        page.get_by_text("Start searches").click()
    name = page.get_by_label("Name", exact=True)
    name.fill(look)
    name.press("Tab")  # the page is drawn anew now, and not while a list is open
    settle(page)
    choose(page, "Algorithms", "random")
    fill(page, "Population", "12")
    fill(page, "Seeds", "3")
    fill(page, "Evaluations", "48")
    cost = r"6 searches of 48 evaluations .*: about \d+ s each, \d+ s in all, 2 at once"
    expect(page.get_by_text(re.compile(cost))).to_be_visible()
    scorer = page.get_by_role("radiogroup", name="Scorer")
    expect(scorer).to_contain_text("a network")  # what each costs
    expect(page.get_by_text(re.compile("^nsga2: .{20}"))).to_be_visible()  # a line on each
    start.click()
    names = [
        f"{look}-{algorithm}-s{seed}" for seed in range(3) for algorithm in ("nsga2", "random")
    ]
    page.wait_for_url(lambda url: all(name in url for name in names))
    expect(page.get_by_text("Still growing")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name="Remove 6")).to_be_visible(timeout=LONG)
    settle(page)
    assert sorted(asked(page, "searches")) == sorted(names)
    expect_legend(page, "growth", ["nsga2, 3 seeds", "random, 3 seeds"])
    expect(page.locator(".st-key-fronts .legendtext")).to_have_count(6)
    drawn = page.locator(".st-key-growth .js-plotly-plot").first.evaluate(
        "plot => plot._fullData.map(trace => Array.from(trace.x || []).map(Number))"
    )
    assert {at for x in drawn for at in x} == {12, 24, 36, 48}  # after each generation
    shares = page.locator(".st-key-growth .js-plotly-plot").first.evaluate(
        "plot => plot._fullLayout.yaxis.range.map(Number)"
    )
    assert -0.1 < shares[0] < shares[1] < 1.1

    page.get_by_role("radio", name="time").click()
    drawn_over(page, "seconds since its start")
    assert asked(page, "over") == ["time"]
    page.get_by_role("button", name=f"Remove {names[0]}").click()
    expect(page.get_by_role("button", name="Remove 5")).to_be_visible()
    assert asked(page, "searches") == names[1:]
    five = page.url

    page.go_back()
    expect(page.get_by_role("button", name="Remove 6")).to_be_visible()
    page.go_back()
    settle(page)
    drawn_over(page, "networks evaluated")

    other = open_page(**LOOKS[look])
    other.goto(five)
    expect(other.get_by_role("button", name="Remove 5")).to_be_visible()
    drawn_over(other, "seconds since its start")
    other.goto(f"{study_url}/searches?searches={names[0]}")
    settle(other)
    volume = metric(other, "hypervolume")
    other.get_by_role("link", name="See its front in Explore").click()
    expect(other.get_by_role("heading", name="Explore", exact=True)).to_be_visible()
    settle(other)
    assert metric(other, "hypervolume") == volume  # one number everywhere


@pytest.mark.parametrize("look", LOOKS)
def test_a_problem_is_read_and_algorithms_are_compared_on_it(open_page, study_url, look):
    page = open_page(**LOOKS[look])
    page.goto(f"{study_url}/benchmark")
    settle(page)
    choose(page, "Problem", "pico/u65")
    page.wait_for_url("**problem=pico*u65*")
    expect(page.get_by_text("Accuracy on a larger NPU.")).to_be_visible()
    title = page.locator(".st-key-front .xtitle")  # the picture before may still fade out
    expect(title.filter(has_text="latency:ethos-u65-512")).to_be_visible()
    expect(page.get_by_text("evonas problem show pico/u65")).to_be_visible()
    expect(page.get_by_text("@software{evonas,")).to_be_visible()

    page.get_by_text("Start a comparison").click()
    page.get_by_label("Name", exact=True).fill(f"compared-{look}")
    fill(page, "Seeds", "3")
    fill(page, "Evaluations", "120")
    page.get_by_role("button", name="Start the comparison").click()
    runs = page.get_by_test_id("stMetric").filter(has_text="runs")
    expect(runs).to_contain_text("6 of 6", timeout=LONG)
    state = page.get_by_test_id("stMetric").filter(has_text="state")
    expect(state).to_contain_text("finished", timeout=LONG)
    settle(page)
    expect_legend(page, "compared", ["nsga2, 3 seeds", "random, 3 seeds"])
    with page.expect_download() as downloaded:
        press_when_still(page, "Report as HTML")
    assert "pico/u65" in downloaded.value.path().read_text()

    shared = page.url
    choose(page, "Problem", "pico/costs")
    page.wait_for_url("**problem=pico*costs*")
    expect(page.get_by_text("The costs of classical NAS.")).to_be_visible()
    settle(page)
    ticks = page.locator(".st-key-front .xtick text").all_text_contents()
    assert ticks  # 20,000 rather than 20k
    assert all(re.fullmatch(r"[\d,.]+", tick) for tick in ticks)
    page.go_back()
    expect(page.get_by_text("Accuracy on a larger NPU.")).to_be_visible()
    other = open_page(**LOOKS[look])
    other.goto(shared)
    expect(other.get_by_text("Accuracy on a larger NPU.")).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_both_pages_have_no_serious_violation(open_page, study_url, folder, serious, look):
    for name in ("axe-one", "axe-two"):
        if not (folder / "runs" / name).exists():
            place = make_search(folder, name, growth(0.1, 0.2))
            (place / "front.csv").write_text(
                "arch_id,latency:cpu-xnnpack,params\nnano:000000000000000,0.2,1e5\n"
            )
    page = open_page(**LOOKS[look])
    found = []
    for address in (
        "searches?searches=axe-one,axe-two,nowhere",
        "searches?searches=axe-one",
        "benchmark?problem=pico/devices",
    ):
        page.goto(f"{study_url}/{address}")
        settle(page)
        for opened in ("Start searches", "Start a comparison"):
            if page.get_by_text(opened).count():
                page.get_by_text(opened).first.click()
        settle(page)
        page.wait_for_timeout(600)  # what opens fades in
        for scheme in ("light", "dark"):
            show_in(page, scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            found += [f"{address}, {scheme}: {violation}" for violation in serious(page)]
    assert not found, "\n".join(found)
