"""What a finished training shows: figures, curves, detections, files to take away."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from app.shared.cards import sources
from app.shared.downloads import device_files
from app.shared.exports import ExportTask
from app.shared.frame import picture, readable_tables
from app.shared.settings import as_text
from app.shared.trainings import finished_trainings
from app.training.figures import (
    MEAN,
    Trained,
    agreement_figure,
    curves_csv,
    precision_figure,
)
from evonas.data.drawing import draw
from evonas.data.images import open_image
from evonas.errors import SchemaError
from evonas.jobs import Job
from evonas.retraining import read_examples
from evonas.space import Design
from evonas.table import BenchmarkTable


def results(job: Job) -> None:
    """Draws the results of a job that is done."""
    metrics = job.run.read_metrics()
    _figures(job, metrics)
    _predicted(job, metrics)
    _precision(job, metrics)
    _detections(job)
    _downloads(job)


def _figures(job: Job, metrics: Mapping[str, Any]) -> None:
    splits = [split for split in ("val", "test") if split in metrics]
    left, right = st.columns(2)
    left.dataframe(
        [
            {"COCO figure": name, **{split: metrics[split]["coco"][name] for split in splits}}
            for name in metrics[splits[0]]["coco"]
        ],
        hide_index=True,
        placeholder="",
        height=36 * 7,
        column_config={s: st.column_config.NumberColumn(format="%.4f") for s in splits},
    )
    left.caption(
        f"Of the best network, that of step {metrics.get('best_step')}, on "
        f"{as_text(job.run.request().data.name)}; AP on digits scenes is not COCO mAP. Protocol "
        f"{_protocol(metrics)}."
    )
    right.dataframe(
        [
            {"class": name, "AP": value, **_test_ap(metrics, name)}
            for name, value in metrics["val"]["per_class"].items()
        ],
        hide_index=True,
        height=36 * 7,
        column_config={
            "AP": st.column_config.ProgressColumn(format="%.3f", min_value=0, max_value=1)
        },
    )
    right.caption("AP of each class on validation: which one holds the network back?")


def _protocol(metrics: Mapping[str, Any]) -> str:
    """How outputs became detections, as the run's figures state it."""
    stated = metrics.get("protocol")
    if not isinstance(stated, Mapping):
        return "not stated: trained by an earlier evonas"
    rest = "; ".join(f"{k.replace('_', ' ')} {v}" for k, v in stated.items() if k != "name")
    return as_text(f"{stated.get('name')} ({rest})")


def _test_ap(metrics: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"test": metrics["test"]["per_class"][name]} if "test" in metrics else {}


def _predicted(job: Job, metrics: Mapping[str, Any]) -> None:
    st.subheader("Predicted against trained")
    tables = readable_tables()
    known = predictions(job.run.request().design, tables)
    trained = metrics["val"]["map"]
    request = job.run.request()
    what = (
        f"trained here: {request.data.name}, {request.recipe.steps:,} steps, seed {request.seed}, "
        f"protocol {request.recipe.protocol}"
    )
    rows = [{"AP": trained, "what": what, "source": "trained"}]
    rows += [
        {"AP": value, "what": f"map of the table {name}", "source": source}
        for name, (value, source) in known.items()
    ]
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "AP": st.column_config.NumberColumn(format="%.4f", width="small"),
            "what": st.column_config.TextColumn(width="large"),
        },
    )
    if not known:
        st.caption("No table here has this network, so there is no prediction to compare it with.")
        return
    points = trained_points(tables)
    picture(
        agreement_figure(points, job.id),
        "agreement",
        f"Trained over predicted AP of {len(points)} trainings; the table has this one's.",
    )
    st.caption(
        "Each point is a training that finished here. Shared weights rank networks "
        "rather than predict their AP, so look for the order, not for the dotted line."
    )


def predictions(
    design: Design, tables: Mapping[str, BenchmarkTable]
) -> dict[str, tuple[float, str]]:
    """Returns by table the `map` it has of a network, and its source."""
    known = {}
    space = design.space
    if space is None or design.genotype is None:
        return {}
    for name, table in tables.items():
        if space.name in table.spaces and "map" in table.columns(space):
            value = float(table.lookup(design.genotype[None], ["map"], space)["map"][0])
            if np.isfinite(value):
                known[name] = value, sources(table, space.name)["map"]
    return known


def trained_points(tables: Mapping[str, BenchmarkTable]) -> list[Trained]:
    """Returns the finished trainings of which a table has a prediction, the latest first."""
    points = []
    for job, design, trained in finished_trainings():
        known = predictions(design, tables)
        if known:
            predicted, _ = next(iter(known.values()))
            points.append(Trained(job.id, design.name, predicted, trained))
    return points


def _precision(job: Job, metrics: Mapping[str, Any]) -> None:
    st.subheader("Precision and recall")
    curves = job.run.read_precision()
    name = st.selectbox(
        "Class", [MEAN, *metrics["val"]["per_class"]], key="class", bind="query-params"
    )
    picture(
        precision_figure(curves, name),
        "precision",
        f"Precision over recall of {name} on validation, at IoU 0.50 and 0.75.",
    )
    st.caption(
        "The lower the score from which a box counts, the further right: more objects found, more "
        "false ones. At IoU 0.75 a box must fit closely."
    )


def _detections(job: Job) -> None:
    st.subheader("Detections")
    try:
        examples = read_examples(job.run)
    except SchemaError:
        st.info("This training kept no pictures: it was made by an earlier evonas.")
        return
    least = st.slider("Least score", 0.0, 1.0, 0.5, 0.05, key="least-score", bind="query-params")
    columns = st.columns(2)
    for place, example in enumerate(examples):
        found = [entry for entry in example.found if entry.score >= least]
        image = open_image(example.picture)
        pair = (draw(image, example.truth, scores=False), draw(image, found))
        columns[place % 2].image(
            side_by_side(pair),
            caption=f"{as_text(example.name)}: {len(example.truth)} true, {len(found)} found",
            width="stretch",
            alt=f"{example.name}, true boxes left: {_names(example.truth)}; found right: "
            f"{_names(found)}",
        )
    st.caption(
        "Images spread over validation: left the true boxes, right what the network finds with at "
        "least that score."
    )


def side_by_side(pair: tuple[Any, Any]) -> Any:
    """Returns two pictures of one size as one."""
    from PIL import Image

    left, right = pair
    gap = max(left.width // 60, 4)
    both = Image.new("RGB", (2 * left.width + gap, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + gap, 0))
    return both


def _names(objects: Any) -> str:
    return ", ".join(entry.name for entry in objects) or "nothing"


def _downloads(job: Job) -> None:
    st.subheader("To take away")
    name = f"{job.run.request().architecture.replace(':', '-')}-{job.id}"
    with st.container(horizontal=True):
        st.download_button(
            "Network (.safetensors)",
            job.run.best.read_bytes,
            f"{name}.safetensors",
            "application/octet-stream",
            on_click="ignore",
        )
        st.download_button(
            "Curves as CSV",
            lambda: curves_csv(job.run.read_curves()),
            f"{name}-curves.csv",
            "text/csv",
            on_click="ignore",
        )
        st.download_button(
            "Figures as JSON",
            job.run.metrics.read_bytes,
            f"{name}-metrics.json",
            "application/json",
            on_click="ignore",
        )
        st.page_link("detect/page.py", label="Try it on an image", query_params={"network": job.id})
    st.markdown("**For a device**")
    request = job.run.request()
    data = request.data if request.data.is_dir() else None
    device_files(ExportTask(str(job.path), job.run.exports, data, job.run.best), name)
    st.code(
        f"evonas export {job.path} --out {job.path}/export --format tflite",
        language=None,
        wrap_lines=True,  # what scrolls sideways is not reached by keyboard
    )
