"""What is in a split, which of its images cannot be used, and what cannot be learnt from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evonas.data.coco import CocoDataset
from evonas.data.contents import file_digest
from evonas.data.images import why_unusable
from evonas.errors import DataError
from evonas.limits import listed, printable


@dataclass(frozen=True, slots=True)
class SplitReport:
    """The findings about one split."""

    images: int
    boxes: int
    crowd_boxes: int
    images_without_boxes: int
    boxes_per_class: dict[str, int]
    box_sides: tuple[float, float, float]  # 5th, 50th and 95th percentile of sqrt(area) in pixels
    tiny_boxes: int  # less than a pixel wide or high
    dropped: int  # boxes that are wrong, left out on request
    clipped: int  # boxes cut at the image's edges on request
    broken: tuple[str, ...]  # one message per image that cannot be decoded


def check_split(dataset: CocoDataset) -> SplitReport:
    """Counts the boxes of a split and decodes every image once."""
    targets = ~dataset.is_crowd
    counts = np.bincount(dataset.labels[targets], minlength=dataset.n_classes)
    sides = np.sqrt(dataset.boxes[targets, 2] * dataset.boxes[targets, 3])
    low, middle, high = np.percentile(sides, [5, 50, 95]) if len(sides) else (np.nan,) * 3
    return SplitReport(
        images=len(dataset),
        boxes=int(targets.sum()),
        crowd_boxes=int(dataset.is_crowd.sum()),
        images_without_boxes=len(dataset) - len(np.unique(dataset.image_index)),
        boxes_per_class=dict(zip(dataset.class_names, counts.tolist(), strict=True)),
        box_sides=(float(low), float(middle), float(high)),
        tiny_boxes=int((dataset.boxes[targets, 2:] < 1).any(axis=1).sum()),
        dropped=dataset.dropped,
        clipped=dataset.clipped,
        broken=tuple(filter(None, (_why_broken(dataset, i) for i in range(len(dataset))))),
    )


def find_duplicates(splits: Mapping[str, CocoDataset]) -> list[tuple[str, ...]]:
    """Returns the image files that are equal byte for byte, each group as SPLIT/NAME.

    An image that is in two splits makes figures on the second one too good.
    """
    groups: dict[bytes, list[str]] = {}
    for split, dataset in splits.items():
        for index, name in enumerate(dataset.file_names):
            digest = file_digest(dataset.path_of(index))
            groups.setdefault(digest, []).append(f"{split}/{name}")
    return [tuple(names) for names in groups.values() if len(names) > 1]


def refuse_unlearnable(dataset: CocoDataset) -> None:
    """Refuses a training split without a single box of a pixel or more.

    Raises:
        DataError: There is nothing to learn.
    """
    targets = dataset.boxes[~dataset.is_crowd]
    if not len(targets):
        raise DataError(f"{dataset.annotation_file}: no boxes at all; nothing can be learnt")
    if not (targets[:, 2:] >= 1).all(axis=1).any():
        raise DataError(
            f"{dataset.annotation_file}: all {len(targets)} boxes are under a pixel; are they "
            "shares of the image? COCO has pixels"
        )


def find_refusals(
    datasets: Mapping[str, CocoDataset],
    reports: Mapping[str, SplitReport],
    duplicates: Sequence[Sequence[str]],
) -> list[str]:
    """Returns why training or an honest figure is impossible with this data, one text each."""
    found = [
        f"no split {split}; training needs train and val"
        for split in ("train", "val")
        if split not in datasets
    ]
    if "train" in datasets:
        try:
            refuse_unlearnable(datasets["train"])
        except DataError as error:
            found.append(str(error))
    first, *others = datasets
    for split in others:
        names, wanted = datasets[split].class_names, datasets[first].class_names
        if names != wanted:
            same = sorted(names) == sorted(wanted)
            found.append(
                f"{split} has the classes {listed(names)}, {first} has "
                f"{listed(wanted)}{' (another order)' if same else ''}; "
                "`evonas data convert` makes them one"
            )
    found += [
        f"{split}: {len(report.broken)} images cannot be used"
        for split, report in reports.items()
        if report.broken
    ]
    labelled = _with_boxes(datasets)
    leaks = [names for names in _across(duplicates) if not labelled.isdisjoint(names)]
    if leaks:
        found.append(
            f"{len(leaks)} images are in two splits, {_shown(leaks[0])} the first; figures on one "
            "would be of images trained on"
        )
    return found


def find_warnings(
    reports: Mapping[str, SplitReport], duplicates: Sequence[Sequence[str]]
) -> list[str]:
    """Returns what training accepts and a person should look at, one text each."""
    found = []
    for split, report in reports.items():
        if report.dropped or report.clipped:
            found.append(f"{split}: {report.dropped} boxes dropped, {report.clipped} cut")
        if report.tiny_boxes:
            found.append(f"{split}: {report.tiny_boxes} boxes are under a pixel wide or high")
        if not report.boxes:
            found.append(f"{split}: no boxes at all")
        elif 2 * report.images_without_boxes > report.images:
            found.append(f"{split}: most images have no boxes")
        bare = [name for name, count in report.boxes_per_class.items() if not count]
        if bare and report.boxes:
            found.append(f"{split}: no boxes of {listed(bare[:10])}{_more(len(bare) - 10)}")
    across = set(map(tuple, _across(duplicates)))
    within = [names for names in duplicates if tuple(names) not in across]
    if within:
        found.append(f"{len(within)} images are there twice in one split")
    return found


def _across(duplicates: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Returns the groups of copies that reach over more than one split."""
    return [names for names in duplicates if len({name.split("/")[0] for name in names}) > 1]


def _with_boxes(datasets: Mapping[str, CocoDataset]) -> set[str]:
    """Returns the images that have a box, as SPLIT/NAME.

    Copies of others give nothing away: tiles of plain background are often equal to the byte.
    """
    return {
        f"{split}/{dataset.file_names[index]}"
        for split, dataset in datasets.items()
        for index in np.unique(dataset.image_index[~dataset.is_crowd]).tolist()
    }


def _shown(names: Sequence[str]) -> str:
    """Names one copy of each split."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name.split("/")[0], name)
    return " = ".join(map(printable, first.values()))


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _why_broken(dataset: CocoDataset, index: int) -> str | None:
    width, height = dataset.sizes[index].tolist()
    return why_unusable(dataset.path_of(index), int(dataset.image_ids[index]), (width, height))
