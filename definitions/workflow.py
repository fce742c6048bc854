"""A workflow: who enters, what happens, who leaves, and how success is judged."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field

from definitions.communication import Communication
from definitions.conditions import All, Any_, Expression, Leaf, None_, Order, Sql, When
from definitions.steps import Step, arms_of
from definitions.values import Duration, Lasting, Model, Name, Share

State = Literal["draft", "enabled", "paused", "disabled"]


class Entry(Model):
    """Who enters."""

    when: When = Field(description="a record enters when this holds")
    manual: Literal["allowed", "refused"] = Field(default="refused", description="may people add records by hand")


class Reentry(Model):
    """Who may come back."""

    after: Literal["requalifying", "unlimited", "never"] = Field(
        default="requalifying", description="requalifying: only by a spell of qualifying that began after the last exit"
    )
    wait: Lasting | None = Field(default=None, description="counted from the last exit")


class Recipient(Model):
    """Which related record messages go to."""

    relation: Name = Field(description="a one-to-many relation, such as `contacts`")
    where: Sql | None = Field(default=None, description="which of them")
    order_by: Order | None = Field(default=None, description="the first in this order; `desc` turns it round")


class Objective(Model):
    """What success is."""

    name: str = Field(description="what people read")
    when: When = Field(description="met when this holds")
    measure: Sql | None = Field(default=None, description="a number to average before, at exit and after")


class Exit(Model):
    """Who leaves early."""

    on_objective: Literal["leave", "stay"] = Field(default="leave", description="what meeting the objective does")
    when: When | None = Field(default=None, description="whoever meets this leaves at the next evaluation")


class Workflow(Model):
    """One workflow; its file's name is its name."""

    object: Name = Field(description="the object whose records take part")
    description: str = Field(default="", description="what it is for, for those who receive its actions")
    owner: str = Field(default="", description="who answers for it")
    state: State = Field(default="draft", description="draft, enabled, paused or disabled")
    launch: Literal["everyone", "newcomers"] | None = Field(
        default=None, description="who may enter at the first enabling"
    )
    priority: int = Field(default=50, ge=0, le=1000, description="higher is judged first")
    entry: Entry = Field(description="who enters")
    reentry: Reentry = Field(default=Reentry(), description="who may come back")
    recipient: Recipient | None = Field(default=None, description="which related record messages go to")
    communication: Communication | None = Field(default=None, description="when messages may go out")
    objective: Objective | None = Field(default=None, description="what success is")
    exit: Exit = Field(default=Exit(), description="who leaves early")
    holdout: Share = Field(default=0.0, description="control group: tracked, never acted on")
    steps: tuple[Step, ...] = Field(description="what happens")


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
    return [[step.id, type(step).__name__, [[name, _shape(arm)] for name, arm in arms_of(step)]] for step in steps]


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
            return [value.months, value.days, value.minutes]
        case Model():
            fields = type(value).model_fields
            return {n: _plain(getattr(value, n), wording) for n in fields if wording or n not in _WORDING}
        case dict():
            return {str(k): _plain(v, wording) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case tuple() | list():
            return [_plain(v, wording) for v in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
