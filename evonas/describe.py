"""What is known of one architecture: blocks, costs, latencies, published figures."""

import math
from dataclasses import asdict
from typing import Any

from evonas.latency import list_predictors, load_predictor, measure_network
from evonas.latency.memory_limit import SURE, load_chances
from evonas.latency.sources.measurement import by_block
from evonas.space import (
    Architecture,
    Design,
    Genotypes,
    SearchSpace,
    list_published,
    load_published,
    load_space,
    resolve,
)
from evonas.space.costs import madds, params
from evonas.space.layers import layer_rows
from evonas.space.memory import memory_needs
from evonas.space.published import PUBLISHED


def describe(design: Design | str, measure: bool = False) -> dict[str, Any]:
    """Returns what is known of a network.

    Args:
        design: The network, or its `arch_id` or name.
        measure: Measure its latencies here and now instead of predicting them.

    Raises:
        ConfigurationError: Unknown name or space.
        GenotypeError: Not an `arch_id` of its space.
    """
    design = resolve(design) if isinstance(design, str) else design
    architecture, space, genotype = design.architecture, design.space, design.genotype
    released = next((n for n in list_published() if load_published(n) == architecture), None)
    latency = {}
    if measure:
        latency = _measured(architecture, space or load_space("mobiledet"))
    elif space is not None and genotype is not None:
        latency = _latencies(space, genotype[None])
    return {
        "arch_id": design.arch_id,
        "space": space.name if space else None,
        "madds": madds(architecture),
        "params": params(architecture),
        "params_bn4": params(architecture, batch_norm_values=4),
        **memory_needs(architecture),
        "stem": architecture.stem,
        "blocks": _blocks(architecture),
        "latency_ms": {device: entry["ms"] for device, entry in latency.items()},
        "latency": latency,
        **({"published": published_figures(released)} if released else {}),
    }


def _blocks(architecture: Architecture) -> list[dict[str, Any]]:
    """Costs of a block are those of its layers alone: neither stem nor head."""
    rows = layer_rows(architecture)
    blocks = []
    for number, block in enumerate(architecture.blocks, start=1):
        layers = [row for row in rows if row.block == number]
        blocks.append(
            {
                "width": block.width,
                "size": layers[-1].size,
                "madds": sum(row.madds for row in layers),
                "params": sum(row.params for row in layers),
                "ops": [op.name for op in block.ops],
                "layers": [asdict(row) for row in layers],
            }
        )
    return blocks


def _latencies(space: SearchSpace, genotypes: Genotypes) -> dict[str, dict[str, Any]]:
    found = {}
    for device in list_predictors(space):
        predictor = load_predictor(device, space)
        blocks = predictor.by_block(genotypes)[0]
        total = float(blocks.sum())
        found[device] = {
            "ms": total,
            "source": "analytic" if predictor.source == "analytic" else "predicted",
            "share": (blocks / total).tolist(),
            **({"within_5": predictor.accuracy["within_5"]} if predictor.accuracy else {}),
        }
        chance = float(load_chances(device, space)(genotypes)[0])
        if chance < SURE:
            reason = f"its memory holds it by a chance of {chance:.0%}, --measure tells"
            found[device] |= {"ms": math.nan, "share": [], "reason": reason}
    return found


def _measured(architecture: Architecture, space: SearchSpace) -> dict[str, dict[str, Any]]:
    found = {}
    for device, (source, measurement) in measure_network(architecture, space).items():
        blocks = by_block(measurement, architecture) or []
        share = [block / sum(blocks) for block in blocks]
        found[device] = {
            "ms": measurement.latency_ms,
            "source": source,
            "share": share,
            **({"reason": measurement.reason} if measurement.reason else {}),
        }
    return found


def published_figures(name: str) -> dict[str, Any]:
    """Returns what was published of a released network, in single units and ms."""
    entry = PUBLISHED[name]
    return {
        "name": name,
        "madds": entry.madds * 1e9,
        "params_bn4": entry.params * 1e6,
        "latency_ms": entry.latency_ms,
        "device": entry.device,
        "coco14_map": entry.coco14_map,
        "coco17_map": entry.coco17_map,
    }
