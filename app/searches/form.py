"""The form that starts searches."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.searches.allowed import MOST_GENERATIONS, MOST_POPULATION, MOST_SEEDS
from app.searches.folder import Search, list_searches, load_all
from app.searches.processes import start, with_seeds
from app.searches.request import NOTHING_SCORED, Request
from app.searches.scorers import (
    START_SECONDS,
    complete_table,
    offers,
    scored_columns,
    seconds_a_network,
)
from app.searches.selection import select
from app.shared.background import PLACES
from app.shared.settings import as_text, find_data, shown
from evonas.errors import EvonasError
from evonas.latency import list_predictors
from evonas.objectives import BY_SIZE
from evonas.search.algorithms import ABOUT, ALGORITHMS
from evonas.space import list_spaces
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY

_ACCURACIES = ("map", "map50", *BY_SIZE)
_EVALUATIONS, _MINUTES = "evaluations", "minutes"


@dataclass(frozen=True, slots=True)
class Scoring:
    """How AP is known: the scorer, and what it looks at."""

    scorer: str = "supernet"
    data: str = ""
    table: str = ""


@st.fragment
def search_form() -> None:
    """Draws the form; what is sent is checked again where the searches are started."""
    spaces = list_spaces()
    left, right = st.columns([1, 2])
    space = left.selectbox("Space", spaces, index=spaces.index("nano"), key="new space")
    latencies = [f"latency:{device}" for device in list_predictors(space)]
    has_scorer = any(not offer.lacking for offer in offers(space))
    objectives = [*_ACCURACIES, *latencies, *COSTS, *MEMORY]
    preset = ["map"] * has_scorer + latencies[:1]
    chosen = right.multiselect(
        "Objectives",
        objectives,
        preset + ["params"] * (len(preset) < 2),
        key=f"objectives of {space}",
    )
    bounds = st.text_input(
        "Budgets",
        placeholder="latency:ethos-u55-256 <= 0.5; params <= 5e5",
        help="Conditions every network must meet, separated by semicolons.",
        max_chars=300,
        key="new budgets",
    )
    needs_score = bool({*_ACCURACIES} & {*chosen}) or "map" in bounds
    scoring = _scoring(space) if needs_score else Scoring()
    algorithms = _algorithms()
    name, population, seeds, first = _numbers()
    scorer = scoring.scorer if needs_score else NOTHING_SCORED
    generations = _budget(scorer, space, algorithms, population, seeds, load_all())
    if not st.button("Start", type="primary", key="start"):
        return
    where = tuple(part.strip() for part in bounds.split(";") if part.strip())
    one = Request(
        name,
        space,
        tuple(chosen),
        where,
        population=population,
        generations=generations,
        seed=first,
        data=scoring.data,
        scorer=scoring.scorer,
        table=scoring.table,
    )
    try:
        requests = with_seeds(one, algorithms, seeds)
        start(*requests)
    except EvonasError as error:
        st.error(shown(error))
        return
    select([request.name for request in requests])
    st.rerun()


def _scoring(space: str) -> Scoring:
    """Draws the choice of scorer, with what each costs and how well it ranks."""
    found = offers(space)
    there = {offer.name: offer for offer in found if not offer.lacking}
    lines = [f"{offer.name}: {offer.lacking}" for offer in found if offer.lacking]
    if lines:
        st.caption("Not to be had here: " + "; ".join(lines) + ".")
    if not there:
        return Scoring()
    captions = []
    for name, offer in there.items():
        seconds, source = seconds_a_network(name, "nsga2", space, load_all())
        captions.append(f"{offer.about}. About {_short(seconds)} a network, {source}.")
    scorer = st.radio("Scorer", list(there), captions=captions, key=f"scorer of {space}")
    columns = ", ".join(c for c in _ACCURACIES if c in scored_columns(scorer, space))
    if columns != ", ".join(_ACCURACIES):
        st.caption(f"It gives {columns}.")
    if scorer == "supernet":
        data = st.selectbox(
            "Data set", list(find_data()), help="On which the supernet is scored.", key="new data"
        )
        return Scoring(scorer, data)
    return Scoring(scorer, table=complete_table(space) if scorer == "table" else "")


def _algorithms() -> list[str]:
    chosen = st.multiselect("Algorithms", list(ALGORITHMS), ["nsga2"], key="new algorithms")
    st.markdown("\n".join(f"- `{name}`: {as_text(ABOUT[name])}" for name in chosen))
    others = [name for name in ALGORITHMS if name not in chosen]
    with st.popover("The other algorithms, a line each"):
        st.markdown("\n".join(f"- `{name}`: {as_text(ABOUT[name])}" for name in others))
    return chosen


def _numbers() -> tuple[str, int, int, int]:
    """Draws name, population, number of seeds and first seed."""
    first, second, third, fourth = st.columns(4)
    name = first.text_input("Name", _fresh_name(), max_chars=40, key=f"name {len(list_searches())}")
    population = second.number_input(
        "Population", 2, MOST_POPULATION, 24, help="Networks a generation.", key="new population"
    )
    seeds = third.number_input(
        "Seeds", 1, MOST_SEEDS, 1, help="As many searches, from the first seed on.", key="new seeds"
    )
    seed = fourth.number_input("First seed", 0, 2**31 - 1 - MOST_SEEDS, 0, key="new first seed")
    return name, int(population), int(seeds), int(seed)


def _budget(
    scorer: str,
    space: str,
    algorithms: Sequence[str],
    population: int,
    seeds: int,
    searches: Sequence[Search],
) -> int:
    """Draws the budget of a search with an estimate of its time; returns generations."""
    costs = [seconds_a_network(scorer, name, space, searches) for name in algorithms or [""]]
    seconds, source = max(costs)
    kind, number = st.columns([1, 3], vertical_alignment="bottom")
    unit = kind.segmented_control(
        "Budget of each", [_EVALUATIONS, _MINUTES], default=_EVALUATIONS, required=True,
        key="budget in",
    )  # fmt: skip
    if unit == _MINUTES:
        minutes = number.number_input("Minutes", 0.5, 10_000.0, 10.0, 0.5, key="new minutes")
        evaluations = round(max(minutes * 60 - START_SECONDS, 0.0) / seconds)
    else:
        evaluations = number.number_input(
            "Evaluations", 2, MOST_POPULATION * MOST_GENERATIONS, 240, key="new evaluations"
        )
    generations = min(max(-(-int(evaluations) // population), 1), MOST_GENERATIONS)
    each = START_SECONDS + generations * population * seconds
    n = len(algorithms) * seeds
    rounds = -(-n // PLACES)
    st.caption(
        f"{n} {'search' if n == 1 else 'searches'} of {generations * population:,} evaluations "
        f"({generations} generations of {population}); {_short(seconds)} a network "
        f"({source}): about {_long(each)} each"
        + (f", {_long(rounds * each)} in all, {PLACES} at once." if n > 1 else ".")
    )
    return generations


def _short(seconds: float) -> str:
    """Returns a short time in words.

    >>> _short(0.24), _short(0.0021)
    ('0.24 s', '2.1 ms')
    """
    return f"{seconds:.2g} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"


def _long(seconds: float) -> str:
    """Returns a time in words.

    >>> _long(42.0), _long(600.0), _long(9000.0)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _fresh_name() -> str:
    taken = list_searches()
    for n in range(1, 10_000):
        name = f"search-{n}"
        if not any(other == name or other.startswith(f"{name}-") for other in taken):
            return name
    return ""
