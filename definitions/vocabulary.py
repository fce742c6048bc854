"""The functions a condition may use: an allow-list with types and one line of documentation each.

Checker, reference pages and completion all read this table. A function that is not here is a problem at its column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["text", "integer", "number", "boolean", "date", "timestamp", "list", "interval", "null", "any"]
"""What an expression gives. `any` is checked no further."""


@dataclass(frozen=True)
class Function:
    """One function: the types it takes (the last one repeats when `repeats`), what it gives, and what it is for."""

    name: str
    takes: tuple[frozenset[Type], ...]
    gives: Type | Literal["same"]
    doc: str
    optional: int = 0
    repeats: bool = False


def _of(*types: Type) -> frozenset[Type]:
    return frozenset(types)


_TEXT, _NUMBER, _ANY = _of("text"), _of("integer", "number"), _of("any")
_WHEN, _LIST, _INTEGER = _of("date", "timestamp"), _of("list"), _of("integer")

FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("lower", (_TEXT,), "text", "text in lower case"),
        Function("upper", (_TEXT,), "text", "text in upper case"),
        Function("trim", (_TEXT,), "text", "text without blanks at both ends"),
        Function("length", (_TEXT,), "integer", "number of characters"),
        Function("concat", (_ANY,), "text", "texts joined; a missing one counts as empty", repeats=True),
        Function("starts_with", (_TEXT, _TEXT), "boolean", "the first text begins with the second, literally"),
        Function("ends_with", (_TEXT, _TEXT), "boolean", "the first text ends with the second, literally"),
        Function("contains", (_TEXT, _TEXT), "boolean", "the first text holds the second, literally"),
        Function("regexp_matches", (_TEXT, _TEXT), "boolean", "the text matches the regular expression"),
        Function("abs", (_NUMBER,), "same", "the number without its sign"),
        Function("round", (_NUMBER, _INTEGER), "number", "rounded, half away from zero", optional=1),
        Function("floor", (_NUMBER,), "number", "the next whole number below"),
        Function("ceil", (_NUMBER,), "number", "the next whole number above"),
        Function("least", (_ANY,), "same", "the smallest that is not missing", repeats=True),
        Function("greatest", (_ANY,), "same", "the largest that is not missing", repeats=True),
        Function("coalesce", (_ANY,), "same", "the first that is not missing", repeats=True),
        Function("nullif", (_ANY, _ANY), "same", "missing when both are equal, else the first"),
        Function("list_contains", (_LIST, _TEXT), "boolean", "the list holds the value"),
        Function("list_has_any", (_LIST, _LIST), "boolean", "the lists share a value"),
        Function("list_has_all", (_LIST, _LIST), "boolean", "the first list holds all of the second"),
        Function("len", (_LIST,), "integer", "number of values in the list"),
        Function("today", (), "date", "the evaluation's date in the project's timezone"),
        Function("now", (), "timestamp", "the evaluation's instant"),
        Function("days_since", (_WHEN,), "integer", "whole days from the date to today; negative when ahead"),
        Function("days_until", (_WHEN,), "integer", "whole days from today to the date; negative when past"),
        Function("date_trunc", (_TEXT, _WHEN), "same", "the start of the day, week, month, quarter or year"),
        Function("extract", (_ANY, _WHEN), "integer", "a part of a date, as in `extract(month from x)`"),
    )
}

AGGREGATES: dict[str, str] = {
    "count": "number of related rows; 0 when there are none",
    "sum": "sum over related rows, to six decimals; 0 when there are none",
    "avg": "mean over related rows; missing when there are none",
    "min": "smallest value; missing when there are none",
    "max": "largest value; missing when there are none",
    "any_value": "a value of the related rows: the one with the lowest key",
    "bool_or": "true when it holds for one related row; false when there are none",
    "bool_and": "true when it holds for every related row; false when there are none",
    "first": "the first value in the order given, as in `first(x order by y)`",
    "last": "the last value in the order given",
    "exists": "there is a related row",
    "share": "the share of related rows that pass the filter; missing when there are none",
}

SPECIAL: dict[str, str] = {
    "segment": "`segment('x')`: the record is in the segment",
    "changed": "`changed(f)`, `changed(f, from => a, to => b)`: differs from the previous evaluation",
    "changed_to": "`changed_to(f, v)`: changed, and now `v`",
    "changed_from": "`changed_from(f, v)`: changed, and was `v`",
    "increased_by": "`increased_by(f, 5)`, `increased_by(f, '20%')`: at least that much more than before",
    "decreased_by": "`decreased_by(f, 5)`, `decreased_by(f, '20%')`: at least that much less than before",
    "crossed_above": "`crossed_above(f, x)`: was at or below `x`, is above now",
    "crossed_below": "`crossed_below(f, x)`: was at or above `x`, is below now",
    "created": "`created()`: first seen since the previous evaluation",
    "updated": "`updated()`: any declared field changed since the previous evaluation",
    "previous": "`previous(f)`: the value before the latest change; missing when it never changed",
    "value_at": "`value_at(f, t)`: the value at an instant, or at the beginning of a date",
    "was_ever": "`was_ever(f, v)`: had the value at some time since it is tracked",
    "held_for": "`held_for(condition, interval 14 days)`: true without a break that long",
    "anniversary": "`anniversary(d)`: the next yearly return of a date, today included",
    "in_workflow": "`in_workflow('x')`: the record is inside the workflow",
    "completed_workflow": "`completed_workflow('x')`: the record reached its end at some time",
    "journey_stage": "`journey_stage('j')`: the name of the stage the record is in",
    "days_in_stage": "`days_in_stage('j')`: whole days since it came into that stage",
    "days_left_in_stage": "`days_left_in_stage('j')`: days until the stage's duration is over; may be negative",
    "stage_goal": "`stage_goal('j', 'g')`: the goal of the record's stage is reached",
    "days_inside": "`days_inside()`: whole days since the participant entered",
    "at_entry": "`at_entry(x)`: the value when the participant entered",
    "completed": "`completed('step')`: the task or call is done",
    "opened": "`opened('step')`: the email was opened",
    "clicked": "`clicked('step')`: a link in the message was clicked",
    "replied": "`replied('step')`: the message was answered",
    "delivered": "`delivered('step')`: the message arrived",
    "bounced": "`bounced('step')`: the message came back",
    "dropped": "`dropped('step')`: the message was not sent",
    "unsubscribed": "`unsubscribed('step')`: the message made the recipient unsubscribe",
    "approved": "`approved('step')`: somebody approved the action",
    "rejected": "`rejected('step')`: somebody rejected the action",
    "not_actioned": "`not_actioned('step')`: the action still waits for approval",
    "outcome": "`outcome('step')`: the outcome noted for the task or call",
}

_CHANGES = frozenset(
    {
        "changed",
        "changed_to",
        "changed_from",
        "increased_by",
        "decreased_by",
        "crossed_above",
        "crossed_below",
    }
)

WITHIN = _CHANGES | {"created", "updated", "was_ever"}
"""Functions that take `within => interval 7 days`."""

TRACKED = _CHANGES | {"previous", "value_at", "was_ever"}
"""Functions whose first argument is a field with history."""

MEMBERSHIP = frozenset({"in_workflow", "completed_workflow"})
"""Functions about a workflow, by its name."""

JOURNEY = frozenset({"journey_stage", "days_in_stage", "days_left_in_stage", "stage_goal"})
"""Functions about a journey, by its name."""

OWN_RECORD = TRACKED | MEMBERSHIP | JOURNEY | {"created", "updated", "held_for"}
"""Functions about the record itself: they cannot be asked of a related one."""

RESULTS: dict[str, frozenset[str]] = {
    "completed": frozenset({"task", "call"}),
    "outcome": frozenset({"task", "call"}),
    "opened": frozenset({"email"}),
    "clicked": frozenset({"email", "sms"}),
    "replied": frozenset({"email", "sms"}),
    "delivered": frozenset({"email", "sms"}),
    "bounced": frozenset({"email", "sms"}),
    "dropped": frozenset({"email", "sms", "call"}),
    "unsubscribed": frozenset({"email", "sms"}),
    "approved": frozenset(),
    "rejected": frozenset(),
    "not_actioned": frozenset(),
}
"""Results of steps, with the kinds of action that have them; none given: every kind that asks for approval."""

PARTICIPANT = frozenset({"days_inside", "at_entry", *RESULTS})
"""Functions that need a participant."""

INTERVAL_UNITS = frozenset({"MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})
TRUNC_UNITS = frozenset({"day", "week", "month", "quarter", "year"})
EXTRACT_UNITS = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR"})
"""Weekday numbers are left out: engines disagree on the first day."""


def known_names() -> frozenset[str]:
    """Every name that may stand before a bracket."""
    return frozenset({*FUNCTIONS, *AGGREGATES, *SPECIAL})
