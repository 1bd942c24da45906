"""The campaign on `boards`: its order is a random sample, and a killed training resumes."""

import json
from itertools import islice

import numpy as np
import pytest

from evonas.data import make_digits
from evonas.errors import EvonasError
from evonas.space import load_space
from evonas.table import create_table, open_table
from evonas.training.recipes import load_recipe
from scripts.build.boards import in_order, main
from scripts.build.boards_training import QUANTITIES, CurveTrainer, column

STEPS = 8
QUICK = [f"steps={STEPS}", "batch_size=4", "warmup_steps=2"]
FEMTO = load_space("femto")
GENOTYPES = np.unique(FEMTO.sample(300, np.random.default_rng(0)), axis=0)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=24, val=8)


@pytest.fixture
def trainer(digits, tmp_path):
    table = create_table(tmp_path / "table")
    return CurveTrainer(FEMTO, digits, table, load_recipe("boards", QUICK))


def test_the_order_is_random_has_every_network_once_and_the_first_ones_three_times():
    jobs = list(in_order(GENOTYPES[::-1], repeated=20))
    again = [(g.tolist(), seed) for g, seed in in_order(np.repeat(GENOTYPES, 2, axis=0), 20)]
    assert [(g.tolist(), seed) for g, seed in jobs] == again
    new = np.concatenate([g for g, seed in jobs if seed == 0])
    assert np.array_equal(np.unique(new, axis=0), GENOTYPES)
    assert len(new) == len(GENOTYPES)
    assert not np.array_equal(new, GENOTYPES)
    for seed in (1, 2):
        assert np.array_equal(np.concatenate([g for g, s in jobs if s == seed]), new[:20])
    assert [seed for _, seed in islice(jobs, 12)] == [0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 2]


def test_all_quantities_are_kept_after_each_eighth_for_every_seed(trainer, tmp_path):
    for seed in (0, 2):
        trainer(GENOTYPES[:1], seed, tmp_path)
    table = open_table(tmp_path / "table")
    names = [column(q, s, n) for q in QUANTITIES for s in (0, 2) for n in [None, *range(1, 9)]]
    rows = table.lookup(GENOTYPES[:1], names, FEMTO)
    assert all(np.isfinite(rows[name]).all() for name in names)
    for seed in (0, 2):
        assert rows[column("trained_map", seed)] == rows[column("trained_map", seed, STEPS)]
        seconds = [rows[column("trained_seconds", seed, n)][0] for n in range(1, 9)]
        assert np.all(np.diff(seconds) > 0)
    assert table.provenance("trained_map:2", FEMTO)["seed"] == "2"
    assert not list(tmp_path.glob("*.pt"))


def test_a_killed_training_resumes_from_its_last_eighth_with_the_same_result(
    digits, trainer, tmp_path, monkeypatch
):
    whole = tmp_path / "whole"
    whole.mkdir()
    undisturbed = CurveTrainer(FEMTO, digits, create_table(whole / "table"), trainer.recipe)
    undisturbed(GENOTYPES[:1], 0, whole)
    score, calls = trainer.validation.precision, []

    def killed(found):
        calls.append(found)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return score(found)

    monkeypatch.setattr(trainer.validation, "precision", killed)
    with pytest.raises(KeyboardInterrupt):
        trainer(GENOTYPES[:1], 0, tmp_path)
    [state] = tmp_path.glob("*.json")
    before = json.loads(state.read_text())["curve"]
    assert list(before) == ["1", "2", "3"]
    trainer(GENOTYPES[:1], 0, tmp_path)
    assert len(calls) == 4 + STEPS - 3
    names = [name for name in open_table(whole / "table").columns(FEMTO) if "seconds" not in name]
    ours, theirs = (
        open_table(folder / "table").lookup(GENOTYPES[:1], names, FEMTO)
        for folder in (tmp_path, whole)
    )
    assert ours == theirs
    kept = open_table(tmp_path / "table").lookup(GENOTYPES[:1], ["trained_seconds#3"], FEMTO)
    assert kept["trained_seconds#3"] == before["3"][-1]


def test_what_is_in_the_table_is_not_trained_again(digits, tmp_path, capsys):
    recipe = tmp_path / "quick.yaml"
    recipe.write_text("base: boards\nsteps: 1\nbatch_size: 4\nwarmup_steps: 0\nvalidations: 1\n")
    table = tmp_path / "runs" / "table"
    table.parent.mkdir()
    for _ in range(2):
        main(digits, table, recipe=str(recipe), networks=None, most=2)
    lines = capsys.readouterr().out.splitlines()
    first = list(islice(in_order(FEMTO.canonical(_every())), 4))
    ids = [f"{FEMTO.arch_ids(genotype)[0]} seed {seed}" for genotype, seed in first]
    assert [line.split("  ")[0] for line in lines] == ids


def test_named_networks_of_a_large_space_are_trained_once_and_then_the_first_ones_again(
    digits, tmp_path, capsys
):
    recipe = tmp_path / "quick.yaml"
    recipe.write_text("base: boards\nsteps: 1\nbatch_size: 4\nwarmup_steps: 0\nvalidations: 1\n")
    arch_ids = ["nano:000000000000000", "nano:007150005002800"]
    networks = tmp_path / "networks.csv"
    networks.write_text("\n".join(["arch_id", *arch_ids]))
    main(digits, tmp_path / "table", "nano", str(recipe), networks)
    lines = capsys.readouterr().out.splitlines()
    wanted = [f"{arch_id} seed {seed}" for seed in (0, 1) for arch_id in arch_ids]
    assert [line.split("  ")[0] for line in lines] == wanted
    with pytest.raises(EvonasError, match="nano is too large to train every network; --networks"):
        main(digits, tmp_path / "other", "nano", str(recipe), None)
    assert not (tmp_path / "other").exists()


def test_another_recipe_is_refused_before_it_is_trained(digits, trainer, tmp_path):
    trainer(GENOTYPES[:1], 0, tmp_path)
    other = CurveTrainer(
        FEMTO, digits, open_table(tmp_path / "table"), load_recipe("boards", ["steps=9"])
    )
    with pytest.raises(EvonasError, match="recipe"):
        other(GENOTYPES[1:2], 0, tmp_path)
    assert not list(tmp_path.glob("*.json"))


def _every():
    return np.stack(np.meshgrid(*map(np.arange, FEMTO.gene_sizes)), -1).reshape(-1, FEMTO.n_genes)
