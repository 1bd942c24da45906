"""What can be done with a device of the user's own: see it in Explore, rename it, remove it."""

import streamlit as st

from app.shared.frame import readable_tables
from app.shared.settings import as_text, read_only, refuse_if_read_only, shown
from evonas.errors import EvonasError
from evonas.latency import own_devices, remove_device, rename_device


def own_device(device: str, space: str) -> None:
    """Draws it, if the device is one of the user's own."""
    if device not in own_devices(space):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for table in list(readable_tables(space))[:1]:
            st.page_link(
                "explore/page.py",
                label=f"See {device} as an axis in Explore",
                query_params={"table": table, "space": space, "x": f"latency:{device}"},
            )
        if read_only():
            return
        with st.popover("Rename"):
            name = st.text_input("New name", max_chars=40, key="new name")
            st.button("Rename it", on_click=rename, args=(device, name), key="rename")
        with st.popover("Remove"):
            st.write(
                f"Removes the measurements and the predictors of {as_text(device)}, of all spaces, "
                "from your folder. Nothing brings them back."
            )
            st.button("Remove it for good", on_click=remove, args=(device,), key="remove")


def rename(device: str, name: str) -> None:
    """Gives a device another name and keeps it chosen; what is wrong becomes a message."""
    try:
        refuse_if_read_only()
        rename_device(device, name.strip())
    except EvonasError as error:
        st.toast(shown(error), icon="⚠️")
        return
    st.session_state["device"] = name.strip()
    st.toast(f"{as_text(device)} is {as_text(name.strip())} now")


def remove(device: str) -> None:
    """Removes a device; what is wrong becomes a message."""
    try:
        refuse_if_read_only()
        remove_device(device)
    except EvonasError as error:
        st.toast(shown(error), icon="⚠️")
        return
    st.session_state.pop("device", None)
    st.toast(f"{as_text(device)} removed")
