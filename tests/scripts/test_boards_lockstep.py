"""Networks trained side by side are those that training one after the other gives."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from evonas.benchmark.columns import every
from evonas.data import load_coco, make_digits
from evonas.data.tensors import load_tensors
from evonas.detector import Detector, detection_loss
from evonas.space import load_space
from evonas.table import create_table, open_table
from evonas.training.recipes import load_recipe
from evonas.training.static import train_detector
from scripts.build.boards import in_order
from scripts.build.boards_gpu import groups, main
from scripts.build.boards_lockstep import static_loss, train_in_lockstep
from scripts.build.boards_training import QUANTITIES, column

FEMTO = load_space("femto")
QUICK = ["steps=6", "batch_size=4", "warmup_steps=2", "validations=2", "learning_rate=1e-4"]
RECIPE = load_recipe("boards", QUICK)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = make_digits(tmp_path_factory.mktemp("data") / "digits", train=24, val=8)
    return load_tensors(load_coco(folder, "train"), 64)


def _architectures(count):
    genotypes = FEMTO.sample(count, np.random.default_rng(1))
    return [RECIPE.with_anchors(FEMTO.decode(genotype)) for genotype in genotypes]


@pytest.mark.parametrize("kind", ["smooth_l1", "giou"])
def test_the_loss_in_fixed_shapes_is_the_loss_and_has_its_slope(kind):
    recipe = replace(RECIPE, box_loss=kind, box_weight=1.0, match_overlap=0.3)
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(5, 3, 2, generator=generator) * 40
    boxes = torch.cat([low, low + 4 + torch.rand(5, 3, 2, generator=generator) * 20], 2)
    labels = torch.tensor([[0, 3, -1], [2, -1, -1], [-1, -1, -1], [5, 5, 1], [0, 1, 2]])
    low = torch.rand(60, 2, generator=generator) * 40
    anchors = torch.cat([low, low + 12], 1)
    slopes, values = [], []
    for fixed in (False, True):
        codes = torch.randn(5, 60, 4, generator=generator.manual_seed(1)).requires_grad_()
        logits = torch.randn(5, 60, 6, generator=generator.manual_seed(2)).requires_grad_()
        if fixed:
            loss = static_loss(codes, logits, anchors, boxes, labels, recipe)
        else:
            loss = detection_loss(
                codes, logits, anchors, boxes, labels, recipe.focal_alpha,
                box_loss=kind, match_overlap=0.3,
            ).total  # fmt: skip
        loss.backward()
        values.append(loss.detach())
        slopes.append((codes.grad, logits.grad))
    torch.testing.assert_close(*values)
    for ours, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.slow)])
def test_training_in_lockstep_gives_the_networks_of_training_alone(data, device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    architectures, found = _architectures(3), {}
    place = type(data)(*(getattr(data, name).to(device) for name in data.__slots__))

    def keep(number, step, detector):
        found[number, step] = _weights(detector)

    train_in_lockstep(architectures, place, RECIPE, 1, torch.device(device), keep, streams=2)
    assert sorted(found) == [(number, step) for number in range(3) for step in (3, 6)]
    for number, architecture in enumerate(architectures):
        alone = {}
        train_detector(
            architecture, data, RECIPE, 1,
            validate=lambda step, d, alone=alone: alone.update({step: _weights(d)}),
        )  # fmt: skip
        torch.manual_seed(1)
        first = _weights(Detector(architecture))
        for step in (3, 6):
            # AdamW goes by the sign of a gradient at first: where that is next to nothing,
            # rounding decides, so a few weights take another way.
            moved = (alone[step] - first).abs()
            apart = (found[number, step] - alone[step]).abs()
            assert moved.median() > 1e-5
            assert apart.median() < 0.01 * moved.median()
            assert apart.mean() < 0.1 * moved.mean()


def _weights(detector):
    return torch.cat([value.detach().cpu().flatten() for value in detector.parameters()])


def test_groups_fill_the_table_and_a_further_call_goes_on(tmp_path, capsys):
    folder = make_digits(tmp_path / "digits", train=24, val=8)
    recipe = tmp_path / "quick.yaml"
    recipe.write_text("base: boards\nsteps: 2\nbatch_size: 4\nwarmup_steps: 0\nvalidations: 2\n")
    path = tmp_path / "table"
    options = {"recipe": str(recipe), "processes": 1, "at_once": 2, "device": "cpu", "most": 1}
    for _ in range(2):
        main(folder, path, **options)
    assert capsys.readouterr().out.count("2 networks, seed 0") == 2
    table = open_table(path)
    first = [genotype for genotype, seed in islice(in_order(_every()), 6) if seed == 0]
    names = [column(q, 0, step) for q in QUANTITIES[:-1] for step in (None, 1, 2)]
    rows = table.lookup(np.concatenate(first), names, FEMTO)
    assert len(table) == len(first) == 4
    assert all(np.isfinite(values).all() for values in rows.values())
    assert (rows["trained_map"] == rows["trained_map#2"]).all()
    assert table.provenance("trained_map", FEMTO)["device"] == "cpu"


def test_groups_are_of_one_seed_and_leave_nothing_out(tmp_path):
    path = tmp_path / "table"
    create_table(path)
    found = groups(path, FEMTO, at_once=50)
    for seed, count in ((0, FEMTO.size), (1, 64), (2, 64)):
        genotypes = np.concatenate([part for part, s in found if s == seed])
        assert len(np.unique(genotypes, axis=0)) == len(genotypes) == count
    assert max(len(part) for part, _ in found) == 50


def _every():
    return FEMTO.canonical(every(FEMTO))
