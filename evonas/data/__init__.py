"""COCO-format data sets, the built-in digits scenes, and augmentation.

What needs torch is in `evonas.data.tensors` and `evonas.data.augment`, so that data can be made
and checked without it.
"""

from evonas.data.check import SplitReport, check_split, find_duplicates, refuse_unlearnable
from evonas.data.coco import CocoDataset, list_splits, load_coco, read_coco
from evonas.data.digits import make_digits
from evonas.data.fingerprint import data_fingerprint

__all__ = [
    "CocoDataset",
    "SplitReport",
    "check_split",
    "data_fingerprint",
    "find_duplicates",
    "list_splits",
    "load_coco",
    "make_digits",
    "read_coco",
    "refuse_unlearnable",
]
