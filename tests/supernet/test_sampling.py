import numpy as np
import pytest
import torch

from evonas.data.tensors import DetectionBatch
from evonas.errors import ConfigurationError
from evonas.space import load_space
from evonas.space.blocks import OP_KINDS
from evonas.supernet import load_sampling
from evonas.supernet.distillation import SupernetObjective, distance
from evonas.supernet.sampling import BASES, WARMUPS, architectures
from evonas.supernet.train import new_supernet
from evonas.training.loop import train
from evonas.training.recipe import Recipe

SPACE = load_space("nano")
NAMES = [*BASES, *(f"uniform+{name}" for name in WARMUPS), "sandwich+width-warmup+op-warmup"]


@pytest.mark.parametrize("name", NAMES)
def test_a_step_depends_on_seed_and_number_alone_and_is_canonical(name):
    first, again = (load_sampling(name, SPACE, 3, steps=100) for _ in range(2))
    drawn = [first.genotypes(step) for step in range(40)]
    for step in reversed(range(40)):
        np.testing.assert_array_equal(again.genotypes(step), drawn[step])
        np.testing.assert_array_equal(SPACE.canonical(drawn[step]), drawn[step])
    other = load_sampling(name, SPACE, 4, steps=100)
    assert any(not np.array_equal(other.genotypes(step), drawn[step]) for step in range(40))


def test_fair_sampling_gives_every_choice_its_turn():
    sampling = load_sampling("fair", SPACE, 0, steps=1000)
    drawn = np.concatenate([sampling.genotypes(step) for step in range(240)])
    for column, slot in enumerate(SPACE.genes):
        if slot.layer > 1:
            continue
        counts = np.bincount(drawn[:, column], minlength=len(slot.choices))
        if not slot.layer:  # Tucker ranks that round alike share an op's turns, never a width's
            assert counts.max() - counts.min() <= 1
    depth = (drawn[:, SPACE.gene_names.index("b2.l3.op")] > 0).mean()
    assert depth == pytest.approx(1 / 3)


def test_kinds_are_drawn_alike_however_many_ops_they_have():
    sampling = load_sampling("kinds", SPACE, 0, steps=1000)
    first, skipped = [], 0
    for step in range(2000):
        blocks = SPACE.decode(sampling.genotypes(step)[0]).blocks
        first.append(blocks[0].ops[0].kind)
        skipped += len(blocks[1].ops) < 3
    shares = [first.count(kind) / len(first) for kind in OP_KINDS]
    assert shares == pytest.approx([0.25] * 4, abs=0.04)
    assert skipped / 2000 == pytest.approx(2 / 3, abs=0.04)  # depths stay as they are drawn


def test_sandwich_holds_ops_and_spans_widths():
    sampling = load_sampling("sandwich", SPACE, 0, steps=10)
    largest, drawn, smallest = (SPACE.decode(row) for row in sampling.genotypes(0))
    depths = [[len(block.ops) for block in a.blocks] for a in (largest, drawn, smallest)]
    assert depths[0] == depths[1] == depths[2]
    assert [b.width for b in largest.blocks] == [max(b.widths) for b in SPACE.blocks]
    assert [b.width for b in smallest.blocks] == [min(b.widths) for b in SPACE.blocks]


def test_warmups_act_at_first_and_not_after_a_quarter():
    plain = load_sampling("uniform", SPACE, 0, steps=100)
    wide = load_sampling("uniform+width-warmup", SPACE, 0, steps=100)
    several = load_sampling("uniform+op-warmup", SPACE, 0, steps=100)
    assert [b.width for b in architectures(wide, 0)[0].blocks] == [24, 40, 48, 72]
    first = architectures(several, 0)
    assert len(first) == 3
    for ops in zip(*([block.ops for block in a.blocks] for a in first), strict=True):
        assert all(len(set(layer)) == 3 for layer in zip(*ops, strict=True))
    for step in range(25, 100):
        np.testing.assert_array_equal(wide.genotypes(step), plain.genotypes(step))
        np.testing.assert_array_equal(several.genotypes(step), plain.genotypes(step))


@pytest.mark.parametrize("name", ["unfair", "uniform+yoga", ""])
def test_unknown_strategies_are_refused(name):
    with pytest.raises(ConfigurationError, match=r"unknown (sampling|warm-up) .* known: "):
        load_sampling(name, SPACE, 0, steps=10)


def test_several_architectures_average_their_gradients():
    sampling = load_sampling("sandwich", SPACE, 0, steps=10)
    weights = [torch.zeros((), requires_grad=True) for _ in range(2)]

    def forward(architecture):
        value = architecture.blocks[0].width * weights[0]
        return value.expand(1, 1, 4), (value + weights[1]).expand(1, 1, 2)

    loss = SupernetObjective(sampling)(0, forward, lambda codes, logits: codes.sum() / 4)
    loss.backward()
    assert loss == 0
    widths = [a.blocks[0].width for a in architectures(sampling, 0)]
    assert weights[0].grad == pytest.approx(np.mean(widths))
    assert weights[1].grad is None


def test_distillation_pulls_the_others_alone():
    sampling = load_sampling("sandwich", SPACE, 0, steps=10)
    outputs = {}

    def forward(architecture):
        outputs[architecture] = torch.full((1, 2, 6), float(len(outputs)), requires_grad=True)
        return outputs[architecture][..., :4], outputs[architecture][..., 4:]

    loss = SupernetObjective(sampling, 1.0)(0, forward, lambda codes, logits: 0 * codes.sum())
    loss.backward()
    teacher, *students = outputs.values()
    assert not teacher.grad.any()
    assert all(student.grad.gt(0).all() for student in students)


def test_distance_is_zero_for_equal_outputs_only():
    codes, logits = torch.randn(2, 5, 4), torch.randn(2, 5, 3)
    assert distance(codes, logits, codes, logits) == pytest.approx(0, abs=1e-6)
    assert distance(codes + 1, logits, codes, logits) > 0.01
    assert distance(codes, logits + 1, codes, logits) > 0.01


class KilledError(Exception):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fair+width-warmup", "sandwich+op-warmup"])
def test_a_killed_training_goes_on_bit_for_bit(name, tmp_path):
    space = load_space("nano-ibn")
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=generator)
    boxes = torch.tensor([[[5.0, 5.0, 30.0, 40.0]]]).repeat(4, 1, 1)
    labels = torch.arange(4)[:, None]
    data = DetectionBatch(images, boxes, labels, labels < 0, torch.arange(4))
    recipe = Recipe(steps=4, batch_size=2, warmup_steps=1)
    sampling = load_sampling(name, space, 1, recipe.steps)

    def run(checkpoint=None, kill_at=0):
        def report(progress):
            if progress.step == kill_at:
                raise KilledError

        return train(
            new_supernet("nano-ibn", 10, seed=1),
            lambda step: architectures(sampling, step)[0],
            data,
            recipe,
            seed=1,
            checkpoint=checkpoint,
            checkpoint_seconds=0,
            report=report,
            report_steps=1,
            objective=SupernetObjective(sampling, distillation=0.5),
        )

    undisturbed, checkpoint = run(), tmp_path / "training.pt"
    for step in (2, 3):
        with pytest.raises(KilledError):
            run(checkpoint, kill_at=step)
    resumed = run(checkpoint)
    assert all(torch.equal(undisturbed[key], resumed[key]) for key in undisturbed)
