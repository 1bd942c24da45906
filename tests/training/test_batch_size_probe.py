import pytest
import torch

from evonas.training.batch_size_probe import largest_batch


@pytest.mark.slow
def test_half_of_what_was_too_large_is_tried_first():
    assert largest_batch("pico:0000000", 3, torch.device("cpu"), tried=4) == 2
    assert largest_batch("pico:0000000", 3, torch.device("cpu"), tried=1) == 0


@pytest.mark.slow
def test_a_trial_that_fails_for_another_reason_is_no_lack_of_room():
    with pytest.raises(AssertionError, match="arch_id"):
        largest_batch("pico:9", 3, torch.device("cpu"), tried=2)
