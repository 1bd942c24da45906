"""Where two accounts of what a column's values depend on differ, and what both say together."""

from collections.abc import Mapping

# What describes a quantity rather than its values: a writer may leave it out, and a later one may
# add it.
DESCRIBING = ("unit", "direction")


def differing_key(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """Returns the first key in which two provenances differ; None if they agree.

    >>> differing_key({"source": "trained"}, {"source": "trained", "unit": "mJ"})
    >>> differing_key({"source": "trained", "unit": "J"}, {"source": "trained", "unit": "mJ"})
    'unit'
    """
    for key in sorted({*ours, *theirs}):
        one, other = ours.get(key), theirs.get(key)
        if one != other and not (key in DESCRIBING and not (one and other)):
            return key
    return None


def united(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Returns ours, with the unit and direction of theirs where ours has none."""
    return {**ours, **{key: theirs[key] for key in DESCRIBING if theirs.get(key)}, **_told(ours)}


def _told(provenance: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in provenance.items() if text or key not in DESCRIBING}
