"""Data sets of other formats as COCO-format folders, with an account of every box."""

import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evonas.data.box_rules import AS_READ, CUT, TWICE
from evonas.data.coco_folder import new_folder, write_account, write_instances
from evonas.data.conversion import Conversion
from evonas.data.convert_options import ConvertOptions
from evonas.data.convert_split import SplitWriter
from evonas.data.formats import read_source
from evonas.data.formats.source import RawImage, Source
from evonas.data.splits import assign_splits, copies
from evonas.errors import ConfigurationError, DataError
from evonas.limits import check_name, listed, printable


def convert_dataset(
    folder: Path | str,
    out: Path | str,
    options: ConvertOptions | None = None,
    on_image: Callable[[Path], None] = lambda _: None,
    **reading: Any,
) -> Conversion:
    """Writes a data set of any known format as a COCO-format folder.

    Images are linked where the file system can, else copied.

    Args:
        folder: The data set, or the file that describes it.
        out: The folder to make; it appears whole or not at all.
        options: How; the defaults if None.
        on_image: Called with each image written.
        reading: `format`, `labels` and `units`; see `read_source`.

    Returns:
        The account, which is also in `conversion.json` in the folder.

    Raises:
        DataError: No known format, something in it is wrong, too much of it would be lost, or
            `out` exists.
        ConfigurationError: An option that cannot be.
    """
    return write_source(read_source(Path(folder), **reading), out, options, on_image)


def split_dataset(
    folder: Path | str,
    out: Path | str,
    options: ConvertOptions,
    on_image: Callable[[Path], None] = lambda _: None,
) -> Conversion:
    """Divides all images of a data set anew; its own splits are forgotten.

    Copies of an image stay together. See `convert_dataset`.
    """
    source = read_source(Path(folder))
    pooled = tuple(replace(image, split="") for image in source.images)
    return write_source(replace(source, images=pooled), out, options, on_image)


def write_source(
    source: Source,
    out: Path | str,
    options: ConvertOptions | None = None,
    on_image: Callable[[Path], None] = lambda _: None,
) -> Conversion:
    """Writes what a reader has read as a COCO-format folder; see `convert_dataset`."""
    options, out = options or ConvertOptions(), Path(out)
    names = _names(source, options.rename)
    classes = tuple(dict.fromkeys(name for name in names.values() if name))
    if not classes:
        why = "".join(f"; {note}" for note in source.notes)
        raise DataError(f"{source.folder}: no boxes of any class{why}")
    splits, notes = _splits(source, options)
    conversion = Conversion(
        format=source.format,
        source=str(source.folder),
        options={name: _plain(getattr(options, name)) for name in options.__slots__},
        classes=classes,
        notes=[*source.notes, *_alike(classes), *notes],
    )
    with new_folder(out) as partial:
        (partial / "annotations").mkdir()
        first: list[str] = []  # one example of each fault
        for split, images in splits.items():
            (partial / split).mkdir()
            writer = SplitWriter(source, options, names, classes, partial / split)
            content = writer.write(images, on_image)
            conversion.splits[split] = writer.account
            first += writer.faults
            write_instances(partial, split, content)
        _refuse_faults(source, conversion, options, first)
        _refuse_loss(source, conversion, options)
        conversion.notes += _mostly_cut(conversion)
        write_account(partial, conversion)
    return conversion


def _names(source: Source, rename: Mapping[str, str]) -> dict[str, str]:
    """Returns what each class is called in what is written."""
    unknown = sorted(set(rename) - set(source.classes))
    if unknown:
        there = listed(source.classes)
        raise ConfigurationError(f"no class {unknown[0]!r} in {source.folder}; there: {there}")
    for name in (*source.classes, *filter(None, rename.values())):
        check_name(name, f"{source.folder}: class")
    twice = [n for n in dict.fromkeys(source.classes) if source.classes.count(n) > 1]
    if twice and twice[0] not in rename:
        raise DataError(
            f"{source.folder}: two classes are called {twice[0]!r}; correct one of them, or make "
            f"them one with --rename {shlex.quote(f'{twice[0]}={twice[0]}')}"
        )
    return {name: rename.get(name, name) for name in source.classes}


def _alike(classes: Iterable[str]) -> list[str]:
    """Says which classes differ only in the case of their letters."""
    first: dict[str, str] = {}
    return [
        f"classes {printable(other)} and {printable(name)} differ in case only; "
        "--rename makes them one"
        for name in classes
        if (other := first.setdefault(name.casefold(), name)) != name
    ]


def _splits(source: Source, options: ConvertOptions) -> tuple[dict[str, list[RawImage]], list[str]]:
    """Returns images by split, and what to say of those that are in none."""
    images, notes = _once(source, pooled=bool(options.splits))
    missing = [image for image in images if not image.labelled]
    treatment = source.unlabelled if options.unlabelled == "auto" else options.unlabelled
    if missing and treatment == "refuse":
        raise DataError(
            f"{source.folder}: no annotations of {missing[0].path}{_and_more(len(missing) - 1)}; "
            "--unlabelled background or --unlabelled skip, if that is meant"
        )
    if missing and treatment == "skip":
        if options.unlabelled == "auto" and len(missing) > options.max_loss * len(images):
            raise DataError(
                f"{source.folder}: {len(missing)} of {len(images)} images have no annotations, "
                f"{missing[0].path} the first; nothing was written. --unlabelled skip leaves "
                "them out"
            )
        images = [image for image in images if image.labelled]
        notes.append(f"{len(missing)} images without annotations were left out")
    chosen = assign_splits(images, options.splits, options.val_share, options.seed)
    splits: dict[str, list[RawImage]] = {}
    for split in sorted(set(chosen) - {""}, key=_order):
        splits[split] = [image for image, s in zip(images, chosen, strict=True) if s == split]
    if not splits.get("train"):
        raise DataError(f"{source.folder}: no training images")
    leaks = _leaks(images, chosen)
    if leaks:
        notes.append(f"{leaks} images of one split are byte for byte in another")
    outside = chosen.count("")
    if outside:
        notes.append(f"{outside} images are in no split and were left out")
    return splits, notes


def _leaks(images: list[RawImage], chosen: list[str]) -> int:
    """Counts the images with boxes that another split has a copy of, but for one of each."""
    splits: dict[int, set[str]] = {}
    with_boxes: set[int] = set()
    for image, group, split in zip(images, copies(images), chosen, strict=True):
        if split:
            splits.setdefault(group, set()).add(split)
            with_boxes |= {group} if image.boxes else set()
    return sum(len(splits[group]) - 1 for group in with_boxes)


def _once(source: Source, pooled: bool) -> tuple[list[RawImage], list[str]]:
    """Returns each image once, with the boxes of all its entries.

    One in two splits is refused, or in none if splits are made new.
    """
    first: dict[str, int] = {}
    images: list[RawImage] = []
    repeated = 0
    for image in source.images:
        place = _place(image.path)
        if place not in first:
            first[place] = len(images)
            images.append(image)
            continue
        repeated += 1
        other = images[first[place]]
        known = set(other.boxes)
        joined = replace(
            other,
            boxes=(*other.boxes, *(box for box in image.boxes if box not in known)),
            labelled=other.labelled or image.labelled,
        )
        images[first[place]] = joined
        if other.split == image.split:
            continue
        if not pooled:
            raise DataError(
                f"{image.path}: is in {other.split or 'no split'} and in {image.split}; figures on "
                "one would be of images trained on. --split val=0.1 divides the images again"
            )
        images[first[place]] = replace(joined, split="")
    if not images:
        raise DataError(f"{source.folder}: no images")
    if not repeated:
        return images, []
    return images, [f"{repeated} images are named twice; each is written once, with all its boxes"]


def _place(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # a name that no file can have
        return str(path)


def _order(split: str) -> tuple[int, str]:
    known = ("train", "val", "test")
    return (known.index(split) if split in known else len(known), split)


def _refuse_faults(
    source: Source, conversion: Conversion, options: ConvertOptions, first: list[str]
) -> None:
    broken = conversion.unreadable
    if broken and not options.skip_unreadable:
        lines = "\n".join(f"  {message}" for message in broken[:20])
        raise DataError(
            f"{source.folder}: {len(broken)} images cannot be used; --skip-unreadable leaves them "
            f"out:\n{lines}{_and_more(len(broken) - 20)}"
        )
    wrong = conversion.reasons("dropped")
    if wrong and options.bad_boxes == "refuse":
        raise DataError(
            f"{source.folder}: {_listed(wrong.items())}, of {conversion.total('boxes_read')} boxes "
            f"({first[0]}); --bad-boxes clip or drop continues without them"
        )


def _mostly_cut(conversion: Conversion) -> list[str]:
    """Says that most boxes were cut: they may be meant otherwise than they were read."""
    cut, read = conversion.reasons("changed").get(CUT, 0), conversion.total("boxes_read")
    if 2 * cut <= read:
        return []
    return [
        f"{cut} of {read} boxes reach out of their images; are they corners where centres were "
        "read, or of other sizes? Look at them with `evonas data check --grid grid.png`"
    ]


def _refuse_loss(source: Source, conversion: Conversion, options: ConvertOptions) -> None:
    """Refuses a conversion that would lose most of what is there."""
    read, dropped = conversion.total("boxes_read"), conversion.reasons("dropped")
    lost = sum(dropped.values()) - dropped.get(TWICE, 0)
    if lost > options.max_loss * read:
        raise DataError(
            f"{source.folder}: {lost} of {read} boxes would be lost "
            f"({_listed(conversion.reasons('dropped').items())}); nothing was written. At most "
            f"{options.max_loss:.0%} may be (--max-loss)"
        )
    for split, account in conversion.splits.items():
        if split not in ("train", "val"):
            continue
        bare = account.images_without_labels
        if bare > options.max_loss * account.images:
            raise DataError(
                f"{source.folder}: no labels were found of {bare} of the {account.images} {split} "
                "images; nothing was written. Say where they are with --labels FOLDER, or allow "
                "it with --max-loss 1"
            )
        if not account.boxes_written and options.max_loss < 1:
            raise DataError(
                f"{source.folder}: no boxes at all in {split} ({account.boxes_read} read); "
                "nothing was written. --max-loss 1 allows it"
            )


def _listed(reasons: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons if reason != AS_READ)


def _and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value
