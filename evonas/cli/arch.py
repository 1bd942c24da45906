"""`evonas arch`: one architecture."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.output import AsJson, print_json

if TYPE_CHECKING:
    from evonas.space import Genotypes, SearchSpace

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `show` a subcommand although it is the only one."""


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="ARCH_ID|PUBLISHED", help="nano:0a3..., mobiledet-cpu, ...")
    ],
    as_json: AsJson = False,
) -> None:
    """Show an architecture's layers, costs and predicted latencies."""
    described = describe(name)
    if as_json:
        print_json(described)
        return
    typer.echo(f"{described['arch_id']}")
    typer.echo(
        f"  {described['madds'] / 1e6:.2f} M MAdds, {described['params'] / 1e6:.3f} M parameters "
        f"({described['params_bn4'] / 1e6:.3f} M with batch norm's statistics)"
    )
    for number, block in enumerate(described["blocks"], start=1):
        typer.echo(f"  block {number}: width {block['width']:>3}  {'  '.join(block['ops'])}")
    analytic = _analytic_devices() if described["latency_ms"] else set()
    for device, latency in described["latency_ms"].items():
        source = "analytic" if device in analytic else "predicted"
        typer.echo(f"  {device:<18} {latency:8.3f} ms ({source})")
    if not described["latency_ms"]:
        typer.echo("  no latency predictor for this space")


def _analytic_devices() -> set[str]:
    from evonas.latency import list_devices

    return {device.name for device in list_devices() if device.source == "analytic"}


def describe(name: str) -> dict[str, Any]:
    """Returns what is known of an `arch_id` or a published network.

    Raises:
        ConfigurationError: Unknown space.
        GenotypeError: Not an `arch_id` of its space.
    """
    from evonas.space.costs import params

    space, genotypes = _find(name)
    architecture = space.decode(genotypes[0])
    costs = space.costs(genotypes)
    return {
        "arch_id": space.arch_ids(genotypes)[0],
        "space": space.name,
        "madds": int(costs["madds"][0]),
        "params": int(costs["params"][0]),
        "params_bn4": params(architecture, batch_norm_values=4),
        "stem": architecture.stem,
        "blocks": [
            {"width": block.width, "ops": [op.name for op in block.ops]}
            for block in architecture.blocks
        ],
        "latency_ms": _latencies(space, genotypes),
    }


def _find(name: str) -> tuple["SearchSpace", "Genotypes"]:
    from evonas.errors import ConfigurationError
    from evonas.space import load_published, load_space
    from evonas.space.published import PUBLISHED

    if name in PUBLISHED:
        space = load_space(PUBLISHED[name].space)
        return space, space.encode(load_published(name))[None]
    space_name, colon, _ = name.partition(":")
    if not colon:
        raise ConfigurationError(
            f"unknown architecture {name!r}: an arch_id is SPACE:DIGITS, for example "
            f"'pico:0000000'; published networks are {', '.join(PUBLISHED)}"
        )
    space = load_space(space_name)
    return space, space.genotypes([name])


def _latencies(space: "SearchSpace", genotypes: "Genotypes") -> dict[str, float]:
    from evonas.latency import list_predictors, load_predictor

    return {
        device: float(load_predictor(device, space).predict(genotypes)[0])
        for device in list_predictors(space)
    }
