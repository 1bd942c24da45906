"""The form that starts a search."""

import streamlit as st

from app.searches.processes import (
    MOST_GENERATIONS,
    MOST_POPULATION,
    Request,
    list_searches,
    start,
)
from app.shared.settings import find_data, shown
from evonas.errors import EvonasError
from evonas.latency import list_predictors
from evonas.objectives import BY_SIZE
from evonas.search.algorithms import ALGORITHMS
from evonas.space import list_spaces
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY


def search_form() -> None:
    """Draws the form; what is sent is checked again where the search is started."""
    spaces = list_spaces()
    space = st.selectbox("Space", spaces, index=spaces.index("nano"), key="new space")
    latencies = [f"latency:{device}" for device in list_predictors(space)]
    data = find_data()
    accuracies = ["map", "map50", *BY_SIZE] if data else []
    objectives = [*accuracies, *latencies, *COSTS, *MEMORY]
    preset = [*accuracies[:1], *latencies[:1]]
    with st.form("new search", border=False):
        name = st.text_input("Name", _fresh_name(), max_chars=40)
        chosen = st.multiselect("Objectives", objectives, preset + ["params"] * (len(preset) < 2))
        if data:
            scenes = st.selectbox("Data set", list(data), help="On which the supernet is scored.")
        else:
            scenes = ""
            st.caption(
                "There is no data set here, so only costs and latencies can be searched: make one "
                "with `evonas data make digits --out data/digits`."
            )
        bounds = st.text_input(
            "Budgets",
            placeholder="latency:ethos-u55-256 <= 0.5; params <= 5e5",
            help="Conditions every network must meet, separated by semicolons.",
            max_chars=300,
        )
        first, second, third, fourth = st.columns(4)
        algorithm = first.selectbox("Algorithm", list(ALGORITHMS))
        population = second.number_input("Population", 2, MOST_POPULATION, 24)
        generations = third.number_input("Generations", 1, MOST_GENERATIONS, 10)
        seed = fourth.number_input("Seed", 0, 2**31 - 1, 0)
        sent = st.form_submit_button("Start the search", type="primary")
    if not sent:
        return
    request = Request(
        name,
        space,
        tuple(chosen),
        tuple(part.strip() for part in bounds.split(";") if part.strip()),
        algorithm,
        int(population),
        int(generations),
        int(seed),
        scenes if {*accuracies} & {*chosen} or "map" in bounds else "",
    )
    try:
        start(request)
    except EvonasError as error:
        st.error(shown(error))
        return
    st.session_state["search"] = request.name
    st.rerun()


def _fresh_name() -> str:
    taken = {*list_searches()}
    return next(name for n in range(1, 10_000) if (name := f"search-{n}") not in taken)
