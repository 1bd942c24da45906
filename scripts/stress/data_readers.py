"""Feeds damaged data sets to every reader: each is converted, or refused with one message.

    python -m scripts.stress.data_readers --inputs 10000

The inputs depend on their number alone (`tests.data.damage`), so a number that gives a traceback,
takes more than 10 s or more than 1 GB goes into `tests/data/test_damaged_data.py`.
"""

import collections
import resource
import shutil
import tempfile
import time
import traceback
from pathlib import Path

import typer

from tests.data.damage import LAYOUTS, damage, outcome, sound_data
from tests.data.layouts import image

_SECONDS = 10
_KILOBYTES = 1_000_000


def main(inputs: int = 10_000, first: int = 0) -> None:
    """Runs them all and prints what became of them; exit code 1 if any reader failed."""
    counts: collections.Counter[str] = collections.Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pictures = [image(root / "pictures" / f"f{i}.png") for i in range(2)]
        for seed in range(first, first + inputs):
            folder = sound_data(root / "in", seed, pictures)
            damage(folder, seed)
            began = time.monotonic()
            try:
                said = outcome(folder, root / "out", seed)
            except Exception:
                layout = LAYOUTS[seed % len(LAYOUTS)].__name__
                typer.echo(f"input {seed} ({layout}):\n{traceback.format_exc(limit=-3)}")
                said = "traceback"
            seconds = time.monotonic() - began
            slowest = max(slowest, seconds)
            if seconds > _SECONDS:
                typer.echo(f"input {seed}: {seconds:.1f} s")
                counts["slow"] += 1
            counts[said if said in ("written", "traceback") else "refused"] += 1
            for place in ("in", "out"):
                shutil.rmtree(root / place, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    typer.echo(
        f"{inputs} inputs: {dict(counts)}; slowest {slowest:.2f} s, peak {peak / 1e3:.0f} MB"
    )
    bad = counts["traceback"] + counts["slow"]
    raise typer.Exit(1 if bad or peak > _KILOBYTES else 0)


if __name__ == "__main__":
    typer.run(main)
