r"""Holds the spaces against torch and against themselves, and times the costs.

    python -m scripts.report.space                       # the published networks, the timing
    python -m scripts.report.space --networks 200 --genotypes 10000      # and every space

For each space, random networks are built in torch, whose own counts of parameters (going through
the modules) and multiply-adds (its flop counter) must be the numpy ones to the last digit; random
genotypes must survive decoding, encoding, the canonical form and the `arch_id`.
"""

import resource
import time

import numpy as np
import torch
import typer

from evonas.detector import Detector
from evonas.detector.counting import count_costs
from evonas.detector.torchvision_ssdlite import TorchvisionSSDLite
from evonas.space import SearchSpace, list_published, list_spaces, load_published, load_space
from evonas.space.baselines import FOREIGN
from evonas.space.costs import madds, params
from evonas.space.published import PUBLISHED


def published() -> None:
    """Prints the published networks' figures beside their counts."""
    print(f"{'network':18} {'MAdds':>7} {'publ.':>6} {'params BN4':>11} {'publ.':>6} {'BN2':>6}")
    for name in list_published():
        architecture, entry = load_published(name), PUBLISHED[name]
        space = load_space(entry.space)
        assert space.decode(space.encode(architecture)) == architecture
        print(
            f"{name:18} {madds(architecture) / 1e9:7.3f} {entry.madds:6.2f} "
            f"{params(architecture, 4) / 1e6:11.3f} {entry.params:6.2f} "
            f"{params(architecture) / 1e6:6.3f}"
        )


def foreign() -> None:
    """Prints what torch counts in torchvision's network, which must be what we say of it."""
    [(name, noted)] = FOREIGN.items()
    with torch.device("meta"):
        counted = count_costs(TorchvisionSSDLite(), image_size=320)
    print(f"{name}: {counted}")
    assert counted == {key: getattr(noted, key) for key in counted}


def differing(space: SearchSpace, count: int) -> int:
    """Returns how many of `count` random networks torch and numpy count differently."""
    genotypes = space.sample(count, np.random.default_rng(1))
    costs = space.costs(genotypes)
    wrong = 0
    for genotype, *expected in zip(genotypes, costs["madds"], costs["params"], strict=True):
        network = Detector(space.decode(genotype))
        found = count_costs(network, space.skeleton.image_size)
        wrong += [found["madds"], found["params"]] != expected
    return wrong


def lost(space: SearchSpace, count: int) -> int:
    """Returns how many of `count` random genotypes do not survive the round trip."""
    rng = np.random.default_rng(2)
    raw = rng.integers(0, space.gene_sizes, (count, space.n_genes)).astype(np.uint8)
    canonical = space.canonical(raw)
    again = space.genotypes(space.arch_ids(canonical))
    encoded = np.stack([space.encode(space.decode(genotype)) for genotype in raw])
    same = (again == canonical) & (encoded == canonical) & (space.canonical(again) == canonical)
    return int((~same.all(axis=1)).sum())


def timing(space: SearchSpace, count: int) -> None:
    """Prints how long the costs of `count` genotypes take."""
    genotypes = space.sample(count, np.random.default_rng(3))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    space.costs(genotypes[:1])
    began = time.perf_counter()
    space.costs(genotypes)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"costs of {count:,} genotypes of {space.name}: {seconds:.2f} s, peak memory of the "
        f"process {peak / 1e6:.2f} GB ({(peak - before) / 1e6:.2f} GB more than before)"
    )


def main(networks: int = 0, genotypes: int = 0, costs: int = 1_000_000) -> None:
    """Prints what was found; exits with 1 where anything differs."""
    published()
    foreign()
    timing(load_space("mobiledet"), costs)
    bad, seen = 0, set()
    for name in list_spaces() if networks or genotypes else []:
        space = load_space(name)
        if space.fingerprint in seen:
            continue
        seen.add(space.fingerprint)
        wrong, missing = differing(space, networks), lost(space, genotypes)
        bad += wrong + missing
        print(
            f"{name:24} {wrong} of {networks} networks differ, {missing} of {genotypes} "
            "genotypes lost",
            flush=True,
        )
    raise typer.Exit(1 if bad else 0)


if __name__ == "__main__":
    typer.run(main)
