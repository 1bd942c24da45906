"""Data sets of every readable format, and damage to them that is the same for the same seed."""

import json
import random
import re
from pathlib import Path
from typing import Any

from evonas.data import check_split, data_fingerprint, list_splits, load_coco
from evonas.data.convert import convert_dataset
from evonas.data.convert_options import ConvertOptions
from evonas.errors import EvonasError
from tests.data.test_conversion_account import LAYOUTS

ROWS = [("cat", 10.0, 10.0, 40.0, 40.0), ("dog", 20.0, 5.0, 30.0, 60.0)]
_TOKENS = (
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"1" * 400, b"1_0", b"null", b"true", b"[]",
    b"{}", b'""', b"..", b"../../etc/passwd", b"/", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\n",
    b"[" * 2000, b"<a>" * 2000, b"&a;", b"<!ENTITY a 'b'>", b"*a", b"&a ", b"!!python/none", b"%",
    b"\\", b"\x1b[31m", b"-", b":", b",", b";", b'"', b"'", b"2020-01-01", b"0x10", b"1e5",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 99, 1.5, -0.0, 1e308, -1e308, float("nan"), float("inf"), "",
    "x", "1", "../x", "/", "a/b", "f0.png", "\x1b[31m", "\ud800", "\x00", "x" * 5000, [], {}, [1],
    [None], [[]], {"a": 1}, [1, 2, 3, 4], ["a", "b", "c", "d"], [1e308] * 4, [0, 0, 1e-320, 5],
    2**62, -(2**63), [{}], [[1, 2], [3, 4]],
)  # fmt: skip
_WORDS = (
    b"nan", b"inf", b"-inf", b"1e999", b"-1", b"-0.0", b"0", b"1e308", b"1" * 30, b"1_0", b"x",
    b"f0.png", b"..", b"../x", b"/", b"/etc", b"train", b"~", b"null", b"true", b" ", b"1e-320",
    b"\xd9\xa1", b"\xc3\xa9", b"x" * 5000, b"%s", b"{}", b"a\\b", b"*", b"?", b"1;2", b"1,2;3,4",
    b"2020-01-01", b"99999999", b"0x10", b"\xe2\x80\xae",
)  # fmt: skip
_IMAGES = (".png", ".jpg")


def sound_data(folder: Path, kind: int, pictures: list[Path]) -> Path:
    """Writes a sound data set of one of the layouts."""
    LAYOUTS[kind % len(LAYOUTS)](folder, ROWS, pictures)
    return folder


def damage(folder: Path, seed: int) -> None:
    """Damages one to three of the files in a folder.

    Two in three are still well-formed: only a value is another.
    """
    rng = random.Random(seed)
    if seed // len(LAYOUTS) % 3:
        texts = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix not in _IMAGES]
        for _ in range(rng.randint(1, 2)):
            path = rng.choice(texts)
            change = _another_value if path.suffix == ".json" else _another_word
            path.write_bytes(change(path.read_bytes(), rng))
        return
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [path for path in files if path.suffix not in _IMAGES]
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(texts if rng.random() < 0.9 else files)
        if not path.is_file():
            continue
        content = _damaged(path.read_bytes(), rng)
        path.unlink()  # images are links to others' files
        kind = rng.random()
        if kind < 0.02:
            path.mkdir()
        elif kind < 0.04:
            path.symlink_to(path.parent / "nowhere")
        elif kind > 0.06:
            path.write_bytes(content)


def _damaged(content: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(content) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            content = content[:at]
        elif kind == 1:
            content = content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        elif kind == 2:
            content = content[:at] + rng.choice(_TOKENS) + content[at:]
        elif kind == 3:
            content = content[:at] + content[at + rng.randint(1, 40) :]
        elif kind == 4:
            content = content[:at] + content[max(0, at - 60) : at] + content[at:]
        else:
            content = _replace_a_word(content, rng)
    return content


def _another_value(content: bytes, rng: random.Random) -> bytes:
    """Changes, deletes or repeats one value of a JSON file."""
    whole = json.loads(content)
    place: Any = whole
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return content
        key = rng.choice(keys)
        inside = place[key]
        if not isinstance(inside, dict | list) or rng.random() < 0.2:
            break
        place = inside
    kind = rng.randrange(4)
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, list):
        place.append(inside)
    else:
        place[key] = rng.choice(_VALUES)
    return json.dumps(whole).encode()


def _another_word(content: bytes, rng: random.Random) -> bytes:
    """Changes one word between tags, in an attribute, or of a line of text."""
    markup = content.lstrip().startswith(b"<")
    pattern = rb'(?<=[>"])[^<>"]+(?=[<"])' if markup else rb"[^\s:,\[\]{}]+"
    words = list(re.finditer(pattern, content))
    word = rng.choice(words)
    return content[: word.start()] + rng.choice(_WORDS) + content[word.end() :]


def _replace_a_word(content: bytes, rng: random.Random) -> bytes:
    words = list(re.finditer(rb"[\w.+-]+", content))
    if not words:
        return content
    word = rng.choice(words)
    return content[: word.start()] + rng.choice(_TOKENS) + content[word.end() :]


def outcome(folder: Path, out: Path, seed: int) -> str:
    """Converts a folder, whatever it holds; returns "written" or the message.

    Anything but an `EvonasError` is a fault of the reader and is let out.
    """
    treatment = ("clip", "drop", "refuse")[seed % 3]
    options = ConvertOptions(bad_boxes=treatment, skip_unreadable=bool(seed % 2))
    _check(folder, treatment)
    try:
        conversion = convert_dataset(folder, out, options)
    except EvonasError as error:
        return str(error)
    for split in conversion.splits:
        load_coco(out, split)  # nothing that is written may be refused
    return "written"


def _check(folder: Path, bad_boxes: str) -> None:
    """Does to a COCO-format folder what `evonas data check` does."""
    try:
        for split in list_splits(folder):
            check_split(load_coco(folder, split, bad_boxes))
            data_fingerprint(folder)
    except EvonasError:
        pass
