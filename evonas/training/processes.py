"""The processes of a training: one, or several that divide each batch (`torchrun`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from evonas.errors import ConfigurationError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Processes:
    """This process's place among those that train together.

    Attributes:
        rank: Its number, from 0; process 0 validates, saves and reports.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    def share(self, size: int) -> slice:
        """Returns this process's part of a batch.

        Raises:
            ConfigurationError: The batch cannot be divided evenly.
        """
        if size % self.count:
            raise ConfigurationError(
                f"a batch of {size} images cannot be divided among {self.count} processes"
            )
        part = size // self.count
        return slice(self.rank * part, (self.rank + 1) * part)

    def sum(self, value: Tensor) -> Tensor:
        """Returns the sum of all processes' values."""
        if self.count > 1:
            value = value.clone()
            torch.distributed.all_reduce(value)
        return value

    def gather(self, value: Any) -> list[Any]:
        """Returns all processes' values, in the order of their ranks."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        torch.distributed.all_gather_object(values, value)
        return values

    def from_first(self, value: T) -> T:
        """Returns the first process's value."""
        if self.count == 1:
            return value
        values: list[Any] = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        first: T = values[0]
        return first

    def share_first(self, values: Iterable[Tensor]) -> None:
        """Overwrites tensors by the first process's."""
        if self.count > 1:
            for value in values:
                torch.distributed.broadcast(value, src=0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces gradients by their mean over all processes, all in one message.

        A parameter that a process's architecture does not have counts as zero there; one that
        none has keeps no gradient, and the optimiser leaves it alone.
        """
        if self.count == 1:
            return
        parameters = list(parameters)
        [first, *_] = parameters
        used = self.sum(first.new_tensor([float(p.grad is not None) for p in parameters]))
        shared = [p for p, n in zip(parameters, used.tolist(), strict=True) if n]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in shared]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.count
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for parameter, gradient, part in zip(shared, gradients, parts, strict=True):
            parameter.grad = gradient.copy_(part.view_as(gradient))


ALONE = Processes()
