"""The spaces by name: those that come with evonas and the user's own, each a YAML file.

A name is that of a file, `BASE`, or of a part of it, `BASE[-SUBSPACE][@RULES]`, for example
`mobiledet-ibn@cpu`. `BASE-early` and `BASE-late` have regular convolutions in one half of their
blocks only.
"""

from functools import lru_cache
from pathlib import Path

from evonas.errors import ConfigurationError, EvonasError, unknown_name
from evonas.files import write_atomically
from evonas.limits import printable, read_text
from evonas.paths import user_data
from evonas.space.family import Entry, read_family
from evonas.space.space import SearchSpace

MAX_BYTES = 1 << 16  # of a space's file; the largest shipped one has 1 KB

_SHIPPED = Path(__file__).parent / "spaces"
_BASES = ("nano", "pico", "femto", "mobiledet")

# Spaces that this process has read from files named to it.
_OPENED: dict[str, Entry] = {}


def load_space(name: str) -> SearchSpace:
    """Returns the space of a name or of a YAML file.

    A file's space is known by its name for the rest of the process.

    Raises:
        ConfigurationError: No space has the name, or the file is not one of a space.
        DataError: The file cannot be read.

    >>> load_space("pico").n_genes
    7
    """
    if not isinstance(name, str):
        raise ConfigurationError(
            f"space {printable(repr(name), 80)}: a name or that of a YAML file is expected"
        )
    return open_space(Path(name)) if is_space_file(name) else _find(name).space


def whole_space(name: str) -> str:
    """Returns the name of the space of which the named one is a part, or its own name.

    A space that has no file, made in Python, is part of no other.

    >>> whole_space("pico"), whole_space("mobiledet-ibn@cpu"), whole_space("nano")
    ('nano', 'mobiledet@cpu', 'nano')
    """
    entry = _lookup(name)
    return entry.whole if entry else name


def list_spaces() -> list[str]:
    """Returns the names of all spaces, without those of own files that cannot be read."""
    found = dict(_shipped())
    for path in _own_files():
        try:
            found |= _read_own(path, path.stat().st_mtime_ns)
        except EvonasError:  # told by `broken_spaces`
            continue
    return list(found | _OPENED)


def own_spaces() -> dict[str, Path]:
    """Returns the files of the user's own spaces by name."""
    return {path.stem: path for path in _own_files()}


def broken_spaces() -> list[str]:
    """Returns what is wrong with files of the user's own that cannot be read."""
    messages = []
    for path in _own_files():
        try:
            _read_own(path, path.stat().st_mtime_ns)
        except EvonasError as error:
            messages.append(str(error))
    return messages


def is_space_file(name: str) -> bool:
    """Whether a text names a file and not a space.

    >>> is_space_file("my.yaml"), is_space_file("mobiledet@cpu")
    (True, False)
    """
    return name.endswith((".yaml", ".yml")) or "/" in name


def open_space(path: Path) -> SearchSpace:
    """Reads a space's file; from then on this process finds the space and its parts by name.

    Raises:
        ConfigurationError: It is not there, is not a space, or has the name of another one that
            comes with evonas.
        DataError: It cannot be read.
    """
    if not path.exists():
        raise ConfigurationError(
            f"{path}: no such file; make one with: evonas space make --from mobiledet --out {path}"
        )
    entries = _read(path)
    space = next(iter(entries.values())).space
    known = _shipped().get(space.name)
    if known is None:
        _OPENED.update(entries)
        return space
    if known.space.fingerprint != space.fingerprint:
        raise ConfigurationError(
            f"{path}: the name {space.name!r} is taken by a space that comes with evonas"
        )
    return known.space


def add_space(path: Path) -> SearchSpace:
    """Reads a space's file and keeps a copy in the user's own folder, so that its name is known.

    Raises:
        ConfigurationError: See `open_space`; or the name is that of another space of the user's,
            with which tables, latencies and weights may have been made.
        DataError: A file cannot be read or written.
    """
    space = open_space(path)
    if space.name in _shipped():
        return space
    kept = _own_folder() / f"{space.name}.yaml"
    if not kept.exists():
        write_atomically(kept, read_text(path, MAX_BYTES).encode())
        return space
    if next(iter(_read(kept).values())).space.fingerprint != space.fingerprint:
        raise ConfigurationError(
            f"{path}: you have another space of the name {space.name!r} ({kept}), which tables, "
            "latencies and weights may have been made with; change 'name' in the file, or forget "
            f"the other one with: evonas space remove {space.name}"
        )
    return space


def remove_space(name: str) -> Path:
    """Forgets a space of the user's own and returns the file that was removed.

    Raises:
        ConfigurationError: There is none of that name.
    """
    own = own_spaces()
    if name not in own:
        raise unknown_name("space of your own", printable(name), own)
    own[name].unlink()
    for part in [part for part, entry in _OPENED.items() if entry.whole == name or part == name]:
        del _OPENED[part]
    return own[name]


def space_text(name: str) -> str:
    """Returns the YAML text of a space that has a file of its own, by its name or file.

    Raises:
        ConfigurationError: There is no such space, or it is a part of a file's.
        DataError: The file cannot be read.
    """
    if is_space_file(name):
        open_space(Path(name))
        return read_text(Path(name), MAX_BYTES)
    files = {base: _SHIPPED / f"{base}.yaml" for base in _BASES} | own_spaces()
    if name not in files:
        raise unknown_name("space with a file of its own", printable(name), files)
    return read_text(files[name], MAX_BYTES)


def _find(name: str) -> Entry:
    entry = _lookup(name)
    if entry is None:
        error = unknown_name("space", printable(name), list_spaces())
        raise ConfigurationError(f"{error}; a space of your own is named by its file: FILE.yaml")
    return entry


def _lookup(name: str) -> Entry | None:
    for known in (_shipped(), _OPENED):
        if name in known:
            return known[name]
    for path in _own_files():
        if name == path.stem or name.startswith((f"{path.stem}-", f"{path.stem}@")):
            entries = _read_own(path, path.stat().st_mtime_ns)
            if name in entries:
                return entries[name]
    return None


@lru_cache
def _shipped() -> dict[str, Entry]:
    """The spaces that come with evonas."""
    entries: dict[str, Entry] = {}
    for name in _BASES:
        text = (_SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
        entries |= read_family(text, f"{name}.yaml")
    return entries


def _read(path: Path) -> dict[str, Entry]:
    return read_family(read_text(path, MAX_BYTES), str(path), load_space)


@lru_cache(maxsize=64)
def _read_own(path: Path, _: int) -> dict[str, Entry]:
    """The spaces of a file in the user's folder, read again when it was changed."""
    entries = _read(path)
    [name, *_parts] = entries
    if name != path.stem or name in _shipped():
        raise ConfigurationError(f"{path}: the space in it is {name!r}, the file must be named so")
    return entries


def _own_folder() -> Path:
    return user_data() / "spaces"


def _own_files() -> list[Path]:
    return sorted(_own_folder().glob("*.yaml"))
