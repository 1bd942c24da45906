from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from evonas.data.tensors import DetectionBatch
from evonas.errors import ConfigurationError, DataError
from evonas.space import load_space
from evonas.supernet import UniformSampling
from evonas.supernet.train import new_supernet
from evonas.training.loop import Progress, TrainingError, train
from evonas.training.recipe import Recipe

SPACE = load_space("nano-ibn")
RECIPE = Recipe(steps=6, batch_size=4, warmup_steps=2)


@pytest.fixture(scope="module")
def data() -> DetectionBatch:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (10, 3, 64, 64), dtype=torch.uint8, generator=generator)
    corner = torch.rand(10, 2, 2, generator=generator) * 30
    boxes = torch.cat([corner, corner + 20], -1)
    labels = torch.randint(0, 10, (10, 2), generator=generator)
    return DetectionBatch(images, boxes, labels, labels < 0, torch.arange(10))


class KilledError(Exception):
    pass


def run(
    data: DetectionBatch, checkpoint: Path | None = None, kill_at: int = 0, recipe: Recipe = RECIPE
) -> dict[str, torch.Tensor]:
    supernet = new_supernet("nano-ibn", 10, seed=1)

    def report(progress: Progress) -> None:
        if progress.step == kill_at:
            raise KilledError

    return train(
        supernet,
        UniformSampling(SPACE, 1),
        data,
        recipe,
        seed=1,
        checkpoint=checkpoint,
        checkpoint_seconds=0,
        report=report,
        report_steps=1,
    )


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_killed_training_goes_on_bit_for_bit(data, tmp_path, bfloat16):
    recipe = replace(RECIPE, bfloat16=bfloat16)
    undisturbed = run(data, recipe=recipe)
    checkpoint = tmp_path / "training.pt"
    for step in (1, 4):
        with pytest.raises(KilledError):
            run(data, checkpoint, kill_at=step + 1, recipe=recipe)
    resumed = run(data, checkpoint, recipe=recipe)
    assert undisturbed.keys() == resumed.keys()
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in resumed)


def test_a_checkpoint_of_something_else_is_refused(data, tmp_path):
    checkpoint = tmp_path / "training.pt"
    run(data, checkpoint)
    with pytest.raises(ConfigurationError, match="another recipe or seed"):
        run(data, checkpoint, recipe=Recipe(steps=7, batch_size=4))
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(DataError, match="damaged"):
        run(data, checkpoint)


def test_a_diverging_training_is_stopped(data):
    recipe = Recipe(steps=40, batch_size=4, learning_rate=1000.0, warmup_steps=1)
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at step"):
        run(data, recipe=recipe)


def test_a_gradient_that_is_not_finite_ends_the_training_before_the_weights_have_it(data, tmp_path):
    """As sqrt has at 0: the loss is right, its gradient is not."""
    checkpoint, supernet = tmp_path / "training.pt", new_supernet("nano-ibn", 10, seed=1)

    def objective(step, forward, criterion):
        loss = criterion(*forward(SPACE.decode(SPACE.sample(1, np.random.default_rng(step))[0])))
        return loss + (loss - loss.detach()).sqrt() if step == 2 else loss

    with pytest.raises(TrainingError, match=r"the gradient is not finite at step 2, whose loss is"):
        train(
            supernet, UniformSampling(SPACE, 1), data, RECIPE, seed=1, checkpoint=checkpoint,
            checkpoint_seconds=0, objective=objective,
        )  # fmt: skip
    assert all(bool(value.isfinite().all()) for value in supernet.state_dict().values())
    kept = torch.load(checkpoint, weights_only=True)
    assert kept["step"] == 2
    assert (tmp_path / "bad-batch-0.safetensors").exists()


def test_learning_rate_rises_and_falls_to_zero():
    recipe = Recipe(steps=100, warmup_steps=10, learning_rate=1.0)
    rates = [recipe.learning_rate_at(step) for step in range(101)]
    assert np.argmax(rates) in (9, 10)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.0)
