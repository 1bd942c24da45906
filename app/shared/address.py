"""The address of a page: what is unknown or named twice in it is left out, and said."""

from collections.abc import Collection, Iterable

import streamlit as st

from app.shared.settings import as_text

_LONGEST = 60


def check_address(key: str, known: Collection[str]) -> None:
    """Says what the address names under a key that is not known, or named more than once.

    To be called before the widget that is bound to the key, which leaves these out.

    Args:
        key: The widget's key.
        known: What it may be.
    """
    given = st.query_params.get_all(key)
    say_left_out([name for name in given if name and name not in known])
    say_doubles(name for name in given if name in known)


def check_names(prefix: str, known: Collection[str]) -> None:
    """Says and takes out of the address the keys with a prefix whose rest is not known."""
    keys = [key for key in st.query_params if key.startswith(prefix)]
    unknown = [key for key in keys if key.removeprefix(prefix) not in known]
    for key in unknown:
        del st.query_params[key]
    say_left_out(unknown)


def say_left_out(names: Iterable[str]) -> None:
    """Says which entries of the address are not known."""
    unknown = [f"“{as_text(name[:_LONGEST])}”" for name in dict.fromkeys(names)]
    if unknown:
        st.warning(f"Left out of the address, since it is not known here: {', '.join(unknown)}")


def say_doubles(names: Iterable[str]) -> None:
    """Says which entries of the address stand there more than once."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    twice = [f"“{as_text(name[:_LONGEST])}”" for name, count in seen.items() if count > 1]
    if twice:
        st.warning(f"Taken once, though the address names it more often: {', '.join(twice)}")
