r"""Makes a table to ship: scores and truth of searched tables, costs, and every device's latency.

    python -m scripts.build.table benchmark_data/tables/pico-v3.h5 runs/pico/table \
        --title "Every architecture of pico, scored by the supernet of nano"
    python -m scripts.build.table benchmark_data/tables/nano-v5.h5 runs/nano/table \
        runs/compare/table runs/truth/table --title "Random and searched architectures of nano"

`--compiled DEVICE` asks the device's compiler for the time of every network, beside the prediction:
for tables of trained ones, which are few.

The version stands in the file's name. The file's SHA-256 goes into `SHA256SUMS` beside it, which
`evonas table verify` checks.
"""

import os
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from evonas import __version__
from evonas.files import write_atomically
from evonas.latency import list_devices, list_predictors, load_device, load_predictor
from evonas.latency.sources.load import open_source
from evonas.latency.sources.pool import measure_each
from evonas.scoring.recompute import check_predictions
from evonas.space import SearchSpace, load_space
from evonas.table import (
    BenchmarkTable,
    create_table,
    merge_tables,
    open_table,
    verify_table,
    write_table,
)
from evonas.table.checksum import file_sha256
from evonas.table.verify import CHECKSUMS

LICENCE = "Apache-2.0; handwritten digits of the scenes: UCI (Alpaydin, Kaynak), CC BY 4.0"
ANALYTIC = {"source": "analytic"}
_COMPUTED = ("madds", "params", "latency:")


def main(
    out: Annotated[Path, typer.Argument(help="NAME-vVERSION.h5")],
    sources: Annotated[list[Path], typer.Argument(help="Tables with scores and trainings.")],
    title: Annotated[str, typer.Option(help="What the table is, for its card.")],
    conflict: Annotated[str, typer.Option(help="Rule for differing values.")] = "refuse",
    compiled: Annotated[list[str] | None, typer.Option(help="Devices with a compiler.")] = None,
    licence: Annotated[str, typer.Option(help="Of the file, and of the data behind it.")] = LICENCE,
) -> None:
    """Writes the table as one file, adds it to the checksums, and says what is in it."""
    name, _, version = out.stem.rpartition("-v")
    if not (name and version.isdigit() and out.suffix == ".h5"):
        raise typer.BadParameter(f"{out.name}: the name must be NAME-vVERSION.h5")
    if others := [d for d in compiled or () if load_device(d).source != "compiler"]:
        raise typer.BadParameter(f"--compiled {', '.join(others)}: no device of a compiler")
    with tempfile.TemporaryDirectory() as folder:
        table = create_table(Path(folder) / "table")
        anew = (*_COMPUTED, *(f"measured:{device}" for device in compiled or ()))
        merge_tables(table, [_without(open_table(s), anew, folder) for s in sources], conflict)
        if not len(table):
            raise typer.BadParameter(f"no rows in {', '.join(map(str, sources))}")
        for space in map(load_space, table.spaces):
            _add_computed(table, space)
            for device in compiled or ():
                _add_compiled(table, space, device)
        problems = verify_table(table, [check_predictions])
        assert not problems, problems
        card = {
            "title": title,
            "version": version,
            "licence": licence,
            "made": time.strftime("%Y-%m-%d", time.gmtime()),
            "evonas": __version__,
            "command": f"python {shlex.join(sys.argv)}",
        }
        write_table(out, table, card)
    _add_checksum(out)
    typer.echo(f"{out}: {len(table)} rows, checksum {table.checksum()}")


def _without(source: BenchmarkTable, anew: tuple[str, ...], folder: str) -> BenchmarkTable:
    """Returns a table without what is computed here anew, as the predictors may have changed."""
    kept = create_table(Path(tempfile.mkdtemp(dir=folder)) / "scores")
    for name in source.spaces:
        space, genotypes = load_space(name), source.genotypes(name)
        for column in source.columns(name):
            if not column.startswith(anew):
                values = {column: source.column(column, name)}
                provenance = source.provenance(column, name)
                kept.append(space, genotypes, values, provenance=provenance)
    return kept


def _add_computed(table: BenchmarkTable, space: SearchSpace) -> None:
    genotypes = table.genotypes(space)
    table.append(space, genotypes, space.costs(genotypes), provenance=ANALYTIC)
    formulas = {device.name for device in list_devices() if device.source == "analytic"}
    for device in list_predictors(space):
        predictor = load_predictor(device, space)
        source = "analytic" if device in formulas else "predicted"
        provenance = {"source": source, "predictor": predictor.checksum}
        latency = {f"latency:{device}": predictor.predict(genotypes)}
        table.append(space, genotypes, latency, provenance=provenance)


def _add_compiled(table: BenchmarkTable, space: SearchSpace, name: str) -> None:
    """Adds the compiler's times; NaN where it gives up."""
    device, genotypes = load_device(name), table.genotypes(space)
    source = open_source(device, space)
    architectures = [space.decode(genotype) for genotype in genotypes]
    answers = measure_each(source, architectures, workers=os.cpu_count() or 1)
    times = np.array([answer.latency_ms if answer else np.nan for answer in answers])
    provenance = {"source": device.source, **source.versions}
    table.append(space, genotypes, {f"measured:{name}": times}, provenance=provenance)
    typer.echo(f"{name}: {np.isfinite(times).sum()} of {len(times)} networks compiled", err=True)


def _add_checksum(out: Path) -> None:
    sums = out.with_name(CHECKSUMS)
    lines = sums.read_text().splitlines() if sums.exists() else []
    lines = [line for line in lines if line.split(maxsplit=1)[1] != out.name]
    lines.append(f"{file_sha256(out)}  {out.name}")
    write_atomically(sums, "".join(f"{line}\n" for line in sorted(lines)).encode())


if __name__ == "__main__":
    typer.run(main)
