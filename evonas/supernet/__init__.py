"""Weight sharing over the detector: the supernet, its training, its weights."""

from evonas.supernet.sampling import UniformSampling, load_sampling
from evonas.supernet.supernet import Supernet
from evonas.supernet.train import train_supernet
from evonas.supernet.weights import CALIBRATION_IMAGES, load_supernet, save_supernet

__all__ = [
    "CALIBRATION_IMAGES",
    "Supernet",
    "UniformSampling",
    "load_sampling",
    "load_supernet",
    "save_supernet",
    "train_supernet",
]
