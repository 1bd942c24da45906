"""A find is started, watched, stopped and taken up again in the browser."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser import settle

pytestmark = pytest.mark.e2e

MINUTES = 180_000


@pytest.fixture
def named(app_folder):
    """The name of a find, whose folder is removed."""
    yield "mine"
    shutil.rmtree(app_folder / "runs" / "mine")


def test_a_find_is_started_watched_stopped_and_resumed(
    open_page, url, scenes, app_folder, named, serious
):
    page = open_page()
    page.goto(f"{url}/find")
    settle(page)
    page.get_by_role("textbox", name="Name").fill(named)
    page.get_by_role("spinbutton", name="Hours of this machine").fill("0.2")
    start = page.get_by_test_id("stFormSubmitButton").get_by_role("button")
    expect(start).to_have_text("Start")
    start.click()
    page.wait_for_url(re.compile(f"find={named}"))
    expect(page.get_by_text("scenes on ethos-u55-256, latency:ethos-u55-256 ≤ 5")).to_be_visible()
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    expect(page.get_by_text(re.compile("^[3-9] of [0-9]+ stages are done"))).to_be_visible(
        timeout=MINUTES
    )
    assert (app_folder / "runs" / named / "check.json").exists()
    assert not serious(page)
    stop.click()
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_be_visible(timeout=MINUTES)
    expect(page.get_by_text(re.compile("hours: stopped$"))).to_be_visible()
    resume.click()
    expect(stop).to_be_visible(timeout=MINUTES)
    stop.click()
    expect(resume).to_be_visible(timeout=MINUTES)
    settle(page)
