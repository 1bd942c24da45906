"""The command line. Each command's module is imported when that command is called."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Annotated

import typer

from evonas.errors import EvonasError, MissingPackageError
from evonas.limits import printable_lines

# Command -> what it is for. `evonas.cli.NAME` holds a typer app `app`, or a function NAME;
# `import`, which Python keeps for itself, is in `import_`.
COMMANDS = {
    "demo": "The whole chain on shipped weights: a search, its front, a picture.",
    "find": "A trained detector for your data and device, by one command.",
    "space": "The search spaces: list them, show one.",
    "arch": "One architecture: its layers, costs and latencies.",
    "search": "Search a space for a Pareto front.",
    "table": "Benchmark tables: inspect, query, merge.",
    "device": "Devices: measure latencies, fit and evaluate predictors.",
    "problem": "Benchmark problems with known fronts: list, show, serve.",
    "bench": "Compare search algorithms on the problems.",
    "supernet": "Weight-sharing supernets: train, rank, evaluate.",
    "import": "Published weights in: TF1 checkpoints and TFLite files.",
    "train": "Train one architecture in full.",
    "job": "Retraining jobs: submit, inspect, cancel, resume.",
    "worker": "Run queued retraining jobs.",
    "val": "AP of a detector on a split, with intervals.",
    "export": "Trained networks as archive, ONNX and TFLite, checked.",
    "detect": "Detect objects in images.",
    "app": "The app: explore tables in the browser.",
    "data": "COCO-format data sets: make, check, convert, split, tile.",
}


_INTERRUPTED = 130
# Package -> the extra that brings it, for the imports of commands that need it.
_EXTRAS = {
    **dict.fromkeys(
        ("PIL", "faster_coco_eval", "onnx", "pycocotools", "safetensors", "sklearn", "tensorboard",
         "torch", "torchvision"),
        "train",
    ),
    **dict.fromkeys(("ai_edge_litert", "ethosu", "onnxruntime"), "devices"),
    **dict.fromkeys(("plotly", "streamlit"), "app"),
    **dict.fromkeys(("pandas", "pyarrow"), "tables"),
    "numba": "bench",
    "ray": "cluster",
}  # fmt: skip

_HELP = "Evolutionary multi-objective NAS benchmark for mobile object detection."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    0 done, 1 failed, 2 usage or configuration, 3 data or schema, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _root(arguments)(arguments, prog_name="evonas")
    except SystemExit as exit_:
        _say_if_interrupted(exit_)
        return exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
    except EvonasError as error:
        print(f"error: {printable_lines(str(error))}", file=sys.stderr)
        return error.exit_code
    except MemoryError:
        print("error: out of memory", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        package = (error.name or "").replace("-", "_").partition(".")[0]
        if package not in _EXTRAS:
            raise
        missing = MissingPackageError(package, _EXTRAS[package])
        print(f"error: {missing}", file=sys.stderr)
        return missing.exit_code
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        what = f"{os.strerror(error.errno) if error.errno else error}{where}"
        print(f"error: {printable_lines(what)}", file=sys.stderr)
        return 1
    return 0


def _say_if_interrupted(exit_: SystemExit) -> None:
    """Says what Ctrl-C has left of a command that has nothing of its own to say."""
    if exit_.code == _INTERRUPTED:
        from evonas.cli.interrupts import interrupt_of, say_interrupted

        interrupt = interrupt_of(exit_)
        if interrupt is not None:
            say_interrupted(interrupt, "every file is complete, or as it was before")


def _root(arguments: Sequence[str]) -> typer.Typer:
    """Returns the app with the called command in full and the others by name."""
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    root = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # importing rich costs as much as everything else
    )
    root.callback(help=_HELP)(_options)
    for name, purpose in COMMANDS.items():
        if name != called:
            root.command(name, help=purpose)(_not_called)
            continue
        attribute = attribute_of(name)
        module = import_module(f"evonas.cli.{attribute}")
        if isinstance(getattr(module, "app", None), typer.Typer):
            root.add_typer(module.app, name=name, help=purpose)
        else:
            root.command(name)(getattr(module, attribute))
    return root


def attribute_of(command: str) -> str:
    """Returns the name of a command's module, and of its function if it has one."""
    return f"{command}_" if iskeyword(command) else command


def _print_version(wanted: bool) -> None:
    if wanted:
        from evonas import __version__

        typer.echo(f"evonas {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Takes the options before the command; `--help` shows the app's own text."""


def _not_called() -> None:
    raise AssertionError("only the called command runs")
