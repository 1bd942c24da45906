r"""Trains supernets in several ways and holds each against the truth.

    python -m scripts.compare.supernets --data ~/.cache/evonas/digits --truth runs/truth/table \
        --out runs/supernets --steps 2000 uniform fair sandwich:0.5

A variant is a sampling (see `evonas supernet train --help`), after a colon the weight of the
distillation, after a `@` its own number of steps. Recipes are compared by one run and folder each,
with `--set learning_rate=0.01`. It can be stopped at any moment: weights and
scores that are there already are not made again. Without `--truth` it only trains.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from evonas.ranking import agreement, load_truth
from evonas.scoring.scorer import CachedScorer
from evonas.scoring.supernet import SupernetScorer
from evonas.space import load_space
from evonas.supernet import train_supernet
from evonas.supernet.sampling import load_sampling
from evonas.table import create_table, open_table
from evonas.training.recipe import Recipe
from evonas.training.recipes import load_supernet_recipe


def train_variant(variant: str, space: str, data: Path, out: Path, base: Recipe, seed: int) -> Path:
    """Returns the variant's weights, trained if they are not there."""
    name, _, own_steps = variant.partition("@")
    sampling, _, distillation = name.partition(":")
    load_sampling(sampling, load_space(space), seed, base.steps)  # refuses before it trains others
    recipe = replace(base, steps=int(own_steps or base.steps))
    weights = out / f"{sampling}-{float(distillation or 0):g}-{recipe.steps}-s{seed}.safetensors"
    if not weights.exists():
        began = time.monotonic()
        train_supernet(
            space,
            data,
            weights,
            recipe,
            seed,
            sampling=sampling,
            distillation=float(distillation or 0),
        )
        seconds = (time.monotonic() - began) / recipe.steps
        print(f"{weights.stem}: trained, {seconds:.3f} s a step of this run", flush=True)
    return weights


def main(
    variants: list[str],
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    out: Annotated[Path, typer.Option(help="Folder for weights and scores.")],
    truth: Annotated[Path | None, typer.Option(help="Table with trained_map.")] = None,
    space: str = "nano",
    steps: int = 2000,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Change of the recipe of all variants.")
    ] = None,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Prints a line for each variant."""
    torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    recipe = load_supernet_recipe("nano", [f"steps={steps}", *(changes or ())])
    trained = [train_variant(name, space, data, out, recipe, seed) for name in variants]
    if truth is None:
        return
    the_truth = load_truth(open_table(truth), load_space(space))
    mean = the_truth.ap.mean()
    print(f"{len(the_truth)} trained architectures, mean AP {mean:.3f}")
    print(f"{'supernet':<40} {'tau':>18}  {'middle':>6}  {'regret 5':>8}  {'AP':>5}  {'share':>5}")
    for weights in trained:
        path = out / f"{weights.stem}-scores"
        table = open_table(path) if path.exists() else create_table(path)
        scorer = CachedScorer(the_truth.space, SupernetScorer(weights, data), table)
        scores = scorer(the_truth.genotypes)["map"]
        whole, bands = agreement(the_truth.ap, scores), the_truth.cost_terciles()
        middle = agreement(the_truth.ap[bands == 1], scores[bands == 1], resamples=0)
        tau = f"{whole['tau'].value:.3f} ({whole['tau'].low:.2f}-{whole['tau'].high:.2f})"
        print(
            f"{weights.stem:<40} {tau:>18}  {middle['tau'].value:>6.3f}  "
            f"{whole['regret_5'].value:>8.4f}  {np.mean(scores):>5.3f}  "
            f"{np.mean(scores) / mean:>5.0%}",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
