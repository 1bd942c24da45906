"""The variables of a TensorFlow checkpoint (a TensorBundle), read without TensorFlow.

`PREFIX.index` is a leveldb table: under each variable's name a protobuf message with type,
shape, place and checksum; under the empty name a header. `PREFIX.data-00000-of-00001` and its like
hold the values as they are.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evonas.errors import SchemaError
from evonas.weights.crc32c import masked_crc32c
from evonas.weights.leveldb import table_entries
from evonas.weights.snappy import varint
from evonas.weights.sources import Files

# TensorFlow's numbers of the types that a checkpoint of a network may hold.
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}
_MOST_BYTES = 512 << 20  # of all variables that are read
_MOST_VARIABLES = 50_000
_MOST_SHARDS = 64


@dataclass(frozen=True, slots=True)
class Variable:
    """Where one variable lies."""

    type: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    sliced: bool


@dataclass(frozen=True, slots=True)
class TensorBundle:
    """A checkpoint's variables; values are read as they are asked for.

    Attributes:
        name: The checkpoint's prefix, for messages.
        files: Where its files are.
        shards: The number of data files.
        variables: By name.
    """

    name: str
    files: Files
    shards: int
    variables: Mapping[str, Variable] = field(repr=False)

    def read(self, names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Returns the values of variables, as float32.

        Raises:
            SchemaError: A value is missing, damaged, of no known type or not finite.
        """
        wanted = list(names)
        total = sum(self.variables[name].size for name in wanted)
        if total > _MOST_BYTES:
            raise SchemaError(f"{self.name}: {total:,} bytes of variables; at most {_MOST_BYTES:,}")
        values: dict[str, NDArray[np.float32]] = {}
        for shard in sorted({self.variables[name].shard for name in wanted}):
            data = self.files.read(f"{self.name}.data-{shard:05d}-of-{self.shards:05d}")
            here = (name for name in wanted if self.variables[name].shard == shard)
            values |= {name: self._value(name, data) for name in here}
        return values

    def _value(self, name: str, data: bytes) -> NDArray[np.float32]:
        variable = self.variables[name]
        where = f"{self.name}: {name}"
        if variable.sliced:
            raise SchemaError(f"{where} is stored in slices, which are not supported")
        if variable.type not in _TYPES:
            raise SchemaError(f"{where} has type {variable.type}; float and integer are supported")
        kind = np.dtype(_TYPES[variable.type])
        if variable.size != kind.itemsize * math.prod(variable.shape):
            raise SchemaError(f"{where} has {variable.size} bytes for the shape {variable.shape}")
        part = memoryview(data)[variable.offset : variable.offset + variable.size]
        if len(part) != variable.size:
            raise SchemaError(f"{where} lies beyond the end of the data file: it is cut off")
        if masked_crc32c(part) != variable.checksum:
            raise SchemaError(f"{where} is damaged: its checksum is another")
        value = np.frombuffer(part, kind).reshape(variable.shape).astype(np.float32)
        if not np.isfinite(value).all():
            raise SchemaError(f"{where} holds values that are not finite")
        return value


def open_bundle(files: Files, prefix: str) -> TensorBundle:
    """Reads a checkpoint's index.

    Args:
        files: Where its files are.
        prefix: Its name, such as `model.ckpt-400000`.

    Raises:
        SchemaError: Not a checkpoint, or damaged.
    """
    try:
        entries = table_entries(files.read(f"{prefix}.index"))
        header = _first(_fields(entries.pop(b"", b"")), {1: 0, 2: 0})
        if len(entries) > _MOST_VARIABLES:
            raise SchemaError(f"{len(entries)} variables; at most {_MOST_VARIABLES} are allowed")
        if not 1 <= header[1] <= _MOST_SHARDS or header[2] != 0:
            raise SchemaError("its header is not that of a little-endian checkpoint")
        variables = {
            key.decode(): _variable(value)
            for key, value in entries.items()
            if not key.startswith(b"_CHECKPOINTABLE")
        }
    except SchemaError as error:
        raise SchemaError(f"{prefix}.index: {error}") from None
    except (UnicodeDecodeError, IndexError) as error:
        raise SchemaError(f"{prefix}.index: a variable's entry is damaged ({error})") from None
    wrong = next((n for n, v in variables.items() if v.shard >= header[1]), None)
    if wrong is not None:
        raise SchemaError(f"{prefix}.index: {wrong} lies in a data file that there is not")
    return TensorBundle(prefix, files, header[1], variables)


def _variable(message: bytes) -> Variable:
    """Reads a BundleEntryProto."""
    shape: tuple[int, ...] = ()
    sliced = False
    numbers = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}
    for number, value in _fields(message):
        if number == 2 and isinstance(value, bytes):
            shape = tuple(_dimensions(value))
        elif number == 7:
            sliced = True
        elif number in numbers and isinstance(value, int):
            numbers[number] = value
    if len(shape) > 8 or any(not 0 <= n < 1 << 31 for n in shape):
        raise SchemaError(f"a variable has the shape {shape[:9]}")
    kind, shard, offset, size, checksum = (numbers[i] for i in (1, 3, 4, 5, 6))
    return Variable(kind, shape, shard, offset, size, checksum, sliced)


def _dimensions(message: bytes) -> Iterator[int]:
    """Reads the sizes of a TensorShapeProto; a size of 0 is left out of its message."""
    for number, value in _fields(message):
        if number == 2 and isinstance(value, bytes):
            yield _first(_fields(value), {1: 0})[1]


def _first(pairs: Iterable[tuple[int, int | bytes]], values: dict[int, int]) -> dict[int, int]:
    for number, value in pairs:
        if number in values and isinstance(value, int):
            values[number] = value
    return values


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields number and value of a protobuf message's fields."""
    place = 0
    while place < len(message):
        key, place = varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = varint(message, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = varint(message, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise SchemaError(f"a message has a field of the unknown kind {kind}")
        part = message[place : place + size]
        if len(part) != size:
            raise SchemaError("a message is cut off")
        place += size
        yield key >> 3, part if kind == 2 else int.from_bytes(part, "little")
