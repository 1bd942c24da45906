"""Choices that the address rules: a link shows what was chosen, and Back what was chosen before.

Streamlit's own `bind` writes over the entry of the history instead of adding one.
"""

from collections.abc import Sequence

import streamlit as st

from app.shared.settings import as_text


def addressed_choice(label: str, names: Sequence[str], key: str) -> str:
    """Draws a list to choose from, the first by default, which the address then does not name."""
    follow_address(key, names)
    chosen: str = st.selectbox(label, names, key=key, on_change=to_address, args=(key,))
    return chosen


def follow_address(key: str, names: Sequence[str]) -> None:
    """Sets a widget, before it is drawn, to what the address says; says what it does not know.

    Args:
        key: Of the widget and in the address.
        names: What there is to choose, first what is chosen where the address says nothing.
    """
    given = st.query_params.get(key)
    if given is not None and given not in names:
        st.caption(f"Left out of the address: there is no {key} {as_text(given[:40])} here.")
    chosen = given if given in names else names[0]
    if st.session_state.get(key) != chosen:
        st.session_state[key] = chosen


def to_address(key: str) -> None:
    """Writes a widget's value into the address: what its `on_change` is."""
    st.query_params[key] = str(st.session_state[key])
