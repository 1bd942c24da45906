"""Where the published code keeps each unit's variables: its scopes, by order of appearance."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from evonas.detector.network import layer_convs, level_convs
from evonas.space import Architecture, Conv

# The published networks' scopes beneath `FeatureExtractor/`.
NETWORK_SCOPES = {
    "mobiledet-cpu": "MobileDetCPU",
    "mobiledet-dsp": "MobileDetDSP",
    "mobiledet-edgetpu": "MobileDetEdgeTPU",
    "mobiledet-gpu": "MobileDetGPU",
}

_LAYERS = {
    "ibn0": ("IBNNoExpansion", ("SeparableConv2d", "Conv")),
    "ibn": ("IBN", ("Conv", "SeparableConv2d", "Conv_1")),
    "fused": ("FusedConv", ("Conv", "Conv_1")),
    "tucker": ("TuckerConv", ("Conv", "Conv_1", "Conv_2")),
}
_PREDICTORS = {"boxes": "BoxEncodingPredictor", "classes": "ClassPredictor"}


@dataclass(frozen=True, slots=True)
class Scope:
    """One unit of ours and its scopes.

    Attributes:
        unit: The unit's name.
        conv: Its convolution.
        name: The convolution's scope.
        gate: The scope of its squeeze-and-excite, if it has one.
    """

    unit: str
    conv: Conv
    name: str
    gate: str = ""


def unit_scopes(name: str, architecture: Architecture) -> Iterator[Scope]:
    """Yields the scopes of all units of a published network.

    Args:
        name: The network's.
        architecture: Its architecture, with any number of classes.
    """
    root = f"FeatureExtractor/{NETWORK_SCOPES[name]}"
    yield Scope("stem", architecture.stem_conv(), f"{root}/Conv")
    seen: Counter[str] = Counter()
    for layer in architecture.layers():
        kind, parts = _LAYERS[layer.op.kind]
        scope = f"{root}/{kind}_{seen[kind]}" if seen[kind] else f"{root}/{kind}"
        seen[kind] += 1
        for (unit, conv), part in zip(layer_convs(layer), parts, strict=True):
            gate = f"{scope}/SqueezeExcite" if conv.squeeze_excite else ""
            yield Scope(unit, conv, f"{scope}/{part}", gate)
    n_taps = len(architecture.skeleton.head.taps)
    for number, level in enumerate(architecture.levels()):
        if number >= n_taps:
            depth = level.stage[-1].c_out
            place = number - n_taps + 2
            second = f"C5_2_Conv2d_{place}_3x3_s2_{depth}"
            scopes = (f"C5_1_Conv2d_{place}_1x1_{depth // 2}", f"{second}_depthwise", second)
            convs = level_convs(number, "stage", level.stage)
            for (unit, conv), part in zip(convs, scopes, strict=True):
                yield Scope(unit, conv, f"{root}/{part}")
        for part, predictor in _PREDICTORS.items():
            convs = level_convs(number, part, getattr(level, part))
            for (unit, conv), suffix in zip(convs, ("_depthwise", ""), strict=True):
                yield Scope(unit, conv, f"BoxPredictor_{number}/{predictor}{suffix}")
