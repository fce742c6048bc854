"""Steps of a flow: actions, waits, branches, splits, exits. The union `Step` is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from definitions.conditions import Condition, Expression, Leaf, Sql, When, parse_expression
from definitions.urls import StepUrl
from definitions.values import Duration, Lasting, Model, Name, Offset, Scalar, Share, fault


class Expr(Model):
    """A value taken from an SQL expression over the record."""

    expression: Sql = Field(description="SQL over the record, such as `arr * 1.1`")


def _value_kind(value: Any) -> str:
    return "<expression>" if isinstance(value, dict | Expr) else "<scalar>"


Value: TypeAlias = Annotated[
    Annotated[Scalar, Tag("<scalar>")] | Annotated[Expr, Tag("<expression>")],
    Discriminator(_value_kind),
]
"""A plain value, a template, or an SQL expression."""


class Task(Model):
    """A task for a user."""

    title: str = Field(description="one line; may hold templates")
    assign: str | None = Field(
        default=None, description="a many-to-one relation to the user, such as `owner`, or an assign step before"
    )
    text: str = Field(default="", description="the body; may hold templates")
    due: Lasting | None = Field(default=None, description="when it is due, counted from planning")


class Call(Model):
    """A call that a user should make; it keeps to the communication window."""

    title: str = Field(description="one line; may hold templates")
    assign: str | None = Field(default=None, description="as for a task")
    text: str = Field(default="", description="the body; may hold templates")
    due: Lasting | None = Field(default=None, description="when it is due, counted from planning")


class Email(Model):
    """An email to the recipient."""

    template: str = Field(description="a file of the project, such as `messages/hello.md`")
    subject: str = Field(description="one line; may hold templates")
    from_: str | None = Field(default=None, alias="from", description="a relation to the sending user, or an address")


class Sms(Model):
    """A text message to the recipient."""

    text: str = Field(description="the message; may hold templates")
    from_: str | None = Field(default=None, alias="from", description="a relation to the sending user, or a number")


class Notify(Model):
    """A message to a channel of the team."""

    channel: str = Field(description="where it goes, such as `#renewals`")
    text: str = Field(description="the message; may hold templates")


class Webhook(Model):
    """A request to a system of the team's."""

    url: StepUrl = Field(description="where it goes")
    body: dict[Name, Value] = Field(default={}, description="keys and values; texts may hold templates")


class Create(Model):
    """A new record in the CRM."""

    object: Name = Field(description="the object of the new record")
    fields: dict[Name, Value] = Field(description="its fields; texts may hold templates", min_length=1)


class AssignRule(Model):
    """A user for the records that fit."""

    if_: When = Field(alias="if", description="the condition")
    user: str = Field(description="the key of the user who gets them")


class Assign(Model):
    """Choose a user and write it into the record. Rules come first, then the method decides among the pool."""

    relation: Name = Field(description="the many-to-one relation to set, such as `owner`")
    by: Literal["round_robin", "random", "least_loaded"] = Field(
        default="round_robin", description="how the next user is chosen"
    )
    where: Sql | None = Field(default=None, description="which users take part")
    absent: Sql | None = Field(default=None, description="users for whom this holds are passed over")
    load: Sql | None = Field(default=None, description="least_loaded: a number of the user, such as count(open_tasks)")
    rules: tuple[AssignRule, ...] = Field(default=(), description="first match wins")
    fallback: str | None = Field(default=None, description="the key of the user who gets it when nobody is there")


class Enroll(Model):
    """Start another workflow at the next evaluation."""

    workflow: Name = Field(description="the workflow to start")
    relation: Name | None = Field(default=None, description="for related records instead of this one")


def _enroll(value: Any) -> Any:
    return {"workflow": value} if isinstance(value, str) else value


def _tags(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Tags: TypeAlias = Annotated[
    tuple[str, ...], BeforeValidator(_tags, json_schema_input_type=str | tuple[str, ...]), Field(min_length=1)
]


def _with_one_kind(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [kind]} for kind in ACTION_KINDS]


class ActionStep(Model):
    """A step that plans one action. Exactly one of the kinds is set."""

    model_config = ConfigDict(json_schema_extra=_with_one_kind)

    id: Name = Field(description="unique in the workflow")
    approval: Literal["required"] | None = Field(default=None, description="somebody must approve it before it is sent")
    task: Task | None = Field(default=None, description="a task for a user")
    call: Call | None = Field(default=None, description="a call that a user should make")
    email: Email | None = Field(default=None, description="an email to the recipient")
    sms: Sms | None = Field(default=None, description="a text message to the recipient")
    update: dict[Name, Value] | None = Field(default=None, description="fields of the record and their new values")
    create: Create | None = Field(default=None, description="a new record")
    assign: Assign | None = Field(default=None, description="choose a user for the record")
    notify: Notify | None = Field(default=None, description="a message to a channel of the team")
    webhook: Webhook | None = Field(default=None, description="a request to a system of the team's")
    tag: Tags | None = Field(default=None, description="tags to add")
    untag: Tags | None = Field(default=None, description="tags to take away")
    enroll: Annotated[Enroll, BeforeValidator(_enroll, json_schema_input_type=Name | Enroll)] | None = Field(
        default=None, description="start another workflow"
    )

    @property
    def kind(self) -> str:
        """The kind of action, such as task or email."""
        return next(name for name in ACTION_KINDS if getattr(self, name) is not None)

    @property
    def values(self) -> tuple[str | int | float | bool | Expr | None, ...]:
        """The values it writes: of fields, of a new record, of a request."""
        written = self.update or (self.create.fields if self.create else self.webhook.body if self.webhook else {})
        return tuple(written.values())

    @property
    def user(self) -> str | None:
        """Who does it or in whose name it is done: a relation, an assign step, or an address."""
        work = self.task or self.call
        if work is not None:
            return work.assign
        message = self.email or self.sms
        return message.from_ if message is not None else None

    @property
    def due(self) -> Duration | None:
        """When the work is due, counted from planning."""
        work = self.task or self.call
        return work.due if work is not None else None


class WaitUntil(Model):
    """Wait for a condition, and no longer than a time."""

    until: When = Field(description="judged at every evaluation; true on arrival passes at once")
    at_most: Lasting = Field(description="the longest wait")
    otherwise: Literal["continue", "exit"] = Field(default="continue", description="what happens when time runs out")


class FixedWait(Model):
    """Wait a fixed time."""

    fixed: Lasting = Field(description="how long")


class WaitForDate(Model):
    """Wait for a date of the record; the date is read again at every evaluation."""

    for_date: Sql = Field(description="a date or timestamp, such as `event.starts_at`")
    offset: Offset = Field(
        default=Duration(text="0 days"), description="before (`-7 days`) or after (`1 day`) the date"
    )
    past: Literal["now", "skip", "exit"] = Field(
        default="now", description="already past on arrival: go on at once, skip to the next wait, or leave"
    )
    missing: Literal["error", "wait", "exit"] = Field(default="error", description="what a missing date does")
    cancel: When | None = Field(default=None, description="ends the wait and skips to the next one")

    @property
    def reached(self) -> Condition:
        """The date with its offset has come."""
        return self._leaf(f"{self._moment} <= now()")

    @property
    def gone_by(self) -> Condition:
        """The date with its offset lies in the past; today's date does not."""
        return self._leaf(f"{self._moment} < now()")

    @property
    def unknown(self) -> Condition:
        """There is no date."""
        return self._leaf(f"({self.for_date.sql}) is null")

    @property
    def is_long(self) -> bool:
        """Is the offset a day or more: then its day counts, not its hour."""
        return abs(self.offset.longest_days) >= 1

    @property
    def moment(self) -> Expression:
        """The instant or date waited for."""
        return parse_expression(self._moment)

    @property
    def _moment(self) -> str:
        parts = ((self.offset.months, "months"), (self.offset.days, "days"), (self.offset.minutes, "minutes"))
        moved = "".join(f" {'-' if n < 0 else '+'} interval {abs(n)} {unit}" for n, unit in parts if n)
        return f"({self.for_date.sql}){moved}"

    @staticmethod
    def _leaf(sql: str) -> Condition:
        return Leaf(parse_expression(sql))


def _wait(value: Any) -> Any:
    return {"fixed": value} if isinstance(value, str | int | float) else value


def _wait_kind(value: Any) -> str:
    keys = type(value).model_fields if isinstance(value, Model) else cast("dict[str, Any]", value)
    return "<fixed>" if "fixed" in keys else "<date>" if "for_date" in keys else "<until>"


Wait: TypeAlias = Annotated[
    Annotated[FixedWait, Tag("<fixed>")] | Annotated[WaitUntil, Tag("<until>")] | Annotated[WaitForDate, Tag("<date>")],
    Discriminator(_wait_kind),
    BeforeValidator(_wait, json_schema_input_type=Lasting | WaitUntil | WaitForDate),
]


class WaitStep(Model):
    """A step at which participants rest."""

    id: Name = Field(description="unique in the workflow")
    wait: Wait = Field(description="a time such as `3 days`, `until` a condition, or `for_date`")

    @property
    def asked(self) -> tuple[Condition, ...]:
        """The conditions its author wrote."""
        match self.wait:
            case WaitUntil(until=until):
                return (until,)
            case WaitForDate(cancel=cancel) if cancel is not None:
                return (cancel,)
            case _:
                return ()

    @property
    def longest(self) -> Duration:
        """The longest a participant rests here; a wait for a date is taken as a month."""
        match self.wait:
            case FixedWait(fixed=duration):
                return duration
            case WaitUntil(at_most=at_most):
                return at_most
            case WaitForDate():
                return Duration(months=1, text="1 month")


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


ACTION_KINDS = (
    "task",
    "call",
    "email",
    "sms",
    "update",
    "create",
    "assign",
    "notify",
    "webhook",
    "tag",
    "untag",
    "enroll",
)
MESSAGE_KINDS = ("email", "sms")
_KINDS = (*ACTION_KINDS, "wait", "branch", "split", "exit")


def _one_kind(value: Any) -> Any:
    """A step names its kind by the one key beside `id`."""
    if isinstance(value, Model):
        return value
    if not isinstance(value, dict):
        raise fault("step", "a step is a mapping with an `id` and one kind, such as `task` or `wait`")
    mapping = cast("dict[str, Any]", value)
    kinds = [key for key in mapping if key in _KINDS]
    if len(kinds) != 1:
        some = "none" if not kinds else ", ".join(f"`{k}`" for k in kinds)
        raise fault("step", f"a step has exactly one kind; this has {some}", "kinds are " + ", ".join(_KINDS))
    if mapping[kinds[0]] is None:
        raise fault("step", f"`{kinds[0]}` is empty", "write under it what it does")
    return mapping


def _step_kind(value: Any) -> str:
    if isinstance(value, Model):
        return f"<{type(value).__name__.removesuffix('Step').lower()}>"
    kind = next(key for key in value if key in _KINDS)
    return "<action>" if kind in ACTION_KINDS else f"<{kind}>"


Step: TypeAlias = Annotated[
    Annotated[ActionStep, Tag("<action>")]
    | Annotated[WaitStep, Tag("<wait>")]
    | Annotated[BranchStep, Tag("<branch>")]
    | Annotated[SplitStep, Tag("<split>")]
    | Annotated[ExitStep, Tag("<exit>")],
    Discriminator(_step_kind),
    BeforeValidator(_one_kind),
]


def is_address(sender: str) -> bool:
    """Is a sender written out, as an address or a number, and no name of a relation.

    >>> is_address("hello@example.com"), is_address("+12125550100"), is_address("owner")
    (True, True, False)
    """
    return "@" in sender or sender.startswith("+")


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
