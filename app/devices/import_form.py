"""The form that adds a device from a CSV file of its measurements."""

import streamlit as st

from app.shared.settings import as_text, refuse_if_read_only, shown
from evonas.errors import DataError, EvonasError
from evonas.latency import FaultyRowsError, add_device, check_results
from evonas.space import load_space

MOST_BYTES = 5 * 2**20


def import_form(space: str) -> None:
    """Draws the form, and what is wrong with a file that was sent."""
    st.caption(
        "`evonas device export-samples --out samples` writes networks to be measured, "
        "bench_device.py, which measures them on a board with Python, and the file to fill: the "
        "columns arch_id, latency and unit (s, ms or us), 20 networks at least."
    )
    with st.form("import", border=False):
        name = st.text_input("Name of the device", max_chars=40, placeholder="my-phone")
        sent = st.file_uploader("CSV file", ["csv"], max_upload_size=MOST_BYTES >> 20, key="csv")
        force = st.checkbox(
            "Take times that evonas doubts",
            help="Such as times that are all equal, or far from what the other rows and the known "
            "devices let expect. The predictor may be worthless.",
        )
        pressed = st.form_submit_button(f"Check and add to {space}", type="primary")
    if not pressed:
        return
    if sent is None:
        st.error("Choose a file first.")
        return
    try:
        import_upload(sent.getvalue(), name.strip(), space, force)
    except FaultyRowsError as error:
        st.error(f"Not imported: {len(error.faults)} faults. Mend these rows, or delete them.")
        st.dataframe(
            [{"row": fault.row or None, "what is wrong": fault.message} for fault in error.faults],
            hide_index=True,
        )
        return
    except EvonasError as error:
        st.error(shown(error))
        return
    st.session_state["imported"] = name.strip()
    st.rerun()


def import_upload(content: bytes, device: str, space: str, force: bool = False) -> None:
    """Checks a file and adds its device.

    Raises:
        FaultyRowsError: Rows have faults.
        EvonasError: The name or the file cannot be used, or this server only shows.
    """
    refuse_if_read_only()
    if len(content) > MOST_BYTES:
        raise DataError(f"the file is larger than {MOST_BYTES >> 20} MB")
    with st.spinner("Checking and fitting"):
        measurements = check_results(content, "the file", device, load_space(space), force=force)
        add_device(measurements, force=force)


def take_up_import() -> None:
    """Shows a device that was imported a moment ago; to be called before it is chosen."""
    device = st.session_state.pop("imported", None)
    if device is not None:
        st.session_state["device"] = device
        st.toast(f"{as_text(device)} imported")
