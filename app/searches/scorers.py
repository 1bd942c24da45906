"""What a search can be scored by: what it costs, how well it ranks, why it is not to be had."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import streamlit as st

from app.searches.folder import Search
from app.shared.settings import find_data
from evonas.errors import EvonasError
from evonas.paths import find_data as find_file
from evonas.scoring.load import GIVEN, SCORERS
from evonas.space import load_space, whole_space
from evonas.table import open_table, shipped_tables

# Seconds a network on one core, where no search here has told: of the supernet those of the
# shipped tables (benchmark_data/README.md: 20,000 in 80 minutes, 16,000 of `pico` in 45), of the
# others those of `evonas search --scorer surrogate` and of costs alone, ten generations of 24.
_SECONDS = {"supernet": 0.24, "surrogate": 0.008, "table": 0.002}
_PICO, _NOTHING = 0.17, 0.002
# What an algorithm itself takes for each network, if it is worth a word: its model of `nano`,
# fitted anew for every fifth of a population of 24.
ALGORITHM_SECONDS = {"assisted": 0.04}
START_SECONDS = 5.0  # until the first network is scored: Python, weights, data
_TRUTH = "nano-v6"
_ENOUGH = 20


@dataclass(frozen=True, slots=True)
class Offer:
    """A scorer for a space.

    Attributes:
        name: As `evonas search --scorer` has it.
        about: What it does, and how well it ranks.
        lacking: Why it is not to be had; empty if it is.
    """

    name: str
    about: str
    lacking: str = ""


def offers(space: str) -> list[Offer]:
    """Returns all scorers, those that lack something too."""
    return [_OFFERS[name](space) for name in SCORERS]


def scored_columns(scorer: str, space: str) -> tuple[str, ...]:
    """Returns the columns that a scorer gives."""
    if scorer == "table":
        name = complete_table(space)
        return tuple(open_table(shipped_tables()[name]).columns(space)) if name else ()
    return GIVEN[scorer]


def complete_table(space: str) -> str:
    """Returns the shipped table that holds every network of a space; empty if none does."""
    size = load_space(space).size
    for name, path in shipped_tables().items():
        table = open_table(path)
        if space in table.spaces and len(table.genotypes(space)) == size:
            return name
    return ""


def seconds_a_network(
    scorer: str, algorithm: str, space: str, searches: Sequence[Search]
) -> tuple[float, str]:
    """Returns seconds per evaluation, and where that figure is from, in words.

    Searches of this space by this scorer and algorithm tell best: they ran on this machine.
    """
    told = [
        search.progress[-1]["seconds"] / search.evaluated
        for search in searches
        if (asked := search.asked) is not None
        and (asked.scored_by, asked.space, asked.algorithm) == (scorer, space, algorithm)
        and search.evaluated >= _ENOUGH
    ]
    if told:
        return median(told), f"as {len(told)} such searches here"
    figure = _PICO if (scorer, space) == ("supernet", "pico") else _SECONDS.get(scorer, _NOTHING)
    return figure + ALGORITHM_SECONDS.get(algorithm, 0.0), "by shipped figures, one core"


def _supernet(space: str) -> Offer:
    whole = whole_space(space)
    lacking = ""
    if not find_file(f"supernets/{whole}.safetensors").exists():
        lacking = f"no weights: train them with `evonas supernet train --space {whole}`"
    elif not find_data():
        lacking = "no data set: make one with `evonas data make digits --out data/digits`"
    about = "AP on validation images with the supernet's shared weights"
    return Offer("supernet", f"{about}; {supernet_rank(whole)}", lacking)


def _surrogate(space: str) -> Offer:
    whole = whole_space(space)
    path = find_file(f"surrogates/{whole}.npz")
    about = "AP that a model expects of training from scratch, no image needed"
    if not path.exists():
        return Offer("surrogate", about, f"none fitted: `evonas supernet fit --space {whole}`")
    from evonas.scoring.surrogate import load_surrogate

    try:
        surrogate = load_surrogate(path, load_space(whole))
    except EvonasError as error:
        return Offer("surrogate", about, str(error))
    errors = surrogate.errors
    known = {"tau": "Kendall's tau {:.2f} against trained AP", "rmse": "off by {:.3f} AP (RMSE)"}
    told = [text.format(errors[name]) for name, text in known.items() if name in errors]
    n = errors.get("n", errors.get("n_test"))
    on = f" on {n:.0f} networks that it had not seen" if n else ""
    return Offer("surrogate", f"{about}; {', '.join(told) or 'errors not known'}{on}")


def _table(space: str) -> Offer:
    name = complete_table(space)
    about = f"AP that `{name or 'a table'}` holds of every network, so nothing is scored"
    if not name:
        return Offer("table", about, f"no shipped table holds every network of {space}")
    return Offer("table", f"{about}; {supernet_rank(whole_space(space))}")


@st.cache_data(max_entries=8, show_spinner=False)
def supernet_rank(space: str) -> str:
    """Returns in words how well the shipped supernet ranks: by the truth's random networks."""
    truth, table = (shipped_tables().get(name) for name in (_TRUTH, f"{space}-v5"))
    if truth is None or table is None:
        return "how well it ranks is not known"
    from scipy.stats import kendalltau

    trained = open_table(truth)
    genotypes = trained.genotypes(space)
    scores = open_table(table).lookup(genotypes, ["map"], space)["map"]
    known = np.isfinite(scores)
    tau = kendalltau(scores[known], trained.column("trained_map", space)[known]).statistic
    return f"Kendall's tau {tau:.2f} against trained AP on {known.sum()} random networks"


_OFFERS = {"supernet": _supernet, "surrogate": _surrogate, "table": _table}
