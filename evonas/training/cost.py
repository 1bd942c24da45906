"""What a training costs on this machine, from a few measured steps, and what a budget buys."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from evonas.data.tensors import DetectionBatch
from evonas.detector import Network
from evonas.durations import show_seconds
from evonas.errors import ConfigurationError, EvonasError
from evonas.files import read_json, write_json
from evonas.space import Architecture
from evonas.training.loop import Objective, TrainingError, train
from evonas.training.memory import is_out_of_memory
from evonas.training.recipe import Recipe, describe_recipe

TRIED = 12  # steps that are measured
_FIRST = 3  # before them, not measured: the first ones take memory
_LEAST_STEPS = 20
WORTH_TELLING = 20 * TRIED  # steps, below which a training is over before it is measured
_WARMUP = 0.1  # of the steps, at most


@dataclass(frozen=True, slots=True)
class Cost:
    """What training costs here.

    Attributes:
        step_seconds: A step, on average.
        memory: Bytes of this process, or on the GPU, at most.
        fixed_seconds: What does not grow with the steps: validations.
    """

    step_seconds: float
    memory: int
    fixed_seconds: float = 0.0

    def seconds(self, steps: int) -> float:
        """Returns what that many steps take, with what is fixed."""
        return steps * self.step_seconds + self.fixed_seconds

    def steps_within(self, seconds: float) -> int:
        """Returns how many steps the time is enough for.

        Raises:
            ConfigurationError: Hardly any.
        """
        steps = int((seconds - self.fixed_seconds) / self.step_seconds)
        if steps < _LEAST_STEPS:
            raise ConfigurationError(
                f"{show_seconds(seconds)} is enough for {max(steps, 0)} steps of "
                f"{self.step_seconds:.2f} s; at least {show_seconds(self.seconds(_LEAST_STEPS))} "
                "is required here"
            )
        return steps

    def describe(self, steps: int) -> str:
        """Returns what that many steps cost, as one sentence."""
        return (
            f"{steps} steps of {self.step_seconds:.2g} s will take about "
            f"{show_seconds(self.seconds(steps))} and {self.memory / 2**30:.1f} GiB"
        )


def measure_cost(
    network: Network,
    architecture_at: Callable[[int], Architecture],
    data: DetectionBatch,
    recipe: Recipe,
    objective: Objective | None = None,
    n_images: int = 0,
) -> Cost:
    """Trains a few steps and takes their time; the network is spoilt.

    Args:
        network: As it is to be trained, on its device.
        architecture_at: The architecture to run at a step; asked for steps over the whole
            training, as their cost may change.
        data: Some of the images.
        recipe: How it is to be trained.
        objective: What a step minimises, if it is not one architecture's loss; asked as
            `architecture_at` is.
        n_images: Of the whole data, if they are to be kept in memory.

    Raises:
        TrainingError: A batch is too large for the memory.
    """
    count = min(TRIED + _FIRST, recipe.steps)
    stride = recipe.steps / count
    stamps = [time.perf_counter()]

    def stamp() -> bool:
        stamps.append(time.perf_counter())
        return False

    def spread(step: int, forward: Any, criterion: Any) -> Any:
        assert objective is not None
        return objective(int(step * stride), forward, criterion)

    device = next(network.parameters()).device
    trial = replace(recipe, steps=count, warmup_steps=min(recipe.warmup_steps, count))
    with telling_too_large(recipe.batch_size):
        train(
            network,
            lambda step: architecture_at(int(step * stride)),
            data,
            trial,
            seed=0,
            objective=spread if objective else None,
            interrupted=stamp,
        )
    first = min(_FIRST, count - 1)
    seconds = (stamps[-1] - stamps[first]) / (len(stamps) - 1 - first)
    images = data.images
    kept = max(n_images - len(images), 0) * images[0].numel() * images.element_size()
    return Cost(seconds, _memory(device) + kept)


@contextmanager
def telling_too_large(batch_size: int) -> Iterator[None]:
    """Says what to change where memory runs out in a training with that many images a batch.

    Raises:
        TrainingError: It did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"out of memory with a batch of {batch_size} images; take fewer: --set batch_size=N"
        ) from error


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def fitted_recipe(recipe: Recipe, steps: int) -> Recipe:
    """Returns the recipe with that many steps, and no longer a warm-up than suits them."""
    return replace(recipe, steps=steps, warmup_steps=min(recipe.warmup_steps, int(steps * _WARMUP)))


def planned(
    recipe: Recipe,
    hours: float | None,
    memory: Path,
    resumes: bool,
    measure: Callable[[], Cost],
    say: Callable[[str], None],
) -> Recipe:
    """Returns the recipe with the steps that a budget buys, and says what it will cost.

    Args:
        recipe: How to train; with a budget, its steps do not matter.
        hours: The budget; None for the recipe's own steps.
        memory: File that keeps the steps of a budget, so that the same command resumes the
            training that it began, whatever else the machine does; whoever trains removes it at
            the end.
        resumes: Whether the training has begun: nothing is measured for what was said before.
        measure: Measures the cost.
        say: Told the sentence.

    Raises:
        ConfigurationError: The budget is enough for hardly any steps.
    """
    if hours is None:
        if not resumes and recipe.steps >= WORTH_TELLING:
            say(measure().describe(recipe.steps))
        return recipe
    described = describe_recipe(replace(recipe, steps=1, warmup_steps=0))
    asked = json.loads(json.dumps({"hours": hours, "recipe": described}))
    try:
        known = read_json(memory, "the steps of a training") if memory.exists() else {}
    except EvonasError:  # damaged: it is measured again
        known = {}
    steps = known.pop("steps", None)
    if known != asked or not isinstance(steps, int):
        cost = measure()
        steps = cost.steps_within(hours * 3600)
        say(cost.describe(steps))
        write_json(memory, {**asked, "steps": steps})
    return fitted_recipe(recipe, steps)


def memory_beside(checkpoint: Path) -> Path:
    """Returns the file that keeps the steps of a checkpoint's training; see `planned`."""
    return checkpoint.with_suffix(".steps.json")
