"""What a surrogate's arrays may be, before they are computed with: they may come from anywhere."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def check_fitted(arrays: Arrays, n_features: int) -> None:
    """Refuses the arrays of a model (`model_...`) and its scales that do not fit together.

    Args:
        arrays: All of the file, but for its card.
        n_features: What the space has, with the supernet's score where the surrogate uses it.

    Raises:
        ValueError: It says which one.
        KeyError: One is missing.
    """
    for name, values in arrays.items():
        if values.dtype.kind not in "fi" or not np.isfinite(values).all():
            raise ValueError(f"{name} holds something else than finite numbers")
    for name in ("centre", "scale"):
        _need_shape(arrays, name, n_features + 1)
    if (arrays["scale"] <= 0).any():
        raise ValueError("a scale is not above 0")
    if "model_roots" in arrays:
        _check_trees(arrays, n_features)
    else:
        _check_process(arrays, n_features)


def _check_trees(arrays: Arrays, n_features: int) -> None:
    left, right, feature = (arrays[f"model_{name}"] for name in ("left", "right", "feature"))
    n_nodes = left.size
    for name in ("left", "right", "feature", "threshold", "value"):
        _need_shape(arrays, f"model_{name}", n_nodes)
    _need_shape(arrays, "model_noise")
    roots = arrays["model_roots"]
    if roots.ndim != 1 or not roots.size:
        raise ValueError("no trees")
    for name, values, least, most in (
        ("root", roots, 0, n_nodes - 1),
        ("feature", feature, 0, n_features - 1),
        ("left child", left, -1, n_nodes - 1),
        ("right child", right, -1, n_nodes - 1),
    ):
        if values.dtype.kind != "i" or values.min() < least or values.max() > most:
            raise ValueError(f"a {name} is not from {least} to {most}")
    # A child that stands before its parent could lead round in a circle.
    above = np.arange(n_nodes)
    inner = left >= 0
    if (inner != (right >= 0)).any() or (np.minimum(left, right)[inner] <= above[inner]).any():
        raise ValueError("a tree's nodes are not in order")


def _check_process(arrays: Arrays, n_features: int) -> None:
    groups, n = arrays["model_groups"], len(np.atleast_1d(arrays["model_weights"]))
    _need_shape(arrays, "model_groups", n_features)
    if groups.dtype.kind != "i" or groups.min() < 0 or groups.max() >= n_features:
        raise ValueError(f"a feature's group is not from 0 to {n_features - 1}")
    _need_shape(arrays, "model_hyperparameters", 4 + int(groups.max()))
    _need_shape(arrays, "model_weights", n)
    _need_shape(arrays, "model_x", n, n_features)
    _need_shape(arrays, "model_inverse", n, n)


def _need_shape(arrays: Arrays, name: str, *shape: int) -> None:
    if arrays[name].shape != shape:
        raise ValueError(f"{name} has the shape {arrays[name].shape}, expected {shape}")
