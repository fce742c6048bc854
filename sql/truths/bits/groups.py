"""Aggregates over related rows: which of them numpy works out, and what it takes for that.

What is not a plain count, sum, minimum, maximum or truth of rows that pass a filter is left to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sqlglot import exp

from definitions.conditions import DIALECT
from sql.aggregates import unfiltered
from sql.truths.bits.values import LIMIT, NotComparable, Values

How = Literal["rows", "different", "sum", "exact", "min", "max", "any", "every"]
MILLION = 1_000_000


@dataclass(frozen=True)
class Grouped:
    """One aggregate: of the rows that pass `where` (None: all), how their `value` (None: the row itself) is put together."""

    how: How
    where: exp.Expr | None = None
    value: exp.Expr | None = None

    @cached_property
    def fetched(self) -> exp.Expr | None:
        """What is fetched of each row: its value; truths are judged with the filters."""
        if self.value is None or self.how in ("any", "every"):
            return None
        return _millionths(self.value) if self.how == "exact" else self.value

    @cached_property
    def where_text(self) -> str:
        """The filter's SQL: it takes a while to write, and is asked for in every block."""
        return text_of(self.where)

    @cached_property
    def value_text(self) -> str:
        """The value's SQL."""
        return text_of(self.value)

    @cached_property
    def fetched_text(self) -> str:
        """The SQL of what is fetched."""
        return text_of(self.fetched)


def read(tree: exp.Expr) -> Grouped | None:
    """An aggregate as it is worked out here; None: the engine does it."""
    match tree:
        case exp.Count(this=exp.Star()):
            return Grouped("rows")
        case exp.Count() if not isinstance(tree.this, exp.Distinct):
            where, value = unfiltered(tree.this)
            return Grouped("rows", where, None if isinstance(value, exp.Literal) else value)
        case exp.Count(this=exp.Distinct(expressions=[counted])):
            return Grouped("different", *unfiltered(counted))
        case exp.TryCast(this=exp.Sum()):
            return Grouped("sum", *unfiltered(tree.this.this))
        case exp.Cast(this=exp.Sum(this=exp.TryCast())):
            return Grouped("exact", *unfiltered(tree.this.this.this))
        case exp.Min() | exp.Max():
            return Grouped("min" if isinstance(tree, exp.Min) else "max", *unfiltered(tree.this))
        case exp.LogicalOr() | exp.LogicalAnd():
            return Grouped("any" if isinstance(tree, exp.LogicalOr) else "every", *unfiltered(tree.this))
        case _:
            return None


def _millionths(value: exp.Expr) -> exp.Expr:
    """A number as millionths, whole, as sums of decimals are exact to six places; beyond 8 bytes it is the least number of all."""
    decimal = exp.TryCast(this=value.copy(), to=exp.DataType.build("DECIMAL(28, 6)"), safe=True)
    millionths = exp.Mul(this=decimal, expression=exp.Literal.number(MILLION))
    whole = exp.TryCast(this=exp.paren(millionths), to=exp.DataType.build("BIGINT"), safe=True)
    is_there = exp.not_(exp.Is(this=decimal.copy(), expression=exp.null()))
    least = exp.cast(exp.Literal.string(str(-LIMIT)), "BIGINT")
    return exp.Coalesce(this=whole, expressions=[exp.Case(ifs=[exp.If(this=is_there, true=least)])])


def worked_out(tree: exp.Expr, found: Mapping[tuple[str, str], Values]) -> Values | None:
    """A term over aggregates, of which `found` has the values by alias and column; None: the engine must work it out."""
    try:
        return _term(tree, found)
    except NotComparable:
        return None


def _term(tree: exp.Expr, found: Mapping[tuple[str, str], Values]) -> Values:
    match tree:
        case exp.Paren():
            return _term(tree.this, found)
        case exp.Column() if (tree.table, tree.name) in found:
            return found[tree.table, tree.name]
        case exp.Coalesce(expressions=[exp.Literal(is_string=False) as literal]) if literal.name.isdigit():
            return _term(tree.this, found).filled(int(literal.name))
        case exp.Div(expression=exp.Nullif() as divisor) if divisor.expression == exp.Literal.number(0):
            return _term(tree.this, found).divided(_term(divisor.this, found))
        case _:
            raise NotComparable


def text_of(tree: exp.Expr | None) -> str:
    """An expression by which others find it; of none it is empty."""
    return "" if tree is None else tree.sql(dialect=DIALECT)
