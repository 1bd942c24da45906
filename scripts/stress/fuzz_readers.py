"""Damages inputs of every reader: none may end in a traceback, take 1 GB or 10 s, or a crash.

python -m scripts.stress.fuzz_readers --inputs 10000 --keep runs/fuzz
"""

import json
import multiprocessing
import os
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from scripts.stress.mutations import mutate
from scripts.stress.readers import READERS, base_files, target

# A valid file takes up to 730 MB, most of it torch itself; what an input takes beside that, with
# all that is imported already, may be so much more: 1 GB together.
MOST_BYTES, MOST_SECONDS = 300 << 20, 10.0
_POLL_SECONDS = 0.02
_CASES = 250  # of one process, which then gives its memory back


@dataclass(frozen=True, slots=True)
class Fault:
    """An input that was not well received."""

    reader: str
    number: int
    kind: str
    detail: str


def main(
    inputs: Annotated[int, typer.Option(min=1, help="Over all readers.")] = 10_000,
    only: Annotated[list[str] | None, typer.Option(help="Readers; by default all.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Folder for the inputs at fault.")] = None,
    seed: int = 0,
) -> None:
    """Prints how many inputs each reader had, and each fault once; exit code 1 if there are any."""
    names = only or list(READERS)
    each = -(-inputs // len(names))
    began, faults = time.monotonic(), []
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "base"
        _in_a_process(base_files, base)
        for name in names:
            start = time.monotonic()
            found = _fuzz(name, base, Path(place), each, seed, keep)
            faults += found
            kinds = Counter(fault.kind for fault in found)
            seconds = time.monotonic() - start
            print(
                f"{name}: {each} inputs, {dict(kinds) or 'no fault'}, {seconds:.0f} s", flush=True
            )
            for text in dict.fromkeys(f"  {fault.kind}: {fault.detail}" for fault in found):
                print(text, flush=True)
    total = each * len(names)
    print(f"{total} inputs, {len(faults)} faults, {time.monotonic() - began:.0f} s")
    raise typer.Exit(1 if faults else 0)


def _in_a_process(function: object, *arguments: object) -> None:
    """Torch's threads of this process would stop those of the processes forked from it."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)  # type: ignore[arg-type]
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the valid files could not be made")


def _fuzz(
    name: str, base: Path, place: Path, count: int, seed: int, keep: Path | None
) -> list[Fault]:
    faults: list[Fault] = []
    number = 0
    while number < count:
        folder = Path(tempfile.mkdtemp(dir=place))
        number = _one_process(name, base, folder, number, count, seed, faults, keep)
    return faults


def _one_process(
    name: str,
    base: Path,
    folder: Path,
    first: int,
    count: int,
    seed: int,
    faults: list[Fault],
    keep: Path | None,
) -> int:
    """Runs cases in a process until it has had enough or is at fault; returns the next one."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    last = min(count, first + _CASES)
    process = context.Process(target=_work, args=(theirs, name, base, folder, first, last, seed))
    process.start()
    theirs.close()
    number = first
    try:
        while number < last:
            kind, detail = _watch(ours, process.pid or 0)
            if kind:
                faults.append(Fault(name, number, kind, detail))
                _keep(name, folder, number, kind, keep)
            number += 1
            if kind in ("crash", "time", "memory"):
                break
    finally:
        process.kill()
        process.join()
    return number


def _watch(connection: Connection, pid: int) -> tuple[str, str]:
    """Waits for a case; returns what is wrong, or nothing."""
    began, before = None, 0
    while True:
        try:
            if connection.poll(_POLL_SECONDS):
                told: str | tuple[str, str] = connection.recv()
                if isinstance(told, tuple):
                    return told
                began, before = time.monotonic(), _resident(pid)
        except EOFError:
            return "crash", "the process died"
        if began is None:
            continue
        memory = _resident(pid) - before
        if memory > MOST_BYTES:
            return "memory", f"{memory >> 20} MB more"
        if time.monotonic() - began > MOST_SECONDS:
            return "time", f"above {MOST_SECONDS:.0f} s"


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _work(
    connection: Connection, name: str, base: Path, folder: Path, first: int, last: int, seed: int
) -> None:
    """Damages, reads, and tells the parent of each case."""
    reader = READERS[name]
    if hasattr(os, "setsid"):
        os.setsid()
    os.chdir(folder)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)  # what libraries in C say
        os.dup2(nothing.fileno(), 1)
    reader.make(folder, base)
    file = target(folder, reader)
    valid = file.read_bytes() if file.exists() else (folder / "curves.jsonl").read_bytes()
    file.write_bytes(valid)
    reader.run(folder)  # what is imported and cached counts for no case
    for number in range(first, last):
        rng = np.random.default_rng([seed, number, *name.encode()])
        file.write_bytes(mutate(valid, reader.how, rng))
        connection.send("begins")
        try:
            reader.run(folder)
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [f for f in frames if "/evonas/" in f.filename and "/.venv/" not in f.filename]
            where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
            text = f"{type(error).__name__} at {where}: {str(error).splitlines()[:1]}"
            connection.send(("traceback", text[:200]))
        else:
            connection.send(("", ""))


def _keep(name: str, folder: Path, number: int, kind: str, keep: Path | None) -> None:
    if keep is None:
        return
    keep.mkdir(parents=True, exist_ok=True)
    file = target(folder, READERS[name])
    stem = f"{name.replace(' ', '-')}-{kind}-{number}"
    (keep / f"{stem}{file.suffix}").write_bytes(file.read_bytes())
    with (keep / "index.jsonl").open("a") as index:
        index.write(json.dumps({"reader": name, "number": number, "kind": kind}) + "\n")


if __name__ == "__main__":
    typer.run(main)
