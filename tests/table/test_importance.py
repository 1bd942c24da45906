import numpy as np
import pytest

from evonas.errors import ConfigurationError, DataError
from evonas.space import load_space
from evonas.table import column_importance, create_table, gene_importance

SPACE = load_space("nano")
GENES = list(SPACE.gene_names)


def planted(n: int = 1_500) -> tuple[np.ndarray, np.ndarray]:
    """Networks, and values of which two genes decide: the first has four times the variance."""
    rng = np.random.default_rng(0)
    genotypes = np.unique(SPACE.sample(n, rng), axis=0)
    first, second = (genotypes[:, GENES.index(name)] for name in ("b2.width", "b3.width"))
    values = 2.0 * (first - first.mean()) / first.std() + (second - second.mean()) / second.std()
    return genotypes, values + rng.normal(0, 0.01, len(values))


def test_the_genes_that_decide_have_the_variance_that_they_cause():
    genotypes, values = planted()
    found = gene_importance(SPACE, genotypes, values, "planted")
    shares = {gene.gene: gene.share for gene in found.genes}
    assert shares["b2.width"] == pytest.approx(0.8, abs=0.1)
    assert shares["b3.width"] == pytest.approx(0.2, abs=0.05)
    assert max(share for name, share in shares.items() if name[3:] != "width") < 0.01
    assert found.r2 > 0.98
    for gene in found.genes:
        assert gene.low <= gene.share <= gene.high


def test_noise_has_no_importance_and_no_r2():
    genotypes, values = planted(600)
    noise = np.random.default_rng(1).normal(size=len(values))
    found = gene_importance(SPACE, genotypes, noise, "noise")
    assert found.r2 < 0.05
    assert max(gene.share for gene in found.genes) < 0.3


def test_the_same_seed_gives_the_same_importance():
    genotypes, values = planted(300)
    one, two = (gene_importance(SPACE, genotypes, values, "planted", seed=3) for _ in range(2))
    assert one == two


def test_too_few_rows_equal_rows_and_unknown_columns_are_refused(tmp_path):
    genotypes, values = planted(200)
    few = np.where(np.arange(len(values)) < 30, values, np.nan)
    with pytest.raises(DataError, match="30 rows have a value; at least 60"):
        gene_importance(SPACE, genotypes, few, "few")
    with pytest.raises(DataError, match="same value"):
        gene_importance(SPACE, genotypes, np.ones(len(values)), "ones")
    table = create_table(tmp_path / "table")
    scores = {"map": np.linspace(0.1, 0.5, len(values))}
    table.append(SPACE, genotypes, scores, provenance={"source": "supernet"})
    with pytest.raises(ConfigurationError, match="unknown column"):
        column_importance(table, "nonsense")
    with pytest.raises(DataError, match="map: "):
        column_importance(table, "map", where="map < 0.12")
