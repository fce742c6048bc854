"""What the oracle remembers: passages, actions, refusals and workflows, as small mutable records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from support.oracle.clock import Clock, Span
from support.oracle.draws import action_id, participant_id

from definitions.steps import ActionStep, WaitStep
from definitions.workflow import Objective, State, Workflow

ENTRY, HOLDOUT, END = "(entry)", "(holdout)", "(end)"
"""Where a participant rests when it rests at no wait."""
OPEN = ("active", "paused", "error")
MESSAGES = ("email", "sms")
"""Kinds of action that calendars, limits and `unsubscribed` are about."""
WINDOWED = (*MESSAGES, "call")
"""Kinds of action that keep to a window of the week."""

Spot = tuple[str, str]
"""A record and the row of it that brought it in; without `each` the row is ''."""


@dataclass(frozen=True, order=True)
class Passage:
    """One passage of one record through one workflow, for comparing."""

    workflow: str
    record: str
    occasion: str
    entered_at: datetime
    version: int
    arm: str
    status: str
    exit_reason: str | None
    left_at: datetime | None
    step: str
    due_at: datetime | None


@dataclass(frozen=True)
class Result:
    """Something that came back of an action: its own time, and since when it is known."""

    name: str
    value: str | None
    happened_at: datetime
    received_at: datetime


@dataclass
class Action:
    """One planned action. `reason` says why it was dropped or cancelled; `is_long` if a long wait lay before it."""

    participant: Participant
    step: ActionStep
    planned_at: datetime
    is_long: bool
    status: Literal["planned", "awaiting_approval", "sent", "dropped", "cancelled"] = "planned"
    reason: str | None = None
    status_at: datetime | None = None
    user: str | None = None
    sender: str | None = None
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    results: list[Result] = field(default_factory=list[Result])
    approved_at: datetime | None = None
    sends_at: datetime | None = None
    zone: str = ""
    zone_rule: str = ""
    send_rule: str = ""

    def __post_init__(self) -> None:
        self.id = action_id(self.participant.id, self.step.id, self.participant.restarts)
        self.kind = self.step.kind
        self.sent_for = self.participant.name

    @property
    def name(self) -> str:
        """`record/step`, as tests name it."""
        return f"{self.participant.name}/{self.step.id}"

    @property
    def is_waiting(self) -> bool:
        """Planned or waiting for approval: not sent, and can be taken back."""
        return self.status in ("planned", "awaiting_approval")

    def end(self, status: Literal["dropped", "cancelled"], reason: str, at: datetime) -> None:
        """It will not be sent."""
        self.status, self.reason, self.status_at = status, reason, at


@dataclass
class Participant:
    """One passage of one record, with everything that is needed to go on with it."""

    workflow: str
    object: str
    record: str
    occasion: str
    entry_no: int
    id: str
    arm: Literal["treatment", "holdout"]
    entered_at: datetime
    version: int
    flow: Workflow
    recipient: str | None
    objective: Objective | None = None
    longest: float = 0.0
    entered_as: str = ""
    kept: frozenset[str] = frozenset()
    """What was asked about the entry then: nothing else is known of it."""
    status: str = "active"
    reason: str | None = None
    left_at: datetime | None = None
    step: str = ENTRY
    wait: WaitStep | None = None
    due_at: datetime | None = None
    stopped_due: datetime | None = None
    dateless: bool = False
    is_over: bool = False
    restart: bool = False
    restarts: int = 0
    spell: datetime | None = None
    stopped_at: datetime | None = None
    resumed_at: datetime | None = None
    actions: list[Action] = field(default_factory=list[Action])
    given: dict[str, str | None] = field(default_factory=dict[str, str | None])
    seen: tuple[bool | None, float | None] | None = None
    measured: dict[datetime, float] = field(default_factory=dict[datetime, float])

    @property
    def is_open(self) -> bool:
        """Inside."""
        return self.status in OPEN

    @property
    def spot(self) -> Spot:
        """The record and its row."""
        return self.record, self.occasion

    @property
    def name(self) -> str:
        """The record as tests name it: with the row that brought it in."""
        return named(self.spot)

    def stop(self, status: Literal["paused", "error"], reason: str, now: datetime) -> None:
        """Keep what is left of the wait until somebody lets it go on."""
        self.status, self.reason, self.stopped_at, self.stopped_due = status, reason, now, self.due_at

    def go_on(self, now: datetime, clock: Clock) -> None:
        """After a pause or an error: what was left of the wait runs on from now, in days of the calendar and what is over."""
        before, due = self.stopped_at, self.stopped_due
        if self.status == "paused" and before is not None:
            self.resumed_at = now
        if before is not None and due is not None:
            days = (clock.local(due).replace(tzinfo=None) - clock.local(before).replace(tzinfo=None)).days
            self.due_at = clock.step(now, Span(days=days)) + (due - clock.step(before, Span(days=days)))
        self.status, self.reason, self.stopped_at, self.stopped_due = "active", None, None, None

    def begin_anew(self) -> None:
        """Go back to the entry: the steps have changed."""
        self.restart, self.step, self.wait, self.due_at, self.stopped_due = False, ENTRY, None, None, None
        self.restarts += 1

    def leave(self, status: str, reason: str | None, now: datetime) -> None:
        """End the passage."""
        self.status, self.reason, self.left_at = status, reason, now
        self.step, self.wait, self.due_at = END, None, None

    def cancel(self, reason: str, now: datetime) -> None:
        """Take back what is planned and not sent."""
        for action in self.actions:
            if action.is_waiting:
                action.end("cancelled", reason, now)

    def action(self, step: str) -> Action | None:
        """Its latest action of a step."""
        return next((a for a in reversed(self.actions) if a.step.id == step), None)


@dataclass
class Refusal:
    """Why somebody who qualifies does not enter, since when."""

    reason: str
    detail: str | None
    since: datetime

    @property
    def text(self) -> str:
        """As tests name it: with the workflow that locks, or the recipient that was reached."""
        return f"{self.reason}:{self.detail}" if self.detail else self.reason


@dataclass
class Live:
    """A workflow as it is live: its definition, the state that operators and files gave it, and its past.

    `was` is the state at the end of the evaluation before.
    """

    name: str
    definition: Workflow
    state: State
    version: int = 1
    was: State | None = None
    was_more: bool = False
    enabled_since: datetime | None = None
    is_gone: bool = False
    episodes: dict[Spot, datetime] = field(default_factory=dict[Spot, datetime])
    refusals: dict[Spot, Refusal] = field(default_factory=dict[Spot, Refusal])
    passages: list[Participant] = field(default_factory=list[Participant])
    opened: list[Participant] = field(default_factory=list[Participant])
    by_spot: dict[Spot, list[Participant]] = field(default_factory=dict[Spot, list[Participant]])
    rounds: dict[str, str] = field(default_factory=dict[str, str])
    gifts: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict[str, list[tuple[datetime, str]]])

    @property
    def object(self) -> str:
        """What it is about."""
        return self.definition.object

    @property
    def rank(self) -> tuple[int, str]:
        """Higher priority first, then the name."""
        return -self.definition.priority, self.name

    def add(self, participant: Participant) -> None:
        """Somebody enters."""
        self.passages.append(participant)
        self.opened.append(participant)
        self.by_spot.setdefault(participant.spot, []).append(participant)

    def hand_over(self, participant: Participant, survivor: str) -> None:
        """Another record takes the place of one that is gone."""
        self.by_spot[participant.spot].remove(participant)
        participant.record = survivor
        for action in participant.actions:  # what went out went out for the record that was
            action.sent_for = participant.name if action.is_waiting else action.sent_for
        self.by_spot.setdefault(participant.spot, []).append(participant)

    def inside(self) -> list[Participant]:
        """Everybody inside."""
        self.opened = [p for p in self.opened if p.is_open]
        return self.opened

    def of(self, spot: Spot) -> list[Participant]:
        """Every passage of a record, or of a row of it."""
        return self.by_spot.get(spot, [])

    def open_of(self, spot: Spot) -> Participant | None:
        """The open passage of a record, or of a row of it."""
        return next((p for p in self.of(spot) if p.is_open), None)

    def next_id(self, seed: str, spot: Spot) -> tuple[int, str]:
        """The number and the id of the next entry; ids count by the record that entered, also where another took its place."""
        named = sum((p.entered_as, p.occasion) == spot for p in self.passages)
        return len(self.of(spot)) + 1, participant_id(seed, self.name, *spot, named + 1)


def named(spot: Spot) -> str:
    """`record`, or `record+row`."""
    record, occasion = spot
    return f"{record}+{occasion}" if occasion else record
