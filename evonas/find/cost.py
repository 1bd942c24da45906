"""What the stages cost on this machine, and what the hours are therefore enough for."""

import math
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from evonas.data import load_coco
from evonas.errors import ConfigurationError
from evonas.files import write_json
from evonas.find.spec import BFLOAT16, SEARCH, SUPERNET, TRAINING, FindPlan, FindSpec
from evonas.latency import load_predictor
from evonas.retraining import plan_training
from evonas.retraining.cost import measure_training
from evonas.scoring.supernet import SupernetScorer
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.supernet.train import measure_supernet, new_supernet
from evonas.supernet.weights import save_supernet
from evonas.training.cost import Cost
from evonas.training.launch import pick_device
from evonas.training.recipes import changed_fields, load_recipe, load_supernet_recipe

_SAMPLED = 300  # networks among which one as slow as the budget allows is looked for
_SCORED = 3
_POPULATION, _LEAST_POPULATION, _LEAST_GENERATIONS, _MOST_GENERATIONS = 24, 8, 3, 50
_GAIN = 1.1  # of speed, from which bfloat16 pays
_MOST_SUPERNET, _MOST_TRAINING = 60_000, 20_000  # steps


def make_plan(spec: FindSpec, space: str, data: Path, out: Path) -> FindPlan:
    """Measures a few steps and scores, and writes the plan.

    Args:
        spec: What is asked for.
        space: Name or file of the space.
        data: What is trained on.
        out: The folder of the find.

    Raises:
        ConfigurationError: The hours are not enough for this machine.
    """
    total, device = spec.hours * 3600, pick_device("")

    def of_supernet(changes: tuple[str, ...]) -> Cost:
        recipe = load_supernet_recipe(spec.supernet_recipe, (*spec.supernet_changes, *changes))
        return measure_supernet(space, data, recipe, spec.seed, device=device)

    supernet, bfloat16, changes = of_supernet(()), False, spec.training_changes
    if not _names_precision(spec):
        tried = of_supernet(BFLOAT16)
        bfloat16 = tried.step_seconds * _GAIN < supernet.step_seconds
        if bfloat16:
            supernet, changes = tried, (*changes, *BFLOAT16)
    found = load_space(space)
    networks = _as_slow_as_allowed(spec, found)
    score = _score_seconds(spec, found, space, data, networks)
    [arch_id] = found.arch_ids(networks[:1])
    request = plan_training(arch_id, data, spec.recipe, changes, "scratch", 0, None)
    training = measure_training(request, device)
    steps = _steps("the supernet", supernet, total * SUPERNET, _MOST_SUPERNET)
    population, generations = _size_of_search(total * SEARCH / score)
    each = _steps("a training", training, total * TRAINING / spec.trained, _MOST_TRAINING)
    plan = FindPlan(
        steps, population, generations, each,
        {
            "supernet": supernet.seconds(steps),
            "search": population * generations * score,
            "training": training.seconds(each) * spec.trained,
        },
        max(supernet.memory, training.memory),
        bfloat16,
    )  # fmt: skip
    write_json(out / "plan.json", asdict(plan))
    return plan


def _names_precision(spec: FindSpec) -> bool:
    """Whether the precision of the trainings is the user's or a recipe's choice."""
    recipes = (load_recipe(spec.recipe), load_supernet_recipe(spec.supernet_recipe))
    return bool(changed_fields(spec.changes).intersection(("bfloat16", "float16"))) or any(
        recipe.bfloat16 or recipe.float16 for recipe in recipes
    )


def _steps(what: str, cost: Cost, seconds: float, most: int) -> int:
    try:
        return min(cost.steps_within(seconds), most)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the hours are too few for {what}: {error}; with more --hours the command goes on in "
            "this folder"
        ) from error


def _size_of_search(scores: float) -> tuple[int, int]:
    """Returns population and generations for so many scores.

    >>> _size_of_search(500), _size_of_search(100), _size_of_search(7), _size_of_search(1e6)
    ((24, 20), (14, 7), (8, 3), (24, 50))
    """
    population = int(np.clip(math.sqrt(2 * scores), _LEAST_POPULATION, _POPULATION))
    generations = np.clip(int(scores // population), _LEAST_GENERATIONS, _MOST_GENERATIONS)
    return population, int(generations)


def _as_slow_as_allowed(spec: FindSpec, space: SearchSpace) -> Genotypes:
    """Returns random networks (n, n_genes) that meet the conditions, the slowest first.

    Raises:
        ConfigurationError: Hardly any does.
    """
    from evonas.search.constraints import parse_constraints, violations

    sample = space.sample(_SAMPLED, np.random.default_rng(spec.seed))
    columns = dict(space.costs(sample))
    constraints = parse_constraints(spec.conditions())
    asked = {spec.latency} | {name for c in constraints for name in c.columns}
    for name in asked:
        if name.startswith("latency:"):
            predictor = load_predictor(name.partition(":")[2], space)
            columns[name] = predictor.predict(sample)
    known = [c for c in constraints if set(c.columns) <= set(columns)]
    meets = (violations(known, columns, len(sample)) <= 0).all(axis=1)
    if not meets.any():
        wanted, fastest = " and ".join(spec.conditions()), columns[spec.latency].min()
        raise ConfigurationError(
            f"none of {_SAMPLED} random networks of {space.name} meets {wanted}; the fastest "
            f"takes {fastest:.3g} ms on {spec.device}: ask for less with --where; the command "
            "goes on in this folder"
        )
    slowest_first = np.argsort(-np.where(meets, columns[spec.latency], -np.inf), kind="stable")
    return sample[slowest_first[: int(meets.sum())]]


def _score_seconds(
    spec: FindSpec, found: SearchSpace, space: str, data: Path, networks: Genotypes
) -> float:
    """Returns how long a score of the search takes, by an untrained supernet."""
    classes = load_coco(data, "train").class_names
    card = {"space": found.name, "fingerprint": found.fingerprint, "classes": list(classes)}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "untrained.safetensors"
        save_supernet(weights, new_supernet(space, len(classes), spec.seed).state_dict(), card)
        scorer = SupernetScorer(weights, data)
    middle = networks[len(networks) // 2 :][:_SCORED]
    scorer(networks[:1])
    began = time.perf_counter()
    scorer(middle)
    return (time.perf_counter() - began) / len(middle)
