"""Weighs small sub-spaces of `nano` by the surrogate: which one is worth training exhaustively?

    python -m scripts.build.boards_spaces --seconds 300 --out runs/boards/spaces.csv
    python -m scripts.build.boards_spaces --seconds 300 --out runs/boards/spaces-boards.csv \
        --trained benchmark_data/truth/boards-nano-v1.h5 --trained runs/boards/table

Draws sub-spaces of 512 to 1,024 networks at random, walks from each to better ones by changing a
choice at a time, and prints the best beside the named ones. Of each: size, expected seconds of a
training, deviation of AP, what main effects explain, what they leave (the interaction), the most
that one gene explains, and what multiply-adds do. A smooth surrogate hides interactions; it can
say which of two spaces has more, and nothing about its amount on other data. With `--trained` the
surrogate is one of AP on other data, fitted to the networks of these tables; AP on digits by the
shipped surrogate is one of its features. Its cross-validated error is printed.
"""

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import typer
from numpy.typing import NDArray
from scipy.optimize import nnls

from evonas.benchmark.columns import every
from evonas.benchmark.difficulty import explained
from evonas.paths import shipped_data
from evonas.ranking.discrimination import explained_by_gene
from evonas.ranking.truth import load_truth
from evonas.scoring.surrogate import load_surrogate
from evonas.scoring.surrogate.fit import cross_validate, fit_surrogate
from evonas.space import Genotypes, Layer, SearchSpace, load_space
from evonas.space.costs import placed
from evonas.space.walk import BlockSpace
from evonas.table import open_table

Floats = NDArray[np.float64]
T = TypeVar("T")
Predict = Callable[[Genotypes], Floats]  # AP of genotypes of the whole space

_LEAST, _MOST = 512, 1024  # networks
_STEPS = 100  # of a walk


@dataclass(frozen=True, slots=True)
class Weighed:
    """A sub-space by the surrogate.

    Attributes:
        size: Number of networks.
        seconds: Mean of a training of the truth's 1,000 steps.
        std: Deviation of AP.
        main_effects: Share that main effects explain.
        residual: Deviation of what they leave, AP.
        most_by_one_gene: Share.
        madds: Squared correlation of AP with the logarithm of the multiply-adds.
        space: Widths and ops of the stem and each block.
    """

    size: int
    seconds: float
    std: float
    main_effects: float
    residual: float
    most_by_one_gene: float
    madds: float
    space: str

    @property
    def worth(self) -> float:
        """Interaction first, then spread; no gene that decides, no long trainings."""
        dull = max(self.most_by_one_gene - 0.35, 0) + max(self.madds - 0.5, 0) / 2
        return self.residual + min(self.std, 0.07) / 5 - dull / 25 - max(self.seconds - 40, 0) / 2e3


def on_digits(whole: SearchSpace) -> Predict:
    """Returns the shipped surrogate's AP."""
    surrogate = load_surrogate(shipped_data() / "surrogates" / "nano.npz", whole)
    return lambda genotypes: surrogate.predict(genotypes)[0]


def on_other_data(whole: SearchSpace, tables: list[Path]) -> tuple[Predict, str]:
    """Returns AP by a surrogate of what was trained on other data, and a line on its error.

    Args:
        whole: The space of the genotypes.
        tables: With `trained_map` of its networks, or of those of its parts.
    """
    parts = [
        load_truth(table, load_space(name)) for table in map(open_table, tables)
        for name in table.spaces
    ]  # fmt: skip
    genotypes = np.concatenate([part.space.translate(part.genotypes, whole) for part in parts])
    ap = np.concatenate([part.ap for part in parts])
    digits = on_digits(whole)
    known, kind = digits(genotypes), "gaussian-process"
    errors = {
        "with AP on digits": cross_validate(kind, whole, genotypes, ap, known),
        "without": cross_validate(kind, whole, genotypes, ap),
    }
    surrogate = fit_surrogate(whole, genotypes, ap, known, kinds=[kind])
    line = "; ".join(
        f"{how}: tau {e.tau:.2f}, in the best quarter {e.tau_best_quarter:.2f}, RMSE {e.rmse:.3f}"
        for how, e in errors.items()
    )
    return lambda g: surrogate.predict(g, digits(g))[0], f"{len(ap)} networks, {line}"


class Scales:
    """Weighs sub-spaces of a space by predicted AP and the truth's training times."""

    def __init__(self, whole: SearchSpace, predict: Predict, truths: list[Path]):
        self.whole, self.predict = whole, predict
        tables = [open_table(path) for path in truths]
        genotypes = np.concatenate([table.genotypes(whole) for table in tables])
        seconds = np.concatenate([t.column("trained_seconds", whole) for t in tables])
        known = np.isfinite(seconds)
        parts = [whole.tabulate(partial(_work, kind)) for kind in range(3)]
        sums = np.stack([whole.sum_cells(genotypes[known], part) for part in parts], axis=1)
        design = np.column_stack([sums, np.ones(len(sums))]) / seconds[known, None]
        *per_part, self._start = nnls(design, np.ones(len(design)))[0]
        self._cells = np.tensordot(per_part, parts, axes=1)

    def __call__(self, space: SearchSpace) -> Weighed:
        """Weighs a sub-space, of which every network is looked at."""
        genotypes = np.unique(space.canonical(every(space)), axis=0)
        in_whole = space.translate(genotypes, self.whole)
        ap = self.predict(in_whole)
        main = explained(genotypes, ap[:, None])
        log_madds = np.log(space.costs(genotypes)["madds"])
        return Weighed(
            size=len(genotypes),
            seconds=self._start + float(self.whole.sum_cells(in_whole, self._cells).mean()),
            std=float(ap.std()),
            main_effects=main.share,
            residual=main.residual_std,
            most_by_one_gene=max(explained_by_gene(space, genotypes, ap).values()),
            madds=float(np.corrcoef(log_madds, ap)[0, 1] ** 2),
            space=_described(space),
        )


def _work(kind: int, layer: Layer) -> float:
    """Returns millions of values of the maps made (0), or of multiply-adds: depthwise (1), others.

    These are what a step's time on a processor goes by; maps count most.
    """
    total = 0.0
    for conv, size in placed(layer.convs(), layer.size_in):
        if kind == 0:
            total += conv.values_out(size)
        elif conv.depthwise == (kind == 1):
            total += conv.madds(size)
    return total / 1e6


def _described(space: SearchSpace) -> str:
    blocks = (
        f"{'/'.join(map(str, b.widths))}: {'/'.join(op.name for op in b.first)}"
        + (f", then {'/'.join(op.name for op in b.further)} to {b.depth}" if b.depth > 1 else "")
        for b in space.blocks
    )
    return "; ".join([f"stem {'/'.join(map(str, space.stems))}", *blocks])


def walk(scales: Scales, rng: np.random.Generator) -> Weighed:
    """Returns the best sub-space of a walk from a random one."""
    current = next(s for s in _random(scales.whole, rng) if _LEAST <= s.size <= _MOST)
    best = scales(current)
    for _ in range(_STEPS):
        changed = _changed(current, scales.whole, rng)
        if _LEAST <= changed.size <= _MOST and (weighed := scales(changed)).worth > best.worth:
            current, best = changed, weighed
    return best


def _random(whole: SearchSpace, rng: np.random.Generator) -> Iterator[SearchSpace]:
    while True:
        space = replace(whole, name="part", stems=_some(whole.stems, 2, rng))
        blocks = tuple(_random_block(block, rng) for block in whole.blocks)
        yield replace(space, blocks=blocks)


def _random_block(block: BlockSpace, rng: np.random.Generator) -> BlockSpace:
    depth = int(rng.integers(1, block.depth + 1))
    further = _some(block.further, 2, rng) if depth > 1 else ()
    return BlockSpace(_some(block.widths, 2, rng), _some(block.first, 3, rng), further, depth)


def _some(choices: tuple[T, ...], most: int, rng: np.random.Generator) -> tuple[T, ...]:
    """Draws 1 to `most` of the choices, which keep their order."""
    count = int(rng.integers(1, min(most, len(choices)) + 1))
    return tuple(choices[i] for i in np.sort(rng.choice(len(choices), count, replace=False)))


def _changed(space: SearchSpace, whole: SearchSpace, rng: np.random.Generator) -> SearchSpace:
    """Draws the stem, or one thing about one block, anew."""
    number = int(rng.integers(len(space.blocks) + 1))
    if number == len(space.blocks):
        return replace(space, stems=_some(whole.stems, 2, rng))
    block, fresh = space.blocks[number], _random_block(whole.blocks[number], rng)
    kind = int(rng.integers(3))
    if kind == 0:
        block = replace(block, widths=fresh.widths)
    elif kind == 1:
        block = replace(block, first=fresh.first)
    else:
        block = replace(block, further=fresh.further, depth=fresh.depth)
    blocks = (*space.blocks[:number], block, *space.blocks[number + 1 :])
    return replace(space, blocks=blocks)


def main(
    out: Annotated[Path, typer.Option(help="CSV file that takes what was weighed.")],
    seconds: Annotated[float, typer.Option(help="For how long to search.")] = 300.0,
    seed: int = 0,
    named: Annotated[list[str] | None, typer.Option(help="Spaces to weigh first.")] = None,
    trained: Annotated[
        list[Path] | None, typer.Option(help="Tables of networks trained on other data.")
    ] = None,
) -> None:
    """Writes the named spaces and the best of each walk, best first."""
    whole, shipped = load_space("nano"), shipped_data()
    predict = on_digits(whole)
    if trained:
        predict, errors = on_other_data(whole, trained)
        typer.echo(errors)
    truths = [shipped / "truth" / name for name in ("nano-v6.h5", "fronts-v4.h5")]
    scales, rng = Scales(whole, predict, truths), np.random.default_rng(seed)
    rows = [(name, scales(load_space(name))) for name in named or ["femto"]]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rows.append(("", walk(scales, rng)))
    rows.sort(key=lambda row: -row[1].worth)
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "w", newline="") as file:
        writer = csv.DictWriter(file, ["name", *asdict(rows[0][1])])
        writer.writeheader()
        for name, weighed in rows:
            values = asdict(weighed).items()
            rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in values}
            writer.writerow({"name": name, **rounded})
    typer.echo(f"{out}: {len(rows)} spaces")


if __name__ == "__main__":
    typer.run(main)
