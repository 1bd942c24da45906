"""A campaign of networks cut short: many neighbours of layers for little compiling."""

from collections import Counter
from pathlib import Path

import numpy as np

from evonas.errors import ConfigurationError
from evonas.latency.campaigns.campaign import Progress, run_campaign
from evonas.latency.devices import load_device
from evonas.latency.predictors.features import layer_kinds
from evonas.latency.predictors.neighbours import around
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.load import open_source
from evonas.latency.sources.prefixes import PrefixSource
from evonas.latency.store import ROLES, Measurements, own_prefixes_path, prefixes_path
from evonas.space import Genotypes, SearchSpace, load_space

# The first block in whose first layer a network may end: what stands before it has neighbours.
FIRST_CUT = 3
_CHUNK, _CANDIDATES = 100, 8


def prefix_genotypes(space: SearchSpace, count: int, seed: int = 0) -> dict[int, Genotypes]:
    """Returns the networks of a campaign, by the block that they end in; see `PrefixSource`.

    Three in four end as early as they may, three in four of the rest a block later, and so on:
    early maps are the large ones that may not stay on chip, and late layers take a compiler long.
    Blocks have two layers at most, and what stands last is as small as it may be. Of some random
    networks that is taken in which the first layer of a block stands before a layer that it has
    seldom stood before. A longer campaign begins with a shorter one.

    Args:
        space: The space.
        count: Number of networks.
        seed: Seed of the campaign.

    Returns:
        By block, the genotypes (n, n_genes) of the networks that end there.
    """
    blocks = np.arange(FIRST_CUT, len(space.blocks) + 1)
    shares = 0.25 ** np.arange(len(blocks))
    drawn, ends_at = [np.empty((0, space.n_genes), np.uint8)], [np.empty(0, np.intp)]
    seen: Counter[int] = Counter()
    for chunk in range(-(-count // _CHUNK)):
        rng = np.random.default_rng([seed, chunk, 1])  # not a campaign's whole networks
        genotypes = space.sample(_CHUNK * _CANDIDATES, rng)
        ends = np.repeat(rng.choice(blocks, _CHUNK, p=shares / shares.sum()), _CANDIDATES)
        genotypes = _shortened(space, genotypes, ends)
        chosen = _least_seen(_pairs(space, genotypes, ends), seen)
        drawn.append(genotypes[chosen])
        ends_at.append(ends[chosen])
    genotypes, end = np.concatenate(drawn)[:count], np.concatenate(ends_at)[:count]
    return {int(block): genotypes[end == block] for block in np.unique(end)}


def _pairs(space: SearchSpace, genotypes: Genotypes, ends: np.ndarray) -> list[list[int]]:
    """Returns what stands side by side: numbers of a block's first layer with the next one's op."""
    kinds = layer_kinds(space)
    ops = sorted({layer.op.name for layer in kinds.layers})
    residual = np.array([layer.residual for layer in kinds.layers] + [False])
    codes = np.array([ops.index(layer.op.name) for layer in kinds.layers] + [len(ops)])
    found = around(kinds.numbers(space, genotypes).astype(np.int16), len(kinds.layers))
    first = [i for i, slot in enumerate(space.layer_slots) if slot.layer == 1]
    following = 2 * codes[found[1][first]] + residual[found[2][first]]
    number = found[0][first].astype(np.int64) * (2 * len(codes)) + following
    block = np.array([space.layer_slots[i].block for i in first])
    return [number[block < end, i].tolist() for i, end in enumerate(ends)]


def _least_seen(pairs: list[list[int]], seen: "Counter[int]") -> list[int]:
    """Returns of every so many rows that with the rarest pairs, and counts their pairs."""
    chosen = []
    for start in range(0, len(pairs), _CANDIDATES):
        rows = range(start, start + _CANDIDATES)
        chosen.append(max(rows, key=lambda row: sum(0.5 ** seen[pair] for pair in pairs[row])))
        seen.update(pairs[chosen[-1]])
    return chosen


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
