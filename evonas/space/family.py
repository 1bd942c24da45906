"""A file's space and the parts of it that have names of their own."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evonas.errors import ConfigurationError, GenotypeError
from evonas.space.blocks import OpKind
from evonas.space.document import read_document, space_of
from evonas.space.located import Located
from evonas.space.rules import PLACEMENTS, RULES, SUBSPACES
from evonas.space.space import SearchSpace
from evonas.space.walk import BlockSpace


@dataclass(frozen=True, slots=True)
class Entry:
    """A space and the name of the one it is part of, which may be its own."""

    space: SearchSpace
    whole: str


def read_family(
    text: str, source: str, find: Callable[[str], SearchSpace] | None = None
) -> dict[str, Entry]:
    """Reads a space and its parts by name, the space itself first.

    Args:
        text: A YAML document.
        source: Where it is from, for messages.
        find: Returns another space by name, of which this one may be a part; without it what the
            text says is believed.

    Raises:
        ConfigurationError: It is not a space, or no part of what it says; the message names the
            line.
    """
    document = read_document(text, source)
    base, top = space_of(document), document.value
    whole = base.name
    if "part_of" in top:
        named = top["part_of"]
        whole = _whole(base, named, find) if find else str(named.value)
    entries = {base.name: Entry(base, whole)}
    if "parts" not in top or not top["parts"].flag():
        return entries
    for rules in (None, *(() if "rules" in top else RULES)):
        try:
            space = space_of(document, rules)
        except ConfigurationError:  # no width or op is left
            continue
        found = [_subspace(space, subspace) for subspace in reversed(SUBSPACES)]
        if rules is None:
            found += [_placed(space, half) for half in PLACEMENTS]
        entries |= {part.name: Entry(part, space.name) for part in found if part}
    return entries


def _whole(base: SearchSpace, named: Located, find: Callable[[str], SearchSpace]) -> str:
    try:
        container = find(str(named.value))
        if container.skeleton != base.skeleton:
            raise GenotypeError(
                f"image size, strides, rules, head and anchors must be those of {container.name!r}"
            )
        base.translate(np.zeros((1, base.n_genes), np.uint8), container)
    except (ConfigurationError, GenotypeError) as error:
        raise named.error(str(error)) from error
    return container.name


def _subspace(space: SearchSpace, subspace: str) -> SearchSpace | None:
    """Keeps the ops of a sub-space; the whole space keeps its name."""
    base, at, rules = space.name.partition("@")
    name = space.name if subspace == "tdb" else f"{base}-{subspace}{at}{rules}"
    return _kept(space, name, dict.fromkeys(range(len(space.blocks)), SUBSPACES[subspace]))


def _placed(space: SearchSpace, half: str) -> SearchSpace | None:
    """Keeps Fused and Tucker in one half of the blocks."""
    count = len(space.blocks)
    other = range(count // 2, count) if half == "early" else range(count // 2)
    return _kept(space, f"{space.name}-{half}", dict.fromkeys(other, SUBSPACES["ibn"]))


def _kept(
    space: SearchSpace, name: str, kinds: dict[int, tuple[OpKind, ...]]
) -> SearchSpace | None:
    """Keeps kinds of ops by block; None where a block loses all."""
    blocks = tuple(
        _keep(block, kinds[number]) if number in kinds else block
        for number, block in enumerate(space.blocks)
    )
    if any(not b.first or (b.depth > 1 and not b.further) for b in blocks):
        return None
    return replace(space, name=name, blocks=blocks)


def _keep(block: BlockSpace, kinds: tuple[OpKind, ...]) -> BlockSpace:
    return replace(
        block,
        first=tuple(op for op in block.first if op.kind in kinds),
        further=tuple(op for op in block.further if op.kind in kinds),
    )
