"""Training: submit from the shortlist, watch it live, cancel, go on with it, see what it found."""

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from app.shared.frame import attempt, linked_choice, live, metrics, picture, run_page, time_left
from app.shared.settings import as_text, read_only, without_places
from app.shared.trainings import (
    cancel,
    describe_jobs,
    find_job,
    is_worker_alive,
    list_jobs,
    resume,
    retry,
    run_names,
    start_worker,
    status,
)
from app.training.figures import curves_data, curves_figure
from app.training.form import training_form
from app.training.results import results
from evonas.jobs import Job, JobStatus

_ACTIVE = ("queued", "running")
_MOST_LISTED, _LOG_LINES = 100, 200


def page() -> None:
    """Draws the page."""
    st.title("Training")
    rows = describe_jobs(_MOST_LISTED)
    if read_only():
        st.info("Read-only: trainings are shown, none can be submitted.")
    else:
        with st.expander("Submit trainings", expanded=not rows or "arch" in st.query_params):
            training_form()
    if not rows:
        st.info(
            "No training yet: submit one above, or with `evonas job submit`. It continues when "
            "this page is closed."
        )
        return
    active = any(row["state"] in _ACTIVE for row in rows)
    live(listed, 2.0 if active else None)()
    names = run_names({job.id: job.run for job in list_jobs()[:_MOST_LISTED]})
    chosen = linked_choice("Training", [row["job"] for row in rows], "job", words=names)
    row = next(row for row in rows if row["job"] == chosen)
    state = row["state"]
    if state == "damaged":
        st.error(as_text(without_places(row["message"])))
        return
    live(watch, 1.0 if state in _ACTIVE else None)(chosen, state)
    if state == "done":
        results(find_job(chosen))


def listed() -> None:
    """Draws the jobs; while one is queued or running, every other second."""
    rows = describe_jobs(_MOST_LISTED)
    st.dataframe(
        [_row(row) for row in rows],
        hide_index=True,
        key="jobs",
        on_select=lambda: _choose([row["job"] for row in rows]),
        selection_mode="single-row",
        placeholder="",
        height=38 + 35 * min(len(rows), 6),
        column_config={
            "submitted": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "done": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "best AP": st.column_config.NumberColumn(format="%.4f"),
            "loss": st.column_config.NumberColumn(format="%.3f"),
            "architecture": st.column_config.TextColumn(width="medium"),
        },
    )
    st.caption("One worker runs the jobs, the oldest first; tick a row to see it below.")
    if st.session_state.pop("job was ticked", False):
        st.rerun()


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    if entry["state"] == "damaged":
        return {"architecture": "damaged", "state": "damaged"}
    return {
        "architecture": entry["architecture"],
        "state": entry["state"],
        "done": entry["step"] / entry["steps"],
        "best AP": entry["best_map"],
        "data": Path(entry["data"]).name,
        "steps": entry["steps"],
        "seed": entry["seed"],
        "recipe": entry["recipe"],
        "loss": entry["loss"],
        "submitted": datetime.fromtimestamp(entry["submitted"]),
    }


def _choose(names: list[str]) -> None:
    ticked = st.session_state["jobs"]["selection"]["rows"]
    if ticked and ticked[0] < len(names):
        st.session_state["job"] = names[ticked[0]]
        st.session_state["job was ticked"] = True


def watch(name: str, was: str) -> None:
    """Draws one job as it is now; while it is queued or running, once a second."""
    job = find_job(name)
    now = status(job)
    if was != now.state:
        st.rerun()
    figures(job, now)
    rows = job.run.read_curves()
    if rows:
        data = curves_data(rows)
        picture(
            curves_figure(data),
            "curves",
            f"Loss over {len(data.loss)} steps, and AP at {len(data.ap)} validations.",
        )
        st.caption(
            "Above the loss, each report and their mean; below COCO AP on validation, which "
            "decides which network is kept."
        )
    buttons(job, now)
    log(job, now)


def figures(job: Job, now: JobStatus) -> None:
    """Draws where it stands."""
    progress, request = job.progress(), job.run.request()
    metrics(
        {
            "state": now.state,
            "step": f"{progress.step:,} of {progress.steps:,}",
            "loss": _known(progress.loss, ".3f"),
            "best validation AP": _known(progress.best_map, ".4f"),
            "images a second": _known(progress.images_per_second, ",.0f"),
        }
    )
    if now.state == "running":
        left = "starting"
        if math.isfinite(progress.seconds_left):
            left = time_left(progress.seconds_left)
        if job.cancel_file.exists():
            left = "stopping after a checkpoint"
        st.progress(min(progress.step / progress.steps, 1.0), text=left)
    if now.state == "queued" and not is_worker_alive():
        st.warning("It is queued, and no worker of this app is running.")
    if now.state in ("failed", "interrupted") and now.message:
        st.error(as_text(without_places(now.message)))
    weights = "scratch" if request.init == "scratch" else "trained weights"
    st.caption(
        as_text(
            f"{request.architecture}, recipe {request.recipe_name}, batches of "
            f"{request.recipe.batch_size}, seed {request.seed}, from {weights}, on "
            f"{request.data.name}."
        )
    )


def buttons(job: Job, now: JobStatus) -> None:
    """Draws what can be done with a job."""
    with st.container(horizontal=True):
        if not read_only():
            if now.state == "queued" and not is_worker_alive():
                _button("Start a worker", lambda _: start_worker(), job)
            if now.state in (*_ACTIVE, "interrupted"):
                _button("Cancel", cancel, job, disabled=job.cancel_file.exists())
            if now.state in ("failed", "cancelled", "interrupted"):
                _button("Resume", resume, job)
            if now.state in ("done", "failed", "cancelled", "interrupted"):
                with st.popover("Start again"):
                    st.write("Removes its weights, figures and files. Nothing brings them back.")
                    _button("Remove and train again", retry, job, type="primary")
        st.page_link(
            "architecture/page.py",
            label="Its architecture",
            query_params={"arch": job.run.request().architecture},
        )


def log(job: Job, now: JobStatus) -> None:
    """Draws the last lines that it wrote, and of a failed one what it said at its end."""
    lines = job.log(_LOG_LINES)
    if now.state == "failed" and job.errors.exists():
        lines += job.errors.read_text(errors="replace").splitlines()[-40:]
    with st.expander("Log", expanded=now.state == "failed"):
        text = without_places("\n".join(lines)) or "nothing yet"
        st.code(text, language=None, wrap_lines=True, height=240)


def _button(label: str, action: Callable[[str], None], job: Job, **look: Any) -> None:
    st.button(label, on_click=attempt, args=(action, job.id), key=f"{label} job", **look)


def _known(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "-"


run_page(page)
