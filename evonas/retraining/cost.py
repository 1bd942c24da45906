"""What a training run costs on this machine."""

import time

import torch

from evonas.data import load_coco, refuse_unlearnable
from evonas.data.tensors import fits_in_memory, load_tensors
from evonas.detector import Detector
from evonas.retraining.request import Retraining
from evonas.training.cost import Cost, measure_cost
from evonas.training.evaluator import Evaluator

_VALIDATED = 64  # images whose validation is measured


def measure_training(request: Retraining, device: torch.device, processes: int = 1) -> Cost:
    """Returns what a run of this request costs here, its validations among it; writes nothing.

    Args:
        request: What is asked for.
        device: Where it is to run.
        processes: How many divide each batch.
    """
    train_set, val_set = load_coco(request.data, "train"), load_coco(request.data, "val")
    refuse_unlearnable(train_set)
    recipe = request.recipe
    architecture = request.design.architecture.with_classes(train_set.n_classes)
    size = architecture.skeleton.image_size
    some = train_set.first(min(len(train_set), 4 * recipe.batch_size))
    kept = len(train_set) if fits_in_memory(len(train_set), size) else 0
    detector = Detector(architecture).to(device).to(memory_format=torch.channels_last)
    evaluator = Evaluator(val_set.first(min(len(val_set), _VALIDATED)), size, device)
    cost = measure_cost(
        detector, lambda _: architecture, load_tensors(some, size),
        recipe.share_of(processes), n_images=kept,
    )  # fmt: skip
    evaluator.detect(detector)
    began = time.perf_counter()
    evaluator.detect(detector)
    each = (time.perf_counter() - began) / len(evaluator.dataset)
    validating = (recipe.validations + 1) * len(val_set) / processes * each
    return Cost(cost.step_seconds, cost.memory, validating)
