"""Aggregates over related rows: filters as bits, counts and sums by numpy, one pass over a relation for all of them.

What is not a plain count, sum, minimum, maximum or truth of rows that pass a filter is left to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from definitions.conditions import DIALECT
from sql.truths.bits.values import NotComparable, Values
from sql.truths.bits.words import Bits, Mask

How = Literal["rows", "different", "sum", "exact", "min", "max", "any", "every"]
EXACT = 2**53
"""Whole numbers up to here are the same as real numbers."""
_SCALE = 1_000_000
_ENDS: Mapping[str, tuple[np.ufunc, int | float, int | float]] = {
    "min": (np.minimum, 1, np.inf),
    "max": (np.maximum, -1, -np.inf),
}


@dataclass(frozen=True)
class Grouped:
    """One aggregate: of the rows that pass `where` (None: all), how their `value` (None: the row itself) is put together."""

    how: How
    where: exp.Expr | None = None
    value: exp.Expr | None = None


def read(tree: exp.Expr) -> Grouped | None:
    """An aggregate as it is worked out here; None: the engine does it."""
    match tree:
        case exp.Count(this=exp.Star()):
            return Grouped("rows")
        case exp.Count() if not isinstance(tree.this, exp.Distinct):
            where, value = _case(tree.this)
            return Grouped("rows", where, None if isinstance(value, exp.Literal) else value)
        case exp.Count(this=exp.Distinct(expressions=[counted])):
            return Grouped("different", *_case(counted))
        case exp.TryCast(this=exp.Sum()):
            return Grouped("sum", *_case(tree.this.this))
        case exp.Cast(this=exp.Sum(this=exp.TryCast())):
            return Grouped("exact", *_case(tree.this.this.this))
        case exp.Min() | exp.Max():
            return Grouped("min" if isinstance(tree, exp.Min) else "max", *_case(tree.this))
        case exp.LogicalOr() | exp.LogicalAnd():
            return Grouped("any" if isinstance(tree, exp.LogicalOr) else "every", *_case(tree.this))
        case _:
            return None


def _case(tree: exp.Expr) -> tuple[exp.Expr | None, exp.Expr]:
    """The filter and the value of `CASE WHEN filter THEN value END`, as compiled aggregates have it."""
    if isinstance(tree, exp.Case) and len(tree.args["ifs"]) == 1 and tree.args.get("default") is None:
        return tree.args["ifs"][0].this, tree.args["ifs"][0].args["true"]
    return None, tree


def scaled(value: exp.Expr) -> exp.Expr:
    """A number as millionths, whole, as sums of decimals are exact to six places."""
    decimal = exp.TryCast(this=value.copy(), to=exp.DataType.build("DECIMAL(28, 6)"), safe=True)
    millionths = exp.Mul(this=decimal, expression=exp.Literal.number(_SCALE))
    return exp.TryCast(this=exp.paren(millionths), to=exp.DataType.build("BIGINT"), safe=True)


@dataclass(frozen=True)
class _Chosen:
    """Rows that pass a filter: their places (None: all rows) and the record that each belongs to."""

    places: NDArray[np.intp] | None
    owners: NDArray[np.int32]

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values of these rows."""
        return values if self.places is None else values[self.places]

    def where(self, mask: Mask | None) -> _Chosen:
        """Those of them that a mask over all rows lets through."""
        if mask is None:
            return self
        kept = np.flatnonzero(self.of(mask))
        return _Chosen(kept if self.places is None else self.places[kept], self.owners[kept])


@dataclass
class RelatedRows:
    """The rows of a relation: `owners` holds the number of the record that each belongs to, among `count` records."""

    owners: NDArray[np.int32]
    count: int
    truths: Callable[[exp.Expr], Bits]
    values: Callable[[exp.Expr], Values]
    numbered: Callable[[exp.Expr], tuple[NDArray[Any], int, Mask | None]]
    _pairs: dict[str, tuple[NDArray[np.int64], NDArray[np.int64], Mask | None]] = field(
        default_factory=dict[str, "tuple[NDArray[np.int64], NDArray[np.int64], Mask | None]"]
    )

    def worked_out(self, asked: Mapping[str, Grouped]) -> dict[str, Values]:
        """The aggregates of each record's rows, by name; unknown where there is none. What the engine must do is left out."""
        made: dict[str, Values] = {}
        everyone = _Chosen(None, self.owners)
        by_filter = sorted(asked.items(), key=lambda item: _text(item[1].where))
        for _, same in groupby(by_filter, key=lambda item: _text(item[1].where)):
            alike = list(same)
            where = alike[0][1].where
            chosen = everyone if where is None else everyone.where(self.truths(where).mask(len(self.owners)))
            for name, one in alike:
                try:
                    made[name] = self._one(one, chosen)
                except (NotComparable, KeyError):
                    continue
        return made

    def _one(self, asked: Grouped, chosen: _Chosen) -> Values:
        if asked.how == "rows":
            counted = chosen if asked.value is None else chosen.where(self.values(asked.value).known)
            return Values("whole", self._counted(counted), self._has_rows)
        assert asked.value is not None
        if asked.how in ("any", "every"):
            return self._truth(asked.how == "any", asked.value, chosen)
        if asked.how == "different":
            return Values("whole", self._different(asked.value, chosen), self._has_rows)
        if asked.how == "exact":
            total = self._sum(self.values(scaled(asked.value)), chosen)
            return Values("real", total.values / _SCALE, total.known)
        values = self.values(asked.value)
        return self._sum(values, chosen) if asked.how == "sum" else self._end(asked.how, values, chosen)

    @cached_property
    def _has_rows(self) -> Mask | None:
        """Which records have any; None: all."""
        there = np.bincount(self.owners, minlength=self.count) > 0
        return None if there.all() else there

    def _counted(self, chosen: _Chosen) -> NDArray[np.int64]:
        return np.bincount(chosen.owners, minlength=self.count)

    def _different(self, value: exp.Expr, chosen: _Chosen) -> NDArray[np.int64]:
        """How many different values each record's rows have: each pair of record and value is numbered once for all filters."""
        if (text := _text(value)) not in self._pairs:
            codes, count, known = self.numbered(value)
            pairs, numbers = np.unique(self.owners.astype(np.int64) * count + codes, return_inverse=True)
            self._pairs[text] = pairs // max(count, 1), numbers, known
        owners, numbers, known = self._pairs[text]
        seen = np.zeros(len(owners), np.bool_)
        seen[chosen.where(known).of(numbers)] = True
        return np.bincount(owners[seen], minlength=self.count)

    def _sum(self, values: Values, chosen: _Chosen) -> Values:
        if values.kind != "whole":
            raise NotComparable
        chosen = chosen.where(values.known)
        numbers = chosen.of(values.values)
        if values.size * len(numbers) >= EXACT and float(np.abs(numbers.astype(np.float64)).sum()) >= EXACT:
            raise NotComparable
        total = np.bincount(chosen.owners, weights=numbers, minlength=self.count).astype(np.int64)
        return Values("whole", total, self._counted(chosen) > 0)

    def _end(self, how: str, values: Values, chosen: _Chosen) -> Values:
        if values.kind not in ("whole", "real", "day", "instant"):
            raise NotComparable
        operation, whole, real = _ENDS[how]
        chosen = chosen.where(values.known)
        end = real if values.kind == "real" else _last(values.values.dtype, whole)
        found: NDArray[Any] = np.full(self.count, end, values.values.dtype)
        operation.at(found, chosen.owners, chosen.of(values.values))
        return Values(values.kind, found, self._counted(chosen) > 0)

    def _truth(self, is_any: bool, value: exp.Expr, chosen: _Chosen) -> Values:
        bits, size = self.truths(value), len(self.owners)
        true = bits.mask(size)
        false = np.unpackbits(bits.untrue, count=size, bitorder="little").view(np.bool_)
        known = self._counted(chosen.where(true | false)) > 0
        found = self._counted(chosen.where(true if is_any else false)) > 0
        return Values("truth", found if is_any else ~found, known)


def _last(dtype: np.dtype[Any], sign: int | float) -> int:
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min


def _text(tree: exp.Expr | None) -> str:
    return "" if tree is None else tree.sql(dialect=DIALECT)


def simple(tree: exp.Expr, found: Mapping[tuple[str, str], Values]) -> Values | None:
    """A term that is an aggregate, or a number in the place of none; None: the engine must work it out."""
    match tree:
        case exp.Paren():
            return simple(tree.this, found)
        case exp.Column():
            return found.get((tree.table, tree.name))
        case exp.Coalesce(this=exp.Column(), expressions=[exp.Literal(is_string=False) as literal]):
            values = found.get((tree.this.table, tree.this.name))
            if values is None or values.known is None:
                return values
            if values.kind not in ("whole", "real") or not literal.name.isdigit():
                return None
            return Values(values.kind, np.where(values.known, values.values, values.values.dtype.type(literal.name)))
        case _:
            return None
