"""Workflow tests as authors write them: rows and a clock in, decisions out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from definitions.results import ResultWord
from definitions.values import Model, Name, Scalar, fault

GONE = "gone"
"""Stands for a row that is not there any more."""


def parse_moment(value: Any) -> datetime:
    """Read `2026-01-10 09:00`; without an offset it is local to the project's timezone."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as error:
        hint = "write it as `2026-01-10 09:00`"
        raise fault("instant", f"`{value}` is not an instant", hint) from error


Instant = Annotated[
    datetime, PlainValidator(parse_moment), WithJsonSchema({"type": "string", "examples": ["2026-01-10 09:00"]})
]
Field_: TypeAlias = Scalar | list[Scalar]
Row: TypeAlias = dict[Name, Field_]


def _rows_kind(value: Any) -> str:
    return "<list>" if isinstance(value, list | tuple) else "<map>"


Rows: TypeAlias = Annotated[
    Annotated[tuple[Row, ...], Tag("<list>")] | Annotated[dict[str, Row], Tag("<map>")], Discriminator(_rows_kind)
]


def _row_kind(value: Any) -> str:
    return "<gone>" if isinstance(value, str) else "<row>"


Change: TypeAlias = Annotated[
    Annotated[Literal["gone"], Tag("<gone>")] | Annotated[Row, Tag("<row>")], Discriminator(_row_kind)
]


class Result(Model):
    """Something that happened to an action after it was sent."""

    result: ResultWord = Field(description="what came back")
    value: str | None = Field(default=None, description="the outcome")
    at: Instant | None = Field(default=None, description="its own time; the moment's without it")


def _result(value: Any) -> Any:
    many = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [{"result": one} if isinstance(one, str) else one for one in many]


_Written: TypeAlias = str | Result | tuple[str | Result, ...]


class ExpectedSend(Model):
    """When a message goes out. Only what is named is looked at."""

    between: tuple[str, str] | None = Field(default=None, description="two local times; the second is no longer in it")
    zone: str | None = Field(default=None, description="the recipient's timezone")
    rule: str | None = Field(
        default=None, description="what gave the timezone: recipient_field, phone, phones_middle or fallback"
    )
    why: str | None = Field(default=None, description="why it is then: in_window, next_opening, blackout ..")


class Expect(Model):
    """What the evaluation of a moment decides. What is named is compared exactly; the rest is not looked at."""

    entered: tuple[str, ...] | None = Field(default=None, description="records that enter")
    held_out: tuple[str, ...] | None = Field(default=None, description="of these, the control group")
    completed: tuple[str, ...] | None = Field(default=None, description="records that reach the end")
    actions: tuple[str, ...] | None = Field(default=None, description="actions planned, as record/step")
    exited: dict[str, str] | None = Field(default=None, description="records that leave, with the reason")
    goals: dict[str, str] | None = Field(default=None, description="records that reach a goal, with its name")
    refused: dict[str, str] | None = Field(
        default=None, description="records that begin to be refused, with the reason"
    )
    resting: dict[str, str] | None = Field(default=None, description="everybody inside, with the step")
    status: dict[str, str] | None = Field(default=None, description="everybody inside, with active, paused or error")
    measures: dict[str, float] | None = Field(default=None, description="measures seen for the first time or anew")
    orders: dict[str, str] | None = Field(default=None, description="orders taken up, with what became of them")
    users: dict[str, str] | None = Field(default=None, description="users chosen, by record/step of the assign step")
    sends: dict[str, ExpectedSend] | None = Field(default=None, description="when messages go out, by record/step")
    dropped: dict[str, str] | None = Field(
        default=None, description="messages that are not sent, by record/step, with the reason"
    )
    values: dict[str, dict[str, Scalar]] | None = Field(
        default=None, description="the values that planned actions carry, by record/step"
    )
    outcomes: dict[str, str] | None = Field(
        default=None,
        description="actions that are not simply planned, by record/step: awaiting_approval, dropped:reason ..",
    )


def _expect_kind(value: Any) -> str:
    return "<nothing>" if isinstance(value, str) else "<named>"


class Moment(Model):
    """One evaluation of a test."""

    at: Instant = Field(description="when, in the project's timezone unless an offset is given")
    set: dict[Name, dict[str, Change]] = Field(
        default={}, description="rows that come or change, by object and key; `gone` removes"
    )
    commands: tuple[str, ...] = Field(default=(), description="orders, as on the command line: `pause renewal a1`")
    results: dict[str, Annotated[tuple[Result, ...], BeforeValidator(_result, json_schema_input_type=_Written)]] = (
        Field(default={}, description="what came back of actions, by record/step: `{a1/hello: opened}`")
    )
    suppress: dict[Name, dict[str, str]] = Field(
        default={}, description="recipients that must not be written to from now on, by object and key, with the reason"
    )
    expect: (
        Annotated[
            Annotated[Literal["nothing"], Tag("<nothing>")] | Annotated[Expect, Tag("<named>")],
            Discriminator(_expect_kind),
        ]
        | None
    ) = Field(default=None, description="what is decided; `nothing` says that nothing at all is")


class OneTest(Model):
    """One test."""

    name: str = Field(default="", description="a sentence")
    given: dict[Name, Rows] = Field(default={}, description="the rows at the beginning, by object")
    timeline: tuple[Moment, ...] = Field(description="the evaluations, in order", min_length=1)


class WorkflowTest(Model):
    """A file of tests of one workflow: one test, or several under `tests` that share what is given."""

    workflow: Name = Field(description="the workflow under test: taken as enabled, `launch: everyone`, no hold-out")
    workflows: tuple[Name, ...] = Field(
        default=(), description="others that are live beside it; records are then named `workflow:record`"
    )
    as_is: bool = Field(default=False, description="keep state, launch and hold-out as the files say")
    name: str = Field(default="", description="a sentence")
    given: dict[Name, Rows] = Field(default={}, description="the rows at the beginning, by object")
    timeline: tuple[Moment, ...] = Field(default=(), description="the evaluations, in order")
    tests: tuple[OneTest, ...] = Field(default=(), description="several tests; what is given above is given to each")

    def each(self) -> tuple[OneTest, ...]:
        """The tests of the file."""
        if not self.tests:
            return (OneTest(name=self.name, given=self.given, timeline=self.timeline),)
        return tuple(test.model_copy(update={"given": {**self.given, **test.given}}) for test in self.tests)
