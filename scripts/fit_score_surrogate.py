r"""Fits a surrogate of a table's scores, for benchmark problems of a space too large to enumerate.

    python scripts/fit_score_surrogate.py benchmark_data/tables/nano-v2.h5 \
        --out benchmark_data/surrogates/nano-supernet.npz

It stands in for what the table's column is: supernet scores stay supernet scores. Trained AP has
`evonas supernet fit`. The rows that are not drawn for the fit are held out, and the errors on them
go into the card.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from evonas.latency.metrics import accuracy
from evonas.scoring.surrogate import fit_surrogate, save_surrogate
from evonas.space import load_space
from evonas.table import open_table


def main(
    table: Annotated[Path, typer.Argument(help="Table with the scores.")],
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    space: str = "nano",
    column: str = "map",
    count: Annotated[int, typer.Option(help="Rows to fit; the file grows as its square.")] = 400,
    seed: int = 0,
) -> None:
    """Fits, writes the file and prints the errors on the rows held out."""
    the_space, scores = load_space(space), open_table(table)
    genotypes, values = scores.genotypes(space), scores.column(column, space)
    order = np.random.default_rng(seed).permutation(len(values))
    seen, held = order[:count], order[count:]
    card = {
        "fitted_to": f"{column} of {table.name}",
        "table": scores.checksum(),
        "source": f"surrogate of {scores.provenance(column, space)['source']} scores",
        "n": count,
    }
    surrogate = fit_surrogate(
        the_space,
        genotypes[seen],
        values[seen],
        card=card,
        seed=seed,
        repeats=1,
        kinds=["gaussian-process"],
    )
    mean, _ = surrogate.predict(genotypes[held])
    errors = asdict(accuracy(values[held], mean))
    errors["rmse"] = float(np.sqrt(np.mean((mean - values[held]) ** 2)))
    surrogate.card["held_out"] = errors
    save_surrogate(out, surrogate)
    print(f"{out}: fitted to {count} rows; on {len(held)} held out:")
    print(", ".join(f"{name} {value:.4g}" for name, value in errors.items()))


if __name__ == "__main__":
    typer.run(main)
