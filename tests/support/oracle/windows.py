"""When a message may go out: windows of the week in the recipient's own time, without the dates of calendars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import timezone as phone_zones
from support.oracle.clock import Clock

from definitions.communication import MINUTES_A_DAY, Window

HORIZON_DAYS = 400
"""Within so many days there must be a window."""
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Slot:
    """The instants between which a message goes out, and why then."""

    starts_at: datetime
    ends_at: datetime
    rule: str

    def minute(self, drawn: float) -> datetime:
        """The minute that a draw from 0 to below 1 means."""
        return self.starts_at + MINUTE * int(drawn * ((self.ends_at - self.starts_at) // MINUTE))


def place(
    due: datetime, windows: Sequence[Window], zone: ZoneInfo, is_long: bool, is_closed: Callable[[date], bool]
) -> Slot | None:
    """Between due and the end of the clock hour, or up to closing after a long wait; else in the next opening.

    Days that are closed by a calendar are passed over. None where nothing is open for a long time.
    """
    free = _place(due, windows, zone, is_long, lambda _: False)
    if free is None or not is_closed(free.starts_at.astimezone(zone).date()):
        return free
    found = _place(due, windows, zone, is_long, is_closed)
    return Slot(found.starts_at, found.ends_at, "blackout") if found is not None else None


def _place(
    due: datetime, windows: Sequence[Window], zone: ZoneInfo, is_long: bool, is_closed: Callable[[date], bool]
) -> Slot | None:
    clock = Clock(zone)
    for opens, closes in _openings(due, windows, clock, is_closed):
        if opens <= due < closes:
            hour_ends = _next_hour(due, clock)
            return Slot(due, closes if is_long else min(closes, hour_ends), "in_window")
        if due < opens:
            return Slot(opens, closes if is_long else min(closes, opens + HOUR), "next_opening")
    return None


def _next_hour(moment: datetime, clock: Clock) -> datetime:
    """The end of the hour that the wall clock shows; one that comes twice ends twice."""
    local = clock.local(moment)
    return moment - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond) + HOUR


def _openings(
    due: datetime, windows: Sequence[Window], clock: Clock, is_closed: Callable[[date], bool]
) -> Iterator[tuple[datetime, datetime]]:
    """Instants of opening and closing, in order, from the day of `due` on."""
    today = clock.date(due)
    for i in range(HORIZON_DAYS + 1):
        day = today + timedelta(days=i)
        if is_closed(day):
            continue
        for first, last in _minutes(windows, day.isoweekday()):
            opens, closes = _at(day, first, clock), _at(day, last, clock)
            # a window in the gap of a clock change has no minute
            if opens < closes:
                yield opens, closes


def _at(day: date, minute: int, clock: Clock) -> datetime:
    return clock.instant(datetime.combine(day, time()) + MINUTE * minute)


def _minutes(windows: Sequence[Window], weekday: int) -> list[tuple[int, int]]:
    """The minutes of one weekday in which it is open; windows that touch are one, over midnight they are two."""
    found: list[tuple[int, int]] = []
    before = (weekday - 2) % 7 + 1
    for window in windows:
        if window.from_ < window.to:
            found += [(window.from_, window.to)] if weekday in window.days else []
            continue
        found += [(window.from_, MINUTES_A_DAY)] if weekday in window.days else []
        found += [(0, window.to)] if before in window.days and window.to > 0 else []
    merged: list[tuple[int, int]] = []
    for first, last in sorted(found):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


# ---- zones


def zone_of(field: str | None, phones: Sequence[str | None], fallback: str, now: datetime) -> tuple[str, str]:
    """Whose clock counts, and by which rule: the recipient's field, its phone numbers, or the fallback."""
    if field is not None and field in _known_zones():
        return field, "recipient_field"
    zones = {zone for phone in phones if phone for zone in _zones_of_phone(phone)}
    if zones:
        ordered = sorted(zones, key=lambda zone: (_offset(zone, now), zone))
        return ordered[(len(ordered) - 1) // 2], "phone" if len(ordered) == 1 else "phones_middle"
    return fallback, "fallback"


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _offset(zone: str, now: datetime) -> timedelta:
    return now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()


def _zones_of_phone(written: str) -> list[str]:
    """The zones of a number in international form; toll-free numbers have none."""
    try:
        number = phonenumbers.parse(written, None)
    except phonenumbers.NumberParseException:
        return []
    if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.TOLL_FREE:
        return []
    known = phone_zones.time_zones_for_number(number)
    return [zone for zone in known if zone in _known_zones()]
