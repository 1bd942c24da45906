"""Checkpoints of a training: everything that a bit-for-bit continuation needs."""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evonas.errors import ConfigurationError, DataError
from evonas.files import write_atomically
from evonas.training.recipe import Recipe, describe_recipe

_VERSION = 1


def save_checkpoint(
    path: Path,
    step: int,
    losses: list[float],
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    average: dict[str, Tensor],
    recipe: Recipe,
    seed: int,
) -> None:
    """Saves the state after `step` steps."""
    buffer = io.BytesIO()
    content = {
        "version": _VERSION,
        "step": step,
        "losses": torch.tensor(losses, dtype=torch.float64),
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "scaler": scaler.state_dict(),
        "average": average,
        "recipe": describe_recipe(recipe),
        "seed": seed,
    }
    torch.save(content, buffer)
    write_atomically(path, buffer.getbuffer())


def save_batch(path: Path, images: Tensor, boxes: Tensor, labels: Tensor) -> None:
    """Saves a batch as it was fed to the network, to look at what went wrong."""
    from safetensors.torch import save

    parts = {"images": images, "boxes": boxes, "labels": labels}
    write_atomically(path, save({name: part.contiguous() for name, part in parts.items()}))


def load_checkpoint(
    path: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    average: dict[str, Tensor],
    recipe: Recipe,
    seed: int,
) -> tuple[int, list[float]]:
    """Restores the state in place and returns the steps done and their losses.

    Raises:
        DataError: The file is damaged or of another version.
        ConfigurationError: It is of another network, recipe or seed.
    """
    content = _read(path)
    if (content["recipe"], content["seed"]) != (describe_recipe(recipe), seed):
        raise ConfigurationError(f"{path}: made with another recipe or seed; remove it to restart")
    try:
        network.load_state_dict(content["network"])
        optimiser.load_state_dict(content["optimiser"])
        scaler.load_state_dict(content.get("scaler", {}))
    except (RuntimeError, ValueError) as error:
        raise ConfigurationError(f"{path}: a checkpoint of another network") from error
    for name, value in content["average"].items():
        average[name].copy_(value)
    return content["step"], content["losses"].tolist()


def checkpoint_steps(path: Path) -> int:
    """Returns after how many steps a checkpoint was saved; 0 if there is none.

    Raises:
        DataError: The file is damaged or of another version.
    """
    return int(_read(path)["step"]) if path.exists() else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version = content["version"]
    except Exception as error:  # torch raises whatever the damage leads to
        raise DataError(f"{path}: not a readable checkpoint ({type(error).__name__})") from error
    if version != _VERSION:
        raise DataError(f"{path}: checkpoint version {version}; this evonas reads {_VERSION}")
    return content
