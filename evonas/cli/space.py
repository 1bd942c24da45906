"""`evonas space`: the search spaces."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from evonas.space import SearchSpace

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the spaces with their sizes."""
    from evonas.space import list_spaces, load_space

    spaces = [_summary(load_space(name)) for name in list_spaces()]
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
    name: Annotated[str, typer.Argument(help="Name of the space.")], as_json: AsJson = False
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
    summary = _summary(space)
    typer.echo(
        f"{name}: {summary['size']:,} networks, {summary['n_genes']} genes, "
        f"{summary['image_size']}x{summary['image_size']} images, "
        f"fingerprint {space.fingerprint}"
    )
    for gene in genes:
        typer.echo(f"  {gene['name']:<12} {' '.join(map(str, gene['choices']))}")


def _summary(space: "SearchSpace") -> dict[str, Any]:
    return {
        "name": space.name,
        "n_genes": space.n_genes,
        "size": space.size,
        "image_size": space.skeleton.image_size,
    }
