"""Pictures of every page, light, dark and narrow: `python -m scripts.report.screenshots OUT`."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.sync_api import Page

import evonas
from app.searches.processes import with_seeds
from app.searches.request import Request
from evonas.data import make_digits
from evonas.paths import shipped_data
from tests.browser import ROOT, chromium, serve, settle

SHORTLIST = 3
PAGES = (
    "explore", "architecture", "compare", "searches", "benchmark", "training", "detect", "find",
    "devices",
)  # fmt: skip
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


def main(
    out: Path,
    pages: str = ",".join(PAGES),
    looks: str = ",".join(LOOKS),
    full: Annotated[bool, typer.Option(help="The whole page, not its first screen.")] = False,
) -> None:
    """Makes the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        links = prepare(folder)
        with serve(folder) as (url, _), chromium() as browser:
            for look in looks.split(","):
                for screen in pages.split(","):
                    page = browser.new_page(**LOOKS[look])  # at its own height, see stretch
                    page.goto(f"{url}/{links[screen]}")
                    settle(page)
                    time.sleep(1.5)  # pictures fade in
                    if full:
                        stretch(page)
                    path = out / f"{screen}-{look}.png"
                    page.screenshot(path=path)
                    print(path)
                    page.close()


def stretch(page: Page) -> None:
    """Makes the window as high as the page's content."""
    size = page.viewport_size
    assert size is not None
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + 40, 6000)})
    time.sleep(1.5)


def prepare(folder: Path) -> dict[str, str]:
    """Makes a shortlist, a search and trainings; returns each page's address."""
    table = evonas.open_table(shipped_data() / "tables" / "nano-v5.h5")
    space = evonas.load_space("nano")
    rows = table.front(["map", "latency:cpu-xnnpack"])[:: max(1, 30 // SHORTLIST)][:SHORTLIST]
    ids = space.arch_ids(table.genotypes()[rows])
    (folder / "runs").mkdir()
    notes = ["the most accurate", "much faster", ""]
    shortlist = dict(zip(ids, notes, strict=False))
    (folder / "runs" / "shortlist.json").write_text(json.dumps(shortlist))
    searches(folder)
    job = trainings(folder, ids)
    return {
        "explore": "",
        "architecture": f"architecture?arch={ids[1]}",
        "compare": f"compare?archs={','.join(ids)}",
        "searches": "searches",
        "benchmark": "benchmark",
        "training": f"training?job={job}",
        "detect": f"detect?network={job}&source=Validation+image",
        "find": "find",
        "devices": "devices",
    }


def searches(folder: Path) -> None:
    """Runs searches of costs, two seeds of two algorithms, as the app would, to their ends."""
    asked = Request(
        "cheap", "nano", ("latency:cpu-xnnpack", "params"), population=40, generations=12
    )
    for request in with_seeds(asked, ["nsga2", "random"], 2):
        evonas_command(folder, *request.command(Path("runs") / request.name))


def trainings(folder: Path, ids: list[str]) -> str:
    """Trains the fastest for some steps from the supernet's weights; returns its job's id."""
    data = folder / "data" / "digits"
    make_digits(data, train=100, val=40)
    changes = [
        f"--set={change}"
        for change in ("steps=24", "warmup_steps=3", "validations=4", "batch_size=8")
    ]
    how = [f"--data={data}", "--init=supernet", "--set=learning_rate=3e-4", *changes]
    submitted = json.loads(evonas_command(folder, "job", "submit", *ids, *how, "--json"))
    names: list[str] = [job["job"] for job in submitted["jobs"]]
    for name in names[:-1]:
        evonas_command(folder, "job", "cancel", name)
    evonas_command(folder, "worker", "--drain")
    path = folder / "runs" / "jobs" / names[-1]
    evonas_command(folder, "export", f"{path}", f"--out={path}/export", "--format=onnx-nms")
    return names[-1]


def evonas_command(folder: Path, *arguments: str) -> str:
    """Runs a command to its end and returns what it printed."""
    command = [sys.executable, "-m", "evonas", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode()


if __name__ == "__main__":
    typer.run(main)
