import numpy as np
import pytest
from scipy.stats import multivariate_normal, sem

from evonas.search.algorithms import gaussian
from evonas.search.algorithms.features import one_hot
from evonas.search.algorithms.gaussian import ArchitectureModel
from evonas.space import load_space

PICO = load_space("pico")


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(0)
    genotypes = np.unique(PICO.canonical(PICO.sample(120, rng)), axis=0)
    ones = one_hot(PICO, genotypes)
    return genotypes, ones @ rng.normal(size=ones.shape[1])


def test_the_shape_is_the_simplest_within_a_standard_error_of_the_least_leave_one_out_error():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(12, 3))
    squared = ((x[:, None] - x) ** 2).sum(axis=2)
    equal = (np.sign(x)[:, None] == np.sign(x)).mean(axis=2)

    def errors(y, shape):
        kernel = gaussian._kernel(squared, equal, np.array(shape))
        for i in range(12):
            rest = np.delete(np.arange(12), i)
            inner = kernel[np.ix_(rest, rest)] + shape[-1] * np.eye(11)
            yield (y[i] - kernel[i, rest] @ np.linalg.solve(inner, y[rest])) ** 2

    def simplest(y):
        tried = {}
        for kernel in gaussian._KERNELS:
            shapes = {(*kernel, n): list(errors(y, (*kernel, n))) for n in gaussian._NOISES}
            best = min(shapes, key=lambda shape: sum(shapes[shape]))
            tried[best] = shapes[best]
        least = min(tried.values(), key=sum)
        allowed = np.mean(least) + sem(least, ddof=0)
        return next(shape for shape, found in tried.items() if np.mean(found) <= allowed)

    smooth, noise = np.sin(2 * x).sum(axis=1), rng.normal(size=12)
    for y in (smooth, noise, smooth + noise / 3):
        y = (y - y.mean()) / y.std()
        chosen = gaussian._best_shape(squared, equal, y, gaussian.leave_one_out_errors)
        assert chosen == simplest(y)
    assert gaussian._best_shape(squared, equal, noise, gaussian.leave_one_out_errors)[2] == 0.0


def test_unlikelihood_is_that_of_a_normal_distribution_but_for_constants():
    rng = np.random.default_rng(3)
    root, y = rng.normal(size=(6, 6)), rng.normal(size=6)
    kernel = root @ root.T
    values, vectors = np.linalg.eigh(kernel)

    def exact(noise):
        covariance = kernel + noise * np.eye(6)
        covariance *= y @ np.linalg.solve(covariance, y) / 6  # the likeliest variance
        return -2 * multivariate_normal(np.zeros(6), covariance).logpdf(y)

    found = [gaussian.unlikelihood(values, vectors, noise, y)[0] for noise in (0.1, 1.0)]
    assert found[1] - found[0] == pytest.approx(exact(1.0) - exact(0.1))


def test_a_sum_over_genes_is_learnt_from_few(known):
    genotypes, values = known
    model = ArchitectureModel(PICO, genotypes[:60], values[:60, None])
    missed = model.predict(genotypes[60:])[:, 0] - values[60:]
    assert np.abs(missed).max() < 0.05 * values.std()


def test_only_noisy_columns_are_hoped_to_be_better(known):
    genotypes, values = known
    noisy = values + np.random.default_rng(2).normal(scale=values.std(), size=len(values))
    model = ArchitectureModel(PICO, genotypes, np.column_stack([values, noisy]))
    gain = model.predict(genotypes) - model.hoped(genotypes)
    assert (gain[:, 0] == 0).all()
    np.testing.assert_allclose(gain[:, 1], model.deviations(genotypes)[:, 1])
    assert (gain[:, 1] > 0).all()
