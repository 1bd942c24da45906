"""Definitions as text, to be hashed: what every table, weight file and problem depends on.

A text has a version, and that version's fields of each class are listed where the class is
hashed. A field that comes later is left out while it has its default, so that what was hashed
before it existed keeps its hash.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

# By class: its name in the text, and the fields that are always written, in order.
Layout = Mapping[type, tuple[str, tuple[str, ...]]]


def definition(value: Any, layout: Layout) -> str:
    """Writes out a tree of frozen dataclasses, tuples, lists, texts and numbers.

    Args:
        value: The tree.
        layout: Its classes. A class that is not listed is written as the listed one that it
            derives from.

    >>> from evonas.space import Op
    >>> definition((Op("ibn", 3, 8), None), {Op: ("Op", ("kind", "kernel"))})
    "(Op(kind='ibn', kernel=3, expansion=8), None)"
    """
    if value is None or type(value) in (bool, int, float, str):
        return repr(value)
    if type(value) is list:
        return f"[{', '.join(definition(part, layout) for part in value)}]"
    if type(value) is tuple:
        parts = [definition(part, layout) for part in value]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"
    listed = next((known for known in type(value).__mro__ if known in layout), None)
    assert listed is not None, f"a definition of {type(value).__name__} is not laid out"
    name, always = layout[listed]
    names = [*always, *later_fields(value, always)]
    written = [f"{field}={definition(getattr(value, field), layout)}" for field in names]
    return f"{name}({', '.join(written)})"


def later_fields(value: Any, always: tuple[str, ...]) -> list[str]:
    """Returns the fields of a dataclass beside the listed ones that do not have their default."""
    return [
        field.name
        for field in fields(value)
        if field.name not in always and getattr(value, field.name) != _default(field)
    ]


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
