"""A run's curves as TensorBoard event files."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_TAGS = {
    "loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "images_per_second": "train/images_per_second",
    "map": "val/map",
    "map50": "val/map50",
}


class EventFiles:
    """Writes rows of `curves.jsonl` as scalars by step; does nothing without tensorboard.

    Args:
        path: Folder of the event files; `tensorboard --logdir` takes it or one above.
        steps: Steps done so far; a run that goes on takes back what came after them.
        wanted: Whether this process writes.
    """

    def __init__(self, path: Path, steps: int, wanted: bool) -> None:
        self._writer: Any = None
        if wanted:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:  # an extra of its own
                return
            self._writer = SummaryWriter(path, purge_step=steps + 1 if steps else None)

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Writes what is left."""
        if self._writer is not None:
            self._writer.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds a row's figures."""
        if self._writer is not None:
            for name, tag in _TAGS.items():
                if row.get(name) is not None:
                    self._writer.add_scalar(tag, row[name], row["step"])
