"""Damages a table in every way it can think of: each file must be refused with a message.

    python -m scripts.stress.mutilate --files 200

Every file is opened, and all of it read and asked, in a process of its own, with a limit on its
time; its peak memory is measured. Random damage (cut off, flipped bits, blocks overwritten) comes
as it is, to files as `evonas` writes them and to those of schema 1, which have no seal; contents
that somebody made on purpose come with a right seal.
"""

import collections
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import typer

from evonas.errors import EvonasError
from evonas.seal import add_seal
from evonas.space import load_space
from evonas.table import choice_statistics, create_table, open_table, write_table

SPACE = load_space("nano")
_SECONDS = 20
_MEGABYTES = 1000
_NAMES = ("map", "params")
_SAME, _OLD = "accepted, same values", "random, of schema 1"


def whole_file(folder: Path) -> bytes:
    """Returns a sound table of 3,000 rows."""
    rng = np.random.default_rng(0)
    genotypes = np.unique(SPACE.sample(4000, rng), axis=0)[:3000]
    table = create_table(folder / "table")
    source = {"source": "supernet"}
    table.append(SPACE, genotypes, {"map": rng.uniform(0, 1, len(genotypes))}, provenance=source)
    table.append(SPACE, genotypes, SPACE.costs(genotypes), provenance={"source": "analytic"})
    write_table(folder / "whole.h5", table)
    return (folder / "whole.h5").read_bytes()


# --- random damage --------------------------------------------------------------------------


def cut(content: bytearray, rng: np.random.Generator) -> None:
    """Cuts the file off somewhere."""
    del content[int(rng.integers(len(content))) :]


def flip(content: bytearray, rng: np.random.Generator) -> None:
    """Flips one to twenty bits."""
    for at in rng.integers(len(content), size=rng.integers(1, 21)):
        content[at] ^= 1 << int(rng.integers(8))


def overwrite(content: bytearray, rng: np.random.Generator) -> None:
    """Writes zeros or noise over a block."""
    at, length = int(rng.integers(len(content))), int(rng.integers(16, 4096))
    length = min(length, len(content) - at)
    content[at : at + length] = bytes(length) if rng.integers(2) else rng.bytes(length)


def early(content: bytearray, rng: np.random.Generator) -> None:
    """Flips bits among the first kilobytes, where the structure stands."""
    for at in rng.integers(4096, size=5):
        content[at] ^= 1 << int(rng.integers(8))


# --- contents made on purpose ---------------------------------------------------------------


def _new(file: Any, name: str, *arguments: Any, **options: Any) -> Any:
    provenance = dict(file[name].attrs)
    del file[name]
    dataset = file.create_dataset(name, *arguments, **options)
    for key, value in provenance.items():
        dataset.attrs[key] = value
    return dataset


def _linked(link: Any) -> Callable[[Any], None]:
    def harm(file: Any) -> None:
        del file["nano/columns/map"]
        file["nano/columns/map"] = link

    return harm


def _typed(name: str, values: Any) -> Callable[[Any], None]:
    return lambda file: _new(file, name, data=values)


def _shaped(name: str, shape: tuple[int, ...], dtype: str, **options: Any) -> Callable[[Any], None]:
    return lambda file: _new(file, name, shape, dtype, **options)


def _attribute(where: str, name: str, value: Any) -> Callable[[Any], None]:
    def harm(file: Any) -> None:
        if name in file[where].attrs:
            del file[where].attrs[name]
        if value is not None:
            file[where].attrs[name] = value

    return harm


def _bomb(name: str, shape: tuple[int, ...], dtype: str) -> Callable[[Any], None]:
    """A few kilobytes that deflate to gigabytes."""

    def harm(file: Any) -> None:
        chunks = (1_000_000, *shape[1:])
        dataset = _new(file, name, shape, dtype, chunks=chunks, compression="gzip")
        for start in range(0, shape[0], 1_000_000):
            dataset[start : start + 1_000_000] = 0

    return harm


def _virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3000,), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (3000,))
    del file["nano/columns/map"]
    file.create_virtual_dataset("nano/columns/map", layout)


def _external(file: Any) -> None:
    _new(file, "nano/columns/map", (3000,), "f8", external=[("/etc/passwd", 0, 24000)])


def _twice(file: Any) -> None:
    genotypes = file["nano/genotypes"][...]
    genotypes[1] = genotypes[0]
    file["nano/genotypes"][...] = genotypes


def _loop(file: Any) -> None:
    file["nano/columns/again"] = file["nano"]


def _out_of_range(file: Any) -> None:
    file["nano/genotypes"][0] = 255


ON_PURPOSE: list[Callable[[Any], None]] = [
    _linked(h5py.ExternalLink("/etc/passwd", "/x")),
    _linked(h5py.ExternalLink("whole.h5", "/nano/columns/map")),
    _linked(h5py.SoftLink("/nano/columns/map50")),
    _linked(h5py.SoftLink("/nowhere")),
    _linked(h5py.SoftLink("/nano/columns/map")),
    _typed("nano/columns/map", ["a"] * 3000),
    _typed("nano/columns/map", np.zeros(3000, np.float32)),
    _typed("nano/columns/map", np.zeros(3000, np.complex128)),
    _typed("nano/columns/map", np.zeros((3000, 2))),
    _typed("nano/columns/map", np.zeros(7)),
    _typed("nano/columns/map", np.zeros(3000, ">f8")),
    _typed("nano/columns/map", np.zeros(3000, [("a", "f8")])),
    _typed("nano/columns/map", np.zeros(3000, "V8")),
    _typed("nano/columns/map", 1.0),
    _typed("nano/columns/map", h5py.Empty("f8")),
    _typed("nano/genotypes", np.zeros((3000, 15), np.int64)),
    _typed("nano/genotypes", np.zeros(3000, np.uint8)),
    _typed("nano/genotypes", np.zeros((3000, 3), np.uint8)),
    _typed("nano/genotypes", np.zeros((3000, 0), np.uint8)),
    _typed("nano/genotypes", np.zeros((3000, 15), bool)),
    _shaped("nano/columns/map", (10**12,), "f8", chunks=(10**6,)),
    _shaped("nano/columns/map", (2**62,), "f8", chunks=(1000,)),
    _shaped("nano/columns/map", (3000,), "f8", chunks=(10**8,), maxshape=(None,)),
    _shaped("nano/columns/map", (3000,), "f8"),
    _shaped("nano/genotypes", (10**12, 15), "u1", chunks=(10**6, 15)),
    _shaped("nano/genotypes", (3000, 10**9), "u1", chunks=(1, 10**6)),
    _shaped("nano/genotypes", (3000, 15), "u1"),
    _shaped("nano/columns/map", (3000,), "f8", chunks=(100,), compression="lzf"),
    _shaped("nano/columns/map", (3000,), "f8", chunks=(100,), scaleoffset=3),
    _bomb("nano/columns/map", (100_000_000,), "f8"),
    _bomb("nano/genotypes", (10_000_000, 15), "u1"),
    _virtual,
    _external,
    _twice,
    _loop,
    _out_of_range,
    _attribute("/", "schema", 99),
    _attribute("/", "schema", "two"),
    _attribute("/", "schema", None),
    _attribute("/", "format", "other"),
    _attribute("/", "format", np.arange(5)),
    _attribute("/", "card", 7),
    _attribute("/", "card", "[1, 2]"),
    _attribute("/", "card", "{" * 5000),
    _attribute("nano", "fingerprint", None),
    _attribute("nano", "fingerprint", np.zeros(1000)),
    _attribute("nano/columns/map", "provenance", "no JSON"),
    _attribute("nano/columns/map", "provenance", "[" * 50_000),
    _attribute("nano/columns/map", "provenance", None),
    _attribute("nano/columns/map", "provenance", np.zeros(3)),
    lambda file: file.__delitem__("nano/genotypes"),
    lambda file: file.__delitem__("nano/columns"),
    lambda file: file.move("nano", "no-such-space"),
    lambda file: file.create_dataset("more", data=np.zeros(3)),
    lambda file: file.create_group("empty"),
]
RANDOM = [cut, flip, overwrite, early]


def without_seal(content: bytes, path: Path) -> bytes:
    """Returns the table as schema 1 had it: no seal, `card` or `distinct`."""
    path.write_bytes(content)
    with h5py.File(path, "a") as file:  # HDF5 cuts off what follows its own end
        file.attrs["schema"] = 1
        del file.attrs["card"], file["nano"].attrs["distinct"]
    return path.read_bytes()


def ask_everything(path: Path, telling: Any) -> None:
    """Opens a file, reads all of it, asks every kind of question; tells how that went."""
    try:
        table = open_table(path)
        found = {name: table.column(name, "nano").tobytes() for name in _NAMES}
        genotypes = table.genotypes("nano")
        found["genotypes"] = genotypes.tobytes()
        table.lookup(genotypes[:10], _NAMES, "nano")
        table.front(_NAMES, "map > 0.1", "nano")
        choice_statistics(table, "map", space="nano")
        SPACE.check(genotypes)
        table.info()
        outcome: Any = found
    except EvonasError as error:
        outcome = str(error)
    except BaseException as error:
        outcome = error
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    telling.send((outcome, peak))


def judge(path: Path, sound: dict[str, bytes]) -> tuple[str, str, float]:
    """Returns what became of a file, the message or error, and the peak memory in MB."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("fork")
    child = context.Process(target=ask_everything, args=(path, theirs))
    child.start()
    theirs.close()
    try:
        outcome, peak = ours.recv() if ours.poll(_SECONDS) else ("", -1.0)
    except EOFError:
        child.join()
        return "CRASHED", f"exit code {child.exitcode}", 0.0
    child.kill()
    child.join()
    if peak < 0:
        return "HUNG", f"more than {_SECONDS} s", 0.0
    if peak > _MEGABYTES:
        return "TOO LARGE", f"{peak:.0f} MB", peak
    if isinstance(outcome, str):
        return "refused", outcome, peak
    if isinstance(outcome, dict):
        return (_SAME if outcome == sound else "WRONG VALUES"), "", peak
    return "RAISED", repr(outcome), peak


def main(files: int = 200, old: int = 50, seed: int = 0, verbose: bool = False) -> None:
    """Prints what became of the files; exit code 1 if one was not refused.

    A file of schema 1 may also be accepted if nothing that was damaged is ever read.
    """
    rng, began, most = np.random.default_rng(seed), time.monotonic(), 0.0
    fates: collections.Counter[tuple[str, str]] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content, path = whole_file(folder), folder / "mutilated.h5"
        without = without_seal(content, folder / "old.h5")
        table = open_table(folder / "whole.h5")
        sound = {column: table.column(column).tobytes() for column in _NAMES}
        sound["genotypes"] = table.genotypes().tobytes()
        for whole in ("whole.h5", "old.h5"):
            assert judge(folder / whole, sound)[0] == _SAME
        for number in range(files + old):
            kind = _damage(path, content if number < files else without, number, files, rng)
            fate, message, peak = judge(path, sound)
            most = max(most, peak)
            fates[kind, fate] += 1
            if verbose or fate not in ("refused", _SAME):
                print(f"{number:>4} {kind}: {fate}: {message}", flush=True)
    for (kind, fate), count in sorted(fates.items()):
        print(f"{kind:>22}  {fate:<22} {count}")
    refused = sum(n for (kind, f), n in fates.items() if f == "refused" and kind != _OLD)
    sound_old = sum(n for (kind, f), n in fates.items() if f in ("refused", _SAME) and kind == _OLD)
    print(
        f"{refused} of {files} refused; {sound_old} of {old} of schema 1 refused or unharmed; at "
        f"most {most:.0f} MB; {time.monotonic() - began:.0f} s"
    )
    raise typer.Exit(int(refused < files or sound_old < old))


def _damage(path: Path, content: bytes, number: int, files: int, rng: np.random.Generator) -> str:
    """Writes a damaged file and returns the kind of damage."""
    path.write_bytes(content)
    if number < len(ON_PURPOSE):
        with h5py.File(path, "a") as file:
            ON_PURPOSE[number](file)
        with open(path, "r+b") as raw:
            add_seal(raw)
        return "on purpose"
    harm = RANDOM[number % len(RANDOM)]
    damaged = bytearray(content)
    harm(damaged, rng)
    path.write_bytes(damaged)
    return harm.__name__ if number < files else _OLD


if __name__ == "__main__":
    typer.run(main)
