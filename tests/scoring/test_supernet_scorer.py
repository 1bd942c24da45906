import numpy as np
import pytest

from evonas.data import make_digits
from evonas.errors import ConfigurationError
from evonas.scoring.supernet import SupernetScorer
from evonas.space import load_space
from evonas.supernet import save_supernet
from evonas.supernet.train import new_supernet

SPACE = load_space("nano")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_digits(tmp_path_factory.mktemp("data") / "digits", train=20, val=12)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("supernet") / "nano.safetensors"
    card = {"space": "nano", "fingerprint": SPACE.fingerprint, "classes": list("0123456789")}
    save_supernet(path, new_supernet("nano", 10, seed=0).state_dict(), card)
    return path


def test_a_score_depends_on_nothing_scored_before_or_beside_it(weights, digits):
    scorer = SupernetScorer(weights, digits)
    genotypes = SPACE.sample(4, np.random.default_rng(0))
    together = scorer(genotypes)
    for i in reversed(range(4)):
        alone = SupernetScorer(weights, digits)(genotypes[i : i + 1])
        assert {name: values[i] for name, values in together.items()} == {
            name: values[0] for name, values in alone.items()
        }
    assert ((together["map"] >= 0) & (together["map"] <= together["map50"])).all()


def test_layers_are_shared_between_neighbours_to_the_same_bits(weights, digits):
    pico = load_space("pico")
    genotypes = np.unique(pico.sample(300, np.random.default_rng(0)), axis=0)[:6]
    together = SupernetScorer(weights, digits, pico)(genotypes[::-1])["map"][::-1]
    alone = [SupernetScorer(weights, digits, pico)(row[None])["map"][0] for row in genotypes]
    np.testing.assert_array_equal(together, alone)


def test_a_contained_space_is_scored_by_the_same_supernet(weights, digits):
    pico = load_space("pico")
    genotypes = pico.sample(2, np.random.default_rng(0))
    inside = SupernetScorer(weights, digits)(pico.translate(genotypes, SPACE))
    np.testing.assert_array_equal(
        SupernetScorer(weights, digits, pico)(genotypes)["map"], inside["map"]
    )


def test_other_classes_are_refused(tmp_path, digits):
    path = tmp_path / "cats.safetensors"
    card = {"space": "nano", "fingerprint": SPACE.fingerprint, "classes": list("abcdefghij")}
    save_supernet(path, new_supernet("nano", 10, seed=0).state_dict(), card)
    with pytest.raises(ConfigurationError, match="was trained on"):
        SupernetScorer(path, digits)
