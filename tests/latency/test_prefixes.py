import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonas.cli import main
from evonas.errors import ConfigurationError
from evonas.latency.campaigns.prefixes import FIRST_CUT, measure_prefixes, prefix_genotypes
from evonas.latency.devices import load_device
from evonas.latency.predictors.fit_neighbours import fit_neighbours
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.prefixes import PrefixSource
from evonas.latency.store import load_measurements, measurements_path, own_prefixes_path
from evonas.space import load_space

NANO = load_space("nano")
DEVICE = "ethos-u65-512"


def test_a_longer_campaign_begins_with_a_shorter_one() -> None:
    short, long = prefix_genotypes(NANO, 120), prefix_genotypes(NANO, 260)
    assert sum(map(len, short.values())) == 120
    for block, genotypes in short.items():
        assert block >= FIRST_CUT
        assert (long[block][: len(genotypes)] == genotypes).all()
        assert (NANO.canonical(genotypes) == genotypes).all()


def test_parts_before_the_cut_are_those_of_the_whole_network() -> None:
    pytest.importorskip("ethosu")
    pytest.importorskip("ai_edge_litert")
    source = EthosSource(load_device(DEVICE))
    networks = [NANO.decode(g) for g in NANO.sample(4, np.random.default_rng(3))]
    for network in networks:
        whole = source.measure(network).parts_ms
        cut = PrefixSource(source, 3).measure(network)
        assert np.isnan(cut.latency_ms)
        known = {part: ms for part, ms in cut.parts_ms.items() if not np.isnan(ms)}
        assert {"stem", "b1.l1", "b2.l1"} <= known.keys()
        assert not any(part.startswith(("b3", "head")) for part in known)
        for part, milliseconds in known.items():
            assert milliseconds == pytest.approx(whole[part], rel=1e-6), part


def test_a_campaign_resumes_and_its_parts_are_fitted_to(tmp_path: Path) -> None:
    pytest.importorskip("ethosu")
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("sklearn")
    few = measure_prefixes(DEVICE, "nano", 4, data_dir=tmp_path)
    told: list[tuple[int, int]] = []
    more = measure_prefixes(
        DEVICE, "nano", 8, data_dir=tmp_path, progress=lambda *at: told.append(at)
    )
    assert (len(few), len(more)) == (4, 8)
    assert told[-1] == (8, 8)
    stored = load_measurements(own_prefixes_path(DEVICE, NANO, tmp_path), NANO)
    assert not len(stored.trusted())
    whole = load_measurements(measurements_path(DEVICE, NANO), NANO).trusted().select(slice(0, 60))
    table = np.where(NANO.cost_tables["madds"] > 0, 1.0, 0.0)
    parts = stored.columns["parts_ms"].copy()
    parts[:, -NANO.skeleton.head.n_levels :] = 0  # as if no head read the second block
    told = replace(stored, columns={**stored.columns, "parts_ms": parts})
    alone, some, both = (fit_neighbours(whole, table, cut) for cut in (None, stored, told))
    assert len(alone.pairs.keys) == len(some.pairs.keys) < len(both.pairs.keys)


def test_one_command_compiles_whole_networks_and_networks_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ethosu")
    where = ["--device", DEVICE, "--space", "nano", "--data-dir", str(tmp_path), "--json"]
    assert main(["device", "measure", *where, "--count", "2", "--prefixes", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["n"], told["prefixes"]) == (2, 3)
    assert len(load_measurements(measurements_path(DEVICE, NANO, tmp_path), NANO)) == 2
    assert len(load_measurements(own_prefixes_path(DEVICE, NANO, tmp_path), NANO)) == 3


def test_only_a_compiler_is_asked_about_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="only a compiler can be asked about a part"):
        measure_prefixes("systolic-64x64", "nano", 4)
    assert main(["device", "measure", "--device", "edge-gpu", "--prefixes", "3"]) == 2
    assert "only a compiler" in capsys.readouterr().err
