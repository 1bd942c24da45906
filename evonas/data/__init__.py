"""COCO-format data sets, the built-in digits scenes, and augmentation."""

from evonas.data.digits import make_digits
from evonas.data.fingerprint import data_fingerprint

__all__ = ["data_fingerprint", "make_digits"]
