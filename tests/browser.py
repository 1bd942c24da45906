"""The app in a real browser, for the tests of tests/e2e, the benchmark and the screenshots."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = "/usr/bin/chromium"
# Software WebGL: there is no GPU where the tests run.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@contextmanager
def serve(folder: Path, *arguments: str, wait: bool = True) -> Iterator[tuple[str, int]]:
    """Runs `evonas app` in a folder; yields its address and process id.

    Args:
        folder: Where it runs; its `runs/` and `data/` are those of this folder.
        arguments: Further arguments.
        wait: Wait until it answers.
    """
    port = free_port()
    command = [sys.executable, "-m", "evonas", "app", "--port", str(port), *arguments]
    with run_server(folder, port, command, wait=wait) as started:
        yield started


def free_port() -> int:
    """Returns a port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def run_server(
    folder: Path, port: int, command: list[str], wait: bool = True
) -> Iterator[tuple[str, int]]:
    """Runs a server in a folder until it is no longer needed; yields its address and process id."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment["XDG_CACHE_HOME"] = str(folder / "cache")  # the data sets of this folder alone
    with (folder / "app.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            if wait:
                wait_until_up(url)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(20)


def wait_until_up(url: str, seconds: float = 60) -> None:
    """Waits until the server answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=5)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yields a headless Chromium, Debian's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def settle(page: Page) -> None:
    """Waits until the page's script has run and nothing is being drawn."""
    page.wait_for_selector(IDLE, timeout=60_000)
    page.wait_for_function(
        "!document.querySelector('[data-testid=stSkeleton], [data-stale=true]')", timeout=60_000
    )


def show_in(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Has an open page drawn as for a visitor whose system is light or dark; waits until it is.

    Its colours change at once, rather than fade for a time that no event ends.
    """
    page.add_style_tag(content="*, *::before, *::after { transition: none !important; }")
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        """dark => {
            const app = document.querySelector('[data-testid=stApp]');
            const [red] = getComputedStyle(app).backgroundColor.match(/\\d+/g);
            return (red < 60) === dark;
        }""",
        arg=scheme == "dark",
    )
    settle(page)
