"""Find: my data, my device, my budget and hours; then the stages, and the report at the end."""

from pathlib import Path

import streamlit as st

from app.find.processes import Find, list_finds, load, resume, start, stop
from app.shared.downloads import download_all
from app.shared.frame import attempt, linked_choice, live, run_page
from app.shared.settings import find_data, read_only, shown
from evonas.durations import show_seconds
from evonas.errors import EvonasError
from evonas.find import FindSpec
from evonas.latency import list_devices, own_npus

_IMAGES = {"nano": "photographs of all kinds", "inspection": "always taken alike"}  # by recipe


def page() -> None:
    """Draws the page."""
    st.title("Find a detector")
    st.write(
        "From your images and your device to a trained detector and its files: the data is "
        "checked, a search space made for it, a supernet trained and searched, the best networks "
        "trained in full and written as ONNX, TFLite and int8."
    )
    names = list_finds()
    if read_only():
        st.info("Read-only: finds are shown, none can be started.")
    else:
        with st.expander("Start", expanded=not names):
            find_form()
    if not names:
        st.info("None yet: start one above, or with `evonas find`.")
        return
    chosen = linked_choice("Find", names, "find")
    running = load(chosen).state == "running"
    live(watch, 2.0 if running else None)(chosen, running)


def find_form() -> None:
    """Draws the form; what is sent is checked again where the find is started."""
    data = find_data()
    if not data:
        st.info(
            "There is no data set in the folder `data`: make one with `evonas data convert` from "
            "your images, or `evonas data make digits --out data/digits` to try."
        )
        return
    devices = [device.name for device in (*list_devices(), *own_npus())]
    with st.form("new find", border=False):
        name = st.text_input("Name", _fresh_name(), max_chars=40)
        first, second, third = st.columns(3)
        scenes = first.selectbox("Data set", list(data))
        device = second.selectbox("Device", devices, devices.index("ethos-u55-256"))
        budget = third.number_input(
            "Budget, ms",
            0.0,
            10_000.0,
            5.0,
            format="%g",
            help="Of the device's time for one image; 0 for none.",
        )
        fourth, fifth, sixth = st.columns(3)
        hours = fourth.number_input("Hours of this machine", 0.01, 1000.0, 4.0)
        size = fifth.selectbox(
            "Image size, pixels", range(32, 641, 32), 4, help="Side of the network's input."
        )
        tile = sixth.number_input(
            "Tiles of, pixels", 0, 8000, 0,
            help="Cut large images with small objects into tiles of this side; 0 for whole ones.",
        )  # fmt: skip
        seventh, eighth, _ = st.columns(3)
        recipe = seventh.selectbox(
            "Images", list(_IMAGES), format_func=_IMAGES.__getitem__,
            help="Images taken alike, such as scans or those of a camera over a belt, are turned "
            "and mirrored in training (recipe `inspection`), others scaled and coloured (`nano`).",
        )  # fmt: skip
        trained = eighth.number_input(
            "Networks to train", 1, 20, 2,
            help="The best of the search, trained in full one after the other: with fewer each "
            "gets more of the hours.",
        )  # fmt: skip
        sent = st.form_submit_button("Start", type="primary")
    if not sent:
        return
    where = (f"latency <= {budget:g}",) if budget else ()
    spec = FindSpec(
        Path(data[scenes]), device, where, int(size), float(hours),
        tile=int(tile), trained=int(trained), recipe=recipe,
    )  # fmt: skip
    try:
        start(name, spec)
    except EvonasError as error:
        st.error(shown(error))
        return
    st.session_state["find"] = name
    st.rerun()


def watch(name: str, was_running: bool) -> None:
    """Draws one find as it is now; while it runs, every other second."""
    find = load(name)
    if was_running and find.state != "running":
        st.rerun()
    wanted = " and ".join(find.spec.conditions()) or "no budget"
    st.write(
        f"{find.spec.data.name} on {find.spec.device}, {wanted}, {find.spec.image_size} pixels, "
        f"recipe {find.spec.recipe}, {find.spec.hours:g} hours: **{find.state}**"
    )
    _stages(find)
    _buttons(find)
    if find.state == "failed":
        st.error("It ended early; the log says why. Resume goes on from what is done.")
    if find.state == "finished":
        _report(find)
    with st.expander("Log", expanded=find.state == "failed"):
        st.code(find.log or "nothing yet", language=None, wrap_lines=True)


def _stages(find: Find) -> None:
    rows = []
    for title, done in find.done.items():
        name = find.names[title]
        now = find.state if name == find.current else ""
        rows.append(
            {
                "stage": title,
                "state": "done" if done else now,
                "told before": show_seconds(find.told[name]) if name in find.told else "",
                "took": show_seconds(find.took[name]) if name in find.took else "",
            }
        )
    share = sum(find.done.values()) / len(find.done)
    st.progress(share, text=f"{sum(find.done.values())} of {len(find.done)} stages are done")
    st.dataframe(rows, hide_index=True, height="content", key="stages")


def _buttons(find: Find) -> None:
    if read_only():
        return
    if find.state == "running":
        st.button("Stop", on_click=attempt, args=(stop, find.name), key="stop find")
    elif find.state in ("stopped", "failed"):
        st.button(
            "Resume", on_click=attempt, args=(resume, find.name), key="resume find", type="primary"
        )


def _report(find: Find) -> None:
    content = find.report.read_text()
    st.subheader("Report")
    st.iframe(find.report, height=900)
    with st.container(horizontal=True):
        st.download_button(
            "Report as HTML", content, f"{find.name}.html", "text/html", on_click="ignore"
        )
        files = find.folder / "files"
        if files.is_dir():
            download_all(files, find.name)
        for path in sorted(files.glob("detector*")):
            st.download_button(
                path.name, path.read_bytes, path.name, on_click="ignore", key=f"file {path.name}"
            )


def _fresh_name() -> str:
    taken = {*list_finds()}
    return next(name for n in range(1, 10_000) if (name := f"find-{n}") not in taken)


run_page(page)
