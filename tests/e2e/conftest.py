import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from evonas.data import make_digits
from tests.browser import chromium, serve

expect.set_options(timeout=30_000)  # for machines that do much else besides


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def app_folder(tmp_path_factory) -> Path:
    """Where the app of these tests runs: its runs and shortlist lie here."""
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="session")
def scenes(app_folder) -> Path:
    """A small data set in the app's folder."""
    return make_digits(app_folder / "data" / "scenes", train=40, val=16)


@pytest.fixture(scope="session")
def url(app_folder) -> Iterator[str]:
    with serve(app_folder) as (address, _):
        yield address
    kill_what_works_in(app_folder)


def kill_what_works_in(folder: Path) -> None:
    """Kills the searches and trainings that outlive the app, as they are meant to."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder.resolve():
                os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture(scope="session")
def read_only_url(tmp_path_factory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("read-only"), "--read-only") as (address, _):
        yield address


@pytest.fixture
def open_page(browser) -> Iterator:
    """Opens pages and holds that their consoles stay clean and nothing outside is asked for."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def start(**look: object) -> Page:
        look.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(**look)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda m: wrong.append(f"{m.text} {m.location}") if _bad(m) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if _inside(r.url) else wrong.append(f"asks {r.url}"))
        return page

    yield start
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def serious() -> Callable[[Page], list[str]]:
    """Returns axe-core's serious violations on a page."""

    def check(page: Page) -> list[str]:
        return [
            f"{violation['id']}: {[node['html'][:160] for node in violation['nodes'][:3]]}"
            for violation in Axe().run(page).response["violations"]
            if violation["impact"] in ("serious", "critical")
        ]

    return check


def _bad(message: ConsoleMessage) -> bool:
    """Whether it is an error; that Streamlit looks for its server below a page first is none."""
    return message.type == "error" and "/_stcore/" not in message.location.get("url", "")


def _inside(address: str) -> bool:
    return address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
