"""The one thing that the pages share: the shortlist.

It lies in `runs/`, so that it outlives a reload and the server; a read-only server keeps one for
each session.
"""

from collections.abc import Iterable

import streamlit as st

from app.shared import shortlist as lists
from app.shared.settings import RUNS, read_only

_SESSION = "shortlist"
_FILE = RUNS / "shortlist.json"


def shortlist() -> lists.Shortlist:
    """Returns notes by shortlisted `arch_id`, oldest first."""
    return dict(st.session_state.get(_SESSION, {})) if read_only() else lists.read(_FILE)


def keep_shortlist(entries: lists.Shortlist) -> None:
    """Puts another shortlist in place of the one there is."""
    if read_only():
        st.session_state[_SESSION] = dict(entries)
    else:
        lists.write(_FILE, entries)


def add_to_shortlist(arch_ids: Iterable[str]) -> None:
    """Adds architectures and says so."""
    before = shortlist()
    added = lists.add(before, arch_ids)
    keep_shortlist(added.entries)
    n = len(added.entries) - len(before)
    st.toast(f"{n} added to the shortlist")
    if added.n_left_out:
        st.toast(f"{added.n_left_out} left out: the shortlist holds {lists.MOST}", icon="⚠️")


def clear_shortlist() -> None:
    """Empties the shortlist."""
    keep_shortlist({})
