"""Which architecture of the space a training step runs."""

import numpy as np

from evonas.space import Architecture, SearchSpace


class UniformSampling:
    """One random architecture a step, as `SearchSpace.sample` draws them."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self.space = space
        self.seed = seed

    def __call__(self, step: int) -> Architecture:
        """Returns the step's architecture; it depends on the seed and the step alone."""
        rng = np.random.default_rng((self.seed, step))
        return self.space.decode(self.space.sample(1, rng)[0])
