"""How fast the app is, in Chromium: `python -m scripts.bench.app`.

Prints for each table the time from starting `evonas app` until its first front is drawn, the time
from a budget's change until the front is drawn anew, and the server's memory with five pages open.
Beside each time stand the seconds that server and browser had a processor in it: on a machine that
does much else, these say what an idle one would need.
"""

import contextlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from evonas.latency import list_predictors, load_predictor
from evonas.paths import shipped_data
from evonas.space import load_space
from evonas.table import create_table, write_table
from tests.browser import chromium, serve, settle, wait_until_up

Times = NDArray[np.float64]  # by the wall, of the server, of the browser
DRAWN = ".js-plotly-plot .scatterlayer .trace"
MOVES = 7
BUDGET = re.compile("latency:cpu-xnnpack at most")
# What the picture is made of, once it is drawn: the number of points of each trace.
SIGNATURE = """(() => {
    const plot = document.querySelector('.js-plotly-plot');
    if (!plot || !plot.querySelector('.scatterlayer .trace')) return 'none';
    return plot._fullData.map(trace => trace._length).join();
})()"""


def main(
    rows_of_tables: Annotated[
        list[int] | None, typer.Option("--rows", help="Rows of a table; 0 is the shipped one.")
    ] = None,
    starts_counted: Annotated[
        int, typer.Option("--starts", help="Starts of which the median counts.")
    ] = 3,
) -> None:
    """Prints the figures."""
    print(
        f"{'table':>12} {'first front s':>14} {'server':>7} {'browser':>8} "
        f"{'budget move s':>14} {'server':>7} {'browser':>8} {'memory MB':>10}"
    )
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        for rows in rows_of_tables or (0, 100_000, 1_000_000):
            table = made_table(folder, rows) if rows else shipped()
            starts = [first_front(browser, folder, table) for _ in range(starts_counted)]
            move, memory = in_use(browser, folder, table)
            label = f"{rows:,}" if rows else "shipped"
            start = np.median(starts, axis=0)
            print(
                f"{label:>12} {start[0]:14.2f} {start[1]:7.2f} {start[2]:8.2f} "
                f"{move[0]:14.2f} {move[1]:7.2f} {move[2]:8.2f} {memory:10.0f}",
                flush=True,
            )


def shipped() -> Path:
    """Returns the table that a first visitor sees."""
    return next(iter(sorted((shipped_data() / "tables").glob("*.h5"))))


def made_table(folder: Path, rows: int) -> Path:
    """Writes a table of random networks of `nano` with true costs and made-up accuracies."""
    path, space = folder / f"rows-{rows}.h5", load_space("nano")
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    genotypes = rng.permutation(np.unique(space.sample(int(rows * 1.2), rng), axis=0))[:rows]
    table = create_table(folder / f"parts-{rows}")
    costs = space.costs(genotypes)
    size = np.log(costs["madds"])
    size = (size - size.min()) / np.ptp(size)
    ap = 0.1 + 0.35 * size**0.7 + rng.normal(0, 0.03, len(genotypes))
    table.append(space, genotypes, {"map": ap, "map50": ap * 1.6}, provenance={"source": "none"})
    table.append(space, genotypes, costs, provenance={"source": "analytic"})
    devices = list_predictors(space)
    latencies = {f"latency:{d}": load_predictor(d, space).predict(genotypes) for d in devices}
    table.append(space, genotypes, latencies, provenance={"source": "predicted"})
    write_table(path, table)
    return path


class Clock:
    """Seconds since it was made: by the wall, of a server's processor time, of the browser's."""

    def __init__(self, server: int | None = None) -> None:
        self._server = server
        self._before = self._now()

    def _now(self) -> Times:
        everything = processor_seconds(os.getpid()) - sum(os.times()[:2])
        server = processor_seconds(self._server) if self._server else 0.0
        return np.array([time.perf_counter(), server, everything - server])

    def read(self, server: int | None = None) -> Times:
        """Returns the three; `server` is the process that was started meanwhile."""
        self._server = server or self._server
        return self._now() - self._before


def processor_seconds(pid: int) -> float:
    """Returns the processor time of a process and all below it that live, in seconds."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            fields = entry.read_text().rpartition(")")[2].split()
            ticks[int(entry.parent.name)] = int(fields[11]) + int(fields[12])
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    total, found = 0, [pid]
    while found:
        process = found.pop()
        total += ticks.get(process, 0)
        found += children.get(process, [])
    return total / os.sysconf("SC_CLK_TCK")


def first_front(browser: Browser, folder: Path, table: Path) -> Times:
    """Returns seconds from the command to the first front in a browser that is open already."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    clock = Clock()
    with serve(folder, str(table), wait=False) as (url, pid):
        wait_until_up(url)
        page.goto(url)
        page.wait_for_selector(DRAWN, timeout=120_000)
        times = clock.read(pid)
        page.close()
    return times


def in_use(browser: Browser, folder: Path, table: Path) -> tuple[Times, float]:
    """Returns seconds of a budget's change, the median of some, and MB with five pages open."""
    with serve(folder, str(table)) as (url, pid):
        pages = [browser.new_page(viewport={"width": 1280, "height": 900}) for _ in range(5)]
        for page in pages:
            page.goto(url)
            page.wait_for_selector(DRAWN, timeout=120_000)
            settle(page)
        number = pages[-1].get_by_role("spinbutton", name=BUDGET)  # where rows are dense
        number.fill("1")
        number.press("Enter")
        settle(pages[-1])
        move = np.median([moved(pages[-1], pid) for _ in range(MOVES)][1:], axis=0)
        status = Path(f"/proc/{pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found is not None
        for page in pages:
            page.close()
    return move, int(found[1]) / 1024


def moved(page: Page, server: int) -> Times:
    """Moves a budget by a step and returns the seconds until the picture has changed."""
    before = page.evaluate(SIGNATURE)
    page.get_by_role("slider", name=BUDGET).focus()
    clock = Clock(server)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"({SIGNATURE}) !== {before!r}", timeout=60_000)
    times = clock.read()
    settle(page)
    return times


if __name__ == "__main__":
    typer.run(main)
