"""The same conditions in polars, lazily: every distinct aggregate grouped once, every distinct leaf a column, then the trees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from operator import and_, or_
from pathlib import Path

import polars as pl

from benchmarks.conditions import Aggregate, Condition, Group, Leaf, Moment, Related, Test, Trend, aggregates, leaves
from benchmarks.speed.alone import DATES, instant_of

FILES = {"contacts": "contacts", "opportunities": "opportunities", "tickets": "tickets", "usage": "usage_events"}
CHUNK = 40
"""Aggregates of one pass: each is a column of the whole table before it is grouped."""


def counts(conditions: list[Condition], rows: Path) -> list[int]:
    """How many accounts each condition holds for."""
    wanted = list(dict.fromkeys(a for c in conditions for a in aggregates(c)))
    names = {aggregate: f"a{number}" for number, aggregate in enumerate(wanted)}
    accounts = pl.scan_parquet(rows / "accounts.parquet").with_columns(
        seat_utilization=pl.col("seats_used") / pl.col("seats")
    )
    for relation, file in FILES.items():
        for chunk in _chunks([a for a in wanted if a.relation == relation]):
            found = _grouped(pl.scan_parquet(rows / f"{file}.parquet"), chunk, names).collect(engine="streaming")
            accounts = accounts.join(found.lazy(), on="account_id", how="left")
    asked = {leaf: f"l{number}" for number, leaf in enumerate(dict.fromkeys(x for c in conditions for x in leaves(c)))}
    judged = accounts.select(_leaf(leaf, names).fill_null(False).alias(name) for leaf, name in asked.items()).collect()
    trees = judged.lazy().select(_tree(c, asked).sum().alias(f"c{n}") for n, c in enumerate(conditions)).collect()
    return [int(count) for count in trees.row(0)]


def _chunks(wanted: list[Aggregate]) -> Iterator[list[Aggregate]]:
    for i in range(0, len(wanted), CHUNK):
        yield wanted[i : i + CHUNK]


def _grouped(table: pl.LazyFrame, wanted: Iterable[Aggregate], names: dict[Aggregate, str]) -> pl.LazyFrame:
    before, after = [pl.col("account_id")], []
    for aggregate in wanted:
        name = names[aggregate]
        passing = reduce(and_, map(_test, aggregate.tests))
        if aggregate.column is None:
            before.append(passing.fill_null(False).cast(pl.UInt32).alias(name))
            after.append(pl.col(name).sum())
            continue
        before.append(pl.when(passing).then(pl.col(aggregate.column)).alias(name))
        column = pl.col(name)
        made = {
            "sum": column.sum,
            "avg": column.mean,
            "max": column.max,
            "count distinct": column.drop_nulls().n_unique,
        }
        after.append(made[aggregate.function]())
    return table.select(before).group_by("account_id").agg(after)


def _tree(condition: Condition, asked: dict[Leaf, str]) -> pl.Expr:
    match condition:
        case Group("none", parts):
            return ~reduce(or_, (_tree(part, asked) for part in parts))
        case Group(kind, parts):
            return reduce(and_ if kind == "all" else or_, (_tree(part, asked) for part in parts))
        case leaf:
            return pl.col(asked[leaf])


def _leaf(leaf: Leaf, names: dict[Aggregate, str]) -> pl.Expr:
    match leaf:
        case Test():
            return _test(leaf)
        case Related(aggregate, operator, value):
            return _compared(_column(aggregate, names), operator, _value(value, ""))
        case Trend(aggregate, operator, factor, other):
            return _compared(_column(aggregate, names), operator, factor * _column(other, names))
        case _:
            raise ValueError(f"`{leaf}` cannot be asked in polars")


def _column(aggregate: Aggregate, names: dict[Aggregate, str]) -> pl.Expr:
    column = pl.col(names[aggregate])
    return column.fill_null(0) if aggregate.function in ("count", "count distinct", "sum") else column


def _test(test: Test) -> pl.Expr:
    column = pl.col(test.column)
    match test.operator, test.value:
        case "is", value:
            return column if value else ~column
        case "between", (first, last):
            return column.is_between(_value(first, test.column), _value(last, test.column))
        case "in", tuple() as values:
            return column.is_in(list(values))
        case operator, value:
            return _compared(column, operator, _value(value, test.column))


def _compared(column: pl.Expr, operator: str, value: object) -> pl.Expr:
    compare = {"=": column.eq, "<": column.lt, ">": column.gt, ">=": column.ge}
    return compare[operator](value)


def _value(value: object, column: str) -> object:
    if isinstance(value, Moment):
        instant = instant_of(value)
        return instant.date() if column in DATES else pl.lit(instant)
    return value
