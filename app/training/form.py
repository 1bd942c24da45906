"""The form that submits trainings."""

import streamlit as st

from app.shared.settings import find_data, shown
from app.shared.shortlist import is_arch_id
from app.shared.state import shortlist
from app.shared.trainings import INITS, MOST_BATCH, MOST_SEED, MOST_STEPS, Submission, submit
from evonas.errors import EvonasError
from evonas.training.recipes import RECIPES


def training_form() -> None:
    """Draws the form; what is sent is checked again where it is submitted."""
    linked = st.query_params.get("arch", "")
    options = list(dict.fromkeys([*([linked] if is_arch_id(linked) else []), *shortlist()]))
    data = find_data()
    if not options:
        st.caption("The shortlist is empty: put networks on it in Explore, then train them here.")
        return
    if not data:
        st.caption(
            "There is no data set here: make one with `evonas data make digits --out data/digits`."
        )
        return
    recipe = st.selectbox(
        "Recipe",
        list(RECIPES),
        key="recipe",
        help="nano: minutes on a CPU. boards: the same for images that are always taken alike. "
        "mobiledet: the paper's. mobiledet-small-data: fine-tuning. "
        "int8: fine-tuning for int8 devices.",
    )
    preset = RECIPES[recipe]
    with st.form("new training", border=False):
        chosen = st.multiselect("Architectures", options, options[:1])
        first, second = st.columns(2)
        scenes = first.selectbox("Data set", list(data))
        init = second.selectbox(
            "Initial weights",
            INITS,
            index=int(preset.freeze_norm),
            help="scratch: random. supernet: what the shipped supernet has for the architecture.",
        )
        third, fourth, fifth = st.columns(3)
        steps = third.number_input("Steps", 1, MOST_STEPS, min(preset.steps, MOST_STEPS))
        batch = fourth.number_input("Batch size", 1, MOST_BATCH, min(preset.batch_size, MOST_BATCH))
        seed = fifth.number_input("Seed", 0, MOST_SEED, 0, key="training seed")
        sent = st.form_submit_button("Submit", type="primary", key="submit")
    if sent:
        _submit(
            [
                Submission(name, scenes, recipe, int(steps), int(batch), init, int(seed))
                for name in chosen
            ]
        )


def _submit(asked: list[Submission]) -> None:
    if not asked:
        st.error("Choose at least one architecture.")
        return
    try:
        jobs = submit(asked)
    except EvonasError as error:
        st.error(shown(error))
        return
    known = sum(not new for _, new in jobs)
    if known:
        st.toast(f"{known} of {len(jobs)} were submitted before: the same training is one job")
    st.session_state["job"] = jobs[0][0].id
    st.query_params.pop("arch", None)
    st.rerun()
