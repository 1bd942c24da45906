"""Damages checkpoints, archives and supernets: each file must be refused with a message.

    python -m scripts.stress.mutilate_weights --files 200

One bit, some bits, a cut or a block of each kind of file in turn; and, over the whole of the
smallest archive's card, every single bit of it.
"""

import collections
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import typer

from evonas.detector import Detector
from evonas.detector.archive import Archive, Card, load_archive, save_archive
from evonas.errors import EvonasError
from evonas.space import load_space, resolve
from evonas.supernet import load_supernet, save_supernet
from evonas.supernet.supernet import Supernet
from evonas.training.checkpoint import checkpoint_steps, save_checkpoint
from evonas.training.recipe import Recipe
from scripts.stress.mutilate import cut, early, flip, overwrite

ARCHITECTURE = "pico:0000000"
_CARD = slice(8, 72)  # bytes behind the length of the header


def one_bit(content: bytearray, rng: np.random.Generator) -> None:
    """Flips one bit."""
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))


HARMS = [one_bit, one_bit, flip, cut, overwrite, early]


def sound_files(folder: Path) -> dict[Path, Callable[[Path], object]]:
    """Writes one file of each kind; returns how each is read."""
    detector = Detector(resolve(ARCHITECTURE).architecture)
    archive = folder / "archive.safetensors"
    save_archive(archive, Archive(detector, Card(ARCHITECTURE, tuple("0123456789"))))
    space = load_space("pico")
    supernet = folder / "supernet.safetensors"
    card = {"space": "pico", "fingerprint": space.fingerprint, "classes": list("0123456789")}
    save_supernet(supernet, Supernet(space).state_dict(), card)
    checkpoint = folder / "last.pt"
    optimiser = torch.optim.AdamW(detector.parameters())
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    average = {name: value.clone() for name, value in detector.state_dict().items()}
    recipe = Recipe(steps=10)
    save_checkpoint(checkpoint, 5, [1.0] * 5, detector, optimiser, scaler, average, recipe, 0)
    return {archive: load_archive, supernet: load_supernet, checkpoint: checkpoint_steps}


def judge(path: Path, read: Callable[[Path], object]) -> str:
    """Returns what became of a file."""
    try:
        read(path)
    except EvonasError:
        return "refused"
    except BaseException as error:
        return f"RAISED {type(error).__name__}"
    return "TAKEN"


def main(files: int = 200, seed: int = 0) -> None:
    """Prints what became of so many files of each kind; exit code 1 if one was not refused."""
    rng, began = np.random.default_rng(seed), time.monotonic()
    fates: collections.Counter[tuple[str, str, str]] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        kinds = sound_files(Path(name))
        for path, read in kinds.items():
            content = path.read_bytes()
            assert judge(path, read) == "TAKEN", path
            for number in range(files):
                harm, damaged = HARMS[number % len(HARMS)], bytearray(content)
                harm(damaged, rng)
                if damaged != content:
                    path.write_bytes(damaged)
                    fates[path.name, harm.__name__, judge(path, read)] += 1
            path.write_bytes(content)
        path, read = next(iter(kinds.items()))
        content = path.read_bytes()
        for at in range(_CARD.start, _CARD.stop):
            for bit in range(8):
                damaged = bytearray(content)
                damaged[at] ^= 1 << bit
                path.write_bytes(damaged)
                fates[path.name, "every bit of 64 bytes", judge(path, read)] += 1
    for (kind, how, fate), count in sorted(fates.items()):
        print(f"{kind:>22}  {how:<20} {fate:<22} {count}")
    wrong = sum(count for (_, _, fate), count in fates.items() if fate != "refused")
    print(f"{fates.total() - wrong} of {fates.total()} refused; {time.monotonic() - began:.0f} s")
    raise typer.Exit(int(wrong > 0))


if __name__ == "__main__":
    typer.run(main)
