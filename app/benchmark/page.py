"""Benchmark: the problems, how hard they are, what the algorithms reach, how to run and cite."""

import numpy as np
import streamlit as st

from app.benchmark.citation import bibtex
from app.benchmark.comparing import VOLUME, comparing
from app.benchmark.definition import (
    conditions,
    difficulty_rows,
    objective_rows,
    problem_front,
    problem_of,
    problem_rows,
)
from app.shared.choice import addressed_choice
from app.shared.frame import metrics, picture, run_page
from app.shared.settings import as_text
from evonas.benchmark import BenchmarkProblem
from evonas.benchmark.difficulties import load_difficulty
from evonas.benchmark.loading import list_records
from evonas.benchmark.raw import RawRun, raw_path, read_raw
from evonas.benchmark.runs import checkpoints
from evonas.figures.curves import Curve, curves_figure
from evonas.figures.fronts import fronts_figure
from evonas.objectives import Objective

_COMMANDS = """evonas problem show {name}
evonas problem front {name} > front.csv
evonas bench compare --problems {name} --algorithms nsga2,random --seeds 31 --out runs/bench"""
_PYTHON = """import evonas
import numpy as np

problem = evonas.load_problem("{name}")  # a vectorised pymoo Problem
genotypes = problem.space.sample(50, np.random.default_rng(0))
values, violations = problem.observe(genotypes)  # what a search may see
print(problem.judge(genotypes))  # share of the front's hypervolume"""


def page() -> None:
    """Draws the page."""
    st.title("Benchmark")
    problems = list_records()
    if not problems:
        st.info("No problems are shipped with this installation.")
        return
    names = [definition.name for definition, _ in problems]
    name = addressed_choice("Problem", names, "problem")
    problem = problem_of(name)
    definition(problem)
    with st.expander(f"All {len(names)} problems"):
        st.dataframe(problem_rows(problems), hide_index=True)
    the_front(problem)
    how_hard(problem)
    baselines(problem)
    run_and_cite(name)
    comparing(name, names)


def definition(problem: BenchmarkProblem) -> None:
    """Draws what is asked."""
    st.markdown(as_text(problem.definition.about))
    size = problem.space.size
    metrics(
        {
            "architectures": f"{size:,}" if size < 1e6 else f"{size:.1e}",
            "genes": f"{problem.space.n_genes}",
            "objectives": f"{problem.n_obj}",
            "front": f"{problem.record.size:,}",
            "known": "exactly" if problem.record.exact else "best so far",
        }
    )
    st.dataframe(
        objective_rows(problem),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="%.6g")
            for name in ("ideal", "nadir", "reference point")
        }
        | {"error": st.column_config.TextColumn(width="large")},
    )
    st.markdown("\n".join(f"- {words}" for words in conditions(problem)))


def the_front(problem: BenchmarkProblem) -> None:
    """Draws the front, in two of the objectives."""
    st.subheader("Front")
    by_name = {objective.name: objective for objective in problem.objectives}
    axes = chosen_axes(by_name)
    line = problem_front(problem, axes)
    picture(
        fronts_figure([line], axes),
        "front",
        f"{len(line.points)} networks of {line.name}: {axes[1].name} over {axes[0].name}",
    )
    words = f"{len(line.points):,} points"
    if len(line.points) < problem.record.size:
        words += f" that stand for {problem.record.size:,}"
    if problem.n_obj > 2:
        words += f"; the line joins those on the front of {axes[1].name} and {axes[0].name} alone"
    st.caption(as_text(f"{words}."))


def chosen_axes(by_name: dict[str, Objective]) -> tuple[Objective, Objective]:
    """Draws the choice of axes where there are more than two objectives, and returns it."""
    names = list(by_name)
    if len(names) == 2:
        return by_name[names[1]], by_name[names[0]]
    left, right = st.columns(2)
    with left:
        y = addressed_choice("Vertical axis", names, "vertical")
    with right:
        x = addressed_choice("Horizontal axis", [name for name in names if name != y], "horizontal")
    return by_name[x], by_name[y]


def how_hard(problem: BenchmarkProblem) -> None:
    """Draws the shipped figures of difficulty, if there are any of this problem."""
    found = load_difficulty(problem.definition.name)
    if found is None:
        return
    st.subheader("How hard it is")
    share, optima = found.front_share, found.pareto_optima
    figures = {
        "on the front": f"{share:.2%}" if share is not None else None,
        "Pareto local optima": f"{optima:,}" if optima is not None else None,
    }
    metrics({label: value for label, value in figures.items() if value is not None}, "difficulty")
    st.dataframe(
        difficulty_rows(found),
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in ("genes alone explain", "genes and pairs explain")
        },
    )
    told = ", ".join(
        f"{a} {f'{n:g}' if np.isfinite(n) else 'not reached'}" for a, n in found.to_99.items()
    )
    sampled = "a sample of " if found.sampled else "all "
    st.caption(
        as_text(
            f"Over {sampled}{found.networks:,} networks. A local optimum is a network "
            "that no change of one gene improves. "
            + (f"Median evaluations to 99 % of the front's hypervolume: {told}." if told else "")
        )
    )


def baselines(problem: BenchmarkProblem) -> None:
    """Draws what the algorithms reach, by the shipped runs."""
    st.subheader("Baselines")
    runs = shipped_runs(problem.definition.name, problem.record.checksum)
    if not runs:
        st.caption("No runs on this problem are shipped: start a comparison below.")
        return
    curves = []
    for run in runs:
        at = np.array(checkpoints(run.key.evaluations, run.key.population), np.float64)
        name = f"{run.key.algorithm}, seed {run.key.seed}"
        curves.append(Curve(name, run.key.algorithm, at, run.hypervolume_after(at)))
    picture(
        curves_figure(curves, "evaluations", VOLUME),
        "baselines",
        f"Hypervolume of {len(runs)} shipped runs over evaluations: median and quartiles",
    )
    st.caption(
        f"{len(runs)} shipped runs: median and quartiles over the seeds. 1 is the whole "
        f"{'true' if problem.record.exact else 'best known'} front, by true values."
    )


@st.cache_data(max_entries=8, show_spinner=False)
def shipped_runs(problem: str, checksum: str) -> list[RawRun]:
    """Returns our runs on a problem as it is now; none where there are none."""
    path = raw_path()
    runs = read_raw(path, problem) if path.exists() else []
    return [run for run in runs if run.checksum == checksum]


def run_and_cite(name: str) -> None:
    """Draws what to copy."""
    st.subheader("Run and cite")
    st.code(_COMMANDS.format(name=name), language=None, wrap_lines=True)
    st.code(_PYTHON.format(name=name), language=None, wrap_lines=True)
    entry = bibtex()
    if entry:
        st.code(entry, language=None, wrap_lines=True)
    st.caption("With the version of every problem, which `runs.csv` and the report have.")


run_page(page)
