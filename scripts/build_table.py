"""Makes a table to ship: the scores of a searched table, with costs and every device's latency.

python scripts/build_table.py runs/compare/table benchmark_data/tables/nano-v1.h5
"""

import tempfile
from pathlib import Path

import typer

from evonas.latency import list_devices, list_predictors, load_predictor
from evonas.space import load_space
from evonas.table import create_table, open_table, verify_table, write_table

SCORES = ("map", "map50")
ANALYTIC = {"source": "analytic"}
PREDICTED = {"source": "predicted"}


def main(searched: Path, out: Path) -> None:
    """Writes the table as one file and says what is in it."""
    source = open_table(searched)
    formulas = {device.name for device in list_devices() if device.source == "analytic"}
    with tempfile.TemporaryDirectory() as folder:
        table = create_table(Path(folder) / "table")
        for name in source.spaces:
            space, genotypes = load_space(name), source.genotypes(name)
            provenance = source.provenance("map", name)
            scores = {column: source.column(column, name) for column in SCORES}
            table.append(space, genotypes, scores, provenance=provenance)
            table.append(space, genotypes, space.costs(genotypes), provenance=ANALYTIC)
            for device in list_predictors(space):
                predictor = load_predictor(device, space)
                latency = {f"latency:{device}": predictor.predict(genotypes)}
                kind = ANALYTIC if device in formulas else PREDICTED
                table.append(space, genotypes, latency, provenance=kind)
        problems = verify_table(table)
        assert not problems, problems
        write_table(out, table)
    print(f"{out}: {len(table)} rows, checksum {table.checksum()}")


if __name__ == "__main__":
    typer.run(main)
