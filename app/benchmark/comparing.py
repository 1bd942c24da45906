"""The part of the page that starts comparisons and shows what they found."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from app.benchmark.comparisons import (
    MOST_EVALUATIONS,
    MOST_SEEDS,
    REPORT,
    RUNS_CSV,
    Asked,
    list_comparisons,
    load,
    remove,
    results,
    resume,
    start,
    stop,
)
from app.shared.choice import addressed_choice
from app.shared.frame import attempt, live, metrics, picture
from app.shared.runs import ALIVE
from app.shared.settings import RUNS, as_text, read_only, shown
from evonas.benchmark.loading import list_records
from evonas.benchmark.report import Comparison
from evonas.benchmark.runs import RunResult
from evonas.benchmark.statistics import contrasts
from evonas.errors import EvonasError
from evonas.figures.curves import Curve, curves_figure
from evonas.search.algorithms import ALGORITHMS

VOLUME = "share of the front's hypervolume"
_REFRESH = 2.0  # seconds


def comparing(problem: str, problems: Sequence[str]) -> None:
    """Draws the form and the comparison that is chosen."""
    st.subheader("Compare algorithms here")
    if read_only():
        st.info("Read-only: comparisons are shown, none can be started.")
    else:
        with st.expander("Start a comparison"):
            compare_form(problem, problems)
    names = list_comparisons()
    if not names:
        st.caption("No comparison yet.")
        return
    name = addressed_choice("Comparison", names, "comparison")
    alive = load(name).state in ALIVE
    live(watch, _REFRESH if alive else None)(name, alive)


def compare_form(problem: str, problems: Sequence[str]) -> None:
    """Draws the form; what is sent is checked again where the comparison is started."""
    with st.form("new comparison", border=False):
        name = st.text_input("Name", _fresh_name(), max_chars=40)
        chosen = st.multiselect("Problems", problems, [problem])
        algorithms = st.multiselect(
            "Algorithms", list(ALGORITHMS), ["nsga2", "random"],
            help="The others are held against the first.",
        )  # fmt: skip
        first, second, third = st.columns(3)
        seeds = first.number_input("Seeds", 1, MOST_SEEDS, 5)
        evaluations = second.number_input("Evaluations", 2, MOST_EVALUATIONS, 500)
        population = third.number_input("Population", 2, MOST_EVALUATIONS, 50)
        st.caption(
            "Problems need no training: a run of 500 evaluations takes about a tenth of a second, "
            "with `assisted` some seconds. The published protocol: seeds 0 to 30, 1,500 "
            "evaluations, population 50."
        )
        sent = st.form_submit_button("Start the comparison", type="primary")
    if not sent:
        return
    numbers = int(seeds), int(evaluations), int(population)
    try:
        start(Asked(name, tuple(chosen), tuple(algorithms), *numbers))
    except EvonasError as error:
        st.error(shown(error))
        return
    st.query_params["comparison"] = name
    st.rerun()


def watch(name: str, was_alive: bool) -> None:
    """Draws a comparison as it is now; while it runs, again and again."""
    found = load(name)
    if (found.state in ALIVE) != was_alive:
        st.rerun()
    checksums = {definition.name: record.checksum for definition, record in list_records()}
    try:
        done = list(results(found.asked, checksums))
    except EvonasError as error:  # a damaged run; the comparison can still be removed
        st.error(shown(error))
        done = []
    metrics({"state": found.state, "runs": f"{len(done)} of {found.total}"}, "comparison")
    if found.state in ALIVE:
        st.progress(len(done) / found.total)
    buttons(name, found.state)
    if found.state == "failed":
        st.error("It ended early; the log says why. Resume does what is missing.")
        st.code(found.log or "nothing written", language=None, wrap_lines=True)
    outcome(found.asked, done)


def buttons(name: str, state: str) -> None:
    """Draws what can be done with a comparison."""
    with st.container(horizontal=True):
        for file, label, kind in (
            (REPORT, "Report as HTML", "text/html"),
            (RUNS_CSV, "Runs as CSV", "text/csv"),
        ):
            path = RUNS / name / file
            if path.is_file():
                st.download_button(
                    label, path.read_bytes, f"{name}-{file}", kind, on_click="ignore"
                )
        if read_only():
            return
        if state in ALIVE:
            st.button("Stop", on_click=attempt, args=(stop, name), key="stop comparison")
            return
        if state != "finished":
            st.button("Resume", on_click=attempt, args=(resume, name), key="resume comparison")
        with st.popover("Remove"):
            st.write(f"Removes {as_text(name)}, its runs and its report. Nothing brings them back.")
            st.button("Remove for good", on_click=_remove, args=(name,), key="remove comparison")


def outcome(asked: Asked, done: Sequence[RunResult]) -> None:
    """Draws curves and figures of one of the comparison's problems."""
    if not done:
        return
    problem = asked.problems[0]
    if len(asked.problems) > 1:
        problem = st.selectbox("Of the problem", asked.problems, key="compared problem")
    curves = [
        Curve(
            f"{r.key.algorithm}, seed {r.key.seed}",
            r.key.algorithm,
            np.array(r.at, np.float64),
            np.array(r.hypervolume, np.float64),
        )
        for r in done
        if r.key.problem == problem
    ]
    if not curves:
        st.caption("No run on this problem is done yet.")
        return
    title = f"{problem}: evaluations"
    picture(
        curves_figure(curves, title, VOLUME),
        "compared",
        f"Hypervolume of {len(curves)} runs on {problem} over evaluations",
    )
    st.dataframe(contrast_rows(asked, done, problem), hide_index=True)
    st.caption(
        f"Mean hypervolume over a run: how good and how early. A12 is the chance that a run beats "
        f"one of {as_text(asked.algorithms[0])}; p by Wilcoxon's rank-sum test, corrected by Holm."
    )


def contrast_rows(asked: Asked, done: Sequence[RunResult], problem: str) -> list[dict[str, Any]]:
    """Returns for each algorithm what its runs on a problem say."""
    comparison = Comparison(asked.plan(), done)
    found = contrasts(comparison.mean(), asked.problems, asked.algorithms)
    rows = []
    for one in found:
        if one.problem == problem:
            reached = comparison.reached(problem, one.algorithm)
            rows.append(
                {
                    "algorithm": one.algorithm,
                    "runs": len(comparison.done[problem, one.algorithm]),
                    "mean hypervolume": round(one.median, 4),
                    "quartiles": f"{one.low:.4f} to {one.high:.4f}",
                    "evaluations to 99 %": reached if np.isfinite(reached) else None,
                    "A12": None if np.isnan(one.effect) else round(one.effect, 2),
                    "p": None if np.isnan(one.p) else float(f"{one.p:.2g}"),
                }
            )
    return rows


def _remove(name: str) -> None:
    attempt(remove, name)
    st.query_params.pop("comparison", None)


def _fresh_name() -> str:
    taken = {path.name for path in RUNS.glob("*/")}
    return next(name for n in range(1, 10_000) if (name := f"comparison-{n}") not in taken)
