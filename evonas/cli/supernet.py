"""`evonas supernet`: train, rank and evaluate supernets, fit a surrogate on their scores."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonas.cli.interrupts import keeps, remembered_signals
from evonas.cli.options import (
    count_option,
    number_option,
    processes_option,
    refuse_steps_and_hours,
    seed_option,
    space_option,
)
from evonas.cli.ranking import rank
from evonas.cli.surrogate import fit
from evonas.durations import show_rate, show_seconds

if TYPE_CHECKING:
    from evonas.supernet.train import Start

app = typer.Typer(help="Train, rank and evaluate weight-sharing supernets.", no_args_is_help=True)
app.command()(rank)
app.command()(fit)


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="COCO-format folder with a train split.")],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
    space: Annotated[str, space_option()] = "nano",
    recipe: Annotated[
        str, typer.Option(help="nano, inspection, boards, mobiledet, or a YAML file.")
    ] = "nano",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change of the recipe such as steps=500; may be repeated."),
    ] = None,
    hours: Annotated[
        float | None,
        number_option("Train as many steps as these hours are enough for, here.", 0.001, 1e5),
    ] = None,
    init: Annotated[
        str, typer.Option(help="A run's folder or an archive: its weights are the first ones.")
    ] = "",
    sampling: Annotated[
        str,
        typer.Option(
            help="kinds, uniform, fair or sandwich, optionally with +width-warmup, +op-warmup."
        ),
    ] = "kinds",
    distillation: Annotated[
        float,
        number_option("Weight of distilling a step's widest architecture into its others.", 0, 1e9),
    ] = 0.0,
    seed: Annotated[int, seed_option("Seed of everything random.")] = 0,
    workers: Annotated[
        int, processes_option("Processes that decode images, for large data.", least=0)
    ] = 0,
    device: Annotated[
        str, typer.Option(help="cpu, cuda, ...; by default a GPU if there is one.")
    ] = "",
    threads: Annotated[int, processes_option("CPU threads; 0 for all.", least=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON.")] = False,
) -> None:
    """Train a supernet; Ctrl-C saves first, and the same command again resumes from there.

    What it will take of time and memory is said first, from a few measured steps.

    Under `torchrun --nproc-per-node N -m evonas supernet train ...` the processes divide each
    batch, and each runs an architecture of its own in a step.
    """
    import torch
    from rich.console import Console

    from evonas.supernet import train_supernet
    from evonas.supernet.train import check_place, checkpoint_path, measure_supernet
    from evonas.training.cost import Cost, memory_beside, planned, telling_too_large
    from evonas.training.launch import joined_processes, pick_device
    from evonas.training.loop import Progress
    from evonas.training.memory import keep_freed_memory
    from evonas.training.recipes import load_supernet_recipe

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    console = Console(stderr=True)

    shown = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal shown
        ended = progress.step == progress.steps
        if progress.step % 200 == 0 or ended or time.monotonic() - shown > 30:
            shown = time.monotonic()
            console.print(
                f"step {progress.step}/{progress.steps}  loss {progress.loss:.3f}  "
                f"{show_rate(progress.images_per_second)} images/s  "
                f"left {show_seconds(progress.seconds_left)}",
                highlight=False,
            )

    checkpoint = checkpoint_path(out, sampling, distillation)
    check_place(out, checkpoint)
    refuse_steps_and_hours(changes, hours)
    wanted = load_supernet_recipe(recipe, changes or ())
    where = pick_device(device)

    def say(text: str) -> None:
        console.print(text, highlight=False)

    says = "saving after this step; Ctrl-C again stops at once, at the last checkpoint"

    def kept() -> str:
        if not checkpoint.exists():
            return "before the first step; nothing was written"
        return f"saved in {checkpoint}; the same command resumes"

    with (
        joined_processes() as processes,
        remembered_signals(says) as caught,
        keeps(kept),
    ):

        def measure() -> Cost:
            own = wanted.share_of(processes.count)
            return measure_supernet(space, data, own, seed, sampling, distillation, where)

        start = _start(init, space, data, seed) if init else None
        memory = memory_beside(checkpoint)
        wanted = processes.from_first(
            planned(wanted, hours, memory, checkpoint.exists(), measure, say)
            if processes.rank == 0
            else wanted
        )
        with telling_too_large(wanted.batch_size):
            card = train_supernet(
                space,
                data,
                out,
                wanted,
                seed,
                start=start,
                report=report if processes.rank == 0 else None,
                sampling=sampling,
                distillation=distillation,
                device=where,
                workers=workers,
                processes=processes,
                interrupted=lambda: bool(caught),
            )
    if processes.rank == 0:
        memory.unlink(missing_ok=True)
        print(json.dumps(card) if as_json else f"{out}: {card['command']}")


def _start(init: str, space: str, data: Path, seed: int) -> "Start":
    from evonas.data import load_coco
    from evonas.retraining.initial import supernet_start
    from evonas.space import load_space

    return supernet_start(init, load_space(space), load_coco(data, "train").class_names, seed)


@app.command()
def evaluate(
    weights: Annotated[Path, typer.Option(help="The supernet's .safetensors file.")],
    data: Annotated[Path, typer.Option(help="COCO-format folder with train and val splits.")],
    count: Annotated[int, count_option("Random sub-networks to score.", least=2)] = 50,
    seed: Annotated[int, seed_option("Seed of the sub-networks.")] = 0,
    threads: Annotated[int, processes_option("CPU threads; 0 for all.", least=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score random sub-networks: what AP they inherit, and how long a score takes."""
    import numpy as np
    import torch

    from evonas.scoring.supernet import SupernetScorer
    from evonas.training.memory import keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    scorer = SupernetScorer(weights, data)
    space = scorer.supernet.space
    genotypes = space.sample(count, np.random.default_rng(seed))
    scores, seconds = [], []
    for genotype in genotypes:
        began = time.perf_counter()
        scores.append(scorer(genotype[None])["map"][0])
        seconds.append(time.perf_counter() - began)
    result = {
        "space": space.name,
        "count": count,
        "seed": seed,
        "map_mean": float(np.mean(scores)),
        "map_std": float(np.std(scores)),
        "map_min": float(np.min(scores)),
        "map_max": float(np.max(scores)),
        "seconds_median": float(np.median(seconds)),
        "seconds_max": float(np.max(seconds)),
    }
    if as_json:
        print(json.dumps(result))
    else:
        print(
            f"{count} random sub-networks of {space.name}: AP {result['map_mean']:.3f} on average, "
            f"{result['map_min']:.3f} to {result['map_max']:.3f}; "
            f"{result['seconds_median']:.2f} s a score in the median"
        )
