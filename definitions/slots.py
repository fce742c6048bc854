"""Entry schedules: at which times of the project's timezone records are admitted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from definitions.values import fault

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_TIME = r"([01]?\d|2[0-3]):([0-5]\d)"
_DAILY = re.compile(rf"daily {_TIME}\Z")
_WEEKLY = re.compile(rf"weekly ({'|'.join(_DAYS)}) {_TIME}\Z")
_MONTHLY = re.compile(rf"monthly (\d\d?|last) {_TIME}\Z")


@dataclass(frozen=True)
class Slots:
    """Times at which records are admitted, as cron in the project's timezone, and as written."""

    cron: str
    text: str

    def latest(self, now: datetime) -> datetime | None:
        """The last slot at or before a local instant; on the day the clocks go back a slot comes once."""
        return next(CronSim(self.cron, _just_after(now), reverse=True), None)

    def next(self, now: datetime) -> datetime | None:
        """The first slot after a local instant."""
        return next(CronSim(self.cron, now), None)


def _just_after(now: datetime) -> datetime:
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    return (minute + timedelta(minutes=1)).astimezone(now.tzinfo)


def parse_schedule(value: Any) -> Slots:
    """Read `daily 08:00`, `weekly mon 08:00`, `monthly 1 08:00`, `monthly last 08:00`, or `{cron: ..}`."""
    if isinstance(value, Slots):
        return value
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if set(mapping) == {"cron"}:
            return Slots(_cron(str(mapping["cron"])), f"cron {mapping['cron']}")
    written = str(cast(object, value))
    if match := _DAILY.match(written):
        return Slots(f"{int(match[2])} {int(match[1])} * * *", written)
    if match := _WEEKLY.match(written):
        return Slots(f"{int(match[3])} {int(match[2])} * * {_DAYS.index(match[1])}", written)
    if match := _MONTHLY.match(written):
        if match[1] != "last" and not 1 <= int(match[1]) <= 28:
            hint = "use 1 to 28, or `last`"
            raise fault("schedule", f"not every month has a day {match[1]}", hint)
        return Slots(f"{int(match[3])} {int(match[2])} {'L' if match[1] == 'last' else int(match[1])} * *", written)
    hint = 'write `daily 08:00`, `weekly mon 08:00`, `monthly 1 08:00` or `{cron: "0 8 * * *"}`'
    raise fault("schedule", f"`{written}` is not a schedule", hint)


def _cron(written: str) -> str:
    try:
        CronSim(written, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise fault("schedule", f"`{written}` is not cron: {error}", "five fields, such as `0 8 * * 1-5`") from error
    return written


Schedule = Annotated[Slots, PlainValidator(parse_schedule)]
Cron = Annotated[str, AfterValidator(_cron), WithJsonSchema({"type": "string", "examples": ["0 8 * * 1-5"]})]
