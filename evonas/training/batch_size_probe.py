"""The batch that a training step has room for, found by trying.

It is tried in a process of its own: where memory has run out once, oneDNN fails in that thread ever
after, and the C library keeps what is below its last block.
"""

import subprocess
import sys

import torch

from evonas.detector import Detector, anchor_boxes, detection_loss
from evonas.space import resolve
from evonas.training.memory import is_out_of_memory

_NO_ROOM = 9  # exit code of a trial, unlike that of an exception


def largest_batch(architecture: str, n_classes: int, device: torch.device, tried: int) -> int:
    """Returns the largest of tried / 2, tried / 4, ... images that a step has room for; 0 if none.

    Args:
        architecture: An `arch_id`, or a published network or baseline by its name.
        n_classes: Of the data.
        device: Where the network is to be trained.
        tried: A batch that was too large.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    command = [sys.executable, "-m", __name__, architecture, str(n_classes), str(device)]
    while tried > 1:
        tried //= 2
        trial = subprocess.run([*command, str(tried)], capture_output=True, text=True)
        if trial.returncode == 0:
            return tried
        # Or killed by a signal: the system's for want of memory, or its own in the C++ parts.
        assert trial.returncode == _NO_ROOM or trial.returncode < 0, trial.stderr
    return 0


def _has_room(architecture: str, n_classes: int, device: str, n_images: int) -> bool:
    """Tries a step."""
    network = Detector(resolve(architecture).architecture.with_classes(n_classes)).to(device)
    skeleton = network.architecture.skeleton
    try:
        images = torch.zeros(n_images, 3, *[skeleton.image_size] * 2, device=device)
        codes, logits = network(images)
        boxes = torch.zeros(n_images, 1, 4, device=device)
        labels = torch.full((n_images, 1), -1, device=device)
        anchors = anchor_boxes(skeleton).to(device)
        torch.autograd.backward(detection_loss(codes, logits, anchors, boxes, labels).total)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


if __name__ == "__main__":
    _, _name, _classes, _device, _images = sys.argv
    sys.exit(0 if _has_room(_name, int(_classes), _device, int(_images)) else _NO_ROOM)
