"""Finding genotypes among many: an open-addressing hash table of row numbers, in numpy.

A genotype is padded to 64-bit words, so that comparing two costs a comparison or a few. Its hash
says where its row number stands; what collides stands in the next free slot. Whole batches take
one probe a round, and as half of the slots or more stay free, few genotypes need a third.
"""

import secrets
from operator import mul
from struct import unpack

import numpy as np
from numpy.typing import NDArray

from evonas.errors import SchemaError

Genotypes = NDArray[np.uint8]
Ints = NDArray[np.intp]
Words = NDArray[np.uint64]

# Drawn for this process, so that no file can be made whose genotypes all collide.
_MOST_WORDS = 32
_MULTIPLIERS = np.frombuffer(secrets.token_bytes(8 * _MOST_WORDS), np.uint64) | np.uint64(1)
_FACTORS: list[int] = _MULTIPLIERS.tolist()
# Multiplier and shifts of splitmix64's finaliser (Steele et al., OOPSLA 2014).
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_HALF, _SHIFT = np.uint64(32), np.uint64(29)

_BATCH = 65_536  # the arrays of one batch stay in the cache that cores share
_MOST_ROWS = 2**30  # row numbers are int32, and half of the slots are free


class GenotypeIndex:
    """Rows by genotype; equal genotypes share one row, in order of first appearance.

    Args:
        genotypes: (m, n_genes), repeats allowed.

    Attributes:
        genotypes: (n, n_genes), each once, read-only.
        row: (m,) the row of each given genotype; None if they are distinct, as row i is i then.
    """

    def __init__(self, genotypes: Genotypes) -> None:
        if len(genotypes) > _MOST_ROWS or genotypes.shape[1] > 8 * _MOST_WORDS:
            raise SchemaError(
                f"genotypes {genotypes.shape}; a table may have {_MOST_ROWS} rows of "
                f"{8 * _MOST_WORDS} genes"
            )
        words = _words(genotypes)
        self._slots, row = _fill(words)
        self.row: Ints | None = None
        first = row == np.arange(len(row))
        if not first.all():
            rank = np.cumsum(first, dtype=np.int32) - np.int32(1)
            words, self.row = words[first], rank[row].astype(np.intp)
            taken = self._slots >= 0
            self._slots[taken] = rank[self._slots[taken]]
        self._stored = words
        self.genotypes: Genotypes = words.view(np.uint8)[:, : genotypes.shape[1]]
        self.genotypes.flags.writeable = False

    def __len__(self) -> int:
        return len(self._stored)

    def find(self, genotypes: Genotypes) -> Ints:
        """Returns (k,) rows of genotypes (k, n_genes), -1 for those that are not there."""
        if not len(self):
            return np.full(len(genotypes), -1)
        if len(genotypes) == 1:
            return np.array([self._find_one(genotypes[0])])
        rows = np.empty(len(genotypes), np.intp)
        for start in range(0, len(genotypes), _BATCH):
            batch = slice(start, start + _BATCH)
            rows[batch] = self._find(_words(genotypes[batch]))
        return rows

    def _find_one(self, genotype: Genotypes) -> int:
        """Returns what `find` does for (n_genes,), without numpy, whose calls take longer."""
        key = genotype.tobytes().ljust(8 * self._stored.shape[1], b"\0")
        place = _place(key) & (len(self._slots) - 1)
        while (row := self._slots.item(place)) >= 0 and self._stored[row].tobytes() != key:
            place = (place + 1) & (len(self._slots) - 1)
        return row

    def _find(self, words: Words) -> NDArray[np.int32]:
        at = _places(words, len(self._slots))
        rows = self._slots.take(at)
        # An empty slot's -1 is clipped to row 0, which is another genotype, as this one has none.
        wrong = ~_equal(self._stored.take(rows, 0, mode="clip"), words)
        wrong &= rows >= 0
        open_ = np.flatnonzero(wrong)
        while len(open_):
            at[open_] = place = (at.take(open_) + 1) & (len(self._slots) - 1)
            rows[open_] = row = self._slots.take(place)
            wrong = ~_equal(self._stored.take(row, 0, mode="clip"), words.take(open_, 0))
            open_ = open_[wrong & (row >= 0)]
        return rows


def _fill(words: Words) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Returns the slots, and (m,) the first row that is equal to each row of words (m, n_words)."""
    slots = np.full(1 << (2 * len(words) + 2).bit_length(), -1, np.int32)
    at = _places(words, len(slots))
    row = np.empty(len(words), np.int32)
    left = np.arange(len(words), dtype=np.int32)
    while len(left):
        free = slots.take(at) < 0
        # Of several rows at one free slot the last assignment stays: the first row.
        slots[at[free][::-1]] = left[free][::-1]
        there = slots.take(at)
        row[left] = there
        wrong = there != left
        wrong[wrong] = ~_equal(words.take(there[wrong], 0), words.take(left[wrong], 0))
        left, at = left[wrong], (at[wrong] + 1) & (len(slots) - 1)
    return slots, row


def _words(genotypes: Genotypes) -> Words:
    """(n, n_words) each row's bytes, filled up with zeros."""
    n, n_genes = genotypes.shape
    padded = np.zeros((n, max(-(-n_genes // 8), 1) * 8), np.uint8)
    padded[:, :n_genes] = genotypes
    return padded.view(np.uint64)


def _places(words: Words, n_slots: int) -> Ints:
    """(n,) the slot, of a power of two of them, where each row's number is looked for first."""
    hashed: Words = words.dot(_MULTIPLIERS[: words.shape[1]])
    hashed ^= hashed >> _HALF
    hashed *= _MIX
    hashed ^= hashed >> _SHIFT
    hashed &= np.uint64(n_slots - 1)
    return hashed.view(np.intp)


def _place(key: bytes) -> int:
    """`_places` of one row's bytes, before it is cut to the number of slots."""
    words = unpack(f"={len(key) // 8}Q", key)
    hashed: int = sum(map(mul, words, _FACTORS)) % 2**64
    hashed ^= hashed >> int(_HALF)
    hashed = hashed * int(_MIX) % 2**64
    return hashed ^ (hashed >> int(_SHIFT))


def _equal(ours: Words, theirs: Words) -> NDArray[np.bool_]:
    """(n,) whether rows of words (n, n_words) are the same; by column, as n_words is small."""
    same: NDArray[np.bool_] = ours[:, 0] == theirs[:, 0]
    for column in range(1, ours.shape[1]):
        same &= ours[:, column] == theirs[:, column]
    return same
