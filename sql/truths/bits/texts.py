"""Columns of texts: each different text once, and the number of each row's one among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sql.truths.bits.tests import Operator
from sql.truths.bits.values import NotComparable, Values
from sql.truths.bits.words import Bits, Mask, Words

FEW = 200
"""Of so many different texts each has its own bits."""
Chosen = slice | NDArray[np.intp]


@dataclass
class Texts:
    """Each row's text as its number in `words`, or their count where there is none; compared byte by byte, as the engine does."""

    words: list[str]
    codes: NDArray[Any]
    has_missing: bool
    _places: dict[str, int] = field(default_factory=dict[str, int])
    _bits: dict[int, Words] = field(default_factory=dict[int, Words])

    @staticmethod
    def of(column: Any) -> Texts:
        """From an Arrow column."""
        found = column.dictionary_encode()
        words, has_missing = found.dictionary.to_pylist(), found.null_count > 0
        indices = found.indices.fill_null(len(words)) if has_missing else found.indices
        narrow = np.min_scalar_type(len(words))
        return Texts(words, indices.to_numpy(zero_copy_only=False).astype(narrow), has_missing)

    @staticmethod
    def nothing() -> Texts:
        """No text of no row."""
        return Texts([], np.zeros(0, np.uint8), has_missing=False)

    def part(self, rows: Chosen) -> Texts:
        """The texts of some rows."""
        return Texts(self.words, self.codes[rows], self.has_missing, self._places)

    @property
    def known(self) -> Mask | None:
        """Where there is a text; None: everywhere."""
        return self.codes < len(self.words) if self.has_missing else None

    def compared(self, operator: Operator, constant: Any) -> Bits:
        """Each text against a constant."""
        if not isinstance(constant, str) or operator not in ("=", "<>"):
            raise NotComparable
        return self._among([constant], operator == "<>")

    def listed(self, constants: list[Any]) -> Bits:
        """Each text in a list of constants."""
        if not all(isinstance(constant, str) for constant in constants):
            raise NotComparable
        return self._among(constants, turned=False)

    def within(self, low: Any, high: Any) -> Bits:
        """The engine knows which texts lie between two others."""
        raise NotComparable

    def missing(self) -> Bits:
        """Where there is no text."""
        return self.spread(Values("truth", np.arange(len(self.words) + 1) == len(self.words)))

    def spread(self, values: Values) -> Bits:
        """The truth of each text, and of no text, for each row."""
        true, known = values.values, values.known
        if len(self.words) >= FEW:
            return Bits.of(true[self.codes], None if known is None else known[self.codes])
        if known is None:
            return Bits(self._rows_of(true))
        return Bits(self._rows_of(true & known), self._rows_of(~true & known))

    def _among(self, wanted: Sequence[str], turned: bool) -> Bits:
        if len(self._places) < len(self.words):  # known to all parts from then on
            self._places.update((word, place) for place, word in enumerate(self.words))
        true = np.zeros(len(self.words) + 1, np.bool_)
        true[[self._places[word] for word in wanted if word in self._places]] = True
        known = np.arange(len(true)) < len(self.words) if self.has_missing else None
        return self.spread(Values("truth", ~true if turned else true, known))

    def _rows_of(self, chosen: Mask) -> Words:
        made = np.zeros((len(self.codes) + 7) // 8, np.uint8)
        for value in np.flatnonzero(chosen).tolist():
            if value not in self._bits:
                self._bits[value] = np.packbits(self.codes == value, bitorder="little")
            made |= self._bits[value]
        return made
