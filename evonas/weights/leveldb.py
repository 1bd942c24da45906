"""Entries of a leveldb table, the `.index` of a TensorFlow checkpoint.

A table is blocks of entries with prefix-coded keys, an index block of their places, and a footer of
48 bytes with the index's place and a magic number. Each block ends with its kind of compression and
a checksum.
"""

from collections.abc import Iterator

from evonas.errors import SchemaError
from evonas.weights.crc32c import masked_crc32c
from evonas.weights.snappy import decompress, varint

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48
_MOST_BLOCK = 4 << 20  # bytes of a decompressed block; TensorFlow writes 256 KiB
_MOST_TOTAL = 64 << 20  # of all of them
_MOST_KEY = 4096


def table_entries(data: bytes) -> dict[bytes, bytes]:
    """Returns all entries of a table by key.

    Raises:
        SchemaError: Not a table, or damaged.
    """
    if len(data) < _FOOTER or data[-8:] != _MAGIC:
        raise SchemaError("not a leveldb table: its last eight bytes are not the format's")
    try:
        return _entries(data)
    except IndexError:
        raise SchemaError("the table is damaged: an entry is cut off") from None


def _entries(data: bytes) -> dict[bytes, bytes]:
    footer = data[-_FOOTER:]
    meta, place = _handle(footer, 0)
    _block(data, meta)  # which TensorFlow leaves empty
    index, _ = _handle(footer, place)
    entries: dict[bytes, bytes] = {}
    total = 0
    for _, value in _block_entries(_block(data, index)):
        handle, _ = _handle(value, 0)
        block = _block(data, handle)
        total += len(block)
        if total > _MOST_TOTAL:
            raise SchemaError(f"the table holds more than {_MOST_TOTAL >> 20} MiB")
        for key, entry in _block_entries(block):
            if key in entries:
                raise SchemaError(f"the table is damaged: the key {key[:80]!r} appears twice")
            entries[key] = entry
    return entries


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Reads offset and size of a block."""
    offset, place = varint(data, place)
    size, place = varint(data, place)
    return (offset, size), place


def _block(data: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    end = offset + size
    if end + 5 > len(data):
        raise SchemaError("the table is cut off: a block lies beyond its end")
    kind, told = data[end], int.from_bytes(data[end + 1 : end + 5], "little")
    if masked_crc32c(data[offset : end + 1]) != told:
        raise SchemaError(f"the table is damaged: the block at {offset} has another checksum")
    if kind == 0:
        if size > _MOST_BLOCK:
            raise SchemaError(f"a block of {size:,} bytes; at most {_MOST_BLOCK:,} are allowed")
        return data[offset:end]
    if kind == 1:
        return decompress(data[offset:end], _MOST_BLOCK)
    raise SchemaError(f"the block at {offset} has compression {kind}; none and snappy are known")


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields keys and values; behind them stand the restart points and their number."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if len(block) < 4 or end < 0:
        raise SchemaError("the table is damaged: a block has no restart points")
    key, place = b"", 0
    while place < end:
        shared, place = varint(block, place)
        own, place = varint(block, place)
        size, place = varint(block, place)
        if shared > len(key) or shared + own > _MOST_KEY or place + own + size > end:
            raise SchemaError("the table is damaged: an entry does not fit into its block")
        key = key[:shared] + block[place : place + own]
        place += own
        yield key, block[place : place + size]
        place += size
