"""Everything that one evaluation hands on to the next, with the questions that its stages ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from support.oracle.clock import Clock
from support.oracle.conditions import Asked, Judge
from support.oracle.passages import Action, Live, Participant
from support.oracle.records import Records

from definitions.conditions import Condition, Expression
from definitions.project import Project

Unit = tuple[Any, ...]


@dataclass
class Order:
    """An operator's order, or one that an `enroll` step gave; `outcome` is what became of it."""

    text: str
    command: str
    workflow: str
    record: str | None
    step: str | None
    by_step: bool = False
    outcome: str = ""


@dataclass
class State:
    """The state between evaluations. `now` is the evaluation at hand, `before` the one before it."""

    project: Project
    records: Records
    judge: Judge
    live: dict[str, Live] = field(default_factory=dict[str, Live])
    now: datetime | None = None
    before: datetime | None = None
    orders: list[Order] = field(default_factory=list[Order])
    given: list[Order] = field(default_factory=list[Order])
    removed: set[str] = field(default_factory=set[str])
    marked: set[str] = field(default_factory=set[str])
    merged: set[str] = field(default_factory=set[str])
    inside_at_start: list[Participant] = field(default_factory=list[Participant])
    active_at_start: set[str] = field(default_factory=set[str])
    new_actions: list[Action] = field(default_factory=list[Action])
    messages: list[Action] = field(default_factory=list[Action])
    suppressed: dict[tuple[str, str], tuple[datetime, str]] = field(
        default_factory=dict[tuple[str, str], tuple[datetime, str]]
    )

    @property
    def clock(self) -> Clock:
        """The project's clock."""
        return self.records.clock

    @property
    def at(self) -> datetime:
        """The instant of the evaluation at hand."""
        assert self.now is not None
        return self.now

    @property
    def seed(self) -> str:
        """What every draw begins with."""
        return self.project.settings.seed

    def workflows(self) -> list[Live]:
        """What is live: higher priority first, then by name."""
        return sorted(self.live.values(), key=lambda w: w.rank)

    def passages(self) -> Iterator[Participant]:
        """Every passage of every workflow."""
        return (p for w in self.live.values() for p in w.passages)

    def actions(self) -> Iterator[Action]:
        """Every action of every passage."""
        return (a for p in self.passages() for a in p.actions)

    def sendable(self) -> list[Action]:
        """The emails, text messages and calls that are planned and not sent."""
        self.messages = [a for a in self.messages if a.is_waiting]
        return [a for a in self.messages if a.status == "planned"]

    def asked(self, participant: Participant) -> Asked:
        """A question about a participant's record, now."""
        return Asked(participant.object, participant.record, self.at, participant)

    def holds(self, condition: Condition, participant: Participant) -> bool:
        """The condition holds for a participant; what is unknown does not."""
        return self.judge.truth(condition, self.asked(participant)) is True

    def value(self, expression: Expression, participant: Participant) -> Any:
        """The value of an expression for a participant."""
        return self.judge.value(expression, self.asked(participant))

    def exists(self, object_: str, key: str | None) -> bool:
        """The record is there."""
        return key is not None and self.records.row(object_, key) is not None

    def unit(self, moment: datetime, unit: str) -> Unit:
        """Which hour, day, week (from Monday) or month of the project's calendar an instant lies in."""
        local = self.clock.local(moment)
        day = local.date()
        match unit:
            case "hour":
                return day, local.hour, local.fold
            case "day":
                return (day,)
            case "week":
                return day.isocalendar()[:2]
            case _:
                return day.year, day.month
