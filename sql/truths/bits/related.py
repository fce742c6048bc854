"""Related rows put together: counts, sums, ends and truths of the rows that pass a filter, by numpy, for a block of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from itertools import groupby
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from sql.truths.bits.groups import MILLION, Grouped, How
from sql.truths.bits.rows import Column, Part
from sql.truths.bits.texts import Texts
from sql.truths.bits.values import LIMIT, NotComparable, NotExact, Values
from sql.truths.bits.windows import Windows
from sql.truths.bits.words import Bits, Mask

EXACT = 2**53
"""Whole numbers up to here are the same as real numbers."""
_ENDS: Mapping[str, tuple[np.ufunc, int | float, int | float]] = {
    "min": (np.minimum, 1, np.inf),
    "max": (np.maximum, -1, -np.inf),
}


@dataclass(frozen=True)
class Chosen:
    """Rows that pass a filter: their places (None: all rows) and the record that each belongs to."""

    places: NDArray[np.intp] | None
    owners: NDArray[np.int32]

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values of these rows."""
        return values if self.places is None else values[self.places]

    def where(self, mask: Mask | None) -> Chosen:
        """Those of them that a mask over all rows lets through."""
        if mask is None:
            return self
        kept = np.flatnonzero(self.of(mask))
        return Chosen(kept if self.places is None else self.places[kept], self.owners[kept])


@dataclass
class RelatedRows:
    """The rows of a relation that belong to a block of records.

    `truths` are those of filters, by their SQL, and `edges` all ends of windows of a time, by the time's SQL.
    """

    part: Part
    truths: Mapping[str, Bits]
    edges: Mapping[str, NDArray[np.int64]]
    _pairs: dict[str, tuple[NDArray[np.int64], NDArray[np.int32], Mask | None]] = field(
        default_factory=dict[str, "tuple[NDArray[np.int64], NDArray[np.int32], Mask | None]"]
    )
    _panes: dict[str, NDArray[Any]] = field(default_factory=dict[str, "NDArray[Any]"])

    def worked_out(self, asked: Mapping[str, Grouped]) -> dict[str, Values]:
        """Aggregates of each record's rows, by name; unknown where there is none."""
        made: dict[str, Values] = {}
        by_filter = sorted(asked.items(), key=lambda item: item[1].where_text)
        for where, same in groupby(by_filter, key=lambda item: item[1].where_text):
            alike = list(same)
            chosen = self._chosen(where)
            made |= {name: self._one(one, chosen) for name, one in alike}
        return made

    def in_windows(self, windows: Windows) -> dict[str, Values]:
        """Counts or sums of the rows within each of many windows: by pane first, each row once, then added up."""
        asked, times = windows.asked, self._values(windows.of_text)
        chosen = self._chosen(asked.where_text).where(times.known)
        values = None if asked.fetched is None else self._known(asked.fetched_text)
        chosen = chosen if values is None else chosen.where(values.known)
        cells = self._cells(windows, times, chosen)

        def added(weights: NDArray[Any] | None) -> NDArray[Any]:
            """What came before each pane, for each record."""
            size = len(windows.edges) + 1, self.part.count
            panes = np.bincount(cells, weights, size[0] * size[1]).reshape(size)
            made = np.zeros((size[0] + 1, size[1]), panes.dtype)
            np.cumsum(panes, axis=0, out=made[1:])
            return made

        if asked.how == "rows" or not isinstance(values, Values):
            counts = added(None)
            return {
                name: Values("whole", counts[end] - counts[start], self._has_rows, blank=0)
                for name, (start, end) in windows.named.items()
            }
        numbers = _summed(values, chosen, asked.value_text)
        sums, counts_of = added(numbers), cache(lambda: added(None))
        return {
            name: _total(asked.how, sums[end] - sums[start], partial(_differ, counts_of, start, end))
            for name, (start, end) in windows.named.items()
        }

    def _chosen(self, where: str) -> Chosen:
        everyone = Chosen(None, self.part.owners)
        return everyone.where(self.truths[where].mask(len(self.part.owners))) if where else everyone

    def _cells(self, windows: Windows, times: Values, chosen: Chosen) -> NDArray[np.int64]:
        """For each row the cell of its pane and record."""
        edges = self.edges[text := windows.of_text]
        if text not in self._panes:  # each time is looked up among all edges, once
            found = np.searchsorted(edges.astype(times.values.dtype), times.values, side="right")
            self._panes[text] = found.astype(np.min_scalar_type(len(edges)))
        ours = np.searchsorted(np.array(windows.edges), np.concatenate([edges[:1] - 1, edges]), side="right")
        return (ours * self.part.count)[chosen.of(self._panes[text])] + chosen.owners

    def _known(self, text: str) -> Column:
        if (found := self.part.column(text)) is None:
            raise NotComparable
        return found

    def _values(self, text: str) -> Values:
        if not isinstance(found := self._known(text), Values):
            raise NotComparable
        return found

    def _one(self, asked: Grouped, chosen: Chosen) -> Values:
        match asked.how:
            case "rows":
                there = chosen.where(self._known(asked.value_text).known) if asked.value_text else chosen
                return Values("whole", self._counted(there), self._has_rows, blank=0)
            case "different":
                return Values("whole", self._different(asked.value_text, chosen), self._has_rows, blank=0)
            case "any" | "every":
                return self._truth(asked.how == "any", asked.value_text, chosen)
            case "sum" | "exact":
                values = self._values(asked.fetched_text)
                chosen = chosen.where(values.known)
                total = np.bincount(chosen.owners, _summed(values, chosen, asked.value_text), self.part.count)
                return _total(asked.how, total, lambda: self._counted(chosen) > 0)
            case "min" | "max":
                return self._end(asked.how, asked.value_text, chosen)
            case _:
                assert_never(asked.how)

    def _has_rows(self) -> Mask:
        return self._there

    @cached_property
    def _there(self) -> Mask:
        """Which records have any rows."""
        return np.bincount(self.part.owners, minlength=self.part.count) > 0

    def _counted(self, chosen: Chosen) -> NDArray[np.int64]:
        return np.bincount(chosen.owners, minlength=self.part.count)

    def _different(self, text: str, chosen: Chosen) -> NDArray[np.int64]:
        """How many different values each record's rows have: each pair of record and value is numbered once for all filters."""
        if text not in self._pairs:
            codes, count, known = _numbered(self._known(text))
            if self.part.count * count >= LIMIT:
                raise NotExact(text)
            pairs, order = _sorted(self.part.owners.astype(np.int64) * count + codes, self.part.count * count)
            first = np.diff(pairs, prepend=-1) != 0
            numbers = np.empty(len(pairs), np.int32)
            numbers[order] = np.cumsum(first) - 1
            self._pairs[text] = pairs[first] // count, numbers, known
        owners, numbers, known = self._pairs[text]
        seen = np.zeros(len(owners), np.bool_)
        seen[chosen.where(known).of(numbers)] = True
        return np.bincount(owners[seen], minlength=self.part.count)

    def _end(self, how: str, text: str, chosen: Chosen) -> Values:
        values = self._values(text)
        if values.kind not in ("whole", "real", "day", "instant"):
            raise NotComparable
        operation, whole, real = _ENDS[how]
        chosen = chosen.where(values.known)
        numbers = chosen.of(values.values)
        if values.kind == "real" and np.isnan(numbers).any():
            raise NotExact(text)
        end = real if values.kind == "real" else _last(values.values.dtype, whole)
        found: NDArray[Any] = np.full(self.part.count, end, values.values.dtype)
        operation.at(found, chosen.owners, numbers)
        return Values(values.kind, found, lambda: self._counted(chosen) > 0)

    def _truth(self, is_any: bool, text: str, chosen: Chosen) -> Values:
        bits, size = self.truths[text], len(self.part.owners)
        true = bits.mask(size)
        false = np.unpackbits(bits.untrue, count=size, bitorder="little").view(np.bool_)
        known = self._counted(chosen.where(true | false)) > 0
        found = self._counted(chosen.where(true if is_any else false)) > 0
        return Values("truth", found if is_any else ~found, known)


def _summed(values: Values, chosen: Chosen, text: str) -> NDArray[Any]:
    """The numbers that are summed; raises NotExact where a real number does not hold their sum."""
    if values.kind != "whole":
        raise NotComparable
    numbers = chosen.of(values.values)
    if values.size * len(numbers) >= EXACT and float(np.abs(numbers.astype(np.float64)).sum()) >= EXACT:
        raise NotExact(text)
    return numbers


def _total(how: How, total: NDArray[Any], known: Callable[[], Mask]) -> Values:
    if how == "exact":
        return Values("real", total / MILLION, known, blank=0)
    return Values("whole", total.astype(np.int64), known, blank=0)


def _differ(counts: Callable[[], NDArray[Any]], start: int, end: int) -> Mask:
    """Where rows lie between two edges."""
    return counts()[end] > counts()[start]


def _numbered(column: Column) -> tuple[NDArray[Any], int, Mask | None]:
    """The value of each row as a number from 0, a number above all of them, and where there is a value."""
    if isinstance(column, Texts):
        return column.codes, len(column.words) + 1, column.known
    if column.kind == "real":  # what is the same number is the engine's to say
        raise NotComparable
    if not len(column.values):
        return column.values, 1, None
    first, last = int(column.values.min()), int(column.values.max())
    return column.values.astype(np.int64) - first, last - first + 1, column.known


def _sorted(numbers: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers from 0 up to a limit in their order, and the place of each before; sorting both as one number is far faster."""
    bits = len(numbers).bit_length()
    if limit > LIMIT >> bits:
        order = np.argsort(numbers)
        return numbers[order], order
    both = np.sort(numbers << bits | np.arange(len(numbers)))
    return both >> bits, both & ((1 << bits) - 1)


def _last(dtype: np.dtype[Any], sign: int | float) -> int:
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min
