"""When messages may go out: windows of the week, whose clock counts, blackout calendars, and how many at most."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from definitions.problems import did_you_mean
from definitions.values import Limit, Model, Name, Timezone, fault

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)\Z")
_LONGEST_YEARLY = 366


def parse_days(value: Any) -> tuple[int, ...]:
    """Read `mon-fri`, `sat` or `mon, wed, fri` as days of the week, 1 to 7.

    >>> parse_days("mon-wed, sat"), parse_days("sat-mon")
    ((1, 2, 3, 6), (1, 6, 7))
    """
    parts = [str(p).strip() for p in (cast("list[Any]", value) if isinstance(value, list) else str(value).split(","))]
    found = {day for part in parts for day in _days(part)}
    return tuple(sorted(found))


def _days(part: str) -> list[int]:
    ends = [end.strip() for end in part.split("-")]
    unknown = [end for end in ends if end not in WEEKDAYS]
    if unknown or len(ends) > 2:
        hint = did_you_mean(unknown[0], WEEKDAYS) if unknown and unknown[0] else None
        raise fault(
            "days", f"`{part}` is no day of the week", hint or "write days such as `mon-fri` or `mon, wed, fri`"
        )
    first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
    return [(first + i) % 7 + 1 for i in range((last - first) % 7 + 1)]


def parse_clock(value: Any) -> int:
    """Read `09:00` as minutes from midnight; `24:00` is the day's end."""
    match = _TIME.match(str(value))
    minutes = int(match[1]) * 60 + int(match[2]) if match else MINUTES_A_DAY + 1
    if minutes > MINUTES_A_DAY:
        raise fault("clock", f"`{value}` is not a time of day", 'write hours and minutes, such as "09:00"')
    return minutes


def parse_date(value: Any) -> date:
    """Read `2026-12-25`."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(value)):
            raise ValueError(value)
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise fault("date", f"`{value}` is not a date", "write a date such as 2026-12-25") from error


Days: TypeAlias = Annotated[tuple[int, ...], PlainValidator(parse_days)]
Clock: TypeAlias = Annotated[int, PlainValidator(parse_clock)]
Day: TypeAlias = Annotated[date, PlainValidator(parse_date)]


class Window(Model):
    """Some days of the week, from a time up to a time."""

    days: Days = Field(description="days of the week, such as `mon-fri`")
    from_: Clock = Field(alias="from", description="the first minute, such as `09:00`")
    to: Clock = Field(description="the first minute that is no longer in it; before `from` it is the next day's")

    @model_validator(mode="after")
    def _not_empty(self) -> Window:
        if self.from_ == self.to or self.from_ == MINUTES_A_DAY:
            raise fault("window", "the window holds no minute", 'a whole day is from "00:00" to "24:00"')
        return self

    @property
    def text(self) -> str:
        """As people read it."""
        days = ", ".join(WEEKDAYS[day - 1] for day in self.days)
        return f"{days} {_clock(self.from_)} to {_clock(self.to)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


class ZoneChoice(Model):
    """Whose clock counts."""

    from_: Literal["recipient"] = Field(default="recipient", alias="from", description="the recipient's own time")
    fallback: Timezone | None = Field(default=None, description="where it is not known; else the project's timezone")


def _several(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Communication(Model):
    """When a workflow's emails, text messages and calls may go out."""

    window: Annotated[
        tuple[Window, ...],
        BeforeValidator(_several, json_schema_input_type=Window | tuple[Window, ...]),
        Field(min_length=1),
    ] = Field(
        default=(Window.model_construct(days=(1, 2, 3, 4, 5), from_=9 * 60, to=16 * 60),),
        description="one window of the week, or a list of them",
    )
    timezone: ZoneChoice = Field(default=ZoneChoice(), description="whose clock counts")
    blackouts: tuple[Name, ...] = Field(default=(), description="calendars whose dates are left out")


class Blackout(Model):
    """A date, or a range of dates, on which nothing is sent."""

    date: Day | None = Field(default=None, description="one date")
    from_: Day | None = Field(default=None, alias="from", description="the first date of a range")
    to: Day | None = Field(default=None, description="its last date")
    name: str = Field(default="", description="what people call it")
    yearly: bool = Field(default=False, description="again in every later year")

    @model_validator(mode="after")
    def _one_form(self) -> Blackout:
        if (self.date is None) != (self.from_ is not None and self.to is not None):
            raise fault("dates", "a blackout is a `date`, or `from` and `to`")
        if self.date is not None and (self.from_ or self.to):
            raise fault("dates", "a blackout is a `date`, or `from` and `to`, not both")
        if self.first > self.last:
            raise fault("reversed-range", f"the range ends before it begins: {self.first} to {self.last}", "swap them")
        if self.yearly and (self.last - self.first).days >= _LONGEST_YEARLY:
            raise fault("dates", "a range that comes every year is shorter than a year")
        return self

    @property
    def first(self) -> date:
        """The first date of it."""
        found = self.date or self.from_
        assert found is not None
        return found

    @property
    def last(self) -> date:
        """The last date of it."""
        found = self.date or self.to
        assert found is not None
        return found


def _blackout(value: Any) -> Any:
    return {"date": value} if isinstance(value, str) else value


class BlackoutCalendar(Model):
    """Dates on which nothing is sent; the file's name is the calendar's."""

    description: str = Field(default="", description="what it is for")
    holidays: bool = Field(default=False, description="its dates are no business days either")
    auto: bool = Field(default=False, description="added to every workflow")
    dates: tuple[Annotated[Blackout, BeforeValidator(_blackout, json_schema_input_type=str | Blackout)], ...] = Field(
        description="dates and ranges"
    )


class Elsewhere(Model):
    """Sends that were made outside and count as well."""

    object: Name = Field(description="the object whose records are sends")
    sender: Name = Field(description="its field that holds the sending user's key")
    at: Name = Field(description="its timestamp of sending")


class SenderLimit(Model):
    """How many messages one sender may send."""

    at_most: Limit = Field(description="a number and a unit, such as `200 per day`; the surplus goes out later")
    elsewhere: Elsewhere | None = Field(default=None, description="sends made outside that count as well")


class RecipientLimit(Model):
    """How many messages one recipient may get."""

    at_most: Limit = Field(description="a number and a unit, such as `3 per week`; the surplus is dropped")


class Limits(Model):
    """Limits over all workflows together."""

    sender: SenderLimit | None = Field(default=None, description="messages of one sender")
    recipient: RecipientLimit | None = Field(default=None, description="messages to one recipient")
    actions: int = Field(
        default=10, ge=1, le=1000, description="actions in a row, without a wait or branch between them"
    )
    steps: int = Field(default=30, ge=1, le=1000, description="steps in an arm")
    checks: int = Field(default=11, ge=1, le=1000, description="checks in a branch")
