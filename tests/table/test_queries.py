import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError, GenotypeError
from evonas.objectives import hypervolume, load_objective
from evonas.space import load_space
from evonas.space.memory import MEMORY
from evonas.table import (
    BenchmarkTable,
    choice_statistics,
    create_table,
    neighbours,
    open_table,
    verify_table,
    write_table,
)
from evonas.table.columns import check_name

SPACE = load_space("pico")
SUPERNET = {"source": "supernet"}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> BenchmarkTable:
    """500 rows; every seventh has no `map`."""
    table = create_table(tmp_path_factory.mktemp("queries") / "table")
    rng = np.random.default_rng(0)
    rows = np.unique(SPACE.sample(2000, rng), axis=0)[:500]
    scores = rng.uniform(0, 1, 500)
    scores[::7] = np.nan
    table.append(SPACE, rows, {"map": scores}, provenance=SUPERNET)
    table.append(SPACE, rows, SPACE.costs(rows), provenance={"source": "analytic"})
    return table


@pytest.fixture(scope="module")
def single(table) -> BenchmarkTable:
    write_table(table.path.with_suffix(".h5"), table)
    return open_table(table.path.with_suffix(".h5"))


def test_arch_ids_find_what_genotypes_find(table, single):
    ids = [*SPACE.arch_ids(table.genotypes()[::3])]
    for opened in (table, single):
        by_id = opened.lookup(ids, ["map", "madds"])
        by_genotype = opened.lookup(opened.genotypes()[::3], ["map", "madds"])
        for name in by_id:
            np.testing.assert_array_equal(by_id[name], by_genotype[name])
    with pytest.raises(GenotypeError, match="'nano:0' does not belong to the space 'pico'"):
        table.lookup([ids[0], "nano:0"], ["map"])
    with pytest.raises(GenotypeError, match="after 'pico' and a colon"):
        table.lookup([ids[0][:-1]], ["map"])
    with pytest.raises(GenotypeError, match=r"gene 'b1\.l1\.op' is 9"):
        table.lookup(["pico:9000000"], ["map"])


def test_an_arch_id_in_another_spelling_finds_the_same_row(tmp_path):
    space, table = load_space("nano"), create_table(tmp_path / "table")
    gene = space.gene_names.index
    spelled = np.zeros((1, space.n_genes), np.uint8)
    spelled[0, gene("b2.l3.op")] = 1  # a skipped layer before one that is not
    table.append(space, space.canonical(spelled), {"map": [0.4]}, provenance=SUPERNET)
    other = "nano:" + "".join(map(str, spelled[0]))
    assert space.arch_ids(spelled) != [other]
    assert table.lookup([other], ["map"])["map"] == [0.4]


def test_genotypes_of_another_length_are_refused(table):
    with pytest.raises(GenotypeError, match=r"genotypes of shape \(2, 15\): the table's are"):
        table.lookup(np.zeros((2, 15), np.uint8), ["map"])
    assert table.lookup([], ["map"])["map"].shape == (0,)


def test_no_rows_are_no_part(tmp_path):
    table = create_table(tmp_path / "table")
    none = np.zeros((0, SPACE.n_genes), np.uint8)
    table.append(SPACE, none, {"map": []}, provenance=SUPERNET)
    assert (len(table), list(table.path.iterdir())) == (0, [])


def test_what_is_read_cannot_be_changed(table, single):
    for opened in (table, single):
        for values in (opened.column("map"), opened.genotypes()):
            with pytest.raises(ValueError, match="read-only"):
                values[0] = 1


def test_top_is_best_first_and_skips_missing_values(table):
    scores = table.column("map")
    expected = np.argsort(-scores, kind="stable")[: (~np.isnan(scores)).sum()]
    assert table.top("map").tolist() == expected.tolist()
    assert table.top("map", 5).tolist() == expected[:5].tolist()
    assert table.top("map", 10_000).tolist() == expected.tolist()
    assert table.top("map", 3, worst=True).tolist() == expected[::-1][:3].tolist()
    costs = table.column("madds")
    assert (np.diff(costs[table.top("madds", 50)]) >= 0).all()
    chosen = table.top("map", 5, where="madds < 1e7")
    assert (costs[chosen] < 1e7).all()


def test_sample_draws_distinct_rows_of_a_condition(table):
    rows = table.sample(20, np.random.default_rng(0), "map > 0.5")
    assert len(set(rows.tolist())) == 20
    assert (table.column("map")[rows] > 0.5).all()
    assert rows.tolist() == table.sample(20, np.random.default_rng(0), "map > 0.5").tolist()
    assert len(table.sample(10_000, np.random.default_rng(0))) == 500


def test_batches_are_the_table(table, single):
    for opened in (table, single):
        parts = list(opened.batches(["map", "params"], 64))
        assert max(len(genotypes) for genotypes, _ in parts) == 64
        together = np.concatenate([genotypes for genotypes, _ in parts])
        np.testing.assert_array_equal(together, opened.genotypes())
        scores = np.concatenate([columns["map"] for _, columns in parts])
        np.testing.assert_array_equal(scores, opened.column("map"))
    with pytest.raises(ConfigurationError, match="unknown column 'speed'"):
        table.batches(["speed"])
    with pytest.raises(ConfigurationError, match="size is 0; a whole number of at least 1"):
        table.batches(["map"], 0)


def test_hypervolume_is_that_of_the_rows(table):
    chosen = [load_objective("map"), load_objective("madds")]
    values = np.stack([table.column("map"), table.column("madds")], axis=1)
    expected = hypervolume(values, chosen, np.array([0.0, 1e8]))
    assert table.hypervolume(["map", "madds"], [0.0, 1e8]) == pytest.approx(expected)
    with pytest.raises(ConfigurationError, match="2 finite values are expected"):
        table.hypervolume(["map", "madds"], [0.0])


def test_neighbours_differ_in_few_genes(table):
    genotypes = table.genotypes()
    [arch_id] = SPACE.arch_ids(genotypes[:1])
    rows, differing = neighbours(table, arch_id, 2)
    truth = (genotypes != genotypes[0]).sum(axis=1)
    assert set(rows.tolist()) == set(np.flatnonzero((truth > 0) & (truth <= 2)).tolist())
    assert (truth[rows] == differing).all()
    assert (np.diff(differing) >= 0).all()
    assert neighbours(table, genotypes[0], 2)[0].tolist() == rows.tolist()
    with pytest.raises(ConfigurationError, match="distance is 0; a whole number of at least 1"):
        neighbours(table, arch_id, 0)


def test_statistics_of_each_choice(table):
    found = choice_statistics(table, "map", "madds < 2e7")
    assert len(found) == SPACE.gene_sizes.sum()
    rows = table.where("madds < 2e7 and map >= 0")
    for gene, name in enumerate(SPACE.gene_names):
        entries = [entry for entry in found if entry.gene == name]
        assert sum(entry.n for entry in entries) == len(rows)
        for value, entry in enumerate(entries):
            here = table.column("map")[rows[table.genotypes()[rows, gene] == value]]
            assert entry.n == len(here)
            if len(here):
                assert entry.mean == pytest.approx(here.mean())
                assert entry.low == here.min()
    assert {"skip"} <= {entry.choice for entry in found}


# --- columns of seeds, data sets, curves and one's own -------------------------------------------


def test_seeds_labels_and_curves_stand_in_one_table(tmp_path):
    table, rows = create_table(tmp_path / "table"), SPACE.sample(1, np.random.default_rng(0))
    for name, source in (
        ("trained_map", {"source": "trained", "seed": "0"}),
        ("trained_map:1", {"source": "trained", "seed": "1"}),
        ("map@street", {"source": "supernet", "data": "street"}),
        ("trained_map#200", {"source": "trained"}),
        ("trained_map#50", {"source": "trained"}),
        ("energy", {"source": "measured", "unit": "mJ", "direction": "min"}),
    ):
        table.append(SPACE, rows, {name: [0.25]}, provenance=source)
    opened = open_table(table.path)
    card = {column["name"]: column for column in opened.info()["columns"]}
    for name in ("trained_map", "trained_map:1", "map@street", "trained_map#50"):
        assert (card[name]["unit"], card[name]["direction"]) == ("AP", "max")
    assert (card["energy"]["unit"], card["energy"]["direction"]) == ("mJ", "min")
    steps, values = opened.curve("trained_map", rows)
    assert steps == [50, 200]
    assert values.tolist() == [[0.25, 0.25]]
    assert opened.front(["map@street", "energy"], "map@street > 0 and trained_map#50 > 0") == [0]


def test_a_column_without_direction_is_no_objective(tmp_path):
    table, rows = create_table(tmp_path / "table"), SPACE.sample(1, np.random.default_rng(0))
    table.append(SPACE, rows, {"colour": [1.0]}, provenance={"source": "mine"})
    with pytest.raises(ConfigurationError, match="'colour' is not an objective"):
        table.front(["colour"])
    with pytest.raises(ConfigurationError, match="unknown column 'speed'"):
        table.front(["speed"])


@pytest.mark.parametrize("name", ["", "a/b", "a b", "1a", "and", "arch_id", "map@", "map#x", ".."])
def test_bad_names_are_refused(name, tmp_path):
    with pytest.raises(DataError, match="column name"):
        check_name(name)
    table, rows = create_table(tmp_path / "table"), SPACE.sample(1, np.random.default_rng(0))
    with pytest.raises(DataError, match="column name"):
        table.append(SPACE, rows, {name: [0.5]}, provenance=SUPERNET)
    assert list(table.path.iterdir()) == []


def test_needs_of_memory_are_computed_where_a_table_does_not_hold_them(table, single, tmp_path):
    genotypes = table.genotypes()
    expected = {name: of(SPACE, genotypes) for name, of in MEMORY.items()}
    bound = float(np.median(expected["flash"]))
    for opened in (table, single):
        assert not {*MEMORY} & {*opened.columns()}
        for name, values in expected.items():
            np.testing.assert_array_equal(opened.column(name), values)
            assert opened.objective(name).unit == "bytes"
            assert opened.provenance(name) == {"source": "analytic"}
        found = opened.where(f"flash <= {bound}")
        np.testing.assert_array_equal(found, np.flatnonzero(expected["flash"] <= bound))
        front = opened.front(["map", "peak_memory"], "map > 0")
        assert len(front)
        looked = opened.lookup(genotypes[front], ["flash"])["flash"]
        np.testing.assert_array_equal(looked, expected["flash"][front])
        missing = SPACE.sample(40, np.random.default_rng(77))
        unknown = opened.find(missing) < 0
        assert (np.isnan(opened.lookup(missing, ["flash"])["flash"]) == unknown).all()
        assert np.isnan(opened.known(genotypes[:2], ["flash"])["flash"]).all()
    stored = create_table(tmp_path / "stored")
    stored.append(SPACE, genotypes[:3], {"flash": [1.0, 2.0, 3.0]}, provenance=SUPERNET)
    assert stored.column("flash").tolist() == [1.0, 2.0, 3.0]
    assert [p for p in verify_table(stored) if "3 values of 'flash' are wrong" in p]


def test_a_space_and_a_seed_are_told() -> None:
    table = open_table("pico-v3")
    with pytest.raises(ConfigurationError, match=r"unknown space in .*pico-v3\.h5 5; known: pico"):
        table.where("map > 0", space=5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="rng is -1; a whole number of at least 0"):
        table.sample(3, -1)


def test_an_objective_stands_once() -> None:
    table = open_table("pico-v3")
    for ask in (table.front, lambda names: table.hypervolume(names, [0, 0])):
        with pytest.raises(ConfigurationError, match=r"\['map', 'map'\]: each may stand once"):
            ask(["map", "map"])


def test_a_neighbour_is_of_a_genotype() -> None:
    table = open_table("pico-v3")
    with pytest.raises(GenotypeError, match=r"pico takes \(n, 7\)"):
        neighbours(table, None)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="distance is None"):
        neighbours(table, "pico:0000000", None)  # type: ignore[arg-type]
