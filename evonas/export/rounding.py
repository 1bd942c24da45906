"""Whether a file computes what the network computes, with the network in float64 as the judge.

Any runtime rounds in its own order. How much that does to a network's outputs depends on the
network: on its depth, its activations, and the scale of its weights. So a file may be as far
from the float64 outputs as a stated multiple of what torch's own float32 is, and no further.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evonas.detector import Detector
from evonas.errors import EvonasError

# Of the files of the published networks and of ten random ones, trained or not, the worst has 2.7
# times torch's error, and 5.1 times its largest one (`python -m scripts.report.export_check`).
FACTORS = {"rms": 8.0, "largest": 16.0}
# Where torch is luckier than that: what float32 can be expected to do in fifty layers.
FLOOR = {"rms": 2e-6, "largest": 2e-5}
# Beyond this torch's float32 is itself no judge of anything.
CEILING = 0.05

OUTPUTS = ("codes", "logits")


class ExportError(EvonasError):
    """A written file does not do what the network does."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far an output is from the float64 one, relative to that one's root mean square.

    Attributes:
        output: `codes` or `logits`.
        rms: Root mean square of the file's differences.
        largest: The largest of them.
        torch_rms: The same of torch's float32.
        torch_largest: The same of torch's float32.
    """

    output: str
    rms: float
    largest: float
    torch_rms: float
    torch_largest: float

    @property
    def allowed(self) -> tuple[float, float]:
        """What `rms` and `largest` may be."""
        return (
            min(max(FACTORS["rms"] * self.torch_rms, FLOOR["rms"]), CEILING),
            min(max(FACTORS["largest"] * self.torch_largest, FLOOR["largest"]), CEILING),
        )

    def is_rounding(self) -> bool:
        """Whether the differences are within what is allowed."""
        rms, largest = self.allowed
        return self.rms <= rms and self.largest <= largest


class RoundingJudge:
    """The outputs of a network in float64, to which those of files are compared.

    Args:
        detector: In float32; it is not changed.
        images: Float32 (n, 3, size, size) from -1 to 1.

    Raises:
        ExportError: The network's own outputs are not finite.
    """

    def __init__(self, detector: Detector, images: Tensor) -> None:
        self.images = images.contiguous()
        exact = copy.deepcopy(detector).double().eval()
        with torch.inference_mode():
            self._exact = exact(self.images.double())
            self._own = detector.folded()(self.images)
        if not all(bool(part.isfinite().all()) for part in (*self._exact, *self._own)):
            raise ExportError(
                "the network gives values that are not finite; no file can be compared with it"
            )

    def compare(self, outputs: Sequence[Tensor]) -> list[Rounding]:
        """Returns how far codes and logits of `images` are from float64."""
        found = []
        for name, exact, own, given in zip(OUTPUTS, self._exact, self._own, outputs, strict=True):
            scale = float(exact.square().mean().sqrt()) or 1.0
            rms, largest = _differences(given, exact)
            torch_rms, torch_largest = _differences(own, exact)
            found.append(
                Rounding(
                    name, rms / scale, largest / scale, torch_rms / scale, torch_largest / scale
                )
            )
        return found

    def check(self, outputs: Sequence[Tensor], file: str) -> list[Rounding]:
        """Compares, and refuses what rounding does not explain.

        Raises:
            ExportError: It is not explained; the message has the figures.
        """
        found = self.compare(outputs)
        for entry in found:
            if not entry.is_rounding():
                rms, largest = entry.allowed
                raise ExportError(
                    f"{file}: {entry.output} differ from the network in float64 by {entry.rms:.2g} "
                    f"rms and {entry.largest:.2g} at most, relative to their size; rounding "
                    f"explains {rms:.2g} and {largest:.2g}"
                )
        return found


def _differences(given: Tensor, exact: Tensor) -> tuple[float, float]:
    """Returns root mean square and largest difference; infinite ones for NaN."""
    difference = (given.double() - exact).nan_to_num(nan=float("inf"))
    return float(difference.square().mean().sqrt()), float(difference.abs().max())
