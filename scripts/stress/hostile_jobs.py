"""Hostile job folders beside good ones: a worker must run every good one and name the others.

python -m scripts.stress.hostile_jobs --hostile 100 --good 20

With a small tmpfs, where root may mount one, the jobs also lie on a disk that runs full.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from evonas.data import make_digits
from evonas.jobs import JobQueue
from evonas.jobs.worker import Worker
from evonas.retraining import plan_training
from tests.jobs.hostile import HOSTILE, spoil_all

_PATIENCE_SECONDS = 300.0


def main(
    hostile: Annotated[int, typer.Option(min=0, help="Spoiled job folders.")] = 100,
    good: Annotated[int, typer.Option(min=1, help="Others.")] = 20,
    slots: Annotated[int, typer.Option(min=1, help="Of the worker.")] = 2,
) -> None:
    """Prints how many good jobs ran and how many were named; exit code 1 if one did not."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        wrong = not _runs_all(root, hostile, good, slots)
        full = _full_disk(root)
    if full is None:
        print("no tmpfs could be mounted: a full disk was not tried")
    raise typer.Exit(1 if wrong or full is False else 0)


def _submit(root: Path, jobs: Path, count: int) -> list[Path]:
    data = root / "digits"
    if not data.exists():
        make_digits(data, train=12, val=6)
    queue = JobQueue(jobs)
    return [
        queue.submit(plan_training("pico:0000000", data, changes=("steps=2",), seed=seed))[0].path
        for seed in range(count)
    ]


def _runs_all(root: Path, hostile: int, good: int, slots: int) -> bool:
    folders = _submit(root, root / "jobs", hostile + good)
    share = max(1, len(folders) // good)
    kept = folders[::share][:good]  # spread among the hostile ones
    spoiled = [folder for folder in folders if folder not in kept]
    spoil_all(spoiled)
    queue, said = JobQueue(root / "jobs"), list[str]()
    note = 'echo x >> "$0/ran"'
    began = time.monotonic()
    worker = Worker(queue, [""] * slots, lambda path, _: ["sh", "-c", note, str(path)], said.append)
    patient = time.monotonic() + _PATIENCE_SECONDS
    worker.work(drain=True, stopped=lambda: time.monotonic() > patient, poll_seconds=0.01)
    done = sum((folder / "ran").is_file() for folder in kept)
    ran = sum((folder / "ran").is_file() for folder in spoiled)
    named = sum("skipped" in line for line in said)
    are_jobs = len(queue.list()) - good
    listed = subprocess.run(
        [sys.executable, "-m", "evonas", "job", "list", "--jobs", str(queue.root)],
        capture_output=True,
        text=True,
    )
    clean = (
        listed.returncode == 0 and "Traceback" not in listed.stderr and "\x1b" not in listed.stdout
    )
    print(
        f"{len(spoiled)} hostile folders of {len(HOSTILE)} kinds, {good} good jobs: {done} good "
        f"ones ran, {ran} hostile ones; {named} of {are_jobs} that still look like jobs were "
        f"named; `evonas job list` {'lists all' if clean else 'FAILED'}; "
        f"{time.monotonic() - began:.1f} s"
    )
    return done == good and ran == 0 and named == are_jobs and clean


def _full_disk(root: Path) -> bool | None:
    """Lets a worker run on a disk without room; None where no disk of its own can be made."""
    disk = root / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        return None
    try:
        jobs = disk / "jobs"
        folders = _submit(root, jobs, 2)
        with (disk / "filler").open("wb", buffering=0) as filler:
            while _written(filler.fileno()):
                pass
        said: list[str] = []
        command = ["sh", "-c", "true"]
        Worker(JobQueue(jobs), [""], lambda *_: command, said.append).work(True, poll_seconds=0.01)
        told = sum("No space left" in line for line in said)
        (disk / "filler").unlink()
        Worker(JobQueue(jobs), [""], lambda *_: command, said.append).work(True, poll_seconds=0.01)
        states = [job.status().state for job in JobQueue(jobs).list()]
        print(f"full disk: {told} of {len(folders)} jobs named; with room again: {states}")
        return told == len(folders) and states == ["done", "done"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _written(descriptor: int) -> bool:
    try:
        return os.write(descriptor, b"x" * 512) > 0
    except OSError:
        return False


if __name__ == "__main__":
    typer.run(main)
