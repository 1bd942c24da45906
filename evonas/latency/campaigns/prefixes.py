"""A campaign of networks cut short: many neighbours of layers for little compiling."""

from pathlib import Path

import numpy as np

from evonas.errors import ConfigurationError
from evonas.latency.campaigns.campaign import Progress, run_campaign
from evonas.latency.devices import load_device
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.load import open_source
from evonas.latency.sources.prefixes import PrefixSource
from evonas.latency.store import ROLES, Measurements, own_prefixes_path, prefixes_path
from evonas.space import Genotypes, SearchSpace, load_space

# The first block in whose first layer a network may end: what stands before it has neighbours.
FIRST_CUT = 3
_CHUNK = 100
_LATER = 0.25  # of the networks end a block later than they might, of these as many a further one
_MOST_IN_TURN = 10**6


def prefix_genotypes(space: SearchSpace, count: int, seed: int = 0) -> dict[int, Genotypes]:
    """Returns the networks of a campaign, by the block that they end in; see `PrefixSource`.

    In the first two blocks, where maps are largest and compilers jump, the first layers come in
    turn: each pair once, with and without more layers in the second block, in a random order,
    before any comes again. What stands behind them is random. Most networks end as early as they
    may, as late layers take a compiler long. Blocks have two layers at most, and what stands last
    is as small as it may be. A longer campaign begins with a shorter one.

    Args:
        space: The space.
        count: Number of networks.
        seed: Seed of the campaign.

    Returns:
        By block, the genotypes (n, n_genes) of the networks that end there.
    """
    drawn, ends_at = [np.empty((0, space.n_genes), np.uint8)], [np.empty(0, np.intp)]
    order = _pairs_in_turn(space, count, seed)
    for chunk in range(-(-count // _CHUNK)):
        rng = np.random.default_rng([seed, chunk, 1])  # not a campaign's whole networks
        pairs = order[chunk * _CHUNK :][:_CHUNK]
        genotypes = space.sample(_CHUNK, rng)[: len(pairs)]
        goes_on = _set_pairs(space, genotypes, pairs)
        later = rng.geometric(1 - _LATER, _CHUNK)[: len(pairs)] - 1
        ends = np.minimum(FIRST_CUT + ~goes_on + later, len(space.blocks))
        drawn.append(_shortened(space, genotypes, ends))
        ends_at.append(ends)
    genotypes, end = np.concatenate(drawn), np.concatenate(ends_at)
    return {int(block): genotypes[end == block] for block in np.unique(end)}


def _pair_genes(space: SearchSpace) -> list[int]:
    """Returns the genes that the first block and the second one's first layer follow from."""
    slots = enumerate(space.genes)
    return [gene for gene, slot in slots if (slot.block, slot.layer) <= (2, 1)]


def _pairs_in_turn(space: SearchSpace, count: int, seed: int) -> np.ndarray:
    """Returns (count,) numbers of pairs: none again before all have come."""
    total = 2 * int(np.prod(space.gene_sizes[_pair_genes(space)], dtype=float))
    if total > _MOST_IN_TURN:
        return np.random.default_rng([seed, 2]).integers(0, total, count)
    rounds = range(-(-count // total))
    turns = [np.random.default_rng([seed, turn, 2]).permutation(total) for turn in rounds]
    return np.concatenate([np.empty(0, np.int64), *turns])[:count]


def _set_pairs(space: SearchSpace, genotypes: Genotypes, pairs: np.ndarray) -> np.ndarray:
    """Writes pairs (n,) into genotypes (n, n_genes); returns whether their second block goes on."""
    genes = _pair_genes(space)
    values = np.unravel_index(pairs // 2, space.gene_sizes[genes])
    genotypes[:, genes] = np.column_stack(values)
    goes_on: np.ndarray = pairs % 2 == 1
    for gene, slot in enumerate(space.genes):
        if slot.block == 2 and slot.layer > 1:
            least = goes_on if slot.layer == 2 else 0
            genotypes[:, gene] = np.where(goes_on, np.maximum(genotypes[:, gene], least), 0)
    return goes_on


def _shortened(space: SearchSpace, genotypes: Genotypes, ends: np.ndarray) -> Genotypes:
    """Returns genotypes without third layers, and without what no layer before the cut depends on.

    The block before the cut has two layers: what stands before a residual sum does not depend on
    what comes behind it.
    """
    block = np.array([slot.block for slot in space.genes])
    layer = np.array([slot.layer for slot in space.genes])
    short = np.where(layer > 2, 0, genotypes)
    short = np.where((block == ends[:, None] - 1) & (layer == 2), 1, short)
    return space.canonical(np.where(block >= ends[:, None], 0, short))


def measure_prefixes(
    device: str,
    space: str,
    count: int,
    seed: int = 0,
    data_dir: Path | str | None = None,
    progress: Progress = lambda done, total: None,
    workers: int = 1,
) -> Measurements:
    """Compiles networks cut short until the user's own file of the device holds `count` of them.

    Args:
        device: A device with a compiler.
        space: Name of the space.
        count: Networks of the campaign.
        seed: Seed of the campaign.
        data_dir: Folder of data; by default the user's own.
        progress: Called with networks done and asked for.
        workers: Processes that ask the compiler.

    Returns:
        Measurements whose networks have no time, only parts; NaN for those behind the cut.

    Raises:
        ConfigurationError: The device has no compiler, or the space too few blocks.
    """
    target, networks = load_device(device, data_dir), load_space(space)
    source = open_source(target, networks)
    if not isinstance(source, EthosSource):
        raise ConfigurationError(
            f"device {device!r} is {target.source}: only a compiler can be asked about a part"
        )
    if len(networks.blocks) < FIRST_CUT:
        raise ConfigurationError(
            f"space {space!r} has {len(networks.blocks)} blocks: networks are cut in block "
            f"{FIRST_CUT} at the earliest"
        )
    path = own_prefixes_path(device, networks, data_dir)
    begun = path if path.exists() else prefixes_path(device, networks, data_dir)
    known, done = None, 0
    for block, genotypes in prefix_genotypes(networks, count, seed).items():
        roles = np.full(len(genotypes), ROLES.index("prefix"))
        before = done

        def advance(here: int, _: int, before: int = before) -> None:
            progress(before + here, count)

        known = run_campaign(
            target,
            PrefixSource(source, block),
            networks,
            genotypes,
            roles,
            path,
            advance,
            workers,
            begun=begun,
        )
        begun, done = path, done + len(genotypes)
    assert known is not None
    return known
