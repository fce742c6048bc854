"""Small values that many definitions share: names, durations, shares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from definitions.problems import did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_DURATION = re.compile(r"(\d+)\s+(minute|hour|day|week|month)s?\Z")
_BUSINESS = re.compile(r"(\d+)\s+business\s+days?\Z")
_RATE = re.compile(r"(\d+)\s+per\s+(hour|day|week|month)\Z")
_LIMIT = re.compile(r"(\d{1,9}) per (hour|day|week|month)\Z")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%\Z")
_MEMORY = re.compile(r"(\d{1,6})\s*(MB|GB)\Z")
_MAX_MINUTES = 365 * 24 * 60


class Model(BaseModel):
    """What an author wrote: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built when first used: start-up counts


@dataclass(frozen=True)
class Duration:
    """Calendar months and days, clock minutes, or business days. `3 days` is the same clock time three days later."""

    months: int = 0
    days: int = 0
    minutes: int = 0
    text: str = ""
    business_days: int = 0

    @property
    def fixed(self) -> timedelta:
        """The length of one without months and business days, which have none."""
        return timedelta(days=self.days, minutes=self.minutes)

    @property
    def longest_days(self) -> float:
        """An upper bound in days (a month counts 31, five business days a week and a half with holidays)."""
        return (
            self.months * 31 + self.days + self.minutes / 1440 + self.business_days * 2.1 + 5 * bool(self.business_days)
        )


@dataclass(frozen=True)
class Rate:
    """So many in one calendar unit of the project's timezone."""

    number: int
    unit: Literal["hour", "day", "week", "month"]

    @property
    def text(self) -> str:
        """As people write it."""
        return f"{self.number} per {self.unit}"


def fault(code: str, message: str, hint: str | None = None) -> PydanticCustomError:
    """An error that the loader turns into a problem with this code and hint."""
    # pydantic formats messages with str.format on the context: braces of the author's text must not reach it
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})  # pyright: ignore[reportArgumentType]


def parse_duration(value: Any) -> Duration:
    """Read `3 days`, `2 weeks`, `1 month`, `90 minutes`.

    >>> parse_duration("2 weeks").days, parse_duration("3 business days").business_days
    (14, 3)
    """
    if isinstance(value, Duration):
        return value
    written = str(value)
    business = _BUSINESS.match(written)
    if business:
        if not 1 <= int(business[1]) <= 250:
            raise fault("duration", "business days are 1 to 250")
        return Duration(business_days=int(business[1]), text=written)
    match = _DURATION.match(written)
    if not match:
        raise fault(
            "duration", f"`{written}` is not a duration", "write a number and a unit, such as `3 days` or `1 month`"
        )
    number, unit = int(match[1]), match[2]
    if number == 0:
        raise fault("duration", "a duration must be longer than zero")
    amounts = {
        "minute": Duration(minutes=number, text=written),
        "hour": Duration(minutes=number * 60, text=written),
        "day": Duration(days=number, text=written),
        "week": Duration(days=number * 7, text=written),
        "month": Duration(months=number, text=written),
    }
    made = amounts[unit]
    # twelve months are a year, however their days are counted
    longest = made.months * 30 * 1440 if made.months else made.days * 1440 + made.minutes
    if longest > _MAX_MINUTES:
        raise fault("duration", f"`{written}` is longer than a year")
    return made


def parse_calendar(value: Any) -> Duration:
    """Read a duration without business days."""
    made = parse_duration(value)
    if made.business_days:
        raise fault("duration", "business days cannot be used here", "use days, weeks or months")
    return made


def parse_fixed(value: Any) -> Duration:
    """Read minutes, hours, days and weeks."""
    made = parse_calendar(value)
    if made.months:
        raise fault("duration", f"`{made.text}` has no fixed length", "use minutes, hours, days or weeks")
    return made


def parse_offset(value: Any) -> Duration:
    """Read a duration before (`-7 days`) or after (`1 day`) a date; `0` is the date itself.

    >>> parse_offset("-7 days").days
    -7
    """
    if isinstance(value, Duration):
        return value
    written = str(value).strip()
    if written in ("0", "0 days"):
        return Duration(text="0 days")
    made = parse_calendar(written.removeprefix("-").removeprefix("+").strip())
    sign = -1 if written.startswith("-") else 1
    return Duration(made.months * sign, made.days * sign, made.minutes * sign, written)


def parse_rate(value: Any) -> Rate:
    """Read `200 per day`.

    >>> parse_rate("200 per day").number
    200
    """
    return _rate(value, _RATE, "a rate", "write such as `200 per day`: per hour, day, week or month")


def parse_limit(value: Any) -> Rate:
    """Read a rate that is a limit of messages: nine digits at most."""
    return _rate(value, _LIMIT, "a limit", "write a number and a unit, such as `200 per day`")


def _rate(value: Any, pattern: re.Pattern[str], what: str, hint: str) -> Rate:
    if isinstance(value, Rate):
        return value
    match = pattern.match(str(value))
    if not match or int(match[1]) == 0:
        raise fault("rate", f"`{value}` is not {what}", hint)
    return Rate(int(match[1]), match[2])  # pyright: ignore[reportArgumentType]


def parse_share(value: Any) -> float:
    """Read `20%` as 0.2."""
    match = _PERCENT.match(str(value))
    if not match or not 0 <= float(match[1]) <= 100:
        raise fault("share", f"`{value}` is not a share", "write a percentage such as `20%`")
    return float(match[1]) / 100


def is_name(value: str) -> bool:
    """May something be called so.

    >>> is_name("renewal_90"), is_name("Renewal")
    (True, False)
    """
    return _NAME.match(value) is not None


def _name(value: str) -> str:
    if not is_name(value):
        hint = "use lower-case letters, digits and `_`, starting with a letter, 63 characters at most"
        raise fault("name", f"`{value}` is not a name", hint)
    return str(value)


def _memory(value: Any) -> str:
    match = _MEMORY.match(str(value))
    if not match or int(match[1]) == 0:
        raise fault("memory", f"`{value}` is not an amount of memory", "write a number and a unit, such as `2 GB`")
    return f"{match[1]} {match[2]}"


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise fault(
            "timezone", f"`{value}` is not a known timezone", did_you_mean(value, available_timezones())
        ) from error
    return str(value)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"})]
Lasting = Annotated[
    Duration,
    PlainValidator(parse_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d+\s+(minute|hour|day|week|month|business day)s?$",
            "examples": ["3 days", "3 business days"],
        }
    ),
]
CalendarLasting = Annotated[
    Duration,
    PlainValidator(parse_calendar),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s+(minute|hour|day|week|month)s?$", "examples": ["30 days"]}),
]
FixedLasting = Annotated[
    Duration,
    PlainValidator(parse_fixed),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s+(minute|hour|day|week)s?$", "examples": ["24 hours"]}),
]
Offset = Annotated[
    Duration,
    PlainValidator(parse_offset),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "pattern": r"^([-+]?\s*\d+\s+(minute|hour|day|week|month)s?|0)$",
            "examples": ["-7 days", "1 day"],
        }
    ),
]
PerUnit = Annotated[
    Rate,
    PlainValidator(parse_rate),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s+per\s+(hour|day|week|month)$", "examples": ["200 per day"]}),
]
Limit = Annotated[Rate, PlainValidator(parse_limit)]
Share = Annotated[
    float,
    PlainValidator(parse_share),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}(\.\d+)?\s*%$", "examples": ["20%"]}),
]
Memory = Annotated[
    str,
    PlainValidator(_memory),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,6}\s*(MB|GB)$", "examples": ["2 GB"]}),
]
Timezone = Annotated[
    str, AfterValidator(_timezone), WithJsonSchema({"type": "string", "examples": ["UTC", "America/New_York"]})
]
Scalar = Annotated[
    str | int | float | bool | None,
    BeforeValidator(_plain),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]
