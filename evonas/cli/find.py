"""`evonas find`: from data and a device to a trained detector and its files, by one command."""

from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option, number_option, seed_option
from evonas.cli.output import AsJson, print_json, say


def find(
    out: Annotated[Path, typer.Option(help="Folder of everything; it resumes what is there.")],
    data: Annotated[
        Path | None, typer.Option(help="COCO-format folder; `evonas data convert` makes one.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="The device that it is for; see `evonas device list`.")
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(help="Condition such as 'latency <= 5' (ms on the device); may be repeated."),
    ] = None,
    image_size: Annotated[
        int, count_option("Side of the network's input, in steps of 32.", 32, 640)
    ] = 160,
    hours: Annotated[float, number_option("What it may take on this machine.", 0.01, 1000)] = 4.0,
    tile: Annotated[
        int,
        count_option("Cut images into tiles of this many of their pixels; 0 for whole ones.", 0),
    ] = 0,
    space: Annotated[
        str, typer.Option(help="Space to search, by name or YAML file; by default made from nano.")
    ] = "",
    trained: Annotated[int, count_option("Networks of the front that are trained.", 1, 20)] = 2,
    recipe: Annotated[
        str,
        typer.Option(
            help="nano, inspection (images always taken alike), boards, mobiledet, or a YAML file."
        ),
    ] = "nano",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change of the recipes such as augmentation.flip=0.5."),
    ] = None,
    seed: Annotated[int, seed_option("Of everything random.")] = 0,
    plan: Annotated[bool, typer.Option("--plan", hidden=True)] = False,
    as_json: AsJson = False,
) -> None:
    """Find, train and export a detector for your data and device.

    It checks the data, makes a search space, trains a supernet, searches it, trains the best few
    networks, writes their files (int8 too) and one report. Each stage is a command that you could
    type; what is done is skipped, so that after Ctrl-C or a kill the same command resumes.
    """
    from evonas.errors import ConfigurationError
    from evonas.find import FindSpec, Watcher, run_find
    from evonas.find.report import summary

    if plan:
        _make_plan(out)
        return
    if data is None or not device:
        raise ConfigurationError("name your --data and the --device that the detector is for")
    if image_size % 32:
        raise ConfigurationError(f"--image-size {image_size}: a multiple of 32 is required")
    spec = FindSpec(
        data, device, tuple(where or ()), image_size, hours, space, tile, trained, recipe,
        tuple(changes or ()), seed,
    )  # fmt: skip

    def stage(text: str) -> None:
        typer.echo(text, err=True)

    def line(text: str) -> None:
        typer.echo(f"  {text}", err=True)

    with keeps(lambda: f"what is done is in {out}; the same command resumes"):
        report = run_find(spec, out, Watcher(stage, line))
    found = summary(spec, out)
    if as_json:
        print_json({**found, "report": str(report)})
        return
    for name, ap in found["ap"].items():
        say(f"{name}: AP {ap['map']:.4f}, AP50 {ap['map50']:.4f} on {ap['split']}")
    say(f"{found['arch_id']}; files in {found['files']}, report: {report}")


def _make_plan(out: Path) -> None:
    """Measures and writes the plan of a folder: the stage `cost`."""
    from evonas.durations import show_seconds
    from evonas.find.cost import make_plan
    from evonas.find.spec import read_spec
    from evonas.find.stages import places
    from evonas.training.memory import keep_freed_memory

    keep_freed_memory()
    spec = read_spec(out)
    space, data = places(spec, out)
    made = make_plan(spec, space, data, out)
    for name, seconds in made.seconds.items():
        say(f"{name}: about {show_seconds(seconds)}")
    say(
        f"{made.supernet_steps} steps of the supernet, {made.population * made.generations} "
        f"scores, {spec.trained} trainings of {made.training_steps} steps; "
        f"{made.memory / 2**30:.1f} GiB of memory"
        + (", under bfloat16, which is faster here" if made.bfloat16 else "")
    )
