"""Writes TensorFlow checkpoints, as the format's description says, without TensorFlow."""

import tarfile
from pathlib import Path

import numpy as np

from evonas.weights.crc32c import masked_crc32c

TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value) if value else b""


def block(entries: list[tuple[bytes, bytes]], restart_every: int = 16) -> bytes:
    out, restarts, last = bytearray(), [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart_every == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value))
        out += key[shared:] + value
        last = key
    for place in restarts or [0]:
        out += place.to_bytes(4, "little")
    return bytes(out) + len(restarts or [0]).to_bytes(4, "little")


def snappy(data: bytes) -> bytes:
    """Compresses: literals, and copies of what stood 1 to 2,047 bytes before, greedily."""
    out, place, literal = bytearray(varint(len(data))), 0, bytearray()

    def flush() -> None:
        for start in range(0, len(literal), 60):
            part = literal[start : start + 60]
            out.append((len(part) - 1) << 2)
            out.extend(part)
        literal.clear()

    while place < len(data):
        found = data.rfind(data[place : place + 4], max(0, place - 2047), place + 3)
        if place + 4 <= len(data) and 0 <= found < place:
            length = 4
            while (
                length < 11
                and place + length < len(data)
                and data[found + length] == data[place + length]
            ):
                length += 1
            flush()
            offset = place - found
            out += bytes([1 | (length - 4) << 2 | (offset >> 8) << 5, offset & 255])
            place += length
        else:
            literal.append(data[place])
            place += 1
    flush()
    return bytes(out)


def table(entries: dict[bytes, bytes], per_block: int = 40, compress: bool = False) -> bytes:
    out = bytearray()

    def add(content: bytes, compress: bool) -> bytes:
        stored = snappy(content) if compress else content
        handle = varint(len(out)) + varint(len(stored))
        kind = bytes([compress])
        out.extend(stored + kind + masked_crc32c(stored + kind).to_bytes(4, "little"))
        return handle

    ordered = sorted(entries.items())
    index = []
    for start in range(0, len(ordered), per_block):
        part = ordered[start : start + per_block]
        index.append((part[-1][0], add(block(part), compress)))
    meta = add(block([]), False)
    handles = meta + add(block(index, 1), False)
    return bytes(out) + handles.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def write_bundle(
    prefix: Path, variables: dict[str, np.ndarray], compress: bool = False, checksum: bool = True
) -> None:
    """Writes `PREFIX.index` and `PREFIX.data-00000-of-00001`."""
    data = bytearray()
    entries = {b"": field(1, 1) + field(3, field(1, 1))}
    for name, value in sorted(variables.items()):
        value = np.ascontiguousarray(value)
        content = value.tobytes()
        shape = b"".join(field(2, field(1, n) or b"") for n in value.shape)
        crc = masked_crc32c(content).to_bytes(4, "little")
        entries[name.encode()] = (
            field(1, TYPES[value.dtype.name])
            + field(2, shape)
            + field(4, len(data))
            + field(5, len(content))
            + varint(6 << 3 | 5)
            + crc
        )
        data += content
    prefix.with_name(prefix.name + ".index").write_bytes(table(entries, compress=compress))
    prefix.with_name(prefix.name + ".data-00000-of-00001").write_bytes(bytes(data))


def pack(folder: Path, tarball: Path) -> None:
    """Packs a folder as the zoo does."""
    with tarfile.open(tarball, "w:gz", compresslevel=1) as tar:
        tar.add(folder, arcname=folder.name)
