"""What a line of a shell block does in a test: it runs, runs smaller, or is parsed only."""

import importlib
import io
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import typer

from evonas.cli import _root, main
from tests.docs.blocks import ROOT
from tests.docs.small import fill_results

# Options added to a command, so that it ends in seconds: how it begins, what is added, and why.
SMALLER = (
    ("evonas data make digits", "--train 24 --val 12", "5,000 scenes take a minute"),
    (
        "evonas bench compare --problems 'pico/*'",
        "--seeds 1 --evaluations 40 --population 20 --fewer assisted=40 --workers 1",
        "1,500 evaluations of 31 seeds on 16 problems take 19 minutes",
    ),
    (
        "evonas bench compare",
        "--seeds 1 --evaluations 40 --population 20 --workers 1",
        "1,500 evaluations of 11 seeds take minutes",
    ),
    ("evonas device export-samples", "--count 20", "100 networks are 200 files"),
    ("evonas export", "--calibration 4", "200 images through every layer"),
    ("evonas job submit", "--set steps=3 --set batch_size=4", "minutes of training"),
    (
        "evonas search",
        "--population 3 --generations 2 --no-remeasure",
        "a supernet's score takes a second; tests/search measures a front",
    ),
    ("evonas supernet train", "--set steps=3 --set batch_size=4", "an hour of training"),
    ("evonas supernet evaluate", "--count 2", "50 scores"),
    ("evonas train --resume", "", "its recipe is that of the run, which was small"),
    ("evonas train", "--set steps=3 --set batch_size=4", "minutes of training"),
)
# Commands whose options are parsed by the command itself, which then does not run, and why.
PARSED = (
    ("evonas app", "a server without end; tests/e2e drives it"),
    ("evonas device add", "reads a file of the user's; tests/latency has it"),
    ("evonas search --space mobiledet --objectives params,latency:my-npu", "as measure, below"),
    ("evonas device measure", "minutes of measuring; tests/latency has it in small"),
    ("evonas device fit", "needs a campaign of hundreds of networks"),
    ("evonas find", "hours; tests/find runs it in small"),
    ("evonas supernet fit", "cross-validation of every model: a minute"),
    ("evonas supernet rank", "scores 150 networks: minutes; tests/ranking has it in small"),
    ("evonas table verify nano-v5 --scores", "scores anew; tests/scoring has it in small"),
    ("evonas worker", "a process per job: a minute; tests/jobs has it"),
)


def _forget(words: list[str]) -> None:
    shutil.rmtree(words[words.index("--out") + 1], ignore_errors=True)


def _measure(words: list[str]) -> None:
    fill_results(words[words.index("import") + 1])


# Done before a command, and why.
BEFORE: tuple[tuple[str, Callable[[list[str]], None], str], ...] = (
    ("evonas data make", _forget, "the other pages take the scenes as made before"),
    ("evonas device import", _measure, "the user measures the networks and fills the CSV file"),
)


def run_line(line: str) -> None:
    """Runs one command of a shell block, or parses it by what it would run.

    Raises:
        AssertionError: It fails, or is of a kind that is not known here.
    """
    first, _, second = line.partition("|")
    stdin = None
    if second:
        echoed = shlex.split(first)
        assert echoed[0] == "echo", f"{line}: only echo may stand before a pipe"
        stdin, line = " ".join(echoed[1:]) + "\n", second.strip()
    words = shlex.split(line, comments=True)
    if not words:
        return
    for start, handle in _KINDS.items():
        n = len(start.split())
        if words[:n] == start.split():
            if handle is _evonas:
                _evonas(words[n:], stdin)
            else:
                handle(words[n:])
            return
    pytest.fail(f"{line}: no kind of command that the documents may show")


def _evonas(words: list[str], stdin: str | None = None) -> None:
    shown = shlex.join(["evonas", *words])
    if any(shown.startswith(start) for start, _ in PARSED):
        parse_evonas(words)
        return
    for start, prepare, _ in BEFORE:
        if shown.startswith(start):
            prepare(words)
    for start, added, _ in SMALLER:
        if shown.startswith(start):
            words = [*words, *shlex.split(added)]
            break
    with pytest.MonkeyPatch.context() as patch:
        if stdin is not None:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main(words)
    assert code == 0, f"{shlex.join(['evonas', *words])}: exit code {code}"


def parse_evonas(words: list[str]) -> None:
    """Parses arguments and options by the command that would run, down to its last word."""
    _parse(_root(words), "evonas", words)


def _parse(app: typer.Typer, name: str | None, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    context = None
    while True:
        context = command.make_context(name, list(words), parent=context)
        if not hasattr(command, "resolve_command"):
            return
        rest = [*context._protected_args, *context.args]
        name, command, words = command.resolve_command(context, rest)


def _module(words: list[str]) -> None:
    name, arguments = words[0], words[1:]
    if name == "evonas":
        _evonas(arguments)
        return
    assert name.startswith("scripts."), f"python -m {name}: no script of the repository"
    _parse_script(name, arguments)


def _parse_script(name: str, arguments: list[str]) -> None:
    """Parses a script's arguments by its own parser: that of its app, or of its one command."""
    module = importlib.import_module(name)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer()
        app.command()(module.main)
    _parse(app, name, arguments)


def _torchrun(words: list[str]) -> None:
    at = words.index("-m")
    assert words[at + 1] == "evonas", words
    parse_evonas(words[at + 2 :])


def _make(words: list[str]) -> None:
    targets = {line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines()}
    assert set(words) <= targets, f"make {words}: no such target"


def _pip_install(words: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [wanted] = [word for word in words if not word.startswith("-")]
    name, _, extras = wanted.rstrip("]").partition("[")
    assert name in ("evonas", "."), wanted
    unknown = {*extras.split(",")} - {"", *project["optional-dependencies"]}
    assert not unknown, f"pip install {wanted}: no such extra"


def _pytest(words: Sequence[str]) -> None:
    paths = [word for word in words if word.startswith("tests")]
    assert all((ROOT / path).exists() for path in paths), words


def _program(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file(), words  # tests/docs/test_examples.py runs them


_KINDS: dict[str, Callable[..., None]] = {
    "evonas": _evonas,
    "python -m pytest": _pytest,
    "python -m": _module,
    "python": _program,
    "torchrun": _torchrun,
    "make": _make,
    "pip install": _pip_install,
}
