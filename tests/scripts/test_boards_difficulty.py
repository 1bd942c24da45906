"""The difficulty of a table, whole or in part."""

import json

import numpy as np
import pytest

from evonas.benchmark.columns import every
from evonas.space import load_space
from evonas.table import create_table
from scripts.build.boards_difficulty import main

FEMTO = load_space("femto")
STEPS = {"trained_map#50": 0.5, "trained_map#100": 0.0}


@pytest.fixture
def tables(tmp_path):
    """A whole table and one of a seventh: additive values, a hill apart, little noise."""
    rng = np.random.default_rng(0)
    genotypes = np.unique(FEMTO.canonical(every(FEMTO)), axis=0)
    value = 0.1 + 0.02 * (genotypes * rng.uniform(0.5, 2, FEMTO.n_genes)).sum(axis=1)
    runs = value[:, None] + rng.normal(size=(len(value), 3)) * 0.002
    runs[20:, 1:] = np.nan
    paths = []
    for name, chosen in (("whole", slice(None)), ("part", slice(None, None, 7))):
        table = create_table(tmp_path / name)
        for seed in range(3):
            column = "trained_map" + (f":{seed}" if seed else "")
            known = {"source": "trained", "seed": str(seed)}
            rows = ~np.isnan(runs[chosen, seed])
            columns = {column: runs[chosen, seed][rows]}
            if seed == 0:
                columns |= {
                    step: columns[column] * (1 - share) + share * rng.uniform(size=rows.sum())
                    for step, share in STEPS.items()
                }
            table.append(FEMTO, genotypes[chosen][rows], columns, provenance=known)
        paths.append(tmp_path / name)
    return paths


def test_a_whole_table_tells_everything(tables, capsys):
    main(tables[0], space="femto", surrogate=None)
    found = json.loads(capsys.readouterr().out)
    assert found["networks"] == found["of"] == FEMTO.size
    assert found["trainings"] == FEMTO.size + 40
    assert found["deviation"]["seeds"] == pytest.approx(0.002, rel=0.3)
    assert found["deviation"]["ratio"] > 4
    assert found["explained"]["main_effects"]["share"] == pytest.approx(1, abs=0.01)
    assert found["explained"]["main_effects"]["residual"] < 0.002
    assert sum(found["explained"]["genes"].values()) > 0.8
    assert found["local_optima"]["beyond_noise"] == 1
    assert found["local_optima"]["all"] >= 1
    assert 0 < found["front_share"]["madds"] < 0.2
    taus = found["tau_with_the_end"]
    assert taus["trained_map#100"]["tau"] == 1
    assert taus["trained_map#50"]["tau"] < 0.5
    assert -1 < found["tau_with_surrogate"]["low"] < found["tau_with_surrogate"]["high"] < 1


def test_a_partial_table_leaves_out_what_it_cannot_tell(tables, capsys):
    main(tables[1], space="femto", surrogate=None)
    found = json.loads(capsys.readouterr().out)
    assert found["networks"] < found["of"]
    assert found["local_optima"] is None
    assert found["explained"]["main_effects"]["share"] == pytest.approx(1, abs=0.01)
