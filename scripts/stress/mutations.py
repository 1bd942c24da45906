"""Ways to damage a file: bytes, texts, and the values of JSON wherever it is."""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[bytes, Rng], bytes]

MOST_BYTES = 1_000_000

# Values that readers of other projects have failed on.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, -0.0, float("nan"),
    float("inf"), -float("inf"), 1e308, 5e-324, "", "x", "0", "NaN", "1e999", "../../../etc/passwd",
    "/dev/zero", "\x00", "\x1b[2J", "\ud800", "=HYPERLINK(1)", "nano:", "pico:0000000",
    "a" * 10_000, [], {}, [[]], [None], {"": None}, [1] * 1000, {"a": {"b": {"c": {}}}},
)  # fmt: skip
TOKENS: tuple[bytes, ...] = (
    b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 400, b"null", b"true", b"[" * 2000,
    b'{"a":' * 900,
    b"\xff\xfe", b"\x00", b"\x1b[31m", b"\xef\xbb\xbf", b",", b"\"", b"\r\n", b"%", b"&a [*a]",
    b"!!python/object:os.system", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<a>" * 900, b"1_0",
    "\u0661".encode(), b"nan", b"-inf", b"0x10", b" " * 500,
)  # fmt: skip

_EXTREMES: dict[str, list[float]] = {
    "<f": [float("nan"), float("inf"), -1e30],
    "<H": [0, 1, 65535, 4096],
}


def flip(data: bytes, rng: Rng) -> bytes:
    """Changes some bytes."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        if changed:
            changed[rng.integers(len(changed))] = rng.integers(256)
    return bytes(changed)


def cut(data: bytes, rng: Rng) -> bytes:
    """Keeps the beginning, or takes a piece out."""
    a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    return data[:a] if rng.random() < 0.5 else data[:a] + data[b:]


def repeat(data: bytes, rng: Rng) -> bytes:
    """Repeats a piece, up to the largest size."""
    a, b = sorted(rng.integers(0, len(data) + 1, 2).tolist())
    times = int(rng.choice([1, 3, 100, 10_000]))
    room = max(MOST_BYTES - len(data), 0)
    return (data[:b] + (data[a:b] * times)[:room] + data[b:])[:MOST_BYTES]


def insert(data: bytes, rng: Rng) -> bytes:
    """Puts a token in, in place of as many bytes or beside them."""
    token = TOKENS[rng.integers(len(TOKENS))]
    at = int(rng.integers(len(data) + 1))
    return data[:at] + token + data[at + (len(token) if rng.random() < 0.5 else 0) :]


def numbers(data: bytes, rng: Rng) -> bytes:
    """Writes an extreme number over aligned bytes, as lengths and offsets of binary files are."""
    if len(data) < 8:
        return flip(data, rng)
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        kind = str(rng.choice(["<i", "<I", "<q", "<f", "<H"]))
        size = struct.calcsize(kind)
        values = _EXTREMES.get(kind, [0, 1, 2**31 - 1, 100_000_000])
        at = int(rng.integers(0, (len(data) - size) // 2 + 1)) * 2
        changed[at : at + size] = struct.pack(kind, values[rng.integers(len(values))])
    return bytes(changed)


def json_values(data: bytes, rng: Rng) -> bytes:
    """Changes values of a JSON text, or of its first lines where it is no single value."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        lines = data.split(b"\n")
        at = int(rng.integers(len(lines)))
        try:
            lines[at] = _changed_json(json.loads(lines[at]), rng)
        except (ValueError, RecursionError):
            return insert(data, rng)
        return b"\n".join(lines)
    return _changed_json(value, rng)


def safetensors_header(data: bytes, rng: Rng) -> bytes:
    """Changes the JSON header of a .safetensors file, or the card in it; its length stays right."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError, struct.error, OverflowError):
        return flip(data, rng)  # damaged before
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if isinstance(metadata, dict) and isinstance(metadata.get("card"), str) and rng.random() < 0.8:
        metadata["card"] = json_values(metadata["card"].encode(), rng).decode(errors="replace")
        text = json.dumps(header).encode()
    else:
        text = _changed_json(header, rng)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def _changed_json(value: Any, rng: Rng) -> bytes:
    for _ in range(int(rng.integers(1, 3))):
        value = _changed(value, rng)
    return json.dumps(value).encode("utf-8", "surrogatepass")[:MOST_BYTES]


def _changed(value: Any, rng: Rng) -> Any:
    """Returns a value with one of its parts, at any depth, replaced, removed or doubled."""
    inner: list[Any] = []
    if isinstance(value, dict | list):
        inner = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not inner or rng.random() < 0.15:
        return VALUES[rng.integers(len(VALUES))]
    key = inner[int(rng.integers(len(inner)))]
    copy = value.copy()
    act = rng.random()
    if act < 0.1:
        del copy[key]
    elif act < 0.15 and isinstance(copy, dict):
        copy["extra"] = copy[key]
    elif act < 0.2 and isinstance(copy, list):
        copy.append(copy[key])
    elif act < 0.25 and isinstance(copy, dict):
        copy[str(VALUES[rng.integers(len(VALUES))])[:500]] = copy.pop(key)
    else:
        copy[key] = _changed(copy[key], rng)
    return copy


BYTES: tuple[Mutation, ...] = (flip, cut, repeat, insert, numbers)
TEXT: tuple[Mutation, ...] = (flip, cut, repeat, insert, insert)
JSON: tuple[Mutation, ...] = (json_values, json_values, json_values, json_values, *TEXT)
SAFETENSORS: tuple[Mutation, ...] = (safetensors_header, safetensors_header, *BYTES)


def mutate(data: bytes, mutations: tuple[Mutation, ...], rng: Rng) -> bytes:
    """Returns damaged content of at most `MOST_BYTES`."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        data = mutations[rng.integers(len(mutations))](data, rng)
    return data[:MOST_BYTES]
