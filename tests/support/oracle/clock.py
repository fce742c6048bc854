"""Time as the pages mean it: dates and calendar steps are local to the project's timezone, instants are instants."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

END_OF_TIME = date.max
"""Stands for every date after the year 9999."""
_LAST = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
_FIRST = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)


@dataclass(frozen=True)
class Span:
    """An interval as written: calendar months and days, and minutes of the clock."""

    months: int = 0
    days: int = 0
    minutes: int = 0

    def __neg__(self) -> Span:
        return Span(-self.months, -self.days, -self.minutes)

    @property
    def length(self) -> timedelta:
        """How long it is beside another interval: a month counts as 30 days, 24 hours are a day."""
        return timedelta(days=self.months * 30 + self.days, minutes=self.minutes)


@dataclass(frozen=True)
class Clock:
    """The project's timezone with the questions that are asked of it."""

    zone: ZoneInfo

    def local(self, moment: datetime) -> datetime:
        """The instant as the wall clock of the project shows it."""
        return moment.astimezone(self.zone)

    def date(self, moment: date | datetime) -> date:
        """The local date of an instant; a plain date is never shifted."""
        return self.local(moment).date() if isinstance(moment, datetime) else moment

    def instant(self, local: datetime) -> datetime:
        """The instant of a wall clock's time.

        A time in a gap moves forward, a time that comes twice is meant the first time.
        """
        # years at the ends of the calendar cannot be shifted by a zone
        if local.year in (1, 9999):
            return local.replace(tzinfo=UTC)
        return local.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    def midnight(self, day: date) -> datetime:
        """The instant at which a local date begins."""
        return self.instant(datetime.combine(day, time()))

    def step(self, moment: datetime, span: Span) -> datetime:
        """A calendar step: days and months keep the clock time, minutes run through changes of the clock."""
        if span.months or span.days:
            local = self.local(moment)
            there = datetime.combine(step_date(local.date(), span), local.time())
            # the same wall clock again means the same instant, also in an hour that comes twice
            moment = moment if there == local.replace(tzinfo=None) else self.instant(there)
        moved = timedelta(minutes=span.minutes)
        if moved > timedelta() and moment > _LAST - moved:
            return _LAST
        if moved < timedelta() and moment < _FIRST - moved:
            return _FIRST
        return moment.astimezone(UTC) + moved


def step_date(day: date, span: Span) -> date:
    """A date moved by months, then by days. 31 January and a month is the last day of February."""
    months = day.year * 12 + day.month - 1 + span.months
    year, month = divmod(months, 12)
    if year > 9999:
        return END_OF_TIME
    if year < 1:
        return date.min
    moved = date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    try:
        return moved + timedelta(days=span.days)
    except OverflowError:
        return END_OF_TIME if span.days > 0 else date.min


def anniversary(day: date, today: date) -> date:
    """The next yearly return of a date, today included, at least a year after it; 29 February returns on the 28th."""
    year = max(day.year + 1, today.year)
    found = step_date(day, Span(months=12 * (year - day.year)))
    return found if found >= today else step_date(day, Span(months=12 * (year + 1 - day.year)))
