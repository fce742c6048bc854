"""Aggregates over related rows: filters as bits, counts and sums by numpy, one pass over a relation for all of them.

What is not a plain count, sum, minimum, maximum or truth of rows that pass a filter is left to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from sql.truths.bits.values import NotComparable, Values
from sql.truths.bits.words import Bits, Mask

How = Literal["rows", "sum", "exact", "min", "max", "any", "every"]
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
class RelatedRows:
    """The rows of a relation: `owners` holds the place of the record that each belongs to, among `count` records."""

    owners: NDArray[np.int32]
    count: int
    truths: Callable[[exp.Expr], Bits]
    values: Callable[[exp.Expr], Values]

    def worked_out(self, asked: Grouped) -> Values:
        """The aggregate of each record's rows; unknown where there is none."""
        passing = self._passing(asked.where)
        if asked.how == "rows":
            if asked.value is not None:
                passing = _both(passing, self.values(asked.value).known)
            return Values("whole", self._counted(passing), self._has_rows)
        assert asked.value is not None
        if asked.how in ("any", "every"):
            return self._truth(asked.how == "any", asked.value, passing)
        if asked.how == "exact":
            return self._exact(asked.value, passing)
        values = self.values(asked.value)
        return self._sum(values, passing) if asked.how == "sum" else self._end(asked.how, values, passing)

    def _passing(self, where: exp.Expr | None) -> Mask | None:
        return None if where is None else self.truths(where).mask(len(self.owners))

    @cached_property
    def _has_rows(self) -> Mask | None:
        """Which records have any; None: all."""
        there = self._counted(None) > 0
        return None if there.all() else there

    def _counted(self, chosen: Mask | None) -> NDArray[np.int64]:
        owners = self.owners if chosen is None else self.owners[chosen]
        return np.bincount(owners, minlength=self.count)

    def _sum(self, values: Values, passing: Mask | None) -> Values:
        if values.kind != "whole":
            raise NotComparable
        chosen = _both(passing, values.known)
        numbers = values.values if chosen is None else values.values[chosen]
        if len(numbers) and float(np.abs(numbers.astype(np.float64)).sum()) >= EXACT:
            raise NotComparable
        owners = self.owners if chosen is None else self.owners[chosen]
        total = np.bincount(owners, weights=numbers, minlength=self.count).astype(np.int64)
        return Values("whole", total, self._counted(chosen) > 0)

    def _exact(self, value: exp.Expr, passing: Mask | None) -> Values:
        total = self._sum(self.values(scaled(value)), passing)
        return Values("real", total.values / _SCALE, total.known)

    def _end(self, how: str, values: Values, passing: Mask | None) -> Values:
        if values.kind not in ("whole", "real", "day", "instant"):
            raise NotComparable
        operation, whole, real = _ENDS[how]
        chosen = _both(passing, values.known)
        end = real if values.kind == "real" else _last(values.values.dtype, whole)
        found: NDArray[Any] = np.full(self.count, end, values.values.dtype)
        owners = self.owners if chosen is None else self.owners[chosen]
        operation.at(found, owners, values.values if chosen is None else values.values[chosen])
        return Values(values.kind, found, self._counted(chosen) > 0)

    def _truth(self, is_any: bool, value: exp.Expr, passing: Mask | None) -> Values:
        bits, size = self.truths(value), len(self.owners)
        true = bits.mask(size)
        false = np.unpackbits(bits.untrue, count=size, bitorder="little").view(np.bool_)
        deciding = true if is_any else false
        known = self._counted(_both(passing, true | false)) > 0
        found = self._counted(_both(passing, deciding)) > 0
        return Values("truth", found if is_any else ~found, known)


def _last(dtype: np.dtype[Any], sign: int | float) -> int:
    return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min


def _both(one: Mask | None, other: Mask | None) -> Mask | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


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
