"""Rule engines that judge one record at a time, on what they can be asked: the record's own columns.

Each is given the same rules and the same records, those without a missing value, and must find what SQL finds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from benchmarks.conditions import Condition, Group, Moment, Test, leaves
from benchmarks.speed.alone import DATES, instant_of

Record = dict[str, Any]
Rule = Callable[[Record], Any]


def is_own(condition: Condition) -> bool:
    """Does a condition ask about nothing but the record's own columns."""
    return all(isinstance(leaf, Test) and leaf.column != "seat_utilization" for leaf in leaves(condition))


def number_of(value: Any) -> Any:
    """Engines compare numbers: an instant is its seconds, a date its day's number."""
    if isinstance(value, datetime):
        return value.timestamp()
    return value.toordinal() if isinstance(value, date) else value


def json_logic(condition: Condition) -> Rule:
    """A rule of json-logic-qubit."""
    from json_logic import jsonLogic  # pyright: ignore[reportMissingImports]

    rule = _logic(condition)
    return lambda record: jsonLogic(rule, record)


def rule_engine(condition: Condition) -> Rule:
    """A rule of rule-engine."""
    import rule_engine as engine  # pyright: ignore[reportMissingImports]

    return engine.Rule(_text(condition)).matches


def _logic(condition: Condition) -> Any:
    match condition:
        case Group("none", parts):
            return {"!": [{"or": [_logic(part) for part in parts]}]}
        case Group(kind, parts):
            return {"and" if kind == "all" else "or": [_logic(part) for part in parts]}
        case Test(column, operator, value):
            seen = {"var": column}
            match operator, value:
                case "is", wanted:
                    return {"===": [seen, wanted]}
                case "between", (first, last):
                    return {"<=": [_known(first, column), seen, _known(last, column)]}
                case "in", tuple() as values:
                    return {"in": [seen, list(values)]}
                case "=", wanted:
                    return {"===": [seen, wanted]}
                case _:
                    return {operator: [seen, _known(value, column)]}
        case _:
            raise ValueError(f"`{condition}` is not about the record's own columns")


def _text(condition: Condition) -> str:
    match condition:
        case Group("none", parts):
            return f"not ({' or '.join(map(_text, parts))})"
        case Group(kind, parts):
            return "(" + f" {'and' if kind == 'all' else 'or'} ".join(map(_text, parts)) + ")"
        case Test(column, operator, value):
            match operator, value:
                case "is", wanted:
                    return f"{column} == {'true' if wanted else 'false'}"
                case "between", (first, last):
                    return f"({column} >= {_known(first, column)} and {column} <= {_known(last, column)})"
                case "in", tuple() as values:
                    return f"{column} in [{', '.join(json.dumps(v) for v in values)}]"
                case "=", wanted:
                    return f"{column} == {json.dumps(wanted)}"
                case _:
                    return f"{column} {operator} {_known(value, column)}"
        case _:
            raise ValueError(f"`{condition}` is not about the record's own columns")


def _known(value: Any, column: str) -> Any:
    if not isinstance(value, Moment):
        return value
    instant = instant_of(value)
    return number_of(instant.date() if column in DATES else instant)
