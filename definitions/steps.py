"""Steps of a flow: actions, waits, branches, splits, exits. The union `Step` is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from definitions.conditions import Sql, When
from definitions.values import Lasting, Model, Name, Scalar, Share, fault


class Expr(Model):
    """A value taken from an SQL expression over the record."""

    expression: Sql = Field(description="SQL over the record, such as `arr * 1.1`")


def _value_kind(value: Any) -> str:
    return "expression" if isinstance(value, dict | Expr) else "scalar"


Value: TypeAlias = Annotated[
    Annotated[Scalar, Tag("scalar")] | Annotated[Expr, Tag("expression")],
    Discriminator(_value_kind),
]
"""A plain value, a template, or an SQL expression."""


class Task(Model):
    """A task for a user."""

    title: str = Field(description="one line; may hold templates")
    assign: str | None = Field(default=None, description="a many-to-one relation to the user, such as `owner`")
    text: str = Field(default="", description="the body; may hold templates")
    due: Lasting | None = Field(default=None, description="when it is due, counted from planning")


class Email(Model):
    """An email to the recipient."""

    template: str = Field(description="a file of the project, such as `messages/hello.md`")
    subject: str = Field(description="one line; may hold templates")
    from_: str | None = Field(default=None, alias="from", description="a relation to the sending user, or an address")


class Notify(Model):
    """A message to a channel of the team."""

    channel: str = Field(description="where it goes, such as `#renewals`")
    text: str = Field(description="the message; may hold templates")


class Webhook(Model):
    """A request to a system of the team's."""

    url: str = Field(description="where it goes")
    body: dict[Name, Value] = Field(default={}, description="keys and values; texts may hold templates")


def _with_one_kind(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [kind]} for kind in ACTION_KINDS]


class ActionStep(Model):
    """A step that plans one action. Exactly one of the kinds is set."""

    model_config = ConfigDict(json_schema_extra=_with_one_kind)

    id: Name = Field(description="unique in the workflow")
    task: Task | None = Field(default=None, description="a task for a user")
    email: Email | None = Field(default=None, description="an email to the recipient")
    update: dict[Name, Value] | None = Field(default=None, description="fields of the record and their new values")
    notify: Notify | None = Field(default=None, description="a message to a channel of the team")
    webhook: Webhook | None = Field(default=None, description="a request to a system of the team's")

    @property
    def kind(self) -> str:
        """task, email, update, notify or webhook."""
        return next(name for name in ACTION_KINDS if getattr(self, name) is not None)


class WaitUntil(Model):
    """Wait for a condition, and no longer than a time."""

    until: When = Field(description="judged at every evaluation; true on arrival passes at once")
    at_most: Lasting = Field(description="the longest wait")
    otherwise: Literal["continue", "exit"] = Field(default="continue", description="what happens when time runs out")


class FixedWait(Model):
    """Wait a fixed time."""

    duration: Lasting = Field(description="how long")


def _wait(value: Any) -> Any:
    return {"duration": value} if isinstance(value, str) else value


def _wait_kind(value: Any) -> str:
    return "fixed" if isinstance(value, FixedWait) or (isinstance(value, dict) and "duration" in value) else "until"


Wait: TypeAlias = Annotated[
    Annotated[FixedWait, Tag("fixed")] | Annotated[WaitUntil, Tag("until")],
    Discriminator(_wait_kind),
    BeforeValidator(_wait, json_schema_input_type=Lasting | WaitUntil),
]


class WaitStep(Model):
    """A step at which participants rest."""

    id: Name = Field(description="unique in the workflow")
    wait: Wait = Field(description="a time, such as `3 days`, or a condition with the longest time")


class Arm(Model):
    """One way of a branch."""

    name: str = Field(description="what people read")
    if_: When = Field(alias="if", description="the condition")
    steps: tuple[Step, ...] = Field(description="what happens then")


class BranchStep(Model):
    """The first arm whose condition holds is taken; afterwards the flow goes on behind the branch."""

    id: Name = Field(description="unique in the workflow")
    branch: tuple[Arm, ...] = Field(description="the arms; the first whose condition holds is taken")
    else_: tuple[Step, ...] = Field(default=(), alias="else", description="taken when no arm matches")


class SplitStep(Model):
    """A choice by a stable hash of participant and step."""

    id: Name = Field(description="unique in the workflow")
    split: dict[Name, Share] = Field(description="arms and their shares; they add up to 100 %")
    arms: dict[Name, tuple[Step, ...]] = Field(default={}, description="the steps of each arm; an arm may have none")


class ExitStep(Model):
    """The passage ends here with a reason."""

    id: Name = Field(description="unique in the workflow")
    exit: str = Field(description="the reason that is stored")


ACTION_KINDS = ("task", "email", "update", "notify", "webhook")
LATER_KINDS = ("sms", "call", "create", "assign", "tag", "untag", "enroll")
_TAGS = {**dict.fromkeys(ACTION_KINDS, "action"), "wait": "wait", "branch": "branch", "split": "split", "exit": "exit"}


def _one_kind(value: Any) -> Any:
    """A step names its kind by the one key beside `id`."""
    if isinstance(value, Model):
        return value
    if not isinstance(value, dict):
        raise fault("step", "a step is a mapping with an `id` and one kind, such as `task` or `wait`")
    mapping = cast("dict[str, Any]", value)
    for later in (*LATER_KINDS, "approval"):
        if later in mapping:
            raise fault("not-supported-yet", f"`{later}` is not supported yet")
    kinds = [key for key in mapping if key in _TAGS]
    if len(kinds) != 1:
        some = "none" if not kinds else ", ".join(f"`{k}`" for k in kinds)
        raise fault("step", f"a step has exactly one kind; this has {some}", "kinds are " + ", ".join(_TAGS))
    return mapping


def _step_kind(value: Any) -> str:
    if isinstance(value, Model):
        return next(tag for model, tag in _BY_MODEL.items() if isinstance(value, model))
    return next(_TAGS[key] for key in value if key in _TAGS)


Step: TypeAlias = Annotated[
    Annotated[ActionStep, Tag("action")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[BranchStep, Tag("branch")]
    | Annotated[SplitStep, Tag("split")]
    | Annotated[ExitStep, Tag("exit")],
    Discriminator(_step_kind),
    BeforeValidator(_one_kind),
]
_BY_MODEL = {ActionStep: "action", WaitStep: "wait", BranchStep: "branch", SplitStep: "split", ExitStep: "exit"}


def arms_of(step: Step) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """The arms of a step with their names; none for a step that does not part the flow."""
    match step:
        case BranchStep():
            named = tuple((arm.name, arm.steps) for arm in step.branch)
            return (*named, ("else", step.else_)) if step.else_ else named
        case SplitStep():
            return tuple((name, step.arms.get(name, ())) for name in step.split)
        case ActionStep() | WaitStep() | ExitStep():
            return ()


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Every step, in the order written, arms included."""
    for step in steps:
        yield step
        for _, arm in arms_of(step):
            yield from walk(arm)
