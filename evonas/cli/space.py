"""`evonas space`: the search spaces, and those of one's own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from evonas.cli.options import count_option
from evonas.cli.output import AsJson, print_json, print_table, say

if TYPE_CHECKING:
    from evonas.space import AnchorShapes, SearchSpace

app = typer.Typer(no_args_is_help=True)

_Number = TypeVar("_Number", int, float)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the spaces with their sizes, your own included."""
    from evonas.space import list_spaces, load_space
    from evonas.space.catalogue import broken_spaces

    spaces = [_summary(load_space(name)) for name in list_spaces()]
    for message in broken_spaces():
        typer.echo(f"left out: {message}", err=True)
    if as_json:
        print_json({"spaces": spaces})
        return
    print_table(
        ["space", "genes", "networks", "image"],
        [
            [s["name"], str(s["n_genes"]), f"{s['size']:.3g}", f"{s['image_size']} px"]
            for s in spaces
        ],
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the space, or its YAML file.")],
    as_json: AsJson = False,
) -> None:
    """Show a space: every gene and its choices."""
    from evonas.space import Op, load_space

    space = load_space(name)
    genes = [
        {
            "name": slot.name,
            "choices": [
                choice.name if isinstance(choice, Op) else "skip" if choice is None else choice
                for choice in slot.choices
            ],
        }
        for slot in space.genes
    ]
    if as_json:
        print_json({**_summary(space), "fingerprint": space.fingerprint, "genes": genes})
        return
    _say_summary(space)
    for gene in genes:
        say(f"  {gene['name']:<12} {' '.join(map(str, gene['choices']))}")


@app.command()
def make(
    out: Annotated[Path, typer.Option(help="The YAML file to write.")],
    base: Annotated[str, typer.Option("--from", help="Space to begin with, by name or file.")],
    name: Annotated[str, typer.Option(help="Its name; default: that of the file.")] = "",
    image_size: Annotated[
        int | None, count_option("Side of the images, 32 to 640 in steps of 32.", 32, 640)
    ] = None,
    multipliers: Annotated[
        str | None, typer.Option(help="Of the widths, such as 0.25,0.5,0.75.")
    ] = None,
    rules: Annotated[str | None, typer.Option(help="cpu, dsp, edgetpu or gpu.")] = None,
    ops: Annotated[
        str | None, typer.Option(help="Kinds or names of ops, such as ibn,fused_k3_e4.")
    ] = None,
    depths: Annotated[str | None, typer.Option(help="Most layers of each block.")] = None,
    strides: Annotated[str | None, typer.Option(help="Stride of each block, 1 or 2.")] = None,
    taps: Annotated[str | None, typer.Option(help="Blocks that the head reads.")] = None,
    extra_depths: Annotated[
        str | None, typer.Option(help="Channels of the head's extra levels; '' for none.")
    ] = None,
    classes: Annotated[int | None, count_option("Class logits per anchor.", 1, 10_000)] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="COCO-format folder to whose boxes anchors are fitted; says --classes where it is "
            "not given."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a space of your own as a YAML file, to be edited or used as it is."""
    from dataclasses import replace

    from evonas.errors import ConfigurationError
    from evonas.files import write_atomically
    from evonas.limits import read_text
    from evonas.space.catalogue import MAX_BYTES
    from evonas.space.make import SpaceChanges, make_space

    if out.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(f"--out {out}: the name must end in .yaml")
    changes = SpaceChanges(
        image_size=image_size,
        multipliers=_numbers("multipliers", multipliers, float),
        rules=rules,
        ops=[op.strip() for op in ops.split(",")] if ops is not None else None,
        depths=_numbers("depths", depths, int),
        strides=_numbers("strides", strides, int),
        taps=_numbers("taps", taps, int),
        extra_depths=_numbers("extra-depths", extra_depths, int),
        class_slots=classes,
    )
    name = name or out.stem
    space, text = make_space(base, name, changes)
    if data is not None:
        if not as_json:
            say(f"anchors are fitted to the boxes of {data}; large images take a minute")
        anchors, in_data = _fitted(space, data)
        changes = replace(changes, anchors=anchors, class_slots=classes or in_data)
        space, text = make_space(base, name, changes)
    if out.exists() and read_text(out, MAX_BYTES) != text:
        raise ConfigurationError(
            f"{out}: is there already, with other content; name another file, or remove it"
        )
    write_atomically(out, text.encode())
    if as_json:
        print_json({**_summary(space), "fingerprint": space.fingerprint, "file": str(out)})
        return
    _say_summary(space)
    say(f"written to {out}; use it as --space {out}")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="YAML file of a space.")], as_json: AsJson = False
) -> None:
    """Make a space of your own known by its name; --space FILE does so, too."""
    from evonas.space import add_space

    space = add_space(file)
    if as_json:
        print_json({**_summary(space), "fingerprint": space.fingerprint})
        return
    _say_summary(space)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="Name of a space of your own.")],
    as_json: AsJson = False,
) -> None:
    """Forget a space of your own; tables, latencies and weights made with it stay."""
    from evonas.space.catalogue import remove_space

    file = remove_space(name)
    if as_json:
        print_json({"name": name, "removed": str(file)})
        return
    say(f"removed {file}")


def _fitted(space: "SearchSpace", data: Path) -> "tuple[AnchorShapes, int]":
    """Returns anchors for a data set's boxes, and its number of classes."""
    from evonas.data import load_coco
    from evonas.training.anchor_fit import fit_anchors

    dataset = load_coco(data, "train")
    return fit_anchors(dataset, space.skeleton), dataset.n_classes


def _numbers(
    option: str, text: str | None, read: Callable[[str], _Number]
) -> Sequence[_Number] | None:
    from evonas.errors import ConfigurationError

    if text is None:
        return None
    try:
        return [read(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ConfigurationError(
            f"--{option} {text[:40]!r}: numbers separated by commas are expected"
        ) from None


def _say_summary(space: "SearchSpace") -> None:
    side = space.skeleton.image_size
    say(
        f"{space.name}: {space.size:,} networks, {space.n_genes} genes, {side}x{side} images, "
        f"fingerprint {space.fingerprint}"
    )


def _summary(space: "SearchSpace") -> dict[str, Any]:
    return {
        "name": space.name,
        "n_genes": space.n_genes,
        "size": space.size,
        "image_size": space.skeleton.image_size,
    }
