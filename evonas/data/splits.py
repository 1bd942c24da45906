"""Which split an image belongs to: as the source says, by lists, or by stratified shares."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evonas.data.contents import file_digest
from evonas.data.formats.source import RawImage
from evonas.errors import ConfigurationError, DataError
from evonas.limits import printable, read_text
from evonas.numbers import read_number

_POOL = ("train", "trainval", "")  # splits of which shares are taken


def assign_splits(
    images: Sequence[RawImage],
    asked: Mapping[str, str],
    val_share: float = 0.1,
    seed: int = 0,
) -> list[str]:
    """Returns each image's split; empty for those in none.

    Args:
        images: All images.
        asked: Split -> a share ("0.1") of the training images, a file that lists images, or one
            of the source's splits. Images that are not asked for keep their split, unless `asked`
            fills it. Empty: the source's splits, with a share for val where it has none.
        val_share: That share.
        seed: Of the shares.

    Raises:
        ConfigurationError: Shares above 1, or neither share, file nor split.
        DataError: A list names an image that there is not, or that another list names.
    """
    own = [image.split for image in images]
    chosen = ["train" if split in _POOL else split for split in own]
    if not asked:
        if "val" in chosen or chosen.count("train") < 2:
            return chosen
        return _by_share(images, chosen, {"val": val_share}, seed)
    shares: dict[str, float] = {}
    claimed: dict[int, str] = {}
    for split, what in asked.items():
        check_split_name(split)
        share = as_share(what)
        if share is not None:
            shares[split] = share
            continue
        if what in own:
            members = [index for index, name in enumerate(own) if name == what]
        elif os.path.isfile(what):
            members = _listed(images, Path(what))
        else:
            there = ", ".join(sorted(set(own) - {""})) or "none"
            raise ConfigurationError(
                f"--split {split}={what}: neither a share of 0 to 1, nor a file, nor one of the "
                f"source's splits ({there})"
            )
        for index in members:
            if index in claimed:
                raise DataError(
                    f"{images[index].path}: in both {claimed[index]} and {split}; an image may be "
                    "in one split"
                )
            claimed[index] = split
    for index, split in enumerate(chosen):
        # A split that is asked for holds what was asked for, and nothing else.
        kept = split if split not in asked or (split == "train" and "train" in shares) else ""
        chosen[index] = claimed.get(index, kept)
    return _by_share(images, chosen, shares, seed) if shares else chosen


def as_share(text: str) -> float | None:
    """Returns the share that a text states, or None where it states none.

    Raises:
        ConfigurationError: It is a number that is no share.
    """
    share = read_number(text)
    if share is None:
        return None
    if not 0 < share <= 1:
        raise ConfigurationError(f"a split's share is {text}; it must be above 0 and at most 1")
    return share


def check_split_name(name: str) -> None:
    """Refuses what cannot be a split's name and folder."""
    if not name or not all(c.isalnum() or c in "_-" for c in name) or name == "annotations":
        raise ConfigurationError(
            f"{printable(name)!r} cannot be a split's name; letters, digits, _ and - are allowed"
        )


def _listed(images: Sequence[RawImage], file: Path) -> list[int]:
    """Returns the positions of the images that a file lists, by path, name or stem."""
    places: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        for name in {str(image.path), image.path.name, image.path.stem}:
            places.setdefault(name, []).append(index)
    found = []
    for line in read_text(file).splitlines():
        name = line.strip().replace("\\", "/")
        if not name:
            continue
        match = places.get(name) or places.get(name.rsplit("/", 1)[-1]) or []
        if len(match) != 1:
            why = "no image" if not match else f"{len(match)} images"
            raise DataError(f"{file}: {printable(name)!r} names {why} of the data set")
        found.append(match[0])
    return list(dict.fromkeys(found))


def _by_share(
    images: Sequence[RawImage], chosen: list[str], shares: Mapping[str, float], seed: int
) -> list[str]:
    """Moves shares of the training images into other splits; what is left stays in train.

    Where the shares name train itself, what is left beyond them is in no split.
    """
    if sum(shares.values()) > 1 + 1e-9:
        raise ConfigurationError(f"the splits' shares sum to {sum(shares.values()):g}; at most 1")
    pool = [index for index, split in enumerate(chosen) if split == "train"]
    full = dict(shares)
    rest = 1 - sum(shares.values())
    leftover = "" if "train" in shares else "train"
    if rest > 1e-9:
        full[leftover] = rest
    kinds = [frozenset(box.name for box in images[index].boxes) for index in pool]
    groups = copies([images[index] for index in pool])
    dealt = stratified(kinds, groups, full, seed)
    if len(set(dealt)) < min(len(full), len(pool)):  # too many copies to keep all together
        dealt = stratified(kinds, range(len(pool)), full, seed)
    _give_boxes("val", kinds, groups, dealt)
    chosen = list(chosen)
    for index, split in zip(pool, dealt, strict=True):
        chosen[index] = split
    return chosen


def _give_boxes(
    split: str, kinds: Sequence[frozenset[str]], groups: Sequence[int], dealt: list[str]
) -> None:
    """Exchanges an image of a split without boxes for one with boxes of train, if train has two."""
    bare = [index for index, name in enumerate(dealt) if name == split]
    filled = [index for index, name in enumerate(dealt) if name == "train" and kinds[index]]
    if not bare or any(kinds[index] for index in bare) or len({groups[i] for i in filled}) < 2:
        return
    counts = Counter(name for index in filled for name in kinds[index])
    # Of the commonest classes, so that train keeps what is rare.
    given = max(filled, key=lambda index: min(counts[name] for name in kinds[index]))
    for index, group in enumerate(groups):
        if group in (groups[given], groups[bare[0]]):
            dealt[index] = split if group == groups[given] else "train"


def stratified(
    kinds: Sequence[frozenset[str]],
    groups: Sequence[int],
    shares: Mapping[str, float],
    seed: int,
) -> list[str]:
    """Divides images so that each class has about the same share in each split.

    The rarest class is dealt out first, each image to the split that lacks most of it (iterative
    stratification, Sechidis et al. 2011). Every split gets at least one image if there are enough.

    Args:
        kinds: The classes in each image.
        groups: A number per image; those of one number (copies) stay together.
        shares: Split -> share; they sum to 1.
        seed: Breaks ties.

    Returns:
        The split of each image.
    """
    rng = np.random.default_rng(seed)
    members: dict[int, list[int]] = {}
    for index in rng.permutation(len(kinds)).tolist():
        members.setdefault(groups[index], []).append(index)
    classes = {g: frozenset().union(*(kinds[i] for i in m)) for g, m in members.items()}
    counts: dict[str, int] = {}
    for present in classes.values():
        for name in present:
            counts[name] = counts.get(name, 0) + 1
    lack = {s: {name: share * n for name, n in counts.items()} for s, share in shares.items()}
    room = {s: max(1.0, share * len(kinds)) for s, share in shares.items()}
    result: dict[int, str] = {}
    rank = {name: place for place, name in enumerate(sorted(counts, key=lambda n: (counts[n], n)))}
    for group in sorted(
        members, key=lambda g: min((rank[n] for n in classes[g]), default=len(rank))
    ):
        rarest = min(classes[group], key=rank.__getitem__, default=None)
        open_splits = [s for s in shares if room[s] >= 1] or list(shares)
        best = max(open_splits, key=lambda s: (lack[s][rarest] if rarest else 0.0, room[s]))
        for name in classes[group]:
            lack[best][name] -= 1
        room[best] -= len(members[group])
        result.update(dict.fromkeys(members[group], best))
    return [result[index] for index in range(len(kinds))]


def copies(images: Sequence[RawImage]) -> list[int]:
    """Returns a number per image, the same for files that are equal byte for byte."""
    sizes: dict[int, list[int]] = {}
    for index, image in enumerate(images):
        size = image.path.stat().st_size if os.path.isfile(image.path) else -1 - index
        sizes.setdefault(size, []).append(index)
    groups = list(range(len(images)))
    for same in sizes.values():
        if len(same) < 2:
            continue
        seen: dict[bytes, int] = {}
        for index in same:
            groups[index] = seen.setdefault(file_digest(images[index].path), index)
    return groups
