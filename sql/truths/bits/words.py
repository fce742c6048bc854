"""One bit a record: what is true and what is false; what is neither is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint8]
"""Eight records a byte, the first in the lowest bit. Bits behind the last record are without meaning."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Bits:
    """What is true and what is false of each record; `false` None: whatever is not true."""

    true: Words
    false: Words | None = None

    @staticmethod
    def of(true: Mask, known: Mask | None = None) -> Bits:
        """From one truth a record; `known` says where there is one at all."""
        if known is None:
            return Bits(np.packbits(true, bitorder="little"))
        return Bits(np.packbits(true & known, bitorder="little"), np.packbits(~true & known, bitorder="little"))

    @staticmethod
    def constant(value: bool | None, count: int) -> Bits:
        """The same for every record."""
        size = (count + 7) // 8
        nothing, everything = np.zeros(size, np.uint8), np.full(size, 255, np.uint8)
        return Bits(everything if value else nothing, nothing if value is None else None)

    @property
    def untrue(self) -> Words:
        """What is false."""
        return ~self.true if self.false is None else self.false

    def edge(self) -> Bits:
        """At a leaf's edge unknown becomes false."""
        return Bits(self.true)

    def opposite(self) -> Bits:
        """NOT: the unknown stays unknown."""
        return Bits(self.untrue, None if self.false is None else self.true)

    def mask(self, count: int) -> Mask:
        """What is true, one value a record."""
        return np.unpackbits(self.true, count=count, bitorder="little").view(np.bool_)

    def places(self, count: int) -> NDArray[np.intp]:
        """The places of the records of which it is true, in order."""
        return np.flatnonzero(self.mask(count))


def all_of(parts: Sequence[Bits]) -> Bits:
    """AND: true where all are, false where one is."""
    true = _fold(np.bitwise_and, [part.true for part in parts])
    if all(part.false is None for part in parts):
        return Bits(true)
    return Bits(true, _fold(np.bitwise_or, [part.untrue for part in parts]))


def any_of(parts: Sequence[Bits]) -> Bits:
    """OR: true where one is, false where all are."""
    true = _fold(np.bitwise_or, [part.true for part in parts])
    if all(part.false is None for part in parts):
        return Bits(true)
    return Bits(true, _fold(np.bitwise_and, [part.untrue for part in parts]))


def _fold(operation: np.ufunc, words: Sequence[Words]) -> Words:
    made = operation(words[0], words[1])
    for other in words[2:]:
        operation(made, other, out=made)
    return made
