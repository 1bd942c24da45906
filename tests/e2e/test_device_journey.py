"""The whole way of somebody with a device: import it, set a budget, train, take int8 away."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from evonas.data import make_digits
from evonas.latency import load_predictor
from evonas.space import load_space
from tests.browser import serve, settle
from tests.e2e.conftest import kill_what_works_in
from tests.e2e.test_addresses import back, go_to
from tests.e2e.test_explore import PHONE
from tests.e2e.test_training_journey import MINUTES, figure, runs_int8

pytestmark = pytest.mark.e2e


def measurements(path: Path) -> Path:
    """A CSV file of 40 networks on a device twice as slow as an Ethos-U65."""
    space = load_space("nano")
    genotypes = np.unique(space.sample(40, np.random.default_rng(0)), axis=0)
    slow = 2 * load_predictor("ethos-u65-512", space).predict(genotypes)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch_id", "latency", "unit"])
        writer.writerows(zip(space.arch_ids(genotypes), slow, ["ms"] * len(slow), strict=True))
    return path


def close_menu(page: Page) -> None:
    """Closes the side, which lies over a phone's page, if it is open."""
    if page.get_by_test_id("stExpandSidebarButton").is_visible():
        return
    page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_visible()
    page.wait_for_timeout(600)  # it slides out


def same_in_another_window(open_page, page: Page, text: str) -> None:
    """Holds that the page's address shows the same to somebody else."""
    other = open_page()
    other.goto(page.url)
    settle(other)
    expect(other.get_by_text(text).first).to_be_visible()
    other.close()


@pytest.mark.parametrize("look", [{}, PHONE], ids=["desktop", "phone"])
def test_from_a_csv_file_to_an_int8_file(open_page, tmp_path, monkeypatch, look):
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    scenes = make_digits(tmp_path / "data" / "scenes", train=40, val=16)
    sent = measurements(tmp_path / "mine.csv")
    with serve(tmp_path) as (url, _):
        page = open_page(**look)
        page.goto(f"{url}/devices?device-space=nano")
        settle(page)
        about = page.get_by_text("as estimated by Arm's compiler Vela").last  # whole, not cut
        assert about.evaluate("node => node.scrollWidth <= node.clientWidth")
        page.get_by_text("Add a device of your own").click()
        page.get_by_label("Name of the device").fill("mine")
        page.locator("input[type=file]").set_input_files(sent)
        page.get_by_role("button", name="Check and add to nano").click()
        link = page.get_by_role("link", name="See mine as an axis in Explore")
        expect(link).to_be_visible(timeout=MINUTES)
        same_in_another_window(open_page, page, "See mine as an axis in Explore")
        link.click()
        expect(page.get_by_role("heading", name="Explore", exact=True)).to_be_visible()
        settle(page)

        if look:
            page.get_by_test_id("stExpandSidebarButton").click()
        number = page.get_by_label("latency:mine at most (ms)").last
        number.fill("0.3")
        number.press("Enter")
        best = "Best under my budget (latency:mine at most 0.3 ms)"
        expect(page.get_by_text(best)).to_be_attached()
        settle(page)
        if look:
            close_menu(page)
        expect(page.get_by_text(best)).to_be_visible()
        budget = page.url
        assert "budget" in budget
        same_in_another_window(open_page, page, best)
        go_to(page, "Compare")
        back(page, "Explore")
        assert page.url == budget
        expect(page.get_by_text(best)).to_be_visible()

        page.get_by_role("link", name=re.compile("^nano:")).first.evaluate(
            "link => { location.href = link.href }"
        )
        expect(page.get_by_role("heading", name="Architecture", exact=True)).to_be_visible()
        settle(page)
        if look:
            close_menu(page)  # Streamlit opens it where it was open before
        page.get_by_role("button", name="Add to the shortlist").click()
        expect(page.get_by_role("button", name="On the shortlist")).to_be_visible()

        go_to(page, "Training")
        if look:
            close_menu(page)
        for label, value in (("Steps", 6), ("Batch size", 4)):
            page.get_by_role("spinbutton", name=label).fill(f"{value}")
            page.keyboard.press("Tab")
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(figure(page, "state")).to_contain_text("done", timeout=MINUTES)
        settle(page)
        same_in_another_window(open_page, page, "To take away")
        runs_int8(page, sorted((scenes / "val").glob("*.png"))[0])
    kill_what_works_in(tmp_path)
