"""Conditions as data, so that each engine that is compared can be asked the same in its own words. Here: Drumbeat's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Number: TypeAlias = "int | float"


@dataclass(frozen=True)
class Moment:
    """Some days before (negative) or after an instant, or a day."""

    start: Literal["now()", "today()"]
    days: int


@dataclass(frozen=True)
class Test:
    """A test of a column of the row at hand. `is` compares with true or false, `between` includes both ends."""

    column: str
    operator: Literal["=", "<", ">=", "in", "is", "between"]
    value: Number | str | tuple[str, ...] | Moment | tuple[Moment, Moment]


@dataclass(frozen=True)
class Aggregate:
    """Something counted or summed over the related rows that pass all tests."""

    function: Literal["count", "count distinct", "sum", "avg", "max"]
    relation: str
    column: str | None
    tests: tuple[Test, ...]


@dataclass(frozen=True)
class Related:
    """A test of an aggregate."""

    aggregate: Aggregate
    operator: Literal["=", "<", ">="]
    value: Number | Moment


@dataclass(frozen=True)
class Trend:
    """An aggregate compared with a multiple of another one of the same relation."""

    aggregate: Aggregate
    operator: Literal["<", ">"]
    factor: float
    other: Aggregate


@dataclass(frozen=True)
class InSegment:
    """The record is in a segment."""

    name: str


@dataclass(frozen=True)
class Words:
    """What only Drumbeat can be asked: changes, and what has lasted."""

    text: str


@dataclass(frozen=True)
class Group:
    """All, any or none of some conditions."""

    kind: Literal["all", "any", "none"]
    parts: tuple[Condition, ...]


Leaf: TypeAlias = "Test | Related | Trend | InSegment | Words"
Condition: TypeAlias = "Leaf | Group"
Written: TypeAlias = "str | dict[str, list[Written]]"


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The leaves of a condition, from left to right."""
    if isinstance(condition, Group):
        for part in condition.parts:
            yield from leaves(part)
    else:
        yield condition


def expanded(condition: Condition, segments: dict[str, Condition]) -> Condition:
    """The condition with what its segments say in their place."""
    match condition:
        case Group(kind, parts):
            return Group(kind, tuple(expanded(part, segments) for part in parts))
        case InSegment(name):
            return expanded(segments[name], segments)
        case _:
            return condition


def aggregates(condition: Condition) -> Iterator[Aggregate]:
    """The aggregates that a condition needs."""
    for leaf in leaves(condition):
        match leaf:
            case Related(aggregate):
                yield aggregate
            case Trend(aggregate, _, _, other):
                yield aggregate
                yield other
            case _:
                pass


def written(condition: Condition) -> Written:
    """The condition as a workflow file says it."""
    match condition:
        case Group(kind, parts):
            return {kind: [written(part) for part in parts]}
        case Test():
            return _test(condition)
        case Related(aggregate, operator, value):
            return f"{_aggregate(aggregate)} {operator} {_value(value)}"
        case Trend(aggregate, operator, factor, other):
            return f"{_aggregate(aggregate)} {operator} {factor} * {_aggregate(other)}"
        case InSegment(name):
            return f"segment('{name}')"
        case Words(text):
            return text


def _test(test: Test) -> str:
    match test.operator, test.value:
        case "is", value:
            return test.column if value else f"not {test.column}"
        case "between", (Moment() as first, Moment() as last):
            return f"{test.column} between {_moment(first)} and {_moment(last)}"
        case "in", tuple() as values:
            return f"{test.column} in ({', '.join(map(_value, values))})"
        case operator, value:
            return f"{test.column} {operator} {_value(value)}"


def _aggregate(aggregate: Aggregate) -> str:
    inside = aggregate.relation if aggregate.column is None else f"{aggregate.relation}.{aggregate.column}"
    name, _, distinct = aggregate.function.partition(" ")
    tests = " and ".join(map(_test, aggregate.tests))
    return f"{name}({distinct + ' ' if distinct else ''}{inside}) filter (where {tests})"


def _value(value: object) -> str:
    match value:
        case Moment():
            return _moment(value)
        case str():
            return f"'{value}'"
        case _:
            return str(value)


def _moment(moment: Moment) -> str:
    if moment.days == 0:
        return moment.start
    return f"{moment.start} {'-' if moment.days < 0 else '+'} interval {abs(moment.days)} days"
