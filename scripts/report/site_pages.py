"""What the site's pages take from the code when they are built; mkdocs calls it.

`<!-- commands -->` becomes the reference of the command line, `<!-- problems -->` the table of the
benchmark's problems; `architecture.svg` is drawn from the import law.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# mkdocs loads this file by its path.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def on_files(files: Any, config: Any) -> Any:
    """Adds the picture of the architecture."""
    from mkdocs.structure.files import File

    from scripts.report.architecture import drawing
    from tests.test_imports import ALLOWED

    files.append(File.generated(config, "architecture.svg", content=drawing(ALLOWED)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fills the marks of a page."""
    for mark, make in (("commands", command_reference), ("problems", problem_table)):
        marked = f"<!-- {mark} -->"
        if marked in markdown:
            markdown = markdown.replace(marked, make())
    return markdown


def problem_table() -> str:
    """Returns the table of the problems in markdown."""
    from evonas.benchmark import list_problems, load_problem

    headings = ("problem", "objectives", "constraints", "seen with noise", "front", "points")
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for name in list_problems():
        problem = load_problem(name)
        definition, record = problem.definition, problem.record
        objectives = ", ".join(
            f"`{o.name}` {'max' if o.maximise else 'min'}" for o in problem.objectives
        )
        where = ", ".join(f"`{condition}`" for condition in definition.where)
        noise = ", ".join(f"`{noise.column}`" for noise in definition.noise)
        exact = "exact" if record.exact else "best known"
        lines.append(f"| `{name}` | {objectives} | {where} | {noise} | {exact} | {record.size:,} |")
    return "\n".join(lines)


def command_reference() -> str:
    """Returns the reference of the command line in markdown."""
    import typer

    from evonas.cli import COMMANDS, _root

    parts: list[str] = []
    for name in COMMANDS:
        root: Any = typer.main.get_command(_root([name]))
        parts += _described(root.commands[name], f"evonas {name}", 2)
    return "\n\n".join(parts)


def _described(command: Any, name: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{name}`"
    commands = getattr(command, "commands", {})
    # A command's own line is longer than its group's entry.
    yield "\n\n".join(_paragraphs(command.help or ""))
    if not commands:
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            yield "\n".join(["| option | default | what |", "|---|---|---|", *rows])
    for sub, below in commands.items():
        yield from _described(below, f"{name} {sub}", level + 1)


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()).replace("<", "&lt;") for part in text.split("\n\n")]


def _row(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name}`"
    default = parameter.default
    shown = "required" if parameter.required else ""
    if not parameter.required and default not in (None, (), []) and not callable(default):
        shown = f"`{default}`".lower() if isinstance(default, bool) else f"`{default}`"
    text = " ".join((getattr(parameter, "help", "") or "").split())
    return f"| {names} | {shown} | {text.replace('|', '&#124;').replace('<', '&lt;')} |"
