"""`evonas train`: one architecture in full."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.interrupts import keeps, remembered_signals
from evonas.cli.options import (
    number_option,
    processes_option,
    refuse_steps_and_hours,
    seed_option,
    space_option,
)
from evonas.cli.output import AsJson, print_json, print_table
from evonas.errors import ConfigurationError

if TYPE_CHECKING:
    from evonas.retraining import Retraining
    from evonas.space import Design

_OF_THE_RUN = ("architecture", "data", "recipe", "changes", "hours", "init", "seed", "table")


def train(
    context: typer.Context,
    architecture: Annotated[
        str, typer.Argument(metavar="ARCH", help="arch_id, published network or baseline.")
    ] = "",
    space: Annotated[
        str | None, space_option("YAML file of ARCH's space, where evonas does not know it yet.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="COCO-format folder with the splits train and val.")
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="nano, inspection (images always taken alike), boards, mobiledet (as published), "
            "mobiledet-evonas, mobiledet-small-data, int8, or a YAML file."
        ),
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
        str, typer.Option(help="scratch, supernet, or the path of a run, archive or supernet.")
    ] = "scratch",
    seed: Annotated[int, seed_option("Of weights, batches and augmentation.")] = 0,
    table: Annotated[
        Path | None, typer.Option(help="Benchmark table that takes the result as `trained`.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; default: runs/train/ARCH-RECIPE-SEED.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume the run in --out, bit for bit.")
    ] = False,
    threads: Annotated[int, processes_option("CPU threads; 0 for all.", least=0)] = 0,
    workers: Annotated[
        int, processes_option("Processes that decode images if they exceed 8 GiB.", least=0)
    ] = 2,
    device: Annotated[
        str, typer.Option(help="cpu, cuda or cuda:N; by default a GPU if there is one.")
    ] = "",
    stop_without: Annotated[
        int, typer.Option(hidden=True, help="Save and stop when this parent process is gone.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Train one architecture in full; Ctrl-C saves first, and --resume continues.

    What it will take of time and memory is said first, from a few measured steps.

    Under `torchrun` all processes train one network together.
    """
    import torch

    from evonas.data.coco_folder import check_outside_data
    from evonas.files import check_folder
    from evonas.retraining import RunFolder, plan_training
    from evonas.retraining.initial import load_initial
    from evonas.training.launch import joined_processes, pick_device
    from evonas.training.memory import keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)

    request = None
    if resume:
        if out is None:
            raise ConfigurationError("--resume needs --out, the folder of the run")
        _refuse_changes(context)
        folder = out
    else:
        if not architecture or data is None:
            raise ConfigurationError("name the architecture and its --data, or --resume a run")
        refuse_steps_and_hours(changes, hours)
        request = plan_training(architecture, data, recipe, changes or (), init, seed, table)
        design = request.design
        _refuse_other_space(space, design)
        if request.init != "scratch":  # whole, where a plan has read their card
            load_initial(request.init, design, design.architecture)
        name = f"{architecture.replace(':', '-')}-{Path(recipe).stem}-{seed}"
        folder = out or Path("runs/train") / name
    with joined_processes() as processes:
        if request is not None:
            check_folder(folder)
            check_outside_data(folder)
            RunFolder(folder).refuse_second()
            if processes.rank == 0:
                request = _with_cost(request, hours, pick_device(device), processes.count)
                _refuse_other_table(request)
                RunFolder(folder).create(request)
            request = processes.from_first(request)  # nobody reads it before it is there
        result = _run(folder, request, workers, pick_device(device), processes, stop_without)
    if processes.rank > 0:
        return
    if as_json:
        print_json({"out": str(folder), **result})
        return
    _print(result)
    typer.echo(f"written to {folder}: best.safetensors, metrics.json, curves.jsonl, log.txt")


def _with_cost(
    request: "Retraining", hours: float | None, device: Any, processes: int
) -> "Retraining":
    """Says what it will cost; with a budget, its steps are those that fit."""
    from dataclasses import replace

    from evonas.retraining.cost import measure_training
    from evonas.training.cost import WORTH_TELLING, fitted_recipe

    recipe = request.recipe
    if hours is None and recipe.steps < WORTH_TELLING:
        return request
    cost = measure_training(request, device, processes)
    if hours is not None:
        recipe = fitted_recipe(recipe, cost.steps_within(hours * 3600))
    typer.echo(cost.describe(recipe.steps), err=True)
    return replace(request, recipe=recipe)


def _refuse_other_space(name: str | None, design: "Design") -> None:
    """Refuses a space that does not define the architecture; its parts belong to a file's space."""
    from evonas.space import whole_space

    own = design.space.name if design.space else ""
    is_part = own.startswith((f"{name}-", f"{name}@")) and whole_space(own).split("@")[0] == name
    if name not in (None, own) and not is_part:
        of = f"of the space {own!r}" if own else "of no space"
        raise ConfigurationError(
            f"--space defines {name!r}, but {design.name} is {of}; "
            f"{'name the file of that space, or ' if own else ''}leave out --space"
        )


def _refuse_other_table(request: "Retraining") -> None:
    """Refuses a table that would not take the result: it has those of another recipe or data."""
    from evonas.data import data_fingerprint
    from evonas.retraining.environment import present_environment
    from evonas.retraining.result import check_table

    if request.table is not None and request.table.exists():
        check_table(request, present_environment(data_fingerprint(request.data)))


def _refuse_changes(context: typer.Context) -> None:
    """Refuses what would be ignored: the run's folder says what is trained, and how."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in _OF_THE_RUN and source is not None and source.name == "COMMANDLINE":
            option = parameter.opts[0]
            name = option if option.startswith("-") else "ARCH"
            raise ConfigurationError(
                f"--resume goes on with the run as it was asked for, without {name}; "
                "for a change, start another run with --init"
            )


def _run(
    folder: Path,
    request: "Retraining | None",
    workers: int,
    device: Any,
    processes: Any,
    parent: int,
) -> dict[str, Any]:
    from evonas.retraining.run import Machine, run_training

    def is_left_behind() -> bool:
        return parent > 0 and os.getppid() != parent

    if is_left_behind():  # before it takes the run from whoever goes on with it
        raise KeyboardInterrupt
    says = "saving after this step; Ctrl-C again stops at once, at the last checkpoint"
    with remembered_signals(says) as caught:
        machine = Machine(
            device,
            workers,
            processes,
            lambda line: typer.echo(line, err=True),
            lambda: bool(caught) or is_left_behind(),
        )
        last = folder / "last.pt"
        resume = f"resume with: evonas train --resume --out {folder}"
        with keeps(lambda: f"{f'saved in {last}' if last.exists() else 'no step done'}; {resume}"):
            return run_training(folder, machine, request)


def _print(result: dict[str, Any]) -> None:
    splits = [split for split in ("val", "test") if split in result]
    rows = [
        [prefix + name, *(_show(result[split][part][name]) for split in splits)]
        for part, prefix in (("coco", ""), ("per_class", "AP of "))
        for name in result[splits[0]][part]
    ]
    print_table(["COCO figure", *splits], rows, title=result["architecture"])


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
