"""Solve a benchmark problem with any pymoo algorithm, and judge it by the true front."""

from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.optimize import minimize

import evonas

problem = evonas.load_problem("pico/u55")
found = minimize(problem, NSGA2(50), ("n_eval", 1000), seed=1)

genotypes = found.X.round()  # pymoo varies fractions; a gene is the nearest whole number
values = problem.evaluate_genotypes(genotypes)  # true values, in each objective's own direction
print([f"{objective.name} in {objective.unit}" for objective in problem.objectives])
for row in values[:, 1].argsort()[:5]:  # the fastest five
    print(problem.space.arch_ids(genotypes)[row], values[row].round(4))
print(f"{problem.hypervolume(values):.1%} of the true front's hypervolume")
