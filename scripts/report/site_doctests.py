"""Shows the doctests at the end of a docstring as examples; mkdocstrings calls it."""

from typing import Any

import griffe


class Doctests(griffe.Extension):
    """Puts doctests that stand in no section into one, so that they are shown as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each object whose docstring was read."""
        if obj.docstring:
            obj.docstring.value = with_section(obj.docstring.value)


def with_section(docstring: str) -> str:
    r"""Returns the docstring with its doctests, which end it, in a section of their own.

    >>> with_section("Adds.\n\n>>> 1 + 1\n2")
    'Adds.\n\nExamples:\n    >>> 1 + 1\n    2'
    """
    text, mark, examples = docstring.partition("\n>>> ")
    if not mark:
        return docstring
    lines = f">>> {examples}".splitlines()
    return "\n".join([text, "Examples:", *(f"    {line}" for line in lines)])
