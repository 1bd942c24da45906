"""`evonas table importance`: which genes decide a column."""

from typing import Annotated

import typer

from evonas.cli.options import seed_option
from evonas.cli.output import AsJson, print_json, print_table, say
from evonas.cli.table_files import SpaceName, TablePath, Where


def importance(
    table: TablePath,
    column: Annotated[str, typer.Option(help="Column, such as map or latency:DEVICE.")] = "map",
    where: Where = None,
    seed: Annotated[int, seed_option("Seed of folds and permutations.")] = 0,
    space: SpaceName = None,
    as_json: AsJson = False,
) -> None:
    """Show how much of a column's variance depends on each gene, by a surrogate, with its error."""
    from dataclasses import asdict

    from evonas.table import column_importance, open_table

    found = column_importance(open_table(table), column, where, space, seed)
    if as_json:
        print_json(asdict(found))
        return
    ordered = sorted(found.genes, key=lambda gene: -gene.share)
    print_table(
        ["gene", "share of variance", "5 %", "95 %"],
        [[g.gene, *(f"{value:.3f}" for value in (g.share, g.low, g.high))] for g in ordered],
    )
    say(
        f"{column}: {found.n} rows; the surrogate's cross-validated R2 is {found.r2:.3f} "
        f"({found.r2_low:.3f} to {found.r2_high:.3f} over the folds)"
    )
