"""Which searches are looked at: the address says it, so that a link and Back do."""

from collections.abc import Iterable, Sequence

import streamlit as st

from app.shared.settings import as_text

_KEY, _NONE = "searches", "-"
MOST_SELECTED = 24


def select(names: Iterable[str]) -> None:
    """Puts a selection into the address."""
    st.query_params[_KEY] = ",".join(names) or _NONE


def selected(known: Sequence[str], usual: Sequence[str]) -> list[str]:
    """Returns the searches that the address names; what it should not say is dropped with a word.

    Args:
        known: All searches.
        usual: Those looked at where the address says nothing.
    """
    given = st.query_params.get(_KEY)
    if given is None:
        return list(usual)[:MOST_SELECTED]
    if given == _NONE:
        return []
    names, words = read_selection(given, known)
    if words:
        st.caption(f"Of what the address names: {as_text('; '.join(words))}.")
    return names or list(usual)[:MOST_SELECTED]


def read_selection(given: str, known: Iterable[str]) -> tuple[list[str], list[str]]:
    """Returns the known names of a list with commas, each once, and words on all others.

    >>> read_selection("a,b,a,x", ["a", "b"])
    (['a', 'b'], ['no search here, left out: x', 'named twice: a'])
    """
    there = {*known}
    names = [name for name in given.split(",") if name]
    found = [name for name in dict.fromkeys(names) if name in there]
    unknown = [name for name in dict.fromkeys(names) if name not in there]
    twice = [name for name in found if names.count(name) > 1]
    words = []
    if unknown:
        words.append(f"no search here, left out: {_listed(unknown)}")
    if twice:
        words.append(f"named twice: {_listed(twice)}")
    if len(found) > MOST_SELECTED:
        words.append(f"the first {MOST_SELECTED} of {len(found)} are looked at")
    return found[:MOST_SELECTED], words


def _listed(names: Sequence[str]) -> str:
    """Returns up to three names, short ones."""
    shown = [name[:40] for name in names[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
