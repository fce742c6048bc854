"""Expression trees to Python values: names, operators and the functions that look at nothing but their arguments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol, cast

from sqlglot import exp
from support.oracle import operators as op
from support.oracle.clock import Clock, Span
from support.oracle.reading import NotInOracle, read_date, read_instant

from definitions.grammar import AggregateCall, Call, aggregate_of, call_of

Node = exp.Expr


class Place(Protocol):
    """Where an expression is asked: what its names, aggregates and calls about a record mean, and what time it is."""

    @property
    def clock(self) -> Clock: ...
    @property
    def now(self) -> datetime: ...

    def name(self, node: Node) -> Any:
        """The value of a field, a computed field, or a field of a record that a path leads to."""
        ...

    def aggregate(self, call: AggregateCall) -> Any:
        """An aggregate over related rows."""
        ...

    def call(self, node: Node, call: Call) -> Any:
        """A function: of its arguments alone, or of history, membership or the passage."""
        ...

    def is_instant(self, node: Node) -> bool:
        """A part of the expression gives instants, by its type."""
        ...


def value_of(node: Node, place: Place) -> Any:
    """What an expression gives at a place; None is missing, and unknown as a truth."""
    aggregate = aggregate_of(node)
    if aggregate is not None:
        return place.aggregate(aggregate)
    call = call_of(node)
    if call is not None:
        return place.call(node, call)
    match node:
        case exp.Column() | exp.Dot():
            return place.name(node)
        case exp.Paren():
            return value_of(node.this, place)
        case exp.Literal():
            return _literal(node)
        case exp.Boolean():
            return bool(node.this)
        case exp.Null():
            return None
        case exp.Array():
            return tuple(value_of(item, place) for item in node.expressions)
        case exp.Interval():
            return interval(node)
        case exp.Case():
            return widened(_case(node, place), node, place)
        case exp.If():
            chosen = node.args["true"] if value_of(node.this, place) else node.args.get("false")
            return None if chosen is None else widened(value_of(chosen, place), node, place)
        case _:
            operator = OPERATORS.get(type(node))
            if operator is None:
                raise NotInOracle(f"`{node.sql(dialect='duckdb')}`")
            return operator(node, place)


def _literal(node: exp.Literal) -> str | int | float:
    if node.is_string:
        return str(node.this)
    written = str(node.this)
    return float(written) if any(c in ".eE" for c in written) else int(written)


_UNITS = {
    "MINUTE": Span(minutes=1),
    "HOUR": Span(minutes=60),
    "DAY": Span(days=1),
    "WEEK": Span(days=7),
    "MONTH": Span(months=1),
    "QUARTER": Span(months=3),
    "YEAR": Span(months=12),
}


def interval(node: Node) -> Span:
    """`interval 14 days`."""
    unit = _UNITS[str(node.args["unit"].name).upper().rstrip("S")]
    number = int(node.this.name)
    return Span(unit.months * number, unit.days * number, unit.minutes * number)


def _case(node: exp.Case, place: Place) -> Any:
    """The first `when` that is true, or that equals the value between `case` and `when`."""
    subject: Node | None = node.args.get("this")
    against = value_of(subject, place) if subject is not None else None
    for branch in cast("list[Node]", node.args["ifs"]):
        found = value_of(branch.this, place)
        if subject is not None:
            found = op.equal(against, found, place.clock)
        if found is True:
            return value_of(branch.args["true"], place)
    default: Node | None = node.args.get("default")
    return None if default is None else value_of(default, place)


def widened(value: Any, node: Node, place: Place) -> Any:
    """Among dates and instants a date is the instant at which it begins: one expression gives one type."""
    if isinstance(value, date) and not isinstance(value, datetime) and place.is_instant(node):
        return place.clock.midnight(value)
    return value


# ---- operators

Operator = Callable[[Any, Place], Any]


def _sides(node: Node, place: Place) -> tuple[Any, Any]:
    return value_of(node.this, place), value_of(node.expression, place)


def _compared(holds: Callable[[int], bool]) -> Operator:
    def compared(node: Node, place: Place) -> bool | None:
        left, right = _sides(node, place)
        return None if left is None or right is None else holds(op.order(left, right, place.clock))

    return compared


def _between(node: Node, place: Place) -> bool | None:
    """At both ends too."""
    value = value_of(node.this, place)
    low, high = value_of(node.args["low"], place), value_of(node.args["high"], place)
    if node.args.get("symmetric"):
        raise NotInOracle("between symmetric")

    def at_most(one: Any, other: Any) -> bool | None:
        return None if one is None or other is None else op.order(one, other, place.clock) <= 0

    return op.all_of([at_most(low, value), at_most(value, high)])


def _in(node: Node, place: Place) -> bool | None:
    value = value_of(node.this, place)
    return op.any_of(op.equal(value, value_of(item, place), place.clock) for item in node.expressions)


def _is(node: Node, place: Place) -> bool:
    """`is null`, `is true`, `is false`: never unknown."""
    value = value_of(node.this, place)
    return value is None if isinstance(node.expression, exp.Null) else value is bool(node.expression.this)


def _like(blind: bool) -> Operator:
    def like(node: Node, place: Place) -> bool | None:
        found = op.like(*_sides(node, place), blind=blind)
        return op.negated(found) if node.args.get("negate") else found

    return like


def _joined(node: Node, place: Place) -> str | None:
    left, right = _sides(node, place)
    return None if left is None or right is None else op.as_text(left) + op.as_text(right)


def _cast(node: Node, place: Place) -> date | datetime | None:
    """`date '2026-01-06'`, or a time read as a date or an instant."""
    value, target = value_of(node.this, place), node.args["to"].this.value.upper()
    if value is None:
        return None
    if target == "DATE":
        return read_date(value) if isinstance(value, str) else place.clock.date(value)
    if not target.startswith("TIMESTAMP"):
        raise NotInOracle(f"a cast to {target.lower()}")
    return read_instant(value, place.clock)


def _trunc(node: Node, place: Place) -> date | datetime | None:
    """The start of a day, week (Monday), month, quarter or year; of an instant it is local midnight."""
    value = time_of(value_of(node.this, place), place)
    if value is None:
        return None
    day = place.clock.date(value)
    match str(node.args["unit"].name).lower():
        case "day":
            start = day
        case "week":
            start = date.fromordinal(max(day.toordinal() - day.weekday(), 1))
        case "month":
            start = day.replace(day=1)
        case "quarter":
            start = day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            start = day.replace(month=1, day=1)
        case unit:
            raise NotInOracle(f"the start of a {unit}")
    return place.clock.midnight(start) if isinstance(value, datetime) else start


def _extract(node: Node, place: Place) -> int | None:
    """A part of a date, or of the local time of an instant."""
    value = time_of(value_of(node.expression, place), place)
    if value is None:
        return None
    local = place.clock.local(value) if isinstance(value, datetime) else value
    match str(node.this.name).upper():
        case "YEAR" | "MONTH" | "DAY" as part:
            return getattr(local, part.lower())
        case "QUARTER":
            return (local.month + 2) // 3
        case "HOUR":
            return local.hour if isinstance(local, datetime) else 0
        case part:
            raise NotInOracle(f"the {part.lower()} of a time")


def time_of(value: Any, place: Place) -> date | datetime | None:
    """A time, also one written in quotes: with ten characters it is a date."""
    if isinstance(value, str):
        return read_date(value) if len(value) == 10 else read_instant(value, place.clock)
    return value


def _negative(node: Node, place: Place) -> Any:
    return op.multiplied(-1, value_of(node.this, place))


def _both(combine: Callable[[Any, Any], Any]) -> Operator:
    return lambda node, place: combine(*_sides(node, place))


OPERATORS: dict[type[Any], Operator] = {
    exp.And: lambda node, place: op.all_of(_sides(node, place)),
    exp.Or: lambda node, place: op.any_of(_sides(node, place)),
    exp.Not: lambda node, place: op.negated(value_of(node.this, place)),
    exp.EQ: _compared(lambda found: found == 0),
    exp.NEQ: _compared(lambda found: found != 0),
    exp.LT: _compared(lambda found: found < 0),
    exp.LTE: _compared(lambda found: found <= 0),
    exp.GT: _compared(lambda found: found > 0),
    exp.GTE: _compared(lambda found: found >= 0),
    exp.NullSafeEQ: lambda node, place: not op.distinct(*_sides(node, place), place.clock),
    exp.NullSafeNEQ: lambda node, place: op.distinct(*_sides(node, place), place.clock),
    exp.Between: _between,
    exp.In: _in,
    exp.Is: _is,
    exp.Like: _like(blind=False),
    exp.ILike: _like(blind=True),
    exp.DPipe: _joined,
    exp.Cast: _cast,
    exp.TimestampTrunc: _trunc,
    exp.DateTrunc: _trunc,
    exp.Extract: _extract,
    exp.Neg: _negative,
    exp.Add: lambda node, place: op.added(*_sides(node, place), place.clock),
    exp.Sub: lambda node, place: op.subtracted(*_sides(node, place), place.clock),
    exp.Mul: _both(op.multiplied),
    exp.Div: _both(op.divided),
    exp.Mod: _both(op.remainder),
}
