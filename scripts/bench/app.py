"""How fast the app is, in Chromium: `python -m scripts.bench.app`.

For each table it starts in turn `evonas app` and a bare page of Streamlit, served with the same
options, which holds one Plotly scatter of 4,000 points and nothing else. It prints for both the
time from the command to the first picture, and the time of a second visitor of the same server;
then of evonas the time from a budget's change to the next picture, and the server's memory with
five pages open. Beside each time stand the seconds that server and browser had a processor in it:
on a machine that does much else, these say what an idle one would need.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from playwright.sync_api import Browser, Page

from evonas.cli.app import server_options
from evonas.latency import list_predictors, load_predictor
from evonas.paths import installed, shipped_data
from evonas.space import load_space
from evonas.table import create_table, write_table
from scripts.bench.clock import Clock, Times
from tests.browser import chromium, free_port, run_server, serve, settle, wait_until_up

DRAWN = ".js-plotly-plot .scatterlayer .trace"
MOVES = 7
VISITORS = 5
BUDGET = re.compile("latency:cpu-xnnpack at most")
# What the picture is made of, once it is drawn: the points of its traces, and where budgets lie.
SIGNATURE = """(() => {
    const plot = document.querySelector('.js-plotly-plot');
    if (!plot || !plot.querySelector('.scatterlayer .trace')) return 'none';
    const budgets = (plot._fullLayout.shapes || []).map(shape => [shape.x0, shape.y0]);
    return [...plot._fullData.map(trace => trace._length), ...budgets].join();
})()"""
BARE = """
import numpy as np
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(page_title="bare", layout="wide")
x, y = np.random.default_rng(0).random((2, 4_000))
st.plotly_chart(go.Figure(go.Scatter(x=x, y=y, mode="markers")))
"""
WHAT = ("first picture", "second visitor")
Server = AbstractContextManager[tuple[str, int]]


def main(
    rows_of_tables: Annotated[
        list[int] | None, typer.Option("--rows", help="Rows of a table; 0 is the shipped one.")
    ] = None,
    starts_counted: Annotated[
        int, typer.Option("--starts", help="Starts of which the median counts.")
    ] = 5,
) -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        bare = bare_script(folder / "bare")
        for rows in rows_of_tables or (0, 1_000_000):
            table = made_table(folder, rows) if rows else shipped()
            print(f"\n{table.name}: {f'{rows:,} rows' if rows else 'shipped'}", flush=True)
            compare_starts(browser, folder, bare, table, starts_counted)
            move, memory = in_use(browser, folder, table)
            print(line("budget move", "evonas", move))
            print(f"{VISITORS} visitors: {memory:.0f} MB", flush=True)


def compare_starts(browser: Browser, folder: Path, bare: Path, table: Path, n: int) -> None:
    """Starts both in turn, n times each, and prints medians and the ratios of the medians."""
    times: dict[str, list[Times]] = {"bare": [], "evonas": []}
    for _ in range(n):
        times["bare"].append(visits(browser, serve_bare(bare)))
        times["evonas"].append(visits(browser, serve(folder, str(table), wait=False)))
    medians = {name: np.median(found, axis=0) for name, found in times.items()}
    print(f"{'':>16} {'':>8} {'wall s':>8} {'server s':>9} {'browser s':>10} {'both s':>8}")
    for index, what in enumerate(WHAT):
        for name, found in medians.items():
            print(line(what, name, found[index]))
        ours, other = (with_sum(medians[name][index]) for name in ("evonas", "bare"))
        print("{:>16} {:>8} {:8.2f} {:9.2f} {:10.2f} {:8.2f}".format(what, "ratio", *ours / other))
    sys.stdout.flush()


def line(what: str, name: str, times: Times) -> str:
    """Returns a line of the table."""
    return "{:>16} {:>8} {:8.2f} {:9.2f} {:10.2f} {:8.2f}".format(what, name, *with_sum(times))


def with_sum(times: Times) -> Times:
    """Returns the times and the seconds of processors together."""
    return np.append(times, times[1:].sum())


def bare_script(folder: Path) -> Path:
    """Writes a page with one scatter, beside the app's own configuration."""
    shutil.copytree(installed("app") / ".streamlit", folder / ".streamlit")
    script = folder / "bare.py"
    script.write_text(BARE)
    return script


@contextmanager
def serve_bare(script: Path) -> Iterator[tuple[str, int]]:
    """Serves a script of Streamlit as `evonas app` serves its own."""
    port = free_port()
    options = [text for pair in server_options(port, []) for text in pair]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    with run_server(script.parent, port, command, wait=False) as started:
        yield started


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


def visits(browser: Browser, server: Server) -> Times:
    """Returns the times, (2, 3), from the command to the first picture and of a second visitor."""
    clock = Clock()
    with server as (url, pid):
        wait_until_up(url)
        first = visit(browser, url, clock, pid)
        second = visit(browser, url, Clock(pid), pid)
    return np.stack([first, second])


def visit(browser: Browser, url: str, clock: Clock, server: int) -> Times:
    """Opens the page in a window that has nothing cached, and returns what the clock says then."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.wait_for_selector(DRAWN, timeout=120_000)
    times = clock.read(server)
    settle(page)
    page.close()
    return times


def in_use(browser: Browser, folder: Path, table: Path) -> tuple[Times, float]:
    """Returns seconds of a budget's change, the median of some, and MB with five pages open."""
    with serve(folder, str(table)) as (url, pid):
        pages = [browser.new_page(viewport={"width": 1280, "height": 900}) for _ in range(VISITORS)]
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
