"""The shortlist as a value and as a file: `arch_id`s with a note each."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evonas.errors import EvonasError
from evonas.files import write_atomically
from evonas.space import load_space

MOST, LONGEST_NOTE = 20, 200

Shortlist = Mapping[str, str]  # note by arch_id, oldest first


@dataclass(frozen=True, slots=True)
class Added:
    """A shortlist after adding, and how many found no place on it."""

    entries: Shortlist
    n_left_out: int


def add(entries: Shortlist, arch_ids: Iterable[str]) -> Added:
    """Adds architectures that are not on it yet, up to twenty in all.

    >>> add({"pico:0000000": "smallest"}, ["pico:0000000", "pico:0000001"]).entries
    {'pico:0000000': 'smallest', 'pico:0000001': ''}
    """
    fresh = [arch_id for arch_id in dict.fromkeys(arch_ids) if arch_id not in entries]
    room = max(MOST - len(entries), 0)
    return Added({**entries, **dict.fromkeys(fresh[:room], "")}, len(fresh[room:]))


def is_arch_id(text: object) -> bool:
    """Returns whether it is the identifier of a network of a known space, in canonical form."""
    if not isinstance(text, str) or len(text) > 80:
        return False
    try:
        space = load_space(text.partition(":")[0])
        return space.arch_ids(space.genotypes([text])) == [text]
    except EvonasError:
        return False


def read(path: Path) -> Shortlist:
    """Returns a file's shortlist; what is no `arch_id` is left out, and no file is an empty one."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    entries = {a: str(note)[:LONGEST_NOTE] for a, note in found.items() if is_arch_id(a)}
    return dict(list(entries.items())[:MOST])


def write(path: Path, entries: Shortlist) -> None:
    """Writes the file, whole or not at all."""
    write_atomically(path, (json.dumps(dict(entries), indent=1) + "\n").encode())
