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
from app.shared.trainings import run_names
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
        st.info(
            "No network has been trained here yet, and this app is read-only: none can be."
            if read_only()
            else "No network has been trained here yet: submit one on the page Training."
        )
        return
    left, right = st.columns([2, 1])
    with left:
        words = run_names(networks)
        name = linked_choice("Network", list(networks), "network", "Any finished training.", words)
    least = right.slider("Least score", 0.0, 1.0, 0.5, 0.05, key="least-score", bind="query-params")
    chosen = chosen_image(networks[name])
    if chosen is None:
        return
    image, truth = chosen
    run = networks[name]
    if not is_exported(run):
        if read_only():
            st.info("Read-only: this network has not been exported, and nothing is written here.")
            return
        with st.spinner(
            "Exporting this network to ONNX, once: about half a minute, later images take "
            "milliseconds",
            show_time=True,
        ):
            export(run)
    detector = load_exported(run)
    found = detector.detect(image, 0.01)
    shown = [entry for entry in found if entry.score >= least]
    times(run, detector.latency_ms(image), len(shown))
    picture, table = st.columns([3, 2])
    with picture:
        images(image, shown, truth)
    with table:
        scores(detector.classes, found, shown)


def images(image: "Image", shown: Sequence[Found], truth: Sequence[Found] | None) -> None:
    """Draws the image with what was found, and beside it the truth where it is known."""
    places = st.columns(2) if truth is not None else [st.container()]
    places[0].image(
        draw(image, shown),
        width="stretch",
        alt="The image with " + (", ".join(entry.name for entry in shown) or "no boxes"),
    )
    places[0].caption("Found: boxes with at least this score, in the image's own pixels.")
    if truth is not None:
        places[1].image(
            draw(image, truth, scores=False),
            width="stretch",
            alt="The image with the true boxes: "
            + (", ".join(entry.name for entry in truth) or "none"),
        )
        places[1].caption(f"True: the {len(truth)} objects of the data set's annotations.")


def chosen_image(run: RunFolder) -> "tuple[Image, Sequence[Found] | None] | None":
    """Draws where the image comes from; returns it and its true objects, where they are known."""
    source = st.radio(
        "Image", [_UPLOAD, _CAMERA, _VALIDATION], horizontal=True, key="source", bind="query-params"
    )
    if source == _VALIDATION:
        examples = read_examples(run)
        names = [example.name for example in examples]
        name = st.selectbox("Validation image", names, key="example", bind="query-params")
        example = examples[names.index(name)]
        return open_image(example.picture), example.truth
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
    return read_upload(sent.getvalue()), None


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
