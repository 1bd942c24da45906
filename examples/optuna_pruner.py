"""Optuna's pruner on trained networks: four workers under a simulated clock."""

import numpy as np
import optuna

import evonas

problem = evonas.load_problem("nano-trained/u55")
shares, rng = problem.fidelities, np.random.default_rng(0)
optuna.logging.set_verbosity(optuna.logging.WARNING)
sampler = optuna.samplers.TPESampler(seed=0)
study = optuna.create_study(sampler=sampler, pruner=optuna.pruners.SuccessiveHalvingPruner())
clock, running, begun = problem.simulate(workers=4), {}, set()

while clock.time < 600:
    while clock.free:  # every free worker begins a network that was not begun
        trial = study.ask()
        genotype = problem.networks[trial.suggest_int("network", 0, len(problem.networks) - 1)]
        if genotype.tobytes() not in begun:
            begun.add(genotype.tobytes())
            running[genotype.tobytes()] = trial, rng.dirichlet(np.ones(problem.n_obj))
            clock.submit(genotype, shares[0])
    result = clock.next()
    trial, weights = running[result.genotype.tobytes()]
    stage = int(np.flatnonzero(shares == result.fidelity)[0])
    # A pruner compares single values: a weighted sum, its weights drawn for each trial.
    trial.report(float(weights @ problem.normalise(result.values)), stage + 1)
    if result.fidelity < 1 and not trial.should_prune():
        clock.submit(result.genotype, shares[stage + 1])

ended = sum(result.fidelity == 1 for result in clock.results)
print(f"{len(begun)} networks begun, {ended} trained to the end in {clock.time:.0f} seconds:")
print(f"{clock.curve()[1][-1]:.3f} of the true front's hypervolume")
