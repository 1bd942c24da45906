"""The recipe `mobiledet` against the published formulas, in numbers."""

import hashlib
import json
import math

import pytest
import torch

from evonas.data.augment import augment
from evonas.data.crop import crop_placement_tf1
from evonas.detector import PROTOCOLS, Detector
from evonas.errors import ConfigurationError
from evonas.space import load_published
from evonas.training.loop import _criterion
from evonas.training.processes import ALONE
from evonas.training.recipe import describe_recipe, recipe_from
from evonas.training.recipes import RECIPES, SUPERNET_RECIPES, load_recipe

PUBLISHED = RECIPES["mobiledet"]


def test_the_published_values_line_by_line():
    assert (PUBLISHED.box_weight, PUBLISHED.warmup_from, PUBLISHED.warmup_steps) == (
        0.25, 0.13333, 2000,
    )  # fmt: skip
    assert (PUBLISHED.initialisation, PUBLISHED.protocol, PUBLISHED.resizing) == (
        "published", "published", "tf1",
    )  # fmt: skip
    how = PUBLISHED.augmentation
    assert (how.flip, how.crop, how.crop_rule) == (0.5, 0.85, "tf1")
    unused = (how.brightness, how.contrast, how.colour, how.saturation, how.invert, how.mosaic)
    assert unused == (0, 0, 0, 0, 0, 0)
    assert (how.zoom, how.stretch, how.shift) == (1, 1, 0)


def test_boxes_and_classes_weigh_as_published():
    # One anchor that is its box: its true code is 0. Smooth L1 of 0.5, -2, 0 and 1 is 0.125 +
    # 1.5 + 0 + 0.5, and `normalize_loc_loss_by_codesize` divides by 4.
    anchors = torch.tensor([[10.0, 10.0, 50.0, 50.0], [0.0, 0.0, 4.0, 4.0]])
    codes = torch.tensor([[[0.5, -2.0, 0.0, 1.0], [9.0, 9.0, 9.0, 9.0]]])
    boxes, labels = torch.tensor([[[10.0, 10.0, 50.0, 50.0]]]), torch.tensor([[0]])
    # Focal loss, alpha 0.75, gamma 2: of the class that is there at logit 0
    # 0.75 * 0.5**2 * ln 2 = 0.1299650964, of the three that are not at logit -2
    # 0.25 * 0.1192029220**2 * 0.1269280110 = 0.0004508917 each.
    logits = torch.tensor([[[0.0, -2.0], [-2.0, -2.0]]])
    loss = _criterion(anchors, boxes, labels, PUBLISHED, ALONE, codes, logits)
    expected = 2.125 / 4 + 0.1299650964 + 3 * 0.0004508917
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    ours = _criterion(anchors, boxes, labels, RECIPES["mobiledet-evonas"], ALONE, codes, logits)
    assert ours.item() - loss.item() == pytest.approx(2.125 * 3 / 4, abs=1e-6)


def test_losses_are_divided_by_the_matches():
    anchors = torch.tensor([[10.0, 10.0, 50.0, 50.0], [100.0, 100.0, 140.0, 140.0]])
    codes = torch.full((1, 2, 4), 2.0)  # smooth L1 of 2 is 1.5, of four numbers of two boxes 12
    logits = torch.full((1, 2, 1), -1e4)  # focal loss of what is there: 0.75 * 1e4 each
    loss = _criterion(
        anchors, anchors[None], torch.zeros(1, 2).long(), PUBLISHED, ALONE, codes, logits
    )
    assert loss.item() == pytest.approx(12 / 4 / 2 + 0.75 * 1e4, rel=1e-6)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 0.13333),
        (1, 0.13333 + (0.8 - 0.13333) / 2000),
        (1000, 0.466665),
        (1999, 0.799666665),
        (2000, 0.8),
        (201_000, 0.4),
        (399_999, 0.4 * (1 + math.cos(math.pi * 397_999 / 398_000))),
    ],
)
def test_the_rate_is_tensorflows_cosine_with_warmup(step, rate):
    assert PUBLISHED.learning_rate_at(step) == pytest.approx(rate, rel=1e-9)


def test_random_weights_are_drawn_as_published():
    torch.manual_seed(0)
    detector = Detector(load_published("mobiledet-cpu"))
    detector.initialise_as_published()
    for name, unit in detector.units.items():
        inputs = unit.weight[0].numel()  # of a depthwise kernel its own 9 or 25
        std = 0.03 if name.startswith("head") else math.sqrt(2 / inputs)
        spread = 4 / math.sqrt(unit.weight.numel())
        assert unit.weight.std().item() == pytest.approx(
            std, rel=max(spread, 0.02) + (0.121 if "stage" in name else 0)
        ), name
        if not name.startswith("head"):  # truncated at two standard deviations
            assert unit.weight.abs().max() <= 2 * std / 0.87962566103423978 + 1e-6
        if "classes1" in name:
            assert (unit.bias == -4.6).all()  # ours: see the recipe
        else:
            assert (unit.bias == 0).all()
        for gate in (unit.squeeze, unit.excite):
            if gate is not None:
                rate = math.sqrt(2 / gate.weight[0].numel())
                assert gate.weight.std().item() == pytest.approx(rate, rel=0.35)
                assert (gate.bias == 0).all()


def test_crops_are_of_seven_thresholds_and_each_box_is_kept_by_its_own_share():
    generator = torch.Generator().manual_seed(0)
    n = 3000
    corner = 0.7 * torch.rand(n, 3, 2, generator=generator)
    boxes = torch.cat([corner, corner + 0.05 + 0.25 * torch.rand(n, 3, 2, generator=generator)], -1)
    present = torch.ones(n, 3).bool()
    drawn = torch.rand(n, 401, generator=generator)
    scale, shift, least = crop_placement_tf1(boxes, present, torch.ones(n).bool(), drawn)
    cropped = (scale != 1).any(1)
    assert cropped.float().mean() > 0.97  # a hundred tries find nearly always one
    thresholds = least[cropped].unique(return_counts=True)
    assert [round(value, 4) for value in thresholds[0].tolist()] == [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1]
    assert (thresholds[1] > n / 7 * 0.8).all()
    size = 1 / scale[cropped]
    area, aspect = size.prod(1), size[:, 0] / size[:, 1]
    assert area.min() >= 0.1 - 1e-5
    assert area.max() <= 1 + 1e-5
    assert aspect.min() >= 0.5 - 1e-4
    assert aspect.max() <= 2 + 1e-4
    # Of each crop some box shows its threshold.
    low = (1 - size) / 2 - shift[cropped] / scale[cropped] / 2
    seen = torch.minimum(boxes[cropped][..., 2:], (low + size)[:, None]) - torch.maximum(
        boxes[cropped][..., :2], low[:, None]
    )
    share = seen.clamp(min=0).prod(-1) / (boxes[cropped][..., 2:] - boxes[cropped][..., :2]).prod(
        -1
    )
    assert (share.max(1).values >= least[cropped] - 1e-4).all()


def test_a_cropped_batch_keeps_boxes_by_the_threshold_of_their_image():
    generator = torch.Generator().manual_seed(1)
    images = torch.zeros(400, 3, 64, 64, dtype=torch.uint8)
    corner = 40 * torch.rand(400, 4, 2, generator=generator)
    boxes = torch.cat([corner, corner + 4 + 18 * torch.rand(400, 4, 2, generator=generator)], -1)
    labels = torch.arange(4).expand(400, 4)
    pixels, moved, kept = augment(images, boxes, labels, generator, PUBLISHED.augmentation)
    assert (pixels[..., 2:-2, 2:-2] + 1).abs().max() < 1e-6  # no colour is changed
    untouched = (kept >= 0).all(1) & ((moved - boxes).abs().amax((1, 2)) < 1e-3)
    mirrored = boxes.clone()
    mirrored[..., [0, 2]] = 64 - boxes[..., [2, 0]]
    flipped = (kept >= 0).all(1) & ((moved - mirrored).abs().amax((1, 2)) < 1e-3)
    # 15 % are not cropped, half of them mirrored.
    assert 0.09 < (untouched | flipped).float().mean() < 0.22
    assert (kept < 0).any()
    assert moved.min() >= 0
    assert moved.max() <= 64


def test_images_without_boxes_stay_as_they_are():
    drawn = torch.rand(5, 401, generator=torch.Generator().manual_seed(0))
    scale, shift, least = crop_placement_tf1(
        torch.zeros(5, 1, 4), torch.zeros(5, 1).bool(), torch.ones(5).bool(), drawn
    )
    assert (scale == 1).all()
    assert (shift == 0).all()
    assert (least == 0).all()


@pytest.mark.parametrize(
    ("name", "recipes", "golden"),
    [
        ("nano", RECIPES, "149d1d7b2f26a115"),
        ("int8", RECIPES, "a92aaa5ce4206910"),
        ("mobiledet-small-data", RECIPES, "d69a8a62609de02b"),
        ("boards", RECIPES, "e969e82757ca97c6"),
        ("mobiledet-evonas", RECIPES, "2576da28b7db6d90"),
        ("nano", SUPERNET_RECIPES, "95349040ebd33e43"),
        ("mobiledet", SUPERNET_RECIPES, "2576da28b7db6d90"),
    ],
)
def test_recipes_that_shipped_figures_rest_on_are_what_they_were(name, recipes, golden):
    text = json.dumps(describe_recipe(recipes[name]), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == golden


def test_the_published_recipe_survives_being_written():
    assert recipe_from(describe_recipe(PUBLISHED)) == PUBLISHED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("box_loss=l2", "unknown box_loss 'l2'; smooth_l1 or giou"),
        ("match_overlap=0", "match_overlap is 0; it must be 0.05 to 1"),
        ("protocol=coco", "unknown protocol 'coco'; fast or crowded or published"),
        ("resizing=nearest", "unknown resizing 'nearest'; antialiased or tf1"),
        ("initialisation=zeros", "unknown initialisation 'zeros'; evonas or published"),
        ("warmup_from=1.0", r"warmup_from is 1\.0, 0 to learning_rate \(0\.016\)"),
        ("augmentation.crop_rule=ssd", "unknown crop_rule 'ssd'; evonas or tf1"),
    ],
)
def test_values_that_no_recipe_has_are_refused(change, message):
    with pytest.raises(ConfigurationError, match=message):
        load_recipe("nano", [change])


def test_recipes_name_the_protocols_that_there_are():
    for name in PROTOCOLS:
        assert load_recipe("nano", [f"protocol={name}"]).protocol == name
