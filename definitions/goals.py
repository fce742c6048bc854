"""Goals: what ends a passage as a success. Events of the recipient, judged by their own time, or any condition."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator

from definitions.conditions import Condition, parse_condition
from definitions.values import fault

EVENTS = ("incoming_email", "incoming_sms", "incoming_call", "meeting_booked")
"""Kinds of activity that are goals by themselves; on by default where there is a recipient."""
OUTCOME = "outcome"
_OUTCOME = re.compile(r"outcome\(\s*'((?:[^']|'')+)'\s*\)\Z")


@dataclass(frozen=True)
class Goal:
    """One goal: an activity of a kind (and an outcome's value), or a condition. `name` is the reason that is stored."""

    name: str
    kind: str | None = None
    value: str | None = None
    when: Condition | None = None


def parse_goal(value: Any) -> Goal:
    """Read `incoming_email`, `outcome('interested')`, a condition, or `{name: .., when: ..}`."""
    if isinstance(value, Goal):
        return value
    if isinstance(value, str):
        if value in EVENTS:
            return Goal(str(value), kind=str(value))
        outcome = _OUTCOME.match(value.strip())
        if outcome:
            return Goal(str(value), kind=OUTCOME, value=outcome[1].replace("''", "'"))
        return Goal(str(value), when=parse_condition(value))
    if isinstance(value, dict) and set(value) == {"name", "when"}:  # pyright: ignore[reportUnknownArgumentType]
        return Goal(str(value["name"]), when=parse_condition(value["when"]))  # pyright: ignore[reportUnknownArgumentType]
    raise fault("goal", "a goal is an event, a condition, or a name with `when`", f"events are {', '.join(EVENTS)}")


OneGoal = Annotated[Goal, PlainValidator(parse_goal)]
