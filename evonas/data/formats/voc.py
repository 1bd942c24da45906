"""Reads Pascal-VOC XML: VOC's own folders, labelImg's flat ones, and Roboflow's split folders."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from evonas.data.formats.lookup import (
    ImageIndex,
    child_folder,
    folder_split,
    split_of,
    walk,
    without_suffix,
)
from evonas.data.formats.source import RawImage, Source
from evonas.data.formats.voc_file import VocFile, read_voc_file
from evonas.data.images import header_size
from evonas.errors import DataError
from evonas.limits import printable, read_text

_ANNOTATIONS = ("Annotations", "Annotation", "xml", "xmls", "labels")


def voc_files(folder: Path, labels: Path | None = None) -> tuple[Path, list[Path]]:
    """Returns the folder of a data set's XML files, and these; empty where there are none."""
    root = _annotation_root(folder, labels)
    if root is not None:
        return root, [path for path in walk(root) if _is_xml(path)]
    places = [folder, *sorted(p for p in folder.iterdir() if p.is_dir() and split_of(p.name))]
    return folder, [p for place in places for p in _xml_in(place)]


def read_voc(folder: Path, labels: Path | None = None) -> Source:
    """Reads a folder of images and XML files.

    Splits are those of `ImageSets/Main/*.txt`, else of folders called train, valid or test.

    Args:
        folder: The data set.
        labels: The folder of its XML files, where it is not called Annotations.

    Raises:
        DataError: Something is missing or wrong, or it is not clear which image a file is of.
    """
    root, files = voc_files(folder, labels)
    if not files:
        raise DataError(f"{root}: no XML files")
    image_root = child_folder(folder, "JPEGImages", "images", "img", "imgs") or folder
    masks = ("segmentationclass", "segmentationobject")
    index = ImageIndex(
        image_root,
        (p for p in walk(image_root) if not any(part.lower() in masks for part in p.parts)),
    )
    pairs = _pair(root, files, index)
    classes = sorted({box.name for pair in pairs for box in pair.content.boxes})
    lists = _read_lists(folder, index)
    if lists is None:
        images = _by_folder(folder, index, pairs)
        return Source("Pascal VOC", folder, tuple(classes), images, corners=True, unlabelled="skip")
    chosen, notes = _by_list(index, pairs, lists)
    return Source("Pascal VOC", folder, tuple(classes), chosen, corners=True, notes=tuple(notes))


@dataclass(frozen=True, slots=True)
class _Pair:
    """An XML file, and the image that it is of; one that there is not is named all the same."""

    content: VocFile
    image: Path


def _annotation_root(folder: Path, labels: Path | None) -> Path | None:
    if labels is None:
        named = (child_folder(folder, name) for name in _ANNOTATIONS)
        return next((path for path in named if path and any(map(_is_xml, walk(path)))), None)
    found = next((path for path in (labels, folder / labels) if path.is_dir()), None)
    if found is None:
        raise DataError(f"--labels {labels}: no such folder")
    return found


def _xml_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _is_xml(path) and path.is_file())


def _is_xml(path: Path) -> bool:
    return path.suffix.lower() == ".xml"


def _pair(root: Path, files: Iterable[Path], index: ImageIndex) -> list[_Pair]:
    pairs: list[_Pair] = []
    taken: dict[Path, Path] = {}
    for file in files:
        content = read_voc_file(file)
        image = _image_of(root, content, index)
        if image in taken:
            raise DataError(f"{file}: of {image}, as {taken[image]} is")
        taken[image] = file
        pairs.append(_Pair(content, image))
    return pairs


def _image_of(root: Path, content: VocFile, index: ImageIndex) -> Path:
    """Returns the image with the file's own relative name, else the one that it names."""
    file = content.path
    found = index.find(without_suffix(file.relative_to(root).as_posix()))
    if not found and content.filename:
        found = index.find(content.filename)
    if not found:
        name = content.filename.replace("\\", "/").rsplit("/", 1)[-1]
        return index.root / (name or f"{file.stem}.jpg")
    if len(found) > 1 and content.filename:
        named = [path for path in found if path.name == Path(content.filename).name]
        found = named or found
    if len(found) > 1 and content.size:
        found = [path for path in found if content.size in header_size(path)] or found
    if len(found) > 1:
        raise DataError(f"{file}: may be of {found[0]} or {found[1]}; <filename> must say which")
    return found[0]


def _by_folder(folder: Path, index: ImageIndex, pairs: list[_Pair]) -> tuple[RawImage, ...]:
    """Returns all images, in the splits that their folders' names say."""
    labelled = {pair.image: _raw(pair, folder_split(folder, pair.image)) for pair in pairs}
    others = [
        RawImage(path, (), folder_split(folder, path), labelled=False)
        for path in index.images
        if path not in labelled
    ]
    return (*labelled.values(), *others)


def _read_lists(folder: Path, index: ImageIndex) -> dict[str, list[Path]] | None:
    """Returns the images of each list; trainval only where there is no list train.

    CVAT's lists are called `Train.txt` and `Validation.txt`.
    """
    sets = child_folder(folder, "ImageSets")
    main = child_folder(sets, "Main") or sets if sets else None
    if main is None:
        return None
    present: dict[str, Path] = {}
    for file in sorted(p for p in main.iterdir() if p.suffix.lower() == ".txt" and p.is_file()):
        split = "trainval" if file.stem.lower() == "trainval" else split_of(file.stem)
        if split:
            present.setdefault(split, file)
    if "train" in present:
        present.pop("trainval", None)
    return {split: _listed(file, index) for split, file in present.items()} or None


def _listed(file: Path, index: ImageIndex) -> list[Path]:
    images, missing = [], []
    for line in read_text(file).splitlines():
        name = line.strip()
        if not name:
            continue
        found = index.find(name)
        words = name.rsplit(maxsplit=1)
        if not found and len(words) == 2 and words[1] in ("1", "0", "-1"):
            found = index.find(words[0])  # the lists of one class say whether an image shows it
        if len(found) > 1:
            raise DataError(f"{file}: {printable(name)!r} may be {found[0]} or {found[1]}")
        images += found
        missing += [] if found else [name]
    if missing:
        raise DataError(
            f"{file}: names {printable(missing[0])!r} and {len(missing) - 1} more without image"
        )
    return images


def _by_list(
    index: ImageIndex, pairs: list[_Pair], lists: dict[str, list[Path]]
) -> tuple[tuple[RawImage, ...], list[str]]:
    """Returns the listed images; without a list of training images, all others are these."""
    of = {pair.image: pair for pair in pairs}
    if "trainval" in lists and "val" in lists:
        kept_out = set(lists["val"])
        lists["trainval"] = [path for path in lists["trainval"] if path not in kept_out]
    listed = {path for paths in lists.values() for path in paths}
    others = [path for path in of if path not in listed]
    if "train" not in lists and "trainval" not in lists:
        lists["train"], others = others, []
    images = tuple(
        _raw(of[path], split) if path in of else RawImage(path, (), split, labelled=False)
        for split, paths in lists.items()
        for path in paths
    )
    notes = [f"{len(others)} annotated images are not in any list"] if others else []
    return images, notes


def _raw(pair: _Pair, split: str) -> RawImage:
    return RawImage(pair.image, pair.content.boxes, split, pair.content.size)
