"""`SearchSpace`: which architectures may be, as immutable data and one walk over it.

The walk visits *slots*: the stem's width, then for each block its width and its layers' ops. A
slot with more than one choice is a gene. A *cell* is a layer slot together with its op, input
width and output width; whatever is additive over layers (costs, linear latency) is a table over
the cells, so that a million genotypes cost one gather and one sum.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evonas.errors import GenotypeError
from evonas.limits import check_whole, seeded
from evonas.space.architecture import Architecture, Block, Layer, Skeleton
from evonas.space.blocks import Op
from evonas.space.checks import check_space
from evonas.space.costs import cost_tables
from evonas.space.counting import count_networks, op_aliases
from evonas.space.definition import space_definition
from evonas.space.walk import BlockSpace, LayerSlot, Slot, place_layers, walk_slots

Genotypes = NDArray[np.uint8]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CHUNK = 100_000
_MOST_DRAWN = 10**9
_LONGEST_ARCH_ID = 1000


@dataclass(frozen=True)
class SearchSpace:
    """A set of architectures and their encoding as `uint8` genotypes.

    In canonical form the skipped layers of a block stand last and carry 0, and of ops that mean
    the same network (Tucker ranks that round alike) the first one is written, so that one
    network has one genotype.

    Attributes:
        name: Name by which `load_space` finds it and with which every `arch_id` starts.
        skeleton: What all its architectures have in common.
        stems: Stem widths to choose from.
        blocks: Choices per block.
    """

    name: str
    skeleton: Skeleton
    stems: tuple[int, ...]
    blocks: tuple[BlockSpace, ...]

    def __post_init__(self) -> None:
        """Refuses what is no space.

        Raises:
            ConfigurationError: It says where, and what is allowed.
        """
        check_space(self.name, self.skeleton, self.stems, self.blocks)

    # --- the walk -------------------------------------------------------------------------

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """All decisions in order, those with a single choice included."""
        return walk_slots(self.stems, self.blocks)

    @cached_property
    def layer_slots(self) -> tuple[LayerSlot, ...]:
        """The layers' places, in order."""
        return place_layers(self.slots, self.skeleton)

    @cached_property
    def genes(self) -> tuple[Slot, ...]:
        """The slots with more than one choice."""
        return tuple(slot for slot in self.slots if len(slot.choices) > 1)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.genes)

    @cached_property
    def gene_names(self) -> tuple[str, ...]:
        """Names of the genes: `stem.width`, `b2.width`, `b2.l1.op`."""
        return tuple(slot.name for slot in self.genes)

    @cached_property
    def gene_sizes(self) -> NDArray[np.int64]:
        """(n_genes,) number of values of each gene."""
        sizes = np.array([len(slot.choices) for slot in self.genes])
        sizes.flags.writeable = False
        return sizes

    @cached_property
    def size(self) -> int:
        """Exact number of distinct networks."""
        return count_networks(len(self.stems), self.blocks, self.layer_slots, self._op_aliases)

    def definition(self) -> str:
        """Returns the whole definition but the name, as text; see `evonas.space.definition`."""
        return space_definition(self.skeleton, self.stems, self.blocks)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the definition; it changes when the encoding does."""
        return hashlib.sha256(self.definition().encode()).hexdigest()[:16]

    # --- genotypes ------------------------------------------------------------------------

    def check(self, genotypes: ArrayLike) -> Genotypes:
        """Returns the genotypes as a `uint8` matrix.

        Floating-point numbers are genotypes too where they are whole, as pymoo's are.

        Raises:
            GenotypeError: Wrong shape or type, or a value out of its gene's range.
        """
        try:
            values = np.asarray(genotypes)
        except (ValueError, TypeError, OverflowError) as error:
            raise GenotypeError(f"genotypes: no matrix of whole numbers ({error})") from error
        if values.ndim != 2 or values.shape[1] != self.n_genes:
            raise GenotypeError(
                f"genotypes of shape {values.shape}: {self.name} takes (n, {self.n_genes})"
            )
        if np.issubdtype(values.dtype, np.floating):
            self._refuse_fractions(values)
        elif not np.issubdtype(values.dtype, np.integer):
            raise GenotypeError(f"genotypes of type {values.dtype}: whole numbers are allowed")
        sizes = self.gene_sizes
        bad = np.argwhere((values < 0) | (values >= sizes))
        if len(bad):
            row, gene = bad[0]
            raise GenotypeError(
                f"genotype {row} of {self.name}: gene {self.gene_names[gene]!r} is "
                f"{values[row, gene]}, allowed are 0 to {sizes[gene] - 1}"
            )
        return values.astype(np.uint8, copy=False)

    def _refuse_fractions(self, values: NDArray[np.floating[Any]]) -> None:
        bad = np.argwhere(~(np.isfinite(values) & (values == np.rint(values))))
        if len(bad):
            row, gene = bad[0]
            raise GenotypeError(
                f"genotype {row} of {self.name}: gene {self.gene_names[gene]!r} is "
                f"{values[row, gene]}, which is not a whole number; round it first"
            )

    def sample(self, n: int, rng: np.random.Generator | int) -> Genotypes:
        """Draws n canonical genotypes: depth of each block uniform, then ops and widths uniform.

        (Uniform over networks would draw full depth almost always.)

        Args:
            n: How many.
            rng: Draws them, or its seed.

        Raises:
            ConfigurationError: n is no whole number from 0 to a billion, or the seed none from 0.
        """
        check_whole("n", n, most=_MOST_DRAWN)
        rng = seeded(rng)
        genotypes = np.empty((n, self.n_genes), np.uint8)
        depths = {b: rng.integers(1, s.depth + 1, n) for b, s in enumerate(self.blocks, start=1)}
        for column, slot in enumerate(self.genes):
            further = slot.layer > 1
            drawn = rng.integers(int(further), len(slot.choices), n)
            genotypes[:, column] = (
                np.where(depths[slot.block] >= slot.layer, drawn, 0) if further else drawn
            )
        return self.canonical(genotypes)

    def canonical(self, genotypes: ArrayLike) -> Genotypes:
        """Returns the genotypes in canonical form, (n, n_genes)."""
        genotypes = self.check(genotypes).copy()
        for columns in self._further_columns:
            ops = genotypes[:, columns]
            order = np.argsort(ops == 0, axis=1, kind="stable")
            genotypes[:, columns] = np.take_along_axis(ops, order, axis=1)
        if self.canonical_cells.all():
            return genotypes
        choices = self._choices(genotypes)
        gene_of = self._gene_columns
        for slot, cells in zip(self.layer_slots, self._cells(choices), strict=True):
            if slot.op in gene_of:
                genotypes[:, gene_of[slot.op]] = self._op_aliases[cells]
        return genotypes

    def arch_ids(self, genotypes: ArrayLike) -> list[str]:
        """Returns the identifier of each network, the canonical genotype in base 36.

        >>> from evonas.space import load_space
        >>> load_space("pico").arch_ids(np.zeros((1, load_space("pico").n_genes), int))
        ['pico:0000000']
        """
        alphabet = np.frombuffer(_DIGITS.encode(), np.uint8)
        text = alphabet[self.canonical(genotypes)].tobytes().decode()
        n = self.n_genes
        return [f"{self.name}:{text[i : i + n]}" for i in range(0, len(text), n)]

    def genotypes(self, arch_ids: Sequence[str]) -> Genotypes:
        """Returns the canonical genotypes of identifiers.

        Raises:
            GenotypeError: An identifier of another space, or one that is not well-formed.
        """
        if isinstance(arch_ids, str) or not isinstance(arch_ids, Iterable):
            raise GenotypeError(f"arch_ids {str(arch_ids)[:80]!r}: a list of texts is expected")
        rows = []
        for arch_id in arch_ids:
            if not isinstance(arch_id, str) or len(arch_id) > _LONGEST_ARCH_ID:
                raise GenotypeError(f"{repr(arch_id)[:80]} is no arch_id")
            space, _, digits = arch_id.partition(":")
            if space != self.name:
                raise GenotypeError(
                    f"arch_id {arch_id!r} does not belong to the space {self.name!r}"
                )
            if len(digits) != self.n_genes or not set(digits) <= set(_DIGITS):
                raise GenotypeError(
                    f"arch_id {arch_id!r}: after {self.name!r} and a colon there must be "
                    f"{self.n_genes} characters of 0-9 and a-z"
                )
            rows.append([_DIGITS.index(digit) for digit in digits])
        return self.canonical(np.array(rows, np.uint8).reshape(-1, self.n_genes))

    def translate(self, genotypes: ArrayLike, into: "SearchSpace") -> Genotypes:
        """Re-writes genotypes of this space as genotypes of a space that contains them.

        Raises:
            GenotypeError: The other space lacks one of this space's choices or layers.
        """
        choices = self._choices(self.check(genotypes))
        theirs = {slot.name: slot for slot in into.slots}
        columns = {slot.name: column for column, slot in enumerate(into.genes)}
        result = np.zeros((len(choices), into.n_genes), np.uint8)
        for column, slot in enumerate(self.slots):
            target = theirs.get(slot.name)
            missing = set(slot.choices) - set(target.choices if target else (None,))
            if missing:
                raise GenotypeError(f"{into.name} does not contain {self.name}: {slot.name!r}")
            if target and slot.name in columns:
                lookup = np.array([target.choices.index(choice) for choice in slot.choices])
                result[:, columns[slot.name]] = lookup[choices[:, column]]
        return into.canonical(result)

    # --- architectures --------------------------------------------------------------------

    def decode(self, genotype: ArrayLike) -> Architecture:
        """Returns the architecture of one genotype, (n_genes,).

        Raises:
            GenotypeError: It is no genotype of the space.
        """
        row: Any = [genotype]
        choices = self._choices(self.canonical(row))[0]
        chosen = [slot.choices[i] for slot, i in zip(self.slots, choices, strict=True)]
        stem, blocks = chosen[0], []
        for number in range(1, len(self.blocks) + 1):
            in_block = [
                v for v, slot in zip(chosen, self.slots, strict=True) if slot.block == number
            ]
            width, *ops = in_block
            assert isinstance(width, int)
            blocks.append(Block(width, tuple(op for op in ops if isinstance(op, Op))))
        assert isinstance(stem, int)
        return Architecture(self.skeleton, stem, tuple(blocks))

    def encode(self, architecture: Architecture) -> Genotypes:
        """Returns the canonical genotype of an architecture, (n_genes,).

        Raises:
            GenotypeError: The architecture is not in the space; the message names where.
        """
        if not isinstance(architecture, Architecture):
            raise GenotypeError(f"{repr(architecture)[:80]}: an Architecture is expected")
        if architecture.skeleton != self.skeleton:
            raise GenotypeError(f"the architecture's skeleton is not that of {self.name}")
        values: dict[str, int | Op | None] = {"stem.width": architecture.stem}
        for number, block in enumerate(architecture.blocks, start=1):
            values[f"b{number}.width"] = block.width
            for layer, op in enumerate(block.ops, start=1):
                values[f"b{number}.l{layer}.op"] = op
        unknown = values.keys() - {slot.name for slot in self.slots}
        if unknown:
            raise GenotypeError(f"{self.name} has no {min(unknown)!r}")
        genotype = []
        for slot in self.slots:
            value = values.get(slot.name)
            if value not in slot.choices:
                shown = value.name if isinstance(value, Op) else value
                raise GenotypeError(f"{self.name} does not allow {shown} at {slot.name!r}")
            if len(slot.choices) > 1:
                genotype.append(slot.choices.index(value))
        row: Genotypes = self.canonical(np.array([genotype], np.uint8))[0]
        return row

    # --- what is additive over layers -----------------------------------------------------

    def cells(self, genotypes: ArrayLike) -> NDArray[np.int32]:
        """Returns (n, n_layers) indices of the cells, into tables of `n_cells` entries."""
        choices = self._choices(self.check(genotypes))
        return np.stack(list(self._cells(choices)), axis=1)

    @property
    def n_cells(self) -> int:
        """Number of cells over all layers."""
        last = self.layer_slots[-1]
        return last.first_cell + math.prod(last.shape)

    def cell_layers(self) -> Iterator[tuple[int, Layer | None]]:
        """Yields every cell's index with its layer; None for a skipped one."""
        for slot in self.layer_slots:
            for index, (i, j, k) in enumerate(np.ndindex(slot.shape), start=slot.first_cell):
                yield index, self._layer(slot, i, j, k)

    @cached_property
    def canonical_cells(self) -> NDArray[np.bool_]:
        """(n_cells,) whether canonical genotypes use a cell; not if an op before means the same."""
        own = np.concatenate([np.arange(math.prod(s.shape)) % s.shape[2] for s in self.layer_slots])
        mask: NDArray[np.bool_] = self._op_aliases == own
        mask.flags.writeable = False
        return mask

    def tabulate(self, value: Callable[[Layer], float]) -> NDArray[np.float64]:
        """Returns (n_cells,) a value per layer, 0 where the layer is skipped."""
        table = np.zeros(self.n_cells)
        for index, layer in self.cell_layers():
            if layer is not None:
                table[index] = value(layer)
        return table

    def sum_cells(self, genotypes: ArrayLike, table: NDArray[Any]) -> NDArray[np.float64]:
        """Sums a table's entries over the layers of each genotype, (n,)."""
        genotypes = self.check(genotypes)
        total = np.zeros(len(genotypes))
        for start in range(0, len(genotypes), _CHUNK):
            choices = self._choices(genotypes[start : start + _CHUNK])
            for cells in self._cells(choices):
                total[start : start + _CHUNK] += table[cells]
        return total

    @cached_property
    def cost_tables(self) -> dict[str, NDArray[np.float64]]:
        """`madds` and `params`, each (n_cells,); see `evonas.space.costs.cost_tables`."""
        return cost_tables(self.skeleton, [layer for _, layer in self.cell_layers()])

    def costs(self, genotypes: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Returns `madds` and `params`, each (n,), of the whole detector, exact.

        Batch norm counts its two trainable values per channel.
        """
        return {name: self.sum_cells(genotypes, table) for name, table in self.cost_tables.items()}

    # --- inside ---------------------------------------------------------------------------

    @cached_property
    def _gene_columns(self) -> dict[int, int]:
        """Slot index -> gene column, for the slots that are genes."""
        genes = [i for i, slot in enumerate(self.slots) if len(slot.choices) > 1]
        return {slot: column for column, slot in enumerate(genes)}

    @cached_property
    def _further_columns(self) -> list[list[int]]:
        """Gene columns of the layers that can be skipped, by block."""
        groups: dict[int, list[int]] = {}
        for column, slot in enumerate(self.genes):
            if slot.layer > 1:
                groups.setdefault(slot.block, []).append(column)
        return list(groups.values())

    @cached_property
    def _op_aliases(self) -> NDArray[np.uint8]:
        return op_aliases(self.layer_slots, [layer for _, layer in self.cell_layers()])

    def _choices(self, genotypes: Genotypes) -> NDArray[np.uint8]:
        """(n, n_slots) chosen index of every slot, 0 where there is a single choice."""
        choices = np.zeros((len(genotypes), len(self.slots)), np.uint8)
        choices[:, list(self._gene_columns)] = genotypes
        return choices

    def _cells(self, choices: NDArray[np.uint8]) -> Iterator[NDArray[np.int32]]:
        """Yields (n,) cell indices, layer by layer."""
        for slot in self.layer_slots:
            _, widths_out, ops = slot.shape
            cell = choices[:, slot.width_out].astype(np.int32)
            if slot.layer == 1:
                cell += choices[:, slot.width_in] * np.int32(widths_out)
            yield slot.first_cell + cell * ops + choices[:, slot.op]

    def _layer(self, slot: LayerSlot, i: int, j: int, k: int) -> Layer | None:
        op, c_out = self.slots[slot.op].choices[k], self.slots[slot.width_out].choices[j]
        if op is None:
            return None
        c_in = self.slots[slot.width_in].choices[i] if slot.layer == 1 else c_out
        assert isinstance(op, Op)
        assert isinstance(c_in, int)
        assert isinstance(c_out, int)
        stride = self.skeleton.strides[slot.block - 1] if slot.layer == 1 else 1
        se = self.skeleton.squeeze_excite
        return Layer(slot.block, slot.layer, op, c_in, c_out, stride, slot.size_in, se)
