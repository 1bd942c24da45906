"""Kills writers of a table, fills its disk, reads while others write: nothing may be lost or half.

    python -m scripts.stress.table kills --kills 500
    python -m scripts.stress.table kills --kills 500 --compact
    python -m scripts.stress.table kills --kills 100 --disk-kib 300   # as root: mounts a tmpfs
    python -m scripts.stress.table readers --seconds 30
    python -m scripts.stress.table races --races 200

Every writer appends batches of the same length whose rows share one value, and tells each batch
once `append` has returned. The writers, and with --compact another process that compacts all the
time, are killed by SIGKILL together at a random moment. Then the table must open, `verify` find
nothing, every reported batch be there, and every batch whole.
"""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer

from evonas.errors import DataError, SchemaError
from evonas.space import load_space
from evonas.table import create_table, open_or_create, open_table, verify_table
from scripts.bench.table_data import distinct

app = typer.Typer(no_args_is_help=True)

SPACE = load_space("nano")
BATCH = 20
_PROVENANCE = {"source": "invented"}
_POOL = 1_000_000
_MOST_PARTS = 100  # then the table is compacted, so that opening it stays fast


@dataclass(frozen=True)
class Child:
    """A forked process, and the pipe through which it tells what it has done."""

    pid: int
    pipe: int

    def wait_until_ready(self) -> None:
        """Waits for the empty line with which it says that it has begun."""
        assert os.read(self.pipe, 1) == b"\n"

    def read_until_it_ends(self) -> list[int]:
        """Returns the numbers that it tells until it ends by itself."""
        with os.fdopen(self.pipe, "rb") as pipe:
            lines = pipe.read().split()
        os.waitpid(self.pid, 0)
        return [int(line) for line in lines]

    def kill(self) -> list[int]:
        """Ends it and returns the numbers that it reported."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        assert os.WIFSIGNALED(status), "it had ended by itself"
        with os.fdopen(self.pipe, "rb") as pipe:
            lines = pipe.read().split(b"\n")
        # After the last newline stands half a line; an empty one says that it has begun.
        return [int(line) for line in lines[:-1] if line]


def fork(work: Callable[[Callable[..., None]], None]) -> Child:
    """Starts work in a process of its own, with what this one has imported."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Child(pid, reading)
    os.close(reading)

    def report(number: object = "") -> None:
        os.write(writing, f"{number}\n".encode())

    try:
        work(report)
    except DataError as error:
        if "No space left" not in str(error):
            traceback.print_exc()
        signal.pause()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def write_batches(path: Path, genotypes: np.ndarray, first: int) -> Callable[..., None]:
    """Returns the work of a writer: batch after batch, from number `first` on."""

    def work(tell: Callable[..., None]) -> None:
        table, number = open_table(path), first
        tell()
        while number * BATCH < len(genotypes):
            rows = genotypes[number * BATCH : (number + 1) * BATCH]
            values = np.full(BATCH, number / 1e6)
            table.append(SPACE, rows, {"map": values}, provenance=_PROVENANCE)
            tell(number)
            number += 1
        signal.pause()

    return work


def compact_forever(path: Path) -> Callable[..., None]:
    """Returns the work of a process that compacts all the time."""

    def work(tell: Callable[..., None]) -> None:
        tell()
        while True:
            open_table(path).compact()
            tell(0)

    return work


def whole_batches(path: Path) -> set[int]:
    """Returns the numbers of the batches in a table; fails if one is half."""
    table = open_table(path)
    if not table.spaces:
        return set()
    numbers, counts = np.unique(np.rint(table.column("map") * 1e6), return_counts=True)
    assert (counts == BATCH).all(), f"{(counts != BATCH).sum()} half batches"
    return set(numbers.astype(int).tolist())


@app.command()
def kills(
    kills: int = 500,
    writers: int = 4,
    compact: bool = False,
    disk_kib: int = 0,
    seed: int = 0,
    longest: float = 0.6,
    place: Path | None = None,
) -> None:
    """Kills writers, several at once on one table; exit code 1 at the first row that is lost."""
    rng = random.Random(seed)
    genotypes = distinct(_POOL, seed=1)
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        if disk_kib:
            options = ["-t", "tmpfs", "-o", f"size={disk_kib}k", "tmpfs"]
            subprocess.run(["mount", *options, folder], check=True)
        try:
            path = folder / "table"
            _kill(path, genotypes, rng, kills, writers, compact, bool(disk_kib), longest)
        finally:
            if disk_kib:
                subprocess.run(["umount", folder], check=True)


def _kill(
    path: Path,
    genotypes: np.ndarray,
    rng: random.Random,
    kills: int,
    writers: int,
    compact: bool,
    fills: bool,
    longest: float,
) -> None:
    killed = opened = full = compactors = compacted = 0
    reported: set[int] = set()
    ever = 0
    began, span = time.monotonic(), len(genotypes) // BATCH
    create_table(path)
    first = 0
    while killed < kills:
        starts = [first + 500 * number for number in range(writers)]
        first = (first + 500 * writers) % (span - 500 * writers)
        children = [fork(write_batches(path, genotypes, start)) for start in starts]
        if compact:
            children.append(fork(compact_forever(path)))
        for child in children:
            child.wait_until_ready()
        time.sleep(rng.uniform(0, longest))
        reports = [child.kill() for child in children]
        killed, compactors = killed + writers, compactors + compact
        reported.update(*reports[:writers])
        ever += sum(map(len, reports[:writers]))
        compacted += sum(map(len, reports[writers:]))
        there = whole_batches(path)
        lost = reported - there
        assert not lost, f"{len(lost)} acknowledged batches are lost"
        problems = verify_table(open_table(path))
        assert not problems, problems
        opened += 1
        if fills and _is_full(path):
            full += 1
            shutil.rmtree(path)
            create_table(path)
            reported.clear()
        elif len(list(path.iterdir())) > _MOST_PARTS and not fills:
            open_table(path).compact()
            assert whole_batches(path) == there
    extra = f", {compactors} kills of `compact`, which had ended {compacted} times"
    extra = extra if compact else ""
    extra += f", the disk was full {full} times" if fills else ""
    print(
        f"{killed} SIGKILLs of {writers} writers at once in {opened} rounds, "
        f"{time.monotonic() - began:.0f} s: "
        f"{ever * BATCH} rows acknowledged, none lost, no half batch, no refusal to open{extra}"
    )


def _is_full(path: Path) -> bool:
    return shutil.disk_usage(path).free < 2**14


@app.command()
def readers(seconds: float = 30, readers: int = 8, compact: bool = True) -> None:
    """Reads a table from processes while two others append and one compacts."""
    genotypes = distinct(_POOL, seed=1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "table"
        create_table(path)

        def read(tell: Callable[..., None]) -> None:
            table, seen = open_table(path), 0
            tell()
            while True:
                table.refresh()
                if not table.spaces:
                    continue
                values, counts = np.unique(table.column("map"), return_counts=True)
                if (counts != BATCH).any() or len(values) < seen:
                    tell(-1)  # a half batch, or fewer than before
                seen = len(values)
                tell(seen)

        writers = [fork(write_batches(path, genotypes, _POOL // BATCH // 2 * i)) for i in range(2)]
        others = [fork(compact_forever(path))] if compact else []
        watching = [fork(read) for _ in range(readers)]
        # Emptied all the time, so that no pipe fills up and stops a process.
        gathered = _gather([*watching, *writers], seconds)
        for child in [*watching, *writers, *others]:
            child.kill()
        reported = {number for pid in writers for number in gathered[pid.pid]}
        seen = [gathered[child.pid] for child in watching]
        wrong = sum(number < 0 for numbers in seen for number in numbers)
        assert not reported - whole_batches(path), "acknowledged batches are lost"
        print(
            f"{readers} readers looked {sum(map(len, seen))} times (each at least "
            f"{min(map(len, seen))}) while 2 writers appended {len(reported)} batches of {BATCH}: "
            f"{wrong} half or vanished batches"
        )
    raise typer.Exit(int(wrong > 0))


@app.command()
def races(races: int = 200, seed: int = 0) -> None:
    """Lets two processes write a new table with different provenance at once.

    One must be refused, all that the other was told to be kept must be there, and the table open.
    """
    rng, began, raced_twice = random.Random(seed), time.monotonic(), 0
    genotypes = distinct(BATCH * 20, seed=1)
    with tempfile.TemporaryDirectory() as name:
        for number in range(races):
            path = Path(name) / f"table-{number}"
            start = time.monotonic() + 0.02
            children = [
                fork(_race(path, genotypes, weights, start + rng.uniform(0, 0.004)))
                for weights in ("a", "b")
            ]
            for child in children:
                child.wait_until_ready()
            told = [child.read_until_it_ends() for child in children]
            refused = [REFUSED in numbers for numbers in told]
            assert sum(refused) == 1, f"race {number}: {sum(refused)} of 2 were refused"
            kept = [number for number in told[refused.index(False)]]
            raced_twice += any(number != REFUSED for number in told[refused.index(True)])
            table = open_table(path)
            assert whole_batches(path) == set(kept), f"race {number}: batches are lost"
            assert table.provenance("map")["weights"] == "ab"[refused.index(False)]
            assert not verify_table(table)
            left = [entry.name for entry in path.iterdir() if not entry.name.startswith("part-")]
            assert not left, left
    assert not raced_twice, "a refused writer had been told that rows are kept"
    print(
        f"{races} races of two writers with different provenance on a new table, "
        f"{time.monotonic() - began:.0f} s: one refused in each, nothing lost, all tables open"
    )


REFUSED = -1


def _race(path: Path, genotypes: np.ndarray, weights: str, start: float) -> Callable[..., None]:
    """Returns the work of a writer that begins at a moment and tells whether it was refused."""

    def work(tell: Callable[..., None]) -> None:
        table = open_or_create(path)
        tell()
        time.sleep(max(start - time.monotonic(), 0))
        provenance = {**_PROVENANCE, "weights": weights}
        try:
            for number in range(3):
                rows = genotypes[number * BATCH : (number + 1) * BATCH]
                values = np.full(BATCH, number / 1e6)
                table.append(SPACE, rows, {"map": values}, provenance=provenance)
                tell(number)
        except SchemaError:
            tell(REFUSED)

    return work


def _gather(children: list[Child], seconds: float) -> dict[int, list[int]]:
    """Reads what the children tell for so long; returns their numbers by process."""
    import selectors

    selector = selectors.DefaultSelector()
    texts = {child.pid: b"" for child in children}
    for child in children:
        child.wait_until_ready()
        selector.register(child.pipe, selectors.EVENT_READ, child.pid)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in selector.select(timeout=0.1):
            texts[key.data] += os.read(key.fd, 2**16)
    return {pid: [int(line) for line in text.split(b"\n")[:-1]] for pid, text in texts.items()}


if __name__ == "__main__":
    app()
