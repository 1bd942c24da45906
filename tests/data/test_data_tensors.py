import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from evonas.data import load_coco
from evonas.data.tensors import CocoImages, load_tensors
from evonas.errors import DataError


def test_all_in_memory(small):
    batch = load_tensors(load_coco(small.write(), "val"), 40)
    assert len(batch) == 3
    assert batch.images.shape == (3, 3, 40, 40)
    assert batch.images.dtype == torch.uint8
    assert batch.images[:, 0, 7, 7].tolist() == [10, 20, 30]
    assert batch.boxes.dtype == torch.float32
    # Scaled by 2 x 2, 2 x 4/3 and 1 x 2.
    expected = [
        [[0, 0, 20, 40], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 0, 0]],
        [[10, 10, 30, 30], [0, 0, 40, 40]],
    ]
    assert batch.boxes.tolist() == expected
    assert batch.labels.tolist() == [[0, -1], [-1, -1], [1, -1]]  # a crowd is no target
    assert batch.is_crowd.tolist() == [[False, False], [False, False], [False, True]]
    assert batch.indices.tolist() == [0, 1, 2]


def test_no_boxes_at_all(small):
    small.content["annotations"] = []
    batch = load_tensors(load_coco(small.write(), "val"), 16)
    assert batch.boxes.shape == (3, 0, 4)
    assert batch.labels.shape == (3, 0)


def test_boxes_are_clipped_to_the_image(small):
    small.content["annotations"][1]["bbox"] = [-1, 0, 22, 20]
    batch = load_tensors(load_coco(small.write(), "val"), 20)
    assert batch.boxes[0, 0].tolist() == [0, 0, 20, 20]


@pytest.mark.parametrize("workers", [0, 2])
def test_decoded_as_needed_is_the_same(small, workers):
    dataset = load_coco(small.write(), "val")
    images = CocoImages(dataset, 24)
    loader = DataLoader(
        images, batch_size=3, sampler=[2, 0, 1], collate_fn=images.collate, num_workers=workers
    )
    (batch,) = loader
    whole = load_tensors(dataset, 24)
    for field in dataclasses.fields(batch):
        ours, theirs = getattr(batch, field.name), getattr(whole, field.name)
        assert torch.equal(ours, theirs[[2, 0, 1]]), field.name


def test_a_broken_image_is_named(small):
    folder = small.write()
    (folder / "val" / "b.png").write_bytes(b"no image")
    dataset = load_coco(folder, "val")
    with pytest.raises(DataError, match=r"b\.png: image 20 cannot be decoded"):
        load_tensors(dataset, 16)
    with pytest.raises(DataError, match="image 20"):
        CocoImages(dataset, 16)[1]


def test_too_much_for_memory(small):
    dataset = load_coco(small.write(), "val")
    with pytest.raises(DataError, match=r"GiB.*CocoImages"):
        load_tensors(dataset, 40_000)


def test_fractional_boxes_keep_their_precision(small):
    small.content["annotations"][1]["bbox"] = [1.125, 2.25, 3.5, 4.75]
    batch = load_tensors(load_coco(small.write(), "val"), 20)
    np.testing.assert_allclose(batch.boxes[0, 0], [1.125, 2.25, 4.625, 7.0])
