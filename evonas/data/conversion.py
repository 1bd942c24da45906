"""The account of a conversion: what went in, what came out, and what became of the rest."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class SplitAccount:
    """One split's images and boxes.

    `boxes_read` is `boxes_written` and all of `dropped` and `left_out`; cut and turned boxes are
    among those written.
    """

    images: int = 0
    images_without_labels: int = 0  # no annotations were found of them
    images_without_boxes: int = 0
    boxes_read: int = 0
    boxes_written: int = 0
    changed: dict[str, int] = field(default_factory=dict)  # how -> boxes
    dropped: dict[str, int] = field(default_factory=dict)  # why -> boxes
    left_out: int = 0  # boxes of classes that were renamed to nothing
    ignored: int = 0  # boxes written as crowd: difficult ones
    per_class: dict[str, int] = field(default_factory=dict)  # boxes written
    unreadable: list[str] = field(default_factory=list)  # images skipped, with their boxes


@dataclass(slots=True)
class Conversion:
    """The account of a whole data set, kept as `conversion.json` beside it."""

    format: str
    source: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    splits: dict[str, SplitAccount] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def images(self) -> dict[str, int]:
        """Images written, by split."""
        return {split: account.images for split, account in self.splits.items()}

    def total(self, name: str) -> int:
        """Returns the sum of a number over all splits."""
        return sum(getattr(account, name) for account in self.splits.values())

    def reasons(self, name: str) -> dict[str, int]:
        """Returns the sum of `changed` or `dropped` over all splits."""
        total: Counter[str] = Counter()
        for account in self.splits.values():
            total.update(getattr(account, name))
        return dict(total)

    @property
    def unreadable(self) -> list[str]:
        """One message for each image that cannot be read."""
        return [message for a in self.splits.values() for message in a.unreadable]


def count(counts: dict[str, int], key: str) -> None:
    """Adds one to a count."""
    counts[key] = counts.get(key, 0) + 1


def describe(conversion: Conversion) -> list[str]:
    """Returns the account as lines for people."""
    lines = [f"read as {conversion.format}: {len(conversion.classes)} classes"]
    for split, account in conversion.splits.items():
        lines.append(
            f"{split}: {account.images} images ({account.images_without_boxes} without boxes, "
            f"{account.images_without_labels} without labels), {account.boxes_read} boxes read, "
            f"{account.boxes_written} written"
        )
        lines += [f"  {count} {how}" for how, count in account.changed.items()]
        lines += [f"  {count} dropped: {why}" for why, count in account.dropped.items()]
        if account.left_out:
            lines.append(f"  {account.left_out} of classes left out")
        if account.ignored:
            lines.append(f"  {account.ignored} to be ignored (difficult or crowd)")
    lines += conversion.notes
    broken = conversion.unreadable
    if broken:
        lines.append(f"{len(broken)} images cannot be read and were skipped:")
        lines += [f"  {message}" for message in broken[:20]]
        lines += [f"  and {len(broken) - 20} more"] if len(broken) > 20 else []
    return lines
