"""A workflow: who enters, what happens, who leaves, and how success is judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from definitions.communication import Communication
from definitions.conditions import All, Any_, Condition, Expression, Leaf, None_, Order, Sql, When
from definitions.goals import Goal, OneGoal
from definitions.journey import in_stage
from definitions.slots import Schedule, Slots
from definitions.steps import BranchStep, Step, arms_of
from definitions.values import CalendarLasting, Duration, Model, Name, PerUnit, Rate, Share

State = Literal["draft", "enabled", "paused", "disabled", "archived"]


class AttachedStage(Model):
    """A stage of a journey that entrants must be in."""

    journey: Name = Field(description="the journey")
    is_: str = Field(alias="is", description="the stage's name")


class Each(Model):
    """One participant for each related row instead of one for the record."""

    relation: Name = Field(description="a one-to-many relation, such as `form_submissions`")
    where: Sql | None = Field(default=None, description="which rows")


class Entry(Model):
    """Who enters."""

    when: When = Field(description="a record enters when this holds")
    stage: AttachedStage | None = Field(default=None, description="and is in this stage of a journey")
    each: Each | None = Field(default=None, description="one participant for each related row")
    manual: Literal["allowed", "refused"] = Field(default="refused", description="may people add records by hand")
    at_most: PerUnit | None = Field(default=None, description="no more entries than this, such as `200 per day`")
    schedule: Schedule | None = Field(
        default=None, description="entries only at these times, such as `daily 08:00` or `weekly mon 08:00`"
    )

    @property
    def condition(self) -> Condition:
        """What must hold: the conditions and the stage."""
        if self.stage is None:
            return self.when
        return All((self.when, in_stage(self.stage.journey, self.stage.is_)))


class Reentry(Model):
    """Who may come back."""

    after: Literal["requalifying", "unlimited", "never"] = Field(
        default="requalifying", description="requalifying: only by a spell of qualifying that began after the last exit"
    )
    wait: CalendarLasting | None = Field(default=None, description="counted from the last exit")


class Excluding(Model):
    """All workflows but some."""

    not_: tuple[Name, ...] = Field(alias="not", description="the workflows that may not be entered", min_length=1)


def _lock_kind(value: Any) -> str:
    return "<word>" if isinstance(value, str) else "<excluding>"


class WhileInside(Model):
    """What a participant of this workflow may not enter meanwhile."""

    enter: Annotated[
        Annotated[Literal["all", "none"], Tag("<word>")] | Annotated[Excluding, Tag("<excluding>")],
        Discriminator(_lock_kind),
    ] = Field(default="all", description="all, none, or {not: [workflows]}")


class Recipient(Model):
    """Which related record messages go to."""

    relation: Name = Field(description="a relation to the recipient, such as `contacts`")
    where: Sql | None = Field(default=None, description="which of them")
    order_by: Order | None = Field(default=None, description="the first in this order; `desc` turns it round")
    fallback: Name | None = Field(
        default=None, description="a many-to-one relation to take where that finds nobody, such as `primary`"
    )


class Objective(Model):
    """What success is."""

    name: str = Field(description="what people read")
    when: When = Field(description="met when this holds")
    measure: Sql | None = Field(default=None, description="a number to average before, at exit and after")
    decide_at: int | None = Field(
        default=None,
        ge=40,
        description="customers of both arms at which the comparison with the hold-out decides; else 400",
    )


class Exit(Model):
    """Who leaves early."""

    on_objective: Literal["leave", "stay"] = Field(default="leave", description="what meeting the objective does")
    when: When | None = Field(default=None, description="whoever meets this leaves at the next evaluation")


class Moves(Model):
    """Where those inside go when steps change."""

    move: dict[Name, Name] = Field(description="old waits and the waits that take their place")


def _change_kind(value: Any) -> str:
    return "<word>" if isinstance(value, str) else "<moves>"


OnChange: TypeAlias = Annotated[
    Annotated[Literal["finish_old", "restart"], Tag("<word>")] | Annotated[Moves, Tag("<moves>")],
    Discriminator(_change_kind),
]


class Workflow(Model):
    """One workflow; its file's name is its name."""

    object: Name = Field(description="the object whose records take part")
    description: str = Field(default="", description="what it is for, for those who receive its actions")
    owner: str = Field(default="", description="who answers for it")
    state: State = Field(default="draft", description="draft, enabled, paused, disabled or archived")
    launch: Literal["everyone", "newcomers"] | None = Field(
        default=None, description="who may enter at the first enabling"
    )
    priority: int = Field(default=50, ge=0, le=1000, description="higher is judged first")
    entry: Entry = Field(description="who enters")
    reentry: Reentry = Field(default=Reentry(), description="who may come back")
    while_inside: WhileInside = Field(default=WhileInside(), description="what else may be entered meanwhile")
    run_once: Literal["recipient"] | None = Field(
        default=None, description="never twice for the same recipient, whatever record brought it"
    )
    recipient: Recipient | None = Field(default=None, description="which related record messages go to")
    communication: Communication | None = Field(default=None, description="when messages may go out")
    objective: Objective | None = Field(default=None, description="what success is")
    exit: Exit = Field(default=Exit(), description="who leaves early")
    goals: tuple[OneGoal, ...] | None = Field(
        default=None, description="what ends a passage as a success; with a recipient, answers and meetings by default"
    )
    holdout: Share = Field(default=0.0, description="control group: tracked, never acted on")
    on_structural_change: OnChange | None = Field(
        default=None,
        description="what happens to those inside when steps come or go: finish_old, restart or {move: ..}",
    )
    steps: tuple[Step, ...] = Field(description="what happens")

    @property
    def goal_conditions(self) -> tuple[Condition, ...]:
        """The goals that are conditions."""
        return tuple(goal.when for goal in self.goals or () if goal.when is not None)

    @property
    def lock(self) -> tuple[bool, tuple[str, ...]]:
        """Does a participant shut all other workflows, and which ones by name."""
        enter = self.while_inside.enter
        return enter == "none", () if isinstance(enter, str) else enter.not_


_TEXT_ONLY = {"description", "owner", "state"}


def logic_fingerprint(workflow: Workflow) -> str:
    """Changes when a decision may change: conditions, times, steps, policies. State, owner and wording do not count."""
    return _digest(_plain(workflow, wording=False))


def structure_fingerprint(workflow: Workflow) -> str:
    """Changes when steps come, go or move; conditions and times do not count."""
    return _digest(_shape(workflow.steps))


def text_fingerprint(workflow: Workflow) -> str:
    """Changes with anything an author may write."""
    return _digest(_plain(workflow, wording=True))


def _digest(value: Any) -> str:
    return hashlib.md5(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _shape(steps: tuple[Step, ...]) -> list[Any]:
    return [[step.id, type(step).__name__, [[name, _shape(arm)] for name, arm in _arms(step)]] for step in steps]


def _arms(step: Step) -> Iterator[tuple[str, tuple[Step, ...]]]:
    """Arms by what they are, not by what people call them: those of a branch may be renamed."""
    written = len(step.branch) if isinstance(step, BranchStep) else 0
    for i, (name, arm) in enumerate(arms_of(step)):
        yield str(i) if i < written else name, arm


_WORDING = {"title", "text", "subject", "description", "owner", "state", "name", "template", "channel"}


def _plain(value: Any, wording: bool) -> Any:
    """Models as plain data for hashing; without `wording`, what people only read is left out."""
    match value:
        case Expression():
            return value.sql
        case Leaf(expression):
            return expression.sql
        case All(parts) | Any_(parts) | None_(parts):
            return {type(value).__name__: [_plain(p, wording) for p in parts]}
        case Duration():
            return [value.months, value.days, value.minutes, *([value.business_days] if value.business_days else [])]
        case Rate() | Slots():
            return value.text
        case Goal():
            return [value.kind, value.value, None if value.when is None else _plain(value.when, wording)]
        case Model():
            fields = type(value).model_fields
            return {n: _plain(getattr(value, n), wording) for n in fields if wording or n not in _WORDING}
        case dict():
            return {str(k): _plain(v, wording) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case tuple() | list():
            return [_plain(v, wording) for v in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
