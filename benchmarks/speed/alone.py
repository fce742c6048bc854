"""The plain way: one SELECT for each condition, over the same tables, with semi-joins for what it asks of related rows."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from benchmarks.conditions import Aggregate, Condition, Group, InSegment, Moment, Related, Test, Trend, Words, leaves
from benchmarks.crm_rows import NOW

TABLES = {
    "contacts": "crm.contact",
    "opportunities": "crm.opportunity",
    "tickets": "crm.ticket",
    "usage": "crm.usage_event",
}
DATES = frozenset({"renewal_date", "contract_start", "last_qbr_date", "close_date"})
COMPUTED = {"seat_utilization": "seats_used / seats"}


def is_expressible(condition: Condition) -> bool:
    """Can anybody but Drumbeat be asked this: changes and what has lasted need a memory."""
    return not any(isinstance(leaf, Words) for leaf in leaves(condition))


def instant_of(moment: Moment, now: datetime = NOW) -> datetime:
    """The instant that a moment is."""
    start = now if moment.start == "now()" else datetime.combine(now.date(), time(), now.tzinfo)
    return start + timedelta(days=moment.days)


def select(condition: Condition) -> str:
    """How many accounts a condition holds for."""
    return f"SELECT COUNT(*) FROM crm.account AS a WHERE {_tree(condition)}"


def _tree(condition: Condition) -> str:
    match condition:
        case Group("none", parts):
            # at a leaf's edge unknown is false, so that none of them holds where all are unknown
            return " AND ".join(f"NOT COALESCE({_tree(part)}, FALSE)" for part in parts)
        case Group(kind, parts):
            return "(" + f" {'AND' if kind == 'all' else 'OR'} ".join(map(_tree, parts)) + ")"
        case Test():
            return _test(condition)
        case Related(aggregate, operator, value):
            return _related(aggregate, operator, value)
        case Trend():
            return _trend(condition)
        case InSegment() | Words():
            raise ValueError(f"`{condition}` cannot stand alone")


def _test(test: Test) -> str:
    column = f"({COMPUTED[test.column]})" if test.column in COMPUTED else test.column
    match test.operator, test.value:
        case "is", value:
            return column if value else f"NOT {column}"
        case "between", (first, last):
            return f"{column} BETWEEN {_literal(first, test.column)} AND {_literal(last, test.column)}"
        case "in", tuple() as values:
            return f"{column} IN ({', '.join(_literal(value) for value in values)})"
        case operator, value:
            return f"{column} {operator} {_literal(value, test.column)}"


def _related(aggregate: Aggregate, operator: str, value: float | Moment) -> str:
    """What also holds without any row is asked the other way round: no group that breaks it."""
    has_zero = aggregate.function in ("count", "count distinct", "sum")
    holds_for_none = has_zero and operator in ("<", "=")
    rows = f"SELECT account_id FROM {TABLES[aggregate.relation]} WHERE {_where(aggregate.tests)}"
    if aggregate.function == "count" and (operator, value) == (">=", 1):
        return f"a.account_id IN ({rows})"
    if aggregate.function == "count" and (operator, value) == ("=", 0):
        return f"a.account_id NOT IN ({rows})"
    turned = {"<": ">=", "=": "<>"}[operator] if holds_for_none else operator
    grouped = f"{rows} GROUP BY account_id HAVING {_made(aggregate)} {turned} {_literal(value)}"
    return f"a.account_id {'NOT IN' if holds_for_none else 'IN'} ({grouped})"


def _trend(trend: Trend) -> str:
    """Both windows in one pass: a group is there where either has a row."""
    now, before = _where(trend.aggregate.tests), _where(trend.other.tests)
    column, table = trend.aggregate.column, TABLES[trend.aggregate.relation]
    first, second = (f"COALESCE(SUM({column}) FILTER (WHERE {tests}), 0)" for tests in (now, before))
    having = f"{first} {trend.operator} {trend.factor} * {second}"
    rows = f"SELECT account_id FROM {table} WHERE ({now}) OR ({before})"
    return f"a.account_id IN ({rows} GROUP BY account_id HAVING {having})"


def _where(tests: tuple[Test, ...]) -> str:
    return " AND ".join(map(_test, tests))


def _made(aggregate: Aggregate) -> str:
    match aggregate.function:
        case "count":
            return "COUNT(*)"
        case "count distinct":
            return f"COUNT(DISTINCT {aggregate.column})"
        case function:
            return f"{function.upper()}({aggregate.column})"


def _literal(value: object, column: str = "") -> str:
    match value:
        case Moment():
            instant = instant_of(value)
            if column in DATES:
                return f"DATE '{instant:%Y-%m-%d}'"
            return f"TIMESTAMPTZ '{instant:%Y-%m-%d %H:%M:%S}+00'"
        case str():
            return f"'{value}'"
        case _:
            return str(value)
