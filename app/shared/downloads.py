"""ONNX, TFLite and int8 files of a network: made once, shown with their checks, taken away."""

import io
import zipfile
from pathlib import Path

import streamlit as st

from app.shared.exports import (
    FORMATS,
    ExportTask,
    export_log,
    exported_files,
    is_exporting,
    start_export,
)
from app.shared.frame import live
from app.shared.settings import as_text, read_only, shown
from evonas.errors import EvonasError


def device_files(task: ExportTask, name: str) -> None:
    """Draws the files, or the button that makes them, or how far their making is.

    Args:
        task: The network.
        name: What the downloads are called, without an ending.
    """
    live(_files, 1.0 if is_exporting(task) else None)(task, name, is_exporting(task))


def _files(task: ExportTask, name: str, was_exporting: bool) -> None:
    exporting = is_exporting(task)
    if exporting != was_exporting:
        st.rerun()  # the whole page, which decides how often this part is drawn
    if exporting:
        doing = (export_log(task).splitlines() or ["starting"])[-1]
        st.info(
            f"Writing and checking the files, once; it takes about a minute. Now: {as_text(doing)}",
            icon=":material/hourglass:",
        )
        return
    found = exported_files(task)
    missing = set(task.formats) - {file.format for file in found}
    if found:
        _table(task, name)
    if not missing:
        return
    log = export_log(task)
    if log:
        st.error(f"The last export did not write everything: {as_text(log)}")
    if read_only():
        st.caption("Read-only: files for devices are shown where they exist; none are made here.")
        return
    names = ", ".join(FORMATS[form] for form in task.formats if form in missing)
    st.button(f"Make {names}", on_click=_start, args=(task,), key=f"export {task.out}")
    if task.data is None:
        st.caption("int8 needs images for its ranges, and the data set is not here.")


def _table(task: ExportTask, name: str) -> None:
    found = exported_files(task)
    st.dataframe(
        {
            "file": [FORMATS[file.format] for file in found],
            "KB": [file.size / 1024 for file in found],
            "differs from the network by": [file.difference for file in found],
            "AP": [file.ap for file in found],
            "checks": [file.notes for file in found],
        },
        hide_index=True,
        height="content",
        column_config={
            "KB": st.column_config.NumberColumn(format="%.0f"),
            "differs from the network by": st.column_config.NumberColumn(
                format="%.1e",
                help="The largest difference of an output from torch's in float64, as a share of "
                "the outputs' size. int8 rounds: its AP says what that costs.",
            ),
            "AP": st.column_config.NumberColumn(format="%.4f", help="COCO AP on validation."),
            "checks": st.column_config.TextColumn(width="large"),
        },
    )
    with st.container(horizontal=True):
        download_all(task.out, name)
        for file in found:
            st.download_button(
                FORMATS[file.format],
                file.path.read_bytes,
                f"{name}-{file.path.name}",
                "application/octet-stream",
                on_click="ignore",
                key=f"download {file.path}",
            )


def download_all(folder: Path, name: str) -> None:
    """Draws the button for all files of an export as one, card and anchors among them.

    Args:
        folder: Where `evonas export` wrote them.
        name: What the download is called, without an ending.
    """
    st.download_button(
        "All as a zip",
        lambda: _zipped(folder),
        f"{name}.zip",
        "application/zip",
        on_click="ignore",
        key=f"download {folder}",
        help="With card.json and anchors.npy, which evonas and your own decoder need.",
    )


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                archive.write(path, path.name)
    return content.getvalue()


def _start(task: ExportTask) -> None:
    try:
        start_export(task)
    except EvonasError as error:
        st.toast(shown(error), icon="⚠️")
