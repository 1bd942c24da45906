"""Detect: an image in, the boxes of a trained network's exported file out, with its time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.detect.networks import export, find_networks, is_exported, load_exported
from app.detect.uploads import FORMATS, MOST_BYTES, read_upload
from app.shared.designs import computed
from app.shared.frame import linked_choice, metrics, run_page
from app.shared.settings import read_only
from evonas.data.drawing import Found, draw
from evonas.data.images import open_image
from evonas.retraining import RunFolder, read_examples
from evonas.space import Design

if TYPE_CHECKING:
    from PIL.Image import Image

_UPLOAD, _CAMERA, _VALIDATION = "Upload", "Camera", "Validation image"


def page() -> None:
    """Draws the page."""
    st.title("Detect")
    networks = find_networks()
    if not networks:
        st.info("No network has been trained here yet: submit one on the page Training.")
        return
    left, right = st.columns([2, 1])
    with left:
        name = linked_choice("Network", list(networks), "network", "Any finished training.")
    least = right.slider("Least score", 0.0, 1.0, 0.5, 0.05, key="least score")
    image = chosen_image(networks[name])
    if image is None:
        return
    run = networks[name]
    if not is_exported(run):
        if read_only():
            st.info("Read-only: this network has not been exported, and nothing is written here.")
            return
        with st.spinner("Exporting the network to ONNX, once"):
            export(run)
    detector = load_exported(run)
    found = detector.detect(image, 0.01)
    shown = [entry for entry in found if entry.score >= least]
    times(run, detector.latency_ms(image), len(shown))
    picture, table = st.columns([3, 2])
    picture.image(
        draw(image, shown),
        width="stretch",
        alt="The image with " + (", ".join(entry.name for entry in shown) or "no boxes"),
    )
    picture.caption("Boxes with at least this score, in the image's own pixels.")
    with table:
        scores(detector.classes, found, shown)


def chosen_image(run: RunFolder) -> "Image | None":
    """Draws where the image comes from, and returns it once there is one."""
    source = st.radio(
        "Image", [_UPLOAD, _CAMERA, _VALIDATION], horizontal=True, key="source", bind="query-params"
    )
    if source == _VALIDATION:
        examples = read_examples(run)
        names = [example.name for example in examples]
        name = st.selectbox("Validation image", names, key="example")
        return open_image(examples[names.index(name)].picture)
    if source == _CAMERA:
        sent = st.camera_input("Take a picture", key="camera")
    else:
        sent = st.file_uploader(
            "An image",
            [*map(str.lower, FORMATS), "jpg"],
            key="upload",
            max_upload_size=MOST_BYTES >> 20,
            help="It stays on this machine and is not kept.",
        )
    if sent is None:
        st.caption("The image goes through the network's exported file; nothing is kept of it.")
        return None
    return read_upload(sent.getvalue())


def times(run: RunFolder, here: float, n_shown: int) -> None:
    """Draws the time that it took, and what is predicted for the devices."""
    metrics(
        {"objects": f"{n_shown}", "measured here": f"{here:.2f} ms"},
        **{
            "measured here": "Median of nine runs of network and suppression in ONNX Runtime on "
            "one thread of this server, float32; decoding and resizing the image are not in it."
        },
    )
    predicted = predicted_ms(run.request().design)
    devices = "; ".join(f"{device} {ms:.3g} ms" for device, ms in predicted.items())
    st.caption(
        "Measured here on this server's processor."
        + (f" Predicted, for the network alone: {devices}." if devices else "")
    )


def predicted_ms(design: Design) -> dict[str, float]:
    """Returns the predicted latency in ms on every device that has a predictor for its space."""
    if design.space is None or design.genotype is None:
        return {}
    return {
        name.removeprefix("latency:"): float(values[0])
        for name, values in computed(design.space, design.genotype[None]).items()
        if name.startswith("latency:") and np.isfinite(values[0])
    }


def scores(classes: Sequence[str], found: Sequence[Found], shown: Sequence[Found]) -> None:
    """Draws each class's best score, and the objects."""
    best = {name: 0.0 for name in classes}
    for entry in found:
        best[entry.name] = max(best[entry.name], entry.score)
    order = np.argsort([-best[name] for name in classes], kind="stable")
    st.dataframe(
        [{"class": classes[i], "best score": best[classes[i]]} for i in order],
        hide_index=True,
        column_config={
            "best score": st.column_config.ProgressColumn(
                format="%.2f", min_value=0.0, max_value=1.0
            )
        },
    )
    st.caption("The highest score per class, boxes below the threshold included.")
    with st.expander(f"The {len(shown)} boxes"):
        st.dataframe(
            [
                {"class": entry.name, "score": entry.score}
                | dict(zip(("x1", "y1", "x2", "y2"), entry.box, strict=True))
                for entry in shown
            ],
            hide_index=True,
        )


run_page(page)
