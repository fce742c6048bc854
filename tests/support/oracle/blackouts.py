"""Calendars: the dates on which nothing is sent, or which are no business days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from support.oracle.clock import Span, step_date

from definitions.communication import Blackout, BlackoutCalendar


def is_blackout(day: date, calendars: Iterable[BlackoutCalendar]) -> bool:
    """The date stands in one of the calendars."""
    return any(_holds(blackout, day) for calendar in calendars for blackout in calendar.dates)


def _holds(blackout: Blackout, day: date) -> bool:
    """A date, a range with both its ends, or one of their returns in later years; 29 February returns on the 28th."""
    if not blackout.yearly:
        return blackout.first <= day <= blackout.last
    length = blackout.last.year - blackout.first.year
    for year in range(max(blackout.first.year, day.year - length - 1), day.year + 1):
        shift = Span(months=12 * (year - blackout.first.year))
        if step_date(blackout.first, shift) <= day <= step_date(blackout.last, shift):
            return True
    return False
