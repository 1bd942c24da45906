"""`evonas arch`: the architectures with names, and one architecture in full."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.options import space_option
from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from evonas.space import Design

app = typer.Typer(no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="ARCH_ID|NAME", help="nano:0a3..., mobiledet-cpu, ...")
]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the published networks and the baselines, with their published figures."""
    from evonas.describe import published_figures
    from evonas.space import list_baselines, list_published, resolve
    from evonas.space.baselines import FOREIGN
    from evonas.space.costs import madds, params
    from evonas.space.published import PUBLISHED

    rows: list[dict[str, Any]] = []
    for name in [*list_published(), *list_baselines()]:
        architecture = resolve(name).architecture
        row: dict[str, Any] = {
            "name": name,
            "madds": madds(architecture),
            "params": params(architecture),
            "params_bn4": params(architecture, batch_norm_values=4),
        }
        if name in PUBLISHED:
            row["published"] = published_figures(name)
        rows.append(row)
    rows += [{"name": name, **asdict(network)} for name, network in FOREIGN.items()]
    if as_json:
        print_json({"architectures": rows})
        return
    print_table(
        ["name", "MAdds", "params", "with 4 BN", "published: MAdds", "params", "COCO", "latency"],
        [_listed(row) for row in rows],
    )
    typer.echo(
        "MAdds in billions, parameters in millions: batch norm at its two trainable values a "
        "channel, and at four, as published; COCO 2017 AP in percent."
    )


@app.command()
def show(
    name: Name,
    space: Annotated[
        str | None, space_option("YAML file of its space, where evonas does not know it yet.")
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(help="Measure or compile it on the devices that can be reached here."),
    ] = False,
    picture: Annotated[Path | None, typer.Option(help="An HTML file to write.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show an architecture's blocks, costs and latencies, and where its time goes."""
    from evonas.describe import describe
    from evonas.errors import ConfigurationError
    from evonas.space import resolve

    if picture is not None and picture.suffix.lower() not in (".html", ".htm"):
        raise ConfigurationError(f"--picture {picture}: an HTML page; the name must end in .html")
    design = resolve(name)
    described = describe(design, measure)
    if picture is not None:
        _write_picture(picture, design, described)
    if as_json:
        print_json(described)
        return
    typer.echo(f"{described['arch_id'] or name}")
    typer.echo(
        f"  {described['madds'] / 1e6:.2f} M MAdds, {described['params'] / 1e6:.3f} M parameters "
        f"({described['params_bn4'] / 1e6:.3f} M with batch norm's statistics)"
    )
    typer.echo(
        f"  in int8: {described['peak_memory'] / 1e3:,.1f} kB of maps at once, "
        f"{described['flash'] / 1e3:,.1f} kB of weights"
    )
    if "published" in described:
        figures = described["published"]
        typer.echo(
            f"  published as {figures['name']}: {figures['madds'] / 1e6:.0f} M MAdds, "
            f"{figures['params_bn4'] / 1e6:.2f} M parameters, {figures['latency_ms']:g} ms on "
            f"{figures['device']}, COCO AP {figures['coco14_map']:.1f} (2014 minival) and "
            f"{figures['coco17_map']:.1f} (2017 val)"
        )
    blocks = described["blocks"]
    print_table(
        ["block", "width", "output", "MAdds", "params", "ops"],
        [
            [
                *(f"{number}", f"{block['width']}", f"{block['size']}x{block['size']}"),
                f"{block['madds'] / 1e6:.2f} M",
                f"{block['params'] / 1e3:.1f} k",
                "  ".join(block["ops"]),
            ]
            for number, block in enumerate(blocks, start=1)
        ],
    )
    if not described["latency"]:
        typer.echo("no latency predictor for this network: --measure asks the devices")
    else:
        numbers = [f"b{number}" for number in range(1, len(blocks) + 1)]
        print_table(
            ["device", "ms", "source", "within 5 %", *numbers],
            [
                [device, _show_ms(entry), entry["source"], *_trust(entry, len(blocks))]
                for device, entry in described["latency"].items()
            ],
        )
        for device, entry in described["latency"].items():
            if "reason" in entry:
                typer.echo(f"{device}: does not fit: {entry['reason']}")
        typer.echo(
            "b1, b2, ...: the share of each block, stem and head counted in the block whose width "
            "they depend on.\nwithin 5 %: how many held-out networks the predictor hit so closely."
        )
    if picture is not None:
        typer.echo(f"  picture: {picture}")


def _show_ms(entry: dict[str, Any]) -> str:
    return "-" if "reason" in entry else f"{entry['ms']:.3f}"


def _trust(entry: dict[str, Any], n_blocks: int) -> list[str]:
    within = f"{entry['within_5']:.0%}" if "within_5" in entry else "-"
    return [within, *([f"{share:.0%}" for share in entry["share"]] or ["-"] * n_blocks)]


def _listed(row: dict[str, Any]) -> list[str]:
    published = row.get("published")
    figures = ["-"] * 4
    if published:
        figures = [
            f"{published['madds'] / 1e9:.2f}",
            f"{published['params_bn4'] / 1e6:.2f}",
            f"{published['coco17_map']:.1f}",
            f"{published['latency_ms']:g} ms, {published['device']}",
        ]
    costs = [f"{row['madds'] / 1e9:.3f}", f"{row['params'] / 1e6:.2f}"]
    return [row["name"], *costs, f"{row['params_bn4'] / 1e6:.2f}", *figures]


def _write_picture(path: Path, design: "Design", described: dict[str, Any]) -> None:
    from evonas.figures.architecture import shares_figure, strip_figure
    from evonas.files import write_atomically
    from evonas.space.layers import layer_rows

    strip = strip_figure(layer_rows(design.architecture))
    strip.update_layout(title=design.name, margin={"t": 90})
    parts = [strip.to_html(include_plotlyjs=True, full_html=False)]
    known = {d: entry["share"] for d, entry in described["latency"].items() if entry["share"]}
    if known:
        shares = shares_figure(known)
        parts.append(shares.to_html(include_plotlyjs=False, full_html=False))
    page = f"<!doctype html><meta charset='utf-8'><title>{design.name}</title>{''.join(parts)}"
    write_atomically(path, page.encode())
