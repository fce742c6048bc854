"""Related rows put together: counts, sums, ends and truths of the rows that pass a filter, by numpy, for a block of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from sql.truths.bits.groups import MILLION, Grouped, How, text_of
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
        by_filter = sorted(asked.items(), key=lambda item: text_of(item[1].where))
        for _, same in groupby(by_filter, key=lambda item: text_of(item[1].where)):
            alike = list(same)
            chosen = self._chosen(alike[0][1].where)
            made |= {name: self._one(one, chosen) for name, one in alike}
        return made

    def in_windows(self, windows: Windows) -> dict[str, Values]:
        """Counts or sums of the rows within each of many windows: by pane first, each row once, then added up."""
        times = self._values(windows.of)
        chosen = self._chosen(windows.where).where(times.known)
        values = None if windows.fetched is None else self._known(windows.fetched)
        chosen = chosen if values is None else chosen.where(values.known)
        cells = self._cells(windows, times, chosen)

        def added(weights: NDArray[Any] | None) -> NDArray[Any]:
            """What came before each pane, for each record."""
            size = len(windows.edges) + 1, self.part.count
            panes = np.bincount(cells, weights, size[0] * size[1]).reshape(size)
            made = np.zeros((size[0] + 1, size[1]), panes.dtype)
            np.cumsum(panes, axis=0, out=made[1:])
            return made

        if windows.how == "rows" or not isinstance(values, Values):
            counts = added(None)
            return {
                name: Values("whole", counts[end] - counts[start], self._has_rows, blank=0)
                for name, (start, end) in windows.named.items()
            }
        numbers = _summed(values, chosen, windows.value)
        sums, counts_of = added(numbers), cache(lambda: added(None))
        return {
            name: _total(windows.how, sums[end] - sums[start], partial(_differ, counts_of, start, end))
            for name, (start, end) in windows.named.items()
        }

    def _chosen(self, where: exp.Expr | None) -> Chosen:
        everyone = Chosen(None, self.part.owners)
        return everyone if where is None else everyone.where(self.truths[text_of(where)].mask(len(self.part.owners)))

    def _cells(self, windows: Windows, times: Values, chosen: Chosen) -> NDArray[np.int64]:
        """For each row the cell of its pane and record."""
        edges = self.edges[text := text_of(windows.of)]
        if text not in self._panes:  # each time is looked up among all edges, once
            found = np.searchsorted(edges.astype(times.values.dtype), times.values, side="right")
            self._panes[text] = found.astype(np.min_scalar_type(len(edges)))
        ours = np.searchsorted(np.array(windows.edges), np.concatenate([edges[:1] - 1, edges]), side="right")
        return (ours * self.part.count)[chosen.of(self._panes[text])] + chosen.owners

    def _known(self, tree: exp.Expr) -> Column:
        if (found := self.part.column(tree)) is None:
            raise NotComparable
        return found

    def _values(self, tree: exp.Expr) -> Values:
        if not isinstance(found := self._known(tree), Values):
            raise NotComparable
        return found

    def _one(self, asked: Grouped, chosen: Chosen) -> Values:
        match asked.how, asked.value:
            case "rows", None:
                return Values("whole", self._counted(chosen), self._has_rows, blank=0)
            case "rows", value:
                there = chosen.where(self._known(value).known)
                return Values("whole", self._counted(there), self._has_rows, blank=0)
            case "different", exp.Expr() as value:
                return Values("whole", self._different(value, chosen), self._has_rows, blank=0)
            case (("any" | "every"), exp.Expr() as value):
                return self._truth(asked.how == "any", value, chosen)
            case (("sum" | "exact"), exp.Expr() as value):
                values = self._values(asked.fetched or value)
                chosen = chosen.where(values.known)
                total = np.bincount(chosen.owners, _summed(values, chosen, value), self.part.count)
                return _total(asked.how, total, lambda: self._counted(chosen) > 0)
            case (("min" | "max"), exp.Expr() as value):
                return self._end(asked.how, value, chosen)
            case _:
                raise NotComparable

    def _has_rows(self) -> Mask:
        return self._there

    @cached_property
    def _there(self) -> Mask:
        """Which records have any rows."""
        return np.bincount(self.part.owners, minlength=self.part.count) > 0

    def _counted(self, chosen: Chosen) -> NDArray[np.int64]:
        return np.bincount(chosen.owners, minlength=self.part.count)

    def _different(self, value: exp.Expr, chosen: Chosen) -> NDArray[np.int64]:
        """How many different values each record's rows have: each pair of record and value is numbered once for all filters."""
        if (text := text_of(value)) not in self._pairs:
            codes, count, known = _numbered(self._known(value))
            if self.part.count * count >= LIMIT:
                raise NotExact(text)
            pairs = self.part.owners.astype(np.int64) * count + codes
            order = np.argsort(pairs)
            pairs = pairs[order]
            first = np.diff(pairs, prepend=-1) != 0
            numbers = np.empty(len(pairs), np.int32)
            numbers[order] = np.cumsum(first) - 1
            self._pairs[text] = pairs[first] // count, numbers, known
        owners, numbers, known = self._pairs[text]
        seen = np.zeros(len(owners), np.bool_)
        seen[chosen.where(known).of(numbers)] = True
        return np.bincount(owners[seen], minlength=self.part.count)

    def _end(self, how: str, value: exp.Expr, chosen: Chosen) -> Values:
        values = self._values(value)
        if values.kind not in ("whole", "real", "day", "instant"):
            raise NotComparable
        operation, whole, real = _ENDS[how]
        chosen = chosen.where(values.known)
        numbers = chosen.of(values.values)
        if values.kind == "real" and np.isnan(numbers).any():
            raise NotExact(text_of(value))
        end = real if values.kind == "real" else _last(values.values.dtype, whole)
        found: NDArray[Any] = np.full(self.part.count, end, values.values.dtype)
        operation.at(found, chosen.owners, numbers)
        return Values(values.kind, found, lambda: self._counted(chosen) > 0)

    def _truth(self, is_any: bool, value: exp.Expr, chosen: Chosen) -> Values:
        bits, size = self.truths[text_of(value)], len(self.part.owners)
        true = bits.mask(size)
        false = np.unpackbits(bits.untrue, count=size, bitorder="little").view(np.bool_)
        known = self._counted(chosen.where(true | false)) > 0
        found = self._counted(chosen.where(true if is_any else false)) > 0
        return Values("truth", found if is_any else ~found, known)


def _summed(values: Values, chosen: Chosen, value: exp.Expr | None) -> NDArray[Any]:
    """The numbers that are summed; raises NotExact where a real number does not hold their sum."""
    if values.kind != "whole":
        raise NotComparable
    numbers = chosen.of(values.values)
    if values.size * len(numbers) >= EXACT and float(np.abs(numbers.astype(np.float64)).sum()) >= EXACT:
        raise NotExact(text_of(value))
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


def _last(dtype: np.dtype[Any], sign: int | float) -> int:
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min
