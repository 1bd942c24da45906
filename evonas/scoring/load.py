"""The scorers by name."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace

from evonas.errors import ConfigurationError, unknown_name
from evonas.limits import printable
from evonas.objectives import BY_SIZE
from evonas.paths import find_data, own_data
from evonas.scoring.options import ScorerOptions
from evonas.scoring.scorer import Scorer
from evonas.space import load_space, whole_space
from evonas.space.costs import COSTS
from evonas.space.memory import MEMORY

# The columns of those scorers that always give the same.
GIVEN = {"supernet": ("map", "map50", *BY_SIZE), "surrogate": ("map", "map_std")}


def check_scored(name: str, columns: Iterable[str]) -> None:
    """Refuses columns that a scorer does not give.

    Raises:
        ConfigurationError: One of them; it says which there are.
    """
    given = GIVEN.get(name, ())
    for column in columns:
        if given and column not in given:
            raise ConfigurationError(
                f"the scorer {name} does not give {printable(repr(column))}; it gives "
                f"{', '.join(given)}, and without a scorer there are "
                f"{', '.join((*COSTS, *MEMORY))}, latency:DEVICE, latency_upper:DEVICE and "
                "fits:DEVICE"
            )


def load_scorer(name: str, options: ScorerOptions) -> Scorer | None:
    """Returns the scorer of that name; None for `table`, which scores nothing new.

    Raises:
        ConfigurationError: No scorer has the name, an option it needs is missing, or one is given
            that it does not use: its scores would be taken for what they are not.
    """
    if name not in SCORERS:
        raise unknown_name("scorer", name, SCORERS)
    for option in _UNUSED.get(name, ()):
        _refuse_unused(name, options, option)
    return SCORERS[name](options)


def _supernet(options: ScorerOptions) -> Scorer:
    name = whole_space(options.space.name)  # a part is scored by the supernet of the whole
    weights = options.weights or find_data(f"supernets/{name}.safetensors")
    if not weights.exists():
        out = options.weights or own_data(f"supernets/{name}.safetensors")
        data = options.data or "DIR"
        command = ["evonas", "supernet", "train", "--space", name]
        command += ["--data", str(data), "--out", str(out)]
        raise ConfigurationError(
            f"no supernet weights at {weights}; train them with: {shlex.join(command)} (or name "
            "others with --weights)"
        )
    if options.data is None:
        raise ConfigurationError(
            "the supernet scorer needs validation images: name a COCO-format folder with --data, "
            "for example one made with: evonas data make digits --out data/digits"
        )
    from evonas.scoring.supernet import SupernetScorer
    from evonas.training.memory import keep_freed_memory

    keep_freed_memory()  # of this process, for good; scores are the same, and come sooner
    scorer = SupernetScorer(weights, options.data, options.space, options.by_size)
    if options.ray is None:
        return scorer
    from evonas.scoring.cluster import ClusterScorer

    absolute = replace(options, weights=weights.resolve(), data=options.data.resolve())
    return ClusterScorer(absolute, scorer, options.ray)


def _surrogate(options: ScorerOptions) -> Scorer:
    name = whole_space(options.space.name)
    path = options.surrogate or find_data(f"surrogates/{name}.npz")
    if not path.exists():
        out = options.surrogate or own_data(f"surrogates/{name}.npz")
        command = ["evonas", "supernet", "fit", "--space", name]
        command += ["--truth", "TABLE", "--out", str(out)]
        raise ConfigurationError(
            f"no surrogate at {path}; fit one on trained networks, whose AP stands in a table as "
            f"trained_map, with: {shlex.join(command)}"
        )
    from evonas.scoring.surrogate import SurrogateScorer, load_surrogate
    from evonas.scoring.surrogate.model import checksum

    surrogate = load_surrogate(path, load_space(name))
    asks = surrogate.uses_supernet and surrogate.scores is None
    for option in () if asks else ("data", "weights"):
        _refuse_unused(f"surrogate {path.name}", options, option)
    supernet = _supernet(options) if asks else None
    return SurrogateScorer(surrogate, checksum(path), options.space, supernet)


def _refuse_unused(scorer: str, options: ScorerOptions, option: str) -> None:
    if getattr(options, option) is not None:
        raise ConfigurationError(
            f"--{option} {getattr(options, option)}: the scorer {scorer} does not use it, so its "
            f"AP says nothing of it; leave out --{option}, or score with --scorer supernet"
            if option != "surrogate"
            else f"--surrogate {options.surrogate}: the scorer {scorer} does not use it; leave it "
            "out, or score with --scorer surrogate"
        )


# Options that a scorer of that name never uses.
_UNUSED = {
    "supernet": ("surrogate",),
    "surrogate": (),
    "table": ("data", "weights", "surrogate"),
}
SCORERS: dict[str, Callable[[ScorerOptions], Scorer | None]] = {
    "supernet": _supernet,
    "surrogate": _surrogate,
    "table": lambda _: None,
}
