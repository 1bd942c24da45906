r"""Fits a surrogate of a table's scores, for benchmark problems of a space too large to enumerate.

    python -m scripts.build.score_surrogate benchmark_data/tables/nano-v5.h5 \
        --out benchmark_data/surrogates/nano-supernet.npz

It stands in for what the table's column is: supernet scores stay supernet scores. Trained AP has
`evonas supernet fit`. A fifth of the rows is held out, and the errors on them go into the card;
networks that begin alike are held out together, as those of `score_space.py --kin` do.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from evonas.latency.predictors.metrics import accuracy
from evonas.scoring.surrogate import fit_surrogate, save_surrogate
from evonas.space import Genotypes, SearchSpace, load_space
from evonas.table import open_table

KIND = "boosted"
_HELD_OUT = 0.2


def held_out(space: SearchSpace, genotypes: Genotypes, seed: int) -> NDArray[np.bool_]:
    """Marks a fifth of the networks, (n,): all that share stem and first half of the blocks."""
    early = [slot.block <= len(space.blocks) // 2 for slot in space.genes]
    begins, begin = np.unique(genotypes[:, early], axis=0, return_inverse=True)
    chosen = np.random.default_rng(seed).random(len(begins)) < _HELD_OUT
    marked: NDArray[np.bool_] = chosen[begin]
    return marked


def main(
    table: Annotated[Path, typer.Argument(help="Table with the scores.")],
    out: Annotated[Path, typer.Option(help="The .npz file to write.")],
    space: str = "nano",
    column: str = "map",
    seed: int = 0,
) -> None:
    """Fits, writes the file and prints the errors on the rows held out."""
    the_space, scores = load_space(space), open_table(table)
    genotypes, values = scores.genotypes(space), scores.column(column, space)
    known = ~np.isnan(values)
    genotypes, values = genotypes[known], values[known]
    held = held_out(the_space, genotypes, seed)
    card = {
        "fitted_to": f"{column} of {table.name}",
        "table": scores.checksum(),
        "source": f"surrogate of {scores.provenance(column, space)['source']} scores",
        "n": int((~held).sum()),
    }
    surrogate = fit_surrogate(
        the_space, genotypes[~held], values[~held], card=card, seed=seed, kinds=[KIND]
    )
    mean, _ = surrogate.predict(genotypes[held])
    errors = asdict(accuracy(values[held], mean))
    errors["rmse"] = float(np.sqrt(np.mean((mean - values[held]) ** 2)))
    surrogate.card["held_out"] = errors
    save_surrogate(out, surrogate)
    print(f"{out}: fitted to {card['n']} rows; on {held.sum()} held out:")
    print(", ".join(f"{name} {value:.4g}" for name, value in errors.items()))


if __name__ == "__main__":
    typer.run(main)
