"""Data sets of other formats as COCO-format folders, with an account of every box."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evonas.data.box_rules import AS_READ, BadBoxes, check_treatment
from evonas.data.conversion import Conversion
from evonas.data.convert_split import SplitWriter
from evonas.data.formats import read_source
from evonas.data.formats.source import RawImage, Source
from evonas.data.splits import assign_splits
from evonas.errors import ConfigurationError, DataError
from evonas.limits import check_name, printable

Unlabelled = Literal["auto", "background", "skip", "refuse"]


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """How a data set is converted.

    Attributes:
        rename: New names of classes; those that get the same name become one, those that get an
            empty name are left out.
        splits: Split -> a share of the training images ("0.1"), a file that lists images, or one
            of the source's own splits; empty: the source's splits as they are.
        val_share: Share of the training images for val, where there is no val and no `splits`.
        bad_boxes: "clip" cuts boxes at the image's edges, puts swapped corners in order and drops
            the rest; "drop" drops all that are wrong; "refuse" stops at any.
        unlabelled: Images without annotations: "background", "skip", "refuse", or "auto" for
            what the format means by it (YOLO: background; lists of images elsewhere: refuse).
        resized: Annotations made for another size of the image: "refuse" or "scale".
        skip_unreadable: Leave out images that cannot be decoded, instead of stopping.
        max_loss: Largest share of the boxes that may be dropped, and of the images of train and
            val that may be without labels.
        seed: Of the shares.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    val_share: float = 0.1
    bad_boxes: BadBoxes = "clip"
    unlabelled: Unlabelled = "auto"
    resized: Literal["refuse", "scale"] = "refuse"
    skip_unreadable: bool = False
    max_loss: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        check_treatment(self.bad_boxes)
        if self.unlabelled not in ("auto", "background", "skip", "refuse"):
            raise ConfigurationError(
                f"unknown treatment of images without labels {self.unlabelled!r}; allowed: auto, "
                "background, skip, refuse"
            )
        if self.resized not in ("refuse", "scale"):
            raise ConfigurationError(
                f"unknown treatment of resized images {self.resized!r}; allowed: refuse, scale"
            )
        if not 0 < self.val_share < 1:
            raise ConfigurationError(
                f"the share of validation images is {self.val_share}; 0 to 1 is allowed"
            )
        if not 0 <= self.max_loss <= 1:
            raise ConfigurationError(f"max_loss is {self.max_loss}; 0 to 1 is allowed")


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
        raise DataError(f"{source.folder}: no classes")
    splits, notes = _splits(source, options)
    conversion = Conversion(
        format=source.format,
        source=str(source.folder),
        options={name: _plain(getattr(options, name)) for name in options.__slots__},
        classes=classes,
        notes=[*source.notes, *notes],
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
        write_account(partial, conversion)
    return conversion


def write_instances(folder: Path, split: str, content: Mapping[str, object]) -> None:
    """Writes a split's annotations into a COCO-format folder."""
    file = folder / "annotations" / f"instances_{split}.json"
    file.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")


def write_account(folder: Path, conversion: Conversion) -> None:
    """Writes `conversion.json` into a folder."""
    from dataclasses import asdict

    content = {"version": 1, **asdict(conversion)}
    (folder / "conversion.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Gives a folder to fill that takes its name when the block ends without an error.

    Raises:
        DataError: The name is taken, or the place cannot be written.
    """
    if out.exists() or out.is_symlink():
        raise DataError(f"{out}: exists already; name another folder, or remove it first")
    partial = out.parent / f".{out.name}.partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        yield partial
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _names(source: Source, rename: Mapping[str, str]) -> dict[str, str]:
    """Returns what each class is called in what is written."""
    unknown = sorted(set(rename) - set(source.classes))
    if unknown:
        there = ", ".join(map(printable, source.classes))
        raise ConfigurationError(f"no class {unknown[0]!r} in {source.folder}; there: {there}")
    for name in (*source.classes, *filter(None, rename.values())):
        check_name(name, f"{source.folder}: class")
    twice = [n for n in dict.fromkeys(source.classes) if source.classes.count(n) > 1]
    if twice and twice[0] not in rename:
        raise DataError(
            f"{source.folder}: two classes are called {twice[0]!r}; correct one of them, or make "
            f"them one with --rename {twice[0]}={twice[0]}"
        )
    return {name: rename.get(name, name) for name in source.classes}


def _splits(
    source: Source, options: ConvertOptions
) -> tuple[dict[str, list[RawImage]], list[str]]:
    """Returns images by split, and what to say of those that are in none."""
    images: Sequence[RawImage] = source.images
    if not images:
        raise DataError(f"{source.folder}: no images")
    notes = []
    treatment = options.unlabelled
    if treatment == "auto":
        treatment = "background" if source.background else "refuse"
    missing = [image for image in images if not image.labelled]
    if missing and treatment == "refuse":
        raise DataError(
            f"{source.folder}: no annotations of {missing[0].path}{_and_more(len(missing) - 1)}; "
            "--unlabelled background or --unlabelled skip, if that is meant"
        )
    if missing and treatment == "skip":
        images = [image for image in images if image.labelled]
        notes.append(f"{len(missing)} images without labels were left out")
    chosen = assign_splits(images, options.splits, options.val_share, options.seed)
    splits: dict[str, list[RawImage]] = {}
    for split in sorted(set(chosen) - {""}, key=_order):
        splits[split] = [image for image, s in zip(images, chosen, strict=True) if s == split]
    if not splits.get("train"):
        raise DataError(f"{source.folder}: no training images")
    outside = chosen.count("")
    if outside:
        notes.append(f"{outside} images are in no split and were left out")
    return splits, notes


def _order(split: str) -> tuple[int, str]:
    known = ("train", "val", "test")
    return (known.index(split) if split in known else len(known), split)


def _refuse_faults(
    source: Source, conversion: Conversion, options: ConvertOptions, first: list[str]
) -> None:
    broken = conversion.unreadable
    if broken and not options.skip_unreadable:
        listed = "\n".join(f"  {message}" for message in broken[:20])
        raise DataError(
            f"{source.folder}: {len(broken)} images cannot be used; --skip-unreadable leaves them "
            f"out:\n{listed}{_and_more(len(broken) - 20)}"
        )
    wrong = conversion.reasons("dropped")
    if wrong and options.bad_boxes == "refuse":
        raise DataError(
            f"{source.folder}: {_listed(wrong.items())}, of {conversion.total('boxes_read')} boxes "
            f"({first[0]}); --bad-boxes clip or drop goes on without them"
        )


def _refuse_loss(source: Source, conversion: Conversion, options: ConvertOptions) -> None:
    """Refuses a conversion that would lose most of what is there."""
    read, lost = conversion.total("boxes_read"), sum(conversion.reasons("dropped").values())
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
