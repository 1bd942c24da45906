"""Accuracy of sub-networks with the weights they inherit from a supernet."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from evonas.arrays import Floats
from evonas.data import data_fingerprint, load_coco
from evonas.data.tensors import load_tensors
from evonas.detector import FAST, ActivationCache
from evonas.errors import ConfigurationError, DataError
from evonas.objectives import BY_SIZE
from evonas.space import Architecture, Genotypes, SearchSpace
from evonas.supernet import CALIBRATION_IMAGES, load_supernet
from evonas.training.validation import Validation, as_input

# Fixed, as is CALIBRATION_IMAGES: parts of what a score means; the provenance names them.
SCORING_IMAGES = 500

# What the layers that two architectures have in common may take up: all of `nano`, little of
# `mobiledet`.
_REUSE_BYTES = 2**29


class SupernetScorer:
    """Scores genotypes by COCO AP on validation images, one architecture at a time.

    A score is that of a static network: extracted, batch norm statistics set to those of the
    first 128 training images in one batch and folded, run on the first 500 validation images. It
    depends on nothing else, least of all on what is scored before or beside it; layers that two
    architectures in a row have in common are computed once, to the same bits.

    Args:
        weights: A supernet's `.safetensors` file.
        data: The COCO-format folder with its train and val splits.
        space: Space of the genotypes, the supernet's own or one contained in it; by default the
            supernet's.
        by_size: Whether to give AP by the size of objects too.

    Raises:
        SchemaError: The weights cannot be used.
        DataError: The data cannot be used.
        ConfigurationError: The data's classes are not the supernet's, or the space's networks are
            others than those of the same layers in the supernet.
    """

    def __init__(
        self,
        weights: Path | str,
        data: Path | str,
        space: SearchSpace | None = None,
        by_size: bool = False,
    ) -> None:
        self.columns = ("map", "map50", *(BY_SIZE if by_size else ()))
        self.by_size = by_size
        self.supernet, card = load_supernet(weights)
        self.space = space
        if space is not None:
            self.supernet.refuse_other_networks(space)
        size = self.supernet.space.skeleton.image_size
        calibration = load_coco(data, "train").first(CALIBRATION_IMAGES)
        validation = load_coco(data, "val").first(SCORING_IMAGES)
        if list(validation.class_names) != card["classes"]:
            raise ConfigurationError(
                f"{data}: classes {list(validation.class_names)}, but {weights} was trained on "
                f"{card['classes']}"
            )
        if validation.is_crowd.all():
            raise DataError(f"{data}: no objects in the validation images, so networks have no AP")
        self.calibration = as_input(load_tensors(calibration, size).images)
        self.validation = Validation(validation, size, FAST)
        if by_size:
            _ = self.validation.size_limits  # refuses data that cannot be divided
        self._calibration_reuse = ActivationCache(_REUSE_BYTES)
        self._validation_reuse = self.validation.new_reuse(_REUSE_BYTES)
        self.provenance = {
            "source": "supernet",
            "weights": hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:16],
            "data": data_fingerprint(data),
            "protocol": f"batch norm of {len(calibration)} train images, "
            f"COCO AP of {len(validation)} val images",
            "torch": torch.__version__,
        }

    def __call__(self, genotypes: Genotypes) -> dict[str, Floats]:
        """Returns each column's AP, (n,), from 0 to 1, of genotypes (n, n_genes)."""
        space = self.supernet.space
        if self.space is not None and self.space != space:
            genotypes = self.space.translate(genotypes, space)
        scores = np.empty((len(genotypes), len(self.columns)))
        for row in np.lexsort(genotypes.T[::-1]):  # neighbours begin alike
            scores[row] = self._score(space.decode(genotypes[row]))
        return dict(zip(self.columns, scores.T, strict=True))

    def _score(self, architecture: Architecture) -> tuple[float, ...]:
        detector = self.supernet.extract(architecture)
        with torch.inference_mode():
            detector.calibrate(self.calibration, self._calibration_reuse)
            detector.fold()
        detections = self.validation.detect(detector, self._validation_reuse)
        overall = self.validation.precision(detections)
        return overall + self.validation.precision_by_size(detections) if self.by_size else overall
