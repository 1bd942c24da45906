import pytest
import torch

from evonas.data.augment import augment, normalise
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


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_boxes_follow_the_pixels(flip):
    images, boxes, labels = _scene(200)
    how = Augmentation(flip=flip, min_visible=0, brightness=0, contrast=0, colour=0)
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
