"""The hash index finds one genotype and many alike, and nothing that is not there."""

import numpy as np
import pytest

from evonas.space import load_space
from evonas.table.index import GenotypeIndex


@pytest.mark.parametrize("name", ["nano", "mobiledet"])
def test_one_at_a_time_finds_what_a_batch_finds(name: str) -> None:
    genotypes = np.unique(load_space(name).sample(3000, np.random.default_rng(0)), axis=0)
    genotypes = np.random.default_rng(1).permutation(genotypes)
    index = GenotypeIndex(genotypes[:2000])
    together = index.find(genotypes)
    alone = [index.find(genotypes[i : i + 1]).item() for i in range(len(genotypes))]
    assert together.tolist() == alone
    assert together[:2000].tolist() == list(range(2000))
    assert set(together[2000:].tolist()) == {-1}
