"""TuNAS (Bender et al., CVPR 2020): REINFORCE with an absolute reward, one run per target.

The paper's own search, with scores in place of a supernet's running accuracy. The budget is
divided among runs for several targets, which are stepped together.
"""

import numpy as np
from numpy.typing import NDArray

from evonas.arrays import Floats
from evonas.search.algorithms.batches import BatchAlgorithm
from evonas.search.problem import SearchProblem
from evonas.space import Genotypes

# Constants of the public code (mobiledets.md, section 6), but for the learning rate: a run here
# has tens of steps, not tens of thousands.
_BETA, _MOMENTUM, _ADAM = -0.10, 0.95, 0.999
_LEARNING_RATE = 0.3
# Targets: these quantiles of the first, random population's costs.
_TARGETS = (0.05, 0.2, 0.4, 0.6, 0.8)
_PENALTY = 1.0


class Tunas(BatchAlgorithm):
    """One logit a choice; the reward is quality + beta * |cost / target - 1|, the mean over costs.

    The first maximised objective is the quality (scaled by the first population's best unless it
    is AP); the others are costs, or where none is maximised the first one counts negatively.
    """

    def __init__(self, problem: SearchProblem, population: int) -> None:
        super().__init__(problem, population)
        self.runs = min(len(_TARGETS), population)
        shape = (self.runs, self.space.n_genes, int(self.space.gene_sizes.max()))
        self.logits = np.zeros(shape)
        beyond = np.arange(shape[2]) >= self.space.gene_sizes[:, None]
        self.logits[:, beyond] = -np.inf
        self._second = np.zeros(shape)
        self._steps = 0
        self._baseline = np.full(self.runs, np.nan)
        maximised = np.flatnonzero(problem.signs < 0)
        self._quality = int(maximised[0]) if len(maximised) else 0
        self._drawn: NDArray[np.uint8] | None = None

    def propose(self) -> Genotypes:
        """See `BatchAlgorithm`; what was drawn before is drawn and evaluated again."""
        self._owner = np.arange(self.population) % self.runs
        cumulative = self._chances().cumsum(axis=2)[self._owner]
        drawn = self.random_state.random((*cumulative.shape[:2], 1)) >= cumulative
        choices = np.minimum(drawn.sum(axis=2), self.space.gene_sizes - 1)
        self._drawn = choices.astype(np.uint8)
        return self.space.canonical(self._drawn)

    def on_evaluated(self, count: int) -> None:
        """Steps every run's logits by the gradient of its own draws' rewards."""
        if self._drawn is None:
            self._set_targets()
            return
        reward = self._reward(self.values[-count:], self.violation[-count:])
        chosen = np.eye(self.logits.shape[2])[self._drawn]
        chances = self._chances()
        gradient = np.zeros_like(self.logits)
        for run in range(self.runs):
            own = self._owner == run
            mean = reward[own].mean()
            if np.isnan(self._baseline[run]):
                self._baseline[run] = mean
            advantage = reward[own] - self._baseline[run]
            self._baseline[run] += (1 - _MOMENTUM) * (mean - self._baseline[run])
            weighted = advantage[:, None, None] * (chosen[own] - chances[run])
            gradient[run] = weighted.mean(axis=0)
        self._step(gradient)

    def _step(self, gradient: Floats) -> None:
        """Adam with beta1 0, upwards."""
        self._steps += 1
        self._second = _ADAM * self._second + (1 - _ADAM) * gradient**2
        second = self._second / (1 - _ADAM**self._steps)
        self.logits = self.logits + _LEARNING_RATE * gradient / (np.sqrt(second) + 1e-8)

    def _chances(self) -> Floats:
        powers = np.exp(self.logits - self.logits.max(axis=2, keepdims=True))
        chances: Floats = powers / powers.sum(axis=2, keepdims=True)
        return chances

    def _set_targets(self) -> None:
        costs = self._costs(self.values)
        middle = [(i + 0.5) / self.runs for i in range(self.runs)]
        levels = _TARGETS if self.runs == len(_TARGETS) else middle
        self._targets = np.quantile(costs, levels, axis=0)
        best = abs(self.values[:, self._quality].min())
        is_ap = self.searched.evaluation.spec.objectives[self._quality].unit == "AP"
        self._scale = 1.0 if is_ap else 1 / max(best, 1e-12)

    def _costs(self, values: Floats) -> Floats:
        return np.abs(np.delete(values, self._quality, axis=1))

    def _reward(self, values: Floats, violation: Floats) -> Floats:
        off = np.abs(self._costs(values) / self._targets[self._owner] - 1).mean(axis=1)
        quality = -values[:, self._quality] * self._scale
        reward: Floats = quality + _BETA * off - _PENALTY * violation
        return reward
