"""Weights and a card in one `.safetensors` file, sealed: a flipped bit anywhere is refused.

Safetensors takes nothing after its own end, so the seal stands in the card: the SHA-256 of the file
with 64 zeros in its place. Files of version 1 have none.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.errors import SchemaError
from evonas.files import write_atomically
from evonas.json_values import without_nan
from evonas.limits import read_regular

VERSION = 2

_SEAL = re.compile(rb'\\"sha256\\": \\"([0-9a-f]{64})\\"')
_UNSEALED_VERSION = 1
_HEADER = 8  # bytes that tell the header's length


def save_weights(path: Path, weights: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Writes a file, atomically.

    Raises:
        DataError: The place cannot be written.
    """
    from safetensors.torch import save

    told = {"sha256": "0" * 64, "version": VERSION, **without_nan(card)}
    metadata = {"card": json.dumps(told, allow_nan=False)}
    content = bytearray(save({n: v.contiguous() for n, v in weights.items()}, metadata=metadata))
    found = _find_seal(content)
    assert found
    content[found.start(1) : found.end(1)] = hashlib.sha256(content).hexdigest().encode()
    write_atomically(path, memoryview(content))


def load_weights(path: Path, what: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns card and weights of a file; nothing in it is executed.

    Args:
        path: The file.
        what: What is expected there, for messages.

    Raises:
        SchemaError: It is missing, damaged, of a newer version, or has weights that are no finite
            numbers.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = read_regular(path, None)
        card = _read_card(content)
        weights: dict[str, Tensor] = load(content)
    except FileNotFoundError:
        raise SchemaError(f"{path}: no such file; expected {what}") from None
    except OSError as error:
        raise SchemaError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise SchemaError(f"{path}: damaged, or not {what} ({error})") from error
    version = card.pop("version", None)
    if type(version) is not int or version > VERSION:
        raise SchemaError(f"{path}: version {version!r}; this evonas reads up to {VERSION}")
    if not _is_as_written(content, version):
        raise SchemaError(f"{path}: damaged: its content is not what was written")
    card.pop("sha256", None)
    for name, values in weights.items():
        if values.is_floating_point() and not torch.isfinite(values).all():
            raise SchemaError(f"{path}: {name[:100]!r} holds values that are no finite numbers")
    return card, weights


def _read_card(content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:_HEADER], "little")
    if length > len(content) - _HEADER:
        raise ValueError("its header is cut off")
    header = json.loads(content[_HEADER : _HEADER + length])
    card = json.loads(header["__metadata__"]["card"])
    if not isinstance(card, dict):
        raise ValueError("its card is not an object")
    return card


def _find_seal(content: bytes | bytearray) -> "re.Match[bytes] | None":
    length = int.from_bytes(content[:_HEADER], "little")
    return _SEAL.search(content, _HEADER, _HEADER + length)


def _is_as_written(content: bytes, version: int) -> bool:
    """Whether the seal is right; files of version 1 may have none."""
    found = _find_seal(content)
    if not found:
        return version <= _UNSEALED_VERSION
    zeroed = bytearray(content)
    zeroed[found.start(1) : found.end(1)] = b"0" * 64
    return hashlib.sha256(zeroed).hexdigest().encode() == found[1]
