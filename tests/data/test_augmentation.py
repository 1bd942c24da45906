from dataclasses import replace

import pytest
import torch

from evonas.data.augment import Draws, augment, normalise
from evonas.data.augmentation import Augmentation

STILL = Augmentation(zoom=1, stretch=1, shift=0, brightness=0, contrast=0, colour=0)


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def _scene(n, size=32):
    """Black images with one white rectangle each, and its box."""
    low = torch.randint(4, 12, (n, 2), generator=_generator(1))
    high = low + torch.randint(5, 16, (n, 2), generator=_generator(2))
    axis = torch.arange(size)
    inside = (axis >= low[..., None]) & (axis < high[..., None])  # (n, 2, size)
    rectangle = inside[:, 1, :, None] & inside[:, 0, None, :]
    images = (rectangle * 255).to(torch.uint8)[:, None].expand(-1, 3, -1, -1)
    boxes = torch.cat([low, high], dim=1).float()[:, None]
    return images, boxes, torch.zeros(n, 1, dtype=torch.long)


def test_no_change_is_the_identity():
    images, boxes, labels = _scene(8)
    changed, new_boxes, new_labels = augment(images, boxes, labels, _generator(), STILL)
    torch.testing.assert_close(changed, normalise(images), atol=1e-5, rtol=0)
    torch.testing.assert_close(new_boxes, boxes)
    assert torch.equal(new_labels, labels)


@pytest.mark.parametrize("laid", [{}, {"flip": 1.0}, {"flip_vertical": 1.0}, {"transpose": 1.0}])
def test_boxes_follow_the_pixels(laid):
    images, boxes, labels = _scene(200)
    how = Augmentation(**laid, min_visible=0, brightness=0, contrast=0, colour=0)
    changed, new_boxes, new_labels = augment(images, boxes, labels, _generator(), how)
    seen = new_labels[:, 0] >= 0
    white = changed[seen, 0] > 0.0  # half way to white, where an edge falls
    rows, columns = white.any(2).float(), white.any(1).float()
    last = white.shape[-1]
    found = torch.stack(
        [
            columns.argmax(1),
            rows.argmax(1),
            last - columns.flip(1).argmax(1),
            last - rows.flip(1).argmax(1),
        ],
        dim=1,
    )
    large = (new_boxes[seen, 0, 2:] - new_boxes[seen, 0, :2]).amin(1) > 3
    assert large.sum() > 150
    assert (found - new_boxes[seen, 0])[large].abs().max() <= 1.0


def test_flip_mirrors():
    images, boxes, labels = _scene(4)
    how = Augmentation(flip=1, zoom=1, stretch=1, shift=0, brightness=0, contrast=0, colour=0)
    changed, new_boxes, _ = augment(images, boxes, labels, _generator(), how)
    torch.testing.assert_close(changed, normalise(images).flip(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(new_boxes[..., 0], 32 - boxes[..., 2])


def test_vertical_flip_and_transposition_turn_an_image_over():
    images, boxes, labels = _scene(4)
    upside_down, low, _ = augment(
        images, boxes, labels, _generator(), replace(STILL, flip_vertical=1)
    )
    torch.testing.assert_close(upside_down, normalise(images).flip(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(low[..., 1], 32 - boxes[..., 3])
    turned, swapped, _ = augment(images, boxes, labels, _generator(), replace(STILL, transpose=1))
    torch.testing.assert_close(turned, normalise(images).mT, atol=1e-5, rtol=0)
    torch.testing.assert_close(swapped, boxes[..., [1, 0, 3, 2]])


def test_both_flips_and_transposition_lay_an_image_down_in_eight_ways():
    image = torch.zeros(400, 3, 8, 8, dtype=torch.uint8)
    image[:, :, 1, 2] = 255
    none = torch.zeros(400, 1, 4), torch.full((400, 1), -1)
    how = replace(STILL, flip=0.5, flip_vertical=0.5, transpose=0.5)
    laid = augment(image, *none, _generator(), how)[0]
    counts = laid[:, 0].flatten(1).argmax(1).bincount()
    assert sorted(counts[counts > 0].tolist())[0] > 30
    assert (counts > 0).sum() == 8


def test_a_shift_alone_moves_by_whole_pixels_and_keeps_every_value():
    images = (torch.rand(8, 3, 32, 32, generator=_generator()) < 0.5).to(torch.uint8) * 255
    boxes = torch.tensor([[[10.0, 12, 20, 18]]]).repeat(8, 1, 1)
    labels = torch.zeros(8, 1).long()
    moved, corners, _ = augment(
        images, boxes, labels, _generator(1), replace(STILL, shift=0.25, min_visible=0)
    )
    offsets = (corners - boxes)[:, 0, :2]
    torch.testing.assert_close(offsets, offsets.round())
    assert len(offsets.unique(dim=0)) > 4
    for image, (right, down), wanted in zip(moved, offsets.int().tolist(), images, strict=True):
        shown = wanted.float() / 127.5 - 1
        shown = torch.nn.functional.pad(shown, (8, 8, 8, 8))  # grey comes into view
        shown = shown[:, 8 - down : 40 - down, 8 - right : 40 - right]
        torch.testing.assert_close(image, shown, atol=1e-4, rtol=0)


def test_boxes_out_of_sight_are_dropped():
    images = torch.zeros(300, 3, 32, 32, dtype=torch.uint8)
    boxes = torch.tensor([0.0, 0.0, 6.0, 6.0]).expand(300, 1, 4)
    labels = torch.full((300, 1), 4)
    how = Augmentation(zoom=1, stretch=1, shift=0.5, min_visible=0.5)
    _, new_boxes, new_labels = augment(images, boxes, labels, _generator(), how)
    kept = new_labels[:, 0] == 4
    assert 0 < kept.sum() < 300
    area = (new_boxes[..., 2:] - new_boxes[..., :2]).prod(-1)[:, 0]
    assert (area[kept] >= 0.5 * 36 - 1e-3).all()
    assert (new_labels[~kept] == -1).all()
    assert (new_boxes[~kept] == 0).all()


def test_padding_stays_padding():
    images, boxes, labels = _scene(5)
    padded = torch.cat([boxes, torch.zeros(5, 2, 4)], dim=1)
    padding = torch.full((5, 2), -1)
    _, new_boxes, new_labels = augment(
        images, padded, torch.cat([labels, padding], dim=1), _generator()
    )
    assert (new_labels[:, 1:] == -1).all()
    assert (new_boxes[:, 1:] == 0).all()


def test_colours_stay_in_range_and_vary():
    images = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8, generator=_generator(3))
    boxes, labels = torch.zeros(16, 0, 4), torch.zeros(16, 0, dtype=torch.long)
    changed, _, _ = augment(images, boxes, labels, _generator())
    assert changed.dtype == torch.float32
    assert changed.abs().max() <= 1
    assert (changed - normalise(images)).abs().mean() > 0.02


def test_inversion_gives_the_negative():
    images, boxes, labels = _scene(4)
    how = Augmentation(invert=1, zoom=1, stretch=1, shift=0, brightness=0, contrast=0, colour=0)
    changed, _, _ = augment(images, boxes, labels, _generator(), how)
    torch.testing.assert_close(changed, -normalise(images), atol=1e-5, rtol=0)


def test_generator_decides_everything():
    images, boxes, labels = _scene(6)
    first = augment(images, boxes, labels, _generator(7))
    torch.manual_seed(123)
    again = augment(images, boxes, labels, _generator(7))
    other = augment(images, boxes, labels, _generator(8))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_images_come_unchanged_from_the_input():
    images, boxes, labels = _scene(6)
    before = images.clone(), boxes.clone(), labels.clone()
    augment(images, boxes, labels, _generator())
    assert all(torch.equal(a, b) for a, b in zip((images, boxes, labels), before, strict=True))


def test_crops_fill_the_image_and_show_a_box():
    images, boxes, labels = _scene(300)
    how = replace(STILL, crop=1, min_visible=0)
    changed, new_boxes, new_labels = augment(images, boxes, labels, _generator(), how)
    assert (new_labels[:, 0] == 0).float().mean() > 0.9  # a crop shows the centre of a box
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1)[:, 0]
    grown = (new_boxes[..., 2:] - new_boxes[..., :2]).prod(-1)[:, 0] / area
    assert (grown[new_labels[:, 0] == 0] > 1.2).float().mean() > 0.5
    # What the box holds is white: it follows the pixels.
    for index in range(50):
        x1, y1, x2, y2 = new_boxes[index, 0].round().int().tolist()
        if new_labels[index, 0] == 0 and min(x2 - x1, y2 - y1) > 6:
            assert changed[index, 0, y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].mean() > 0.5


def test_without_boxes_nothing_is_cropped():
    images, boxes, labels = _scene(8)
    changed, _, _ = augment(images, boxes, labels - 1, _generator(), replace(STILL, crop=1))
    torch.testing.assert_close(changed, normalise(images), atol=1e-5, rtol=0)


def test_a_mosaic_has_four_images_and_their_boxes():
    images, boxes, labels = _scene(8)
    changed, new_boxes, new_labels = augment(
        images, boxes, labels, _generator(), replace(STILL, mosaic=1)
    )
    assert new_boxes.shape == (8, 4, 4)
    assert (new_labels == 0).all()
    torch.testing.assert_close(new_boxes[0, 0], boxes[0, 0] / 2)
    torch.testing.assert_close(new_boxes[0, 3], boxes[3, 0] / 2 + 16)
    for x1, y1, x2, y2 in new_boxes[2].round().int().tolist():
        assert changed[2, 0, y1:y2, x1:x2].max() > 0.5
    _, few, padded = augment(images, boxes, labels, _generator(), replace(STILL, mosaic=1e-9))
    assert (padded[:, 1:] == -1).all()
    torch.testing.assert_close(few[:, :1], boxes)


def test_saturation_keeps_grey_images():
    images = torch.full((4, 3, 8, 8), 90, dtype=torch.uint8)
    boxes, labels = torch.zeros(4, 0, 4), torch.zeros(4, 0, dtype=torch.long)
    changed, _, _ = augment(images, boxes, labels, _generator(), replace(STILL, saturation=0.5))
    torch.testing.assert_close(changed, normalise(images), atol=1e-5, rtol=0)


def test_parts_of_a_batch_are_changed_like_the_whole():
    images, boxes, labels = _scene(6)
    how = Augmentation(crop=0.5, flip=0.5, saturation=0.3)
    whole = augment(images, boxes, labels, Draws(_generator()), how)
    for first, last in ((0, 2), (2, 6)):
        part = slice(first, last)
        draws = Draws(_generator(), first, total=6)
        found = augment(images[part], boxes[part], labels[part], draws, how)
        for ours, theirs in zip(found, whole, strict=True):
            torch.testing.assert_close(ours, theirs[part])
