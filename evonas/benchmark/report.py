"""A comparison as one HTML file and two CSV files."""

import csv
import io
from collections.abc import Callable, Sequence

import numpy as np

from evonas.arrays import Floats
from evonas.benchmark.compare import Plan
from evonas.benchmark.loading import load_problem
from evonas.benchmark.problem import BenchmarkProblem
from evonas.benchmark.runs import RunResult
from evonas.benchmark.statistics import (
    Contrast,
    Scores,
    all_pairs,
    contrasts,
    least_p,
    ranking,
)
from evonas.figures.critical import critical_difference
from evonas.figures.page import charts, heading, page, paragraph, table
from evonas.figures.svg import Chart, Line, legend
from evonas.limits import csv_text

GOAL = 0.99
_LEVEL = 0.05
_FINAL, _MEAN = "final hypervolume", "mean hypervolume"


class Comparison:
    """The runs of a plan by problem and algorithm."""

    def __init__(self, plan: Plan, results: Sequence[RunResult]) -> None:
        self.plan = plan
        self.results = list(results)
        self.done: dict[tuple[str, str], list[RunResult]] = {
            (p, a): [] for p in plan.problems for a in plan.algorithms
        }
        for result in results:
            if not result.error:
                self.done[result.key.problem, result.key.algorithm].append(result)

    def final(self) -> Scores:
        """Returns the runs' last hypervolumes over that of the front, by seed."""
        return self._by_seed(lambda run: run.hypervolume[-1])

    def mean(self) -> Scores:
        """Returns the runs' mean hypervolumes over the evaluations of the longest, by seed."""
        return self._by_seed(lambda run: run.mean_hypervolume(self.longest))

    def speed(self) -> Scores:
        """Returns minus the evaluations to 99 % by seed; twice the longest where not reached."""
        return self._by_seed(lambda run: -min(run.reached(GOAL), 2.0 * self.longest))

    def _by_seed(self, score: Callable[[RunResult], float]) -> Scores:
        """Returns (n_seeds,) scores by problem and algorithm, NaN where a run failed."""
        scores = {key: np.full(self.plan.seeds, np.nan) for key in self.done}
        for key, runs in self.done.items():
            for run in runs:
                scores[key][run.key.seed] = score(run)
        return scores

    @property
    def longest(self) -> int:
        """Evaluations of the longest runs."""
        return max([self.plan.evaluations, *self.plan.fewer.values()])

    def reached(self, problem: str, algorithm: str) -> float:
        """Returns the median evaluations to 99 % of the front's volume; infinite if not."""
        runs = self.done[problem, algorithm]
        return float(np.median([r.reached(GOAL) for r in runs])) if runs else float("nan")


def html(comparison: Comparison) -> str:
    """Returns the report."""
    plan = comparison.plan
    parts = [
        paragraph(
            f"{plan.seeds} seeds, {plan.evaluations} evaluations, population {plan.population}"
            + "".join(f"; {a}: {n} evaluations" for a, n in plan.fewer.items())
            + ". Hypervolume is over that of the true or best known front; all is judged on true "
            f"values. Effects and tests are against {plan.algorithms[0]}.",
        ),
        *[paragraph(text, note=True) for text in warnings(plan)],
        legend(plan.algorithms),
        *_overview(comparison),
        *_pairs(comparison),
        *_failures(comparison),
    ]
    contrasted = contrasts(comparison.mean(), plan.problems, plan.algorithms)
    for name in plan.problems:
        parts += _section(comparison, load_problem(name), contrasted)
    return page("Search algorithms on the benchmark's problems", parts)


def warnings(plan: Plan) -> list[str]:
    """Returns what the plan's tests cannot show however the runs end."""
    found = []
    tests = len(plan.problems) * (len(plan.algorithms) - 1)
    if tests and least_p(plan.seeds) * tests >= _LEVEL:
        needed = next(n for n in range(2, 100) if least_p(n) * tests < _LEVEL)
        found.append(
            f"With {plan.seeds} seeds no difference on a single problem can be significant at "
            f"{_LEVEL:g} after Holm's correction over {tests} tests; {needed} seeds would do."
        )
    pairs = len(plan.algorithms) * (len(plan.algorithms) - 1) // 2
    if pairs and least_p(len(plan.problems)) * pairs >= _LEVEL:
        found.append(
            f"With {len(plan.problems)} problems no pair of algorithms can differ significantly "
            f"over the problems: {pairs} tests."
        )
    return found


def runs_csv(comparison: Comparison) -> str:
    """Returns a line for each run."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = ["problem", "algorithm", "seed", "evaluations", "hypervolume", "mean_hypervolume"]
    rows.writerow([*names, "to_99_percent", "igd_plus", "seconds", "error"])
    for r in comparison.results:
        start = [r.key.problem, r.key.algorithm, r.key.seed, r.key.evaluations]
        figures = ["", "", "", ""]
        if not r.error:
            reached = r.reached(GOAL)
            to_goal = "" if np.isinf(reached) else f"{reached:g}"
            mean = f"{r.mean_hypervolume(comparison.longest):.9g}"
            figures = [f"{r.hypervolume[-1]:.9g}", mean, to_goal, f"{r.distance[-1]:.9g}"]
        rows.writerow([*start, *figures, r.seconds, csv_text(r.error)])
    return text.getvalue()


def curves_csv(comparison: Comparison) -> str:
    """Returns a line for each checkpoint of each run."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["problem", "algorithm", "seed", "evaluations", "hypervolume", "igd_plus"])
    for r in comparison.results:
        for n, volume, distance in zip(r.at, r.hypervolume, r.distance, strict=True):
            rows.writerow([r.key.problem, r.key.algorithm, r.key.seed, n, volume, distance])
    return text.getvalue()


def _overview(comparison: Comparison) -> list[str]:
    plan, parts = comparison.plan, [heading("Over all problems")]
    for what, scores in ((_MEAN, comparison.mean()), (_FINAL, comparison.final())):
        ranks = ranking(scores, plan.problems, plan.algorithms)
        order = sorted(ranks.ranks, key=lambda name: ranks.ranks[name])
        rows = [
            [name, f"{ranks.ranks[name]:.2f}", _p(ranks.against_first.get(name, np.nan))]
            for name in order
        ]
        parts.append(paragraph(f"Ranks by {what}, Friedman p {_p(ranks.friedman_p)}:"))
        parts.append(table(["algorithm", "mean rank", "p, signed-rank, Holm"], rows))
    rows = [
        [problem, *(_count(comparison.reached(problem, a)) for a in plan.algorithms)]
        for problem in plan.problems
    ]
    parts.append(paragraph("Evaluations to 99 % of the front's hypervolume, median:"))
    parts.append(table(["problem", *plan.algorithms], rows))
    return parts


def _pairs(comparison: Comparison) -> list[str]:
    """All algorithms against each other, by mean hypervolume and by evaluations to 99 %."""
    plan, parts = comparison.plan, [heading("All pairs")]
    if len(plan.algorithms) < 2:
        return []
    for what, scores in ((_MEAN, comparison.mean()), ("evaluations to 99 %", comparison.speed())):
        found = all_pairs(scores, plan.problems, plan.algorithms)
        if not found.n_problems:
            continue
        parts.append(
            paragraph(
                f"By {what}: mean ranks over {found.n_problems} problems; a bar joins what "
                "Nemenyi's critical difference at 0.05 does not tell apart. Below, p of "
                "Wilcoxon's signed-rank test on the problems' medians, Holm-corrected."
            )
        )
        parts.append(critical_difference(found.ranks, found.difference, found.groups()))
        both = found.p | {(b, a): p for (a, b), p in found.p.items()}
        rows = [[a, *(_p(both.get((a, b), np.nan)) for b in found.ranks)] for a in found.ranks]
        parts.append(table(["", *found.ranks], rows))
    return parts


def _failures(comparison: Comparison) -> list[str]:
    failed = [r for r in comparison.results if r.error]
    if not failed:
        return [paragraph(f"None of {len(comparison.results)} runs failed.", note=True)]
    rows = [[r.key.problem, r.key.algorithm, str(r.key.seed), r.error] for r in failed]
    return [
        heading(f"{len(failed)} of {len(comparison.results)} runs failed"),
        table(["problem", "algorithm", "seed", "error"], rows),
    ]


def _section(
    comparison: Comparison, problem: BenchmarkProblem, contrasted: Sequence[Contrast]
) -> list[str]:
    name, record = problem.definition.name, problem.record
    exact = "exact" if record.exact else "best known"
    about = (
        f"{problem.definition.about} Objectives: {', '.join(problem.definition.objectives)}. "
        f"Version {record.version}, {exact} front of {record.size} points."
    )
    final = comparison.final()
    rows = [
        [
            c.algorithm,
            f"{c.median:.4f}",
            f"{c.low:.4f} to {c.high:.4f}",
            f"{np.nanmedian(final[name, c.algorithm]):.4f}",
            "" if np.isnan(c.effect) else f"{c.effect:.2f}",
            _p(c.p),
        ]
        for c in contrasted
        if c.problem == name
    ]
    headings = ["algorithm", _MEAN, "quartiles", _FINAL, "A12", "p, paired, Holm"]
    drawn = [_curve(comparison, name, "hypervolume"), _curve(comparison, name, "distance")]
    if problem.n_obj == 2:
        drawn.append(_attainment(comparison, problem))
    pictures = charts([chart.svg() for chart in drawn])
    return [heading(name), paragraph(about), pictures, table(headings, rows)]


def _curve(comparison: Comparison, problem: str, what: str) -> Chart:
    lines = []
    for style, algorithm in enumerate(comparison.plan.algorithms):
        runs = comparison.done[problem, algorithm]
        if runs:
            values = np.array([getattr(run, what) for run in runs])
            low, median, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
            at = np.array(runs[0].at, np.float64)
            lines.append(Line(algorithm, at, median, style, low, high))
    if what == "distance":
        return Chart("IGD+, median and quartiles", "evaluations", "IGD+", lines, log_y=True)
    return Chart("Hypervolume, median and quartiles", "evaluations", "of the front's", lines)


def _attainment(comparison: Comparison, problem: BenchmarkProblem) -> Chart:
    """Attainment surfaces of the best, the median and the worst run, in the objectives' units."""
    x, y = problem.objectives[1], problem.objectives[0]
    true = problem.true_front
    lines = [Line("", true[:, 1], true[:, 0], 6, dots=True)]
    for style, algorithm in enumerate(comparison.plan.algorithms):
        runs = comparison.done[problem.definition.name, algorithm]
        fronts = [np.array(run.front) for run in runs if run.front]
        for level, surface in attainment(fronts).items():
            values = problem.ideal + surface * (problem.nadir - problem.ideal)
            order = np.argsort(values[:, 1])
            own = algorithm if level == "median" else ""
            faint = level != "median"
            x_values, y_values = values[order, 1], values[order, 0]
            lines.append(Line(own, x_values, y_values, style, steps=True, faint=faint))
    title = "Attained by the best, half, all runs; dots: the front"
    return Chart(title, f"{x.name} ({x.unit})", f"{y.name} ({y.unit})", lines)


def attainment(fronts: Sequence[Floats]) -> dict[str, Floats]:
    """Returns (n, 2) corners of what at least one, half and all of the fronts attain.

    Args:
        fronts: (k, 2) each, minimised.

    Returns:
        By `best`, `median` and `worst`; nothing without fronts.
    """
    if not fronts:
        return {}
    import moocore

    sets = np.repeat(np.arange(1, len(fronts) + 1), [len(front) for front in fronts])
    levels = {"best": 100 / len(fronts), "median": 50.0, "worst": 100.0}
    points = np.concatenate(fronts)
    return {
        name: np.asarray(moocore.eaf(points, sets, percentiles=[level])[:, :2])
        for name, level in levels.items()
    }


def _p(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.1e}" if value < 0.001 else f"{value:.3f}"


def _count(value: float) -> str:
    return "" if np.isnan(value) else "not reached" if np.isinf(value) else f"{value:g}"
