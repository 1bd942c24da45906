"""Job folders that no worker expects, for tests and `scripts/stress/hostile_jobs.py`."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

Spoil = Callable[[Path], None]


def _text(name: str, content: str) -> Spoil:
    return lambda folder: (folder / name).write_text(content) and None


def _status(**changes: object) -> Spoil:
    def spoil(folder: Path) -> None:
        content = json.loads((folder / "status.json").read_text()) | changes
        (folder / "status.json").write_text(json.dumps(content))

    return spoil


def _folder(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return spoil


def _link(name: str, target: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return spoil


def _pipe(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return spoil


def _renamed(name: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        _text("status.json", "{")(folder)
        folder.rename(folder.parent / (os.fsdecode(name) + folder.name))

    return spoil


def _as_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("no folder")


def _itself(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder.name)


# By what is wrong; none of these jobs can be started.
HOSTILE: Mapping[str, Spoil] = {
    "a deeply nested status": _text("status.json", "[" * 100_000),
    "a deep but complete status": _text("status.json", "[" * 900 + "]" * 900),
    "a status nested in an object": _text("status.json", '{"a":' * 50_000 + "1" + "}" * 50_000),
    "an empty status": _text("status.json", ""),
    "a status that is a list": _text("status.json", "[]"),
    "a status that is no text": lambda f: (f / "status.json").write_bytes(b"\xff\xfe\0") and None,
    "a state that is a list": _status(state=["queued"]),
    "attempts in words": _status(attempts="many"),
    "attempts of 400 digits": _text(
        "status.json",
        '{"state": "queued", "submitted": 0, "queued": 0, "attempts": ' + "9" * 400 + "}",
    ),
    "an infinite time": _text(
        "status.json", '{"state": "queued", "submitted": Infinity, "queued": 0}'
    ),
    "a worker that is an object": _status(worker={"a": 1}),
    "a field of another kind": _status(colour="\x1b[2J"),
    "a folder as status": _folder("status.json"),
    "a dangling link as status": _link("status.json", "/no/such/file"),
    "a link to endless zeros as status": _link("status.json", "/dev/zero"),
    "a pipe as status": _pipe("status.json"),
    "a folder as claim": _folder("claim.lock"),
    "a dangling link as claim": _link("claim.lock", "/no/such/folder/lock"),
    "a pipe as claim": _pipe("claim.lock"),
    "a folder as stderr": _folder("stderr.txt"),
    "a pipe as stderr": _pipe("stderr.txt"),
    "a link to a device as stderr": _link("stderr.txt", "/dev/full"),
    "a file in place of the folder": _as_file,
    "a link to itself": _itself,
    "a name that is no text": _renamed(b"\xff\x1b[2J-"),
}


def spoil_all(folders: list[Path]) -> None:
    """Spoils each folder in another way, over and over."""
    ways = list(HOSTILE.values())
    for number, folder in enumerate(folders):
        if folder.exists():
            ways[number % len(ways)](folder)
