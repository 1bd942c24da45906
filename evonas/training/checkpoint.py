"""Checkpoints of a training: everything that a bit-for-bit continuation needs."""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evonas.errors import ConfigurationError, DataError
from evonas.files import write_atomically
from evonas.limits import read_regular
from evonas.seal import add_seal, unsealed
from evonas.training.recipe import Recipe, describe_recipe

# Files of version 1 have no seal.
_VERSION, _UNSEALED_VERSION = 2, 1
_KEYS = {"step", "losses", "network", "optimiser", "average", "recipe", "seed"}


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
    add_seal(buffer)
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
        for name, value in content["average"].items():
            average[name].copy_(value)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path}: a checkpoint of another network") from error
    return content["step"], content["losses"].tolist()


def checkpoint_steps(path: Path) -> int:
    """Returns after how many steps a checkpoint was saved; 0 if there is none.

    Raises:
        DataError: The file is damaged or of another version.
    """
    return int(_read(path)["step"]) if path.exists() else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        told, is_sealed = unsealed(read_regular(path, None))
        content: dict[str, Any] = torch.load(
            io.BytesIO(told), map_location="cpu", weights_only=True
        )
        version = content["version"]
    except Exception as error:  # torch raises whatever the damage leads to
        reason = str(error).splitlines()[0] if isinstance(error, ValueError) else ""
        raise DataError(
            f"{path}: damaged, or not a checkpoint ({reason or type(error).__name__}); remove it "
            "to start again"
        ) from error
    if type(version) is not int or version > _VERSION:
        raise DataError(f"{path}: checkpoint version {version!r}; this evonas reads {_VERSION}")
    if not is_sealed and version > _UNSEALED_VERSION:
        raise DataError(f"{path}: damaged: its end is missing; remove it to start again")
    step, losses = content.get("step"), content.get("losses")
    sound = type(step) is int and step >= 0 and isinstance(losses, Tensor) and losses.ndim == 1
    if not sound or not content.keys() >= _KEYS:
        raise DataError(f"{path}: not a checkpoint of a training; remove it to start again")
    return content
