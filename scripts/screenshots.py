"""Pictures of every page, light, dark and narrow: `python -m scripts.screenshots OUT`."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

import evonas
from app.searches import Request, command_line
from evonas.paths import benchmark_data_dir
from scripts.browser import ROOT, chromium, serve, settle

SHORTLIST = 3
PAGES = ("explore", "architecture", "compare", "searches", "devices")
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


def main() -> None:
    """Makes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", nargs="*", default=PAGES)
    parser.add_argument("--looks", nargs="*", default=list(LOOKS))
    parser.add_argument("--full", action="store_true", help="the whole page, not its first screen")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        links = prepare(folder)
        with serve(folder) as (url, _), chromium() as browser:
            for look in options.looks:
                for screen in options.pages:
                    page = browser.new_page(**LOOKS[look])  # at its own height, see stretch
                    page.goto(f"{url}/{links[screen]}")
                    settle(page)
                    time.sleep(1.5)  # pictures fade in
                    if options.full:
                        stretch(page)
                    path = options.out / f"{screen}-{look}.png"
                    page.screenshot(path=path)
                    print(path)
                    page.close()


def stretch(page: Page) -> None:
    """Makes the window as high as the page's content."""
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + 40, 6000)})
    time.sleep(1.5)


def prepare(folder: Path) -> dict[str, str]:
    """Makes a shortlist and a finished search; returns each page's address."""
    table = evonas.open_table(benchmark_data_dir() / "tables" / "nano-v2.h5")
    space = evonas.load_space("nano")
    rows = table.front(["map", "latency:cpu-xnnpack"])[:: max(1, 30 // SHORTLIST)][:SHORTLIST]
    ids = space.arch_ids(table.genotypes()[rows])
    (folder / "runs").mkdir()
    notes = ["the most accurate", "much faster", ""]
    shortlist = dict(zip(ids, notes, strict=False))
    (folder / "runs" / "shortlist.json").write_text(json.dumps(shortlist))
    search(folder)
    return {
        "explore": "",
        "architecture": f"architecture?arch={ids[1]}",
        "compare": f"compare?archs={','.join(ids)}",
        "searches": "searches",
        "devices": "devices",
    }


def search(folder: Path) -> None:
    """Runs a search of costs, as the app would start it, to its end."""
    request = Request(
        "fast-and-small", "nano", ("latency:cpu-xnnpack", "params"), population=40, generations=25
    )
    command = [sys.executable, "-m", "evonas.cli", *command_line(request)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
