"""Snappy's block format, decompressed: leveldb may compress its blocks with it."""

from evonas.errors import SchemaError


def decompress(data: bytes, most: int) -> bytes:
    """Decompresses one block.

    Args:
        data: The block, beginning with its decompressed size.
        most: The most bytes that it may become.

    Raises:
        SchemaError: It is damaged, or becomes too large.
    """
    try:
        return _decompressed(data, most)
    except IndexError:
        raise SchemaError("a snappy-compressed block is cut off") from None


def _decompressed(data: bytes, most: int) -> bytes:
    size, place = varint(data, 0)
    if size > most:
        raise SchemaError(f"a snappy-compressed block of {size:,} bytes; at most {most:,} allowed")
    out = bytearray()
    while place < len(data):
        tag = data[place]
        place += 1
        kind = tag & 3
        if kind == 0:
            length = tag >> 2
            if length >= 60:
                n = length - 59
                length = int.from_bytes(data[place : place + n], "little")
                place += n
            length += 1
            if place + length > len(data) or len(out) + length > size:
                raise SchemaError("a snappy-compressed block is cut off")
            out += data[place : place + length]
            place += length
            continue
        if kind == 1:
            length, offset = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | data[place]
            place += 1
        else:
            n = 2 if kind == 2 else 4
            length, offset = 1 + (tag >> 2), int.from_bytes(data[place : place + n], "little")
            place += n
        if not 0 < offset <= len(out) or len(out) + length > size:
            raise SchemaError("a snappy-compressed block is damaged")
        start = len(out) - offset
        for i in range(length):  # it may overlap what it writes
            out.append(out[start + i])
    if len(out) != size:
        raise SchemaError(f"a snappy-compressed block has {len(out):,} bytes, not {size:,}")
    return bytes(out)


def varint(data: bytes, place: int) -> tuple[int, int]:
    """Reads an unsigned integer of 7 bits a byte; returns it and the place behind it.

    Raises:
        SchemaError: It is longer than 64 bits.
        IndexError: The data end before it does.
    """
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
        if shift > 63:
            raise SchemaError("an integer is longer than 64 bits")
