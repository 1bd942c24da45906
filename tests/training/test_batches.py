import pytest
import torch

from evonas.data import load_coco, make_digits
from evonas.data.tensors import CocoImages, load_tensors
from evonas.training.batches import Batches
from evonas.training.processes import Processes
from evonas.training.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(steps=4, batch_size=4)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    data = make_digits(tmp_path_factory.mktemp("data") / "digits", train=10, val=1)
    return load_coco(data, "train")


@pytest.mark.parametrize("workers", [0, 2])
def test_images_from_disk_make_the_same_batches(dataset, workers):
    memory = list(Batches(load_tensors(dataset, 64), RECIPE, 0, CPU)(0))
    disk = list(Batches(CocoImages(dataset, 64), RECIPE, 0, CPU, workers)(2))
    assert len(memory) == 4
    for ours, theirs in zip(disk, memory[2:], strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[2][:, :1], theirs[2][:, :1])


def test_processes_share_each_batch(dataset):
    data = load_tensors(dataset, 64)
    whole = list(Batches(data, RECIPE, 0, CPU)(0))
    parts = [list(Batches(data, RECIPE, 0, CPU, 0, Processes(rank, 2))(0)) for rank in (0, 1)]
    for step in range(4):
        for i in range(3):
            both = torch.cat([parts[0][step][i], parts[1][step][i]])
            torch.testing.assert_close(both, whole[step][i])


def test_every_image_is_seen_once_an_epoch(dataset):
    batches = Batches(load_tensors(dataset, 64), Recipe(steps=5, batch_size=4), 0, CPU)
    seen = [index for step in range(5) for index in batches._chosen(step).tolist()]
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
