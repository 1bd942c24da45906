"""The one thing that the pages share: the shortlist of `arch_id`s."""

from collections.abc import Iterable

import streamlit as st

_SHORTLIST, _MOST = "shortlist", 20


def shortlist() -> list[str]:
    """Returns the shortlisted `arch_id`s, oldest first."""
    return list(st.session_state.get(_SHORTLIST, []))


def add_to_shortlist(arch_ids: Iterable[str]) -> None:
    """Adds architectures that are not on it yet, up to twenty in all."""
    merged = dict.fromkeys([*shortlist(), *arch_ids])
    st.session_state[_SHORTLIST] = list(merged)[:_MOST]


def clear_shortlist() -> None:
    """Empties the shortlist."""
    st.session_state[_SHORTLIST] = []
