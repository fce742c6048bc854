"""Local time and instant as the SQL computes them are those of plain Python, in every zone and around every change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from sql import DuckDBSession

UNKNOWN = {"localtime", "Factory"}
"""Zones of Python that the engine has not, or that are no place; recipients with them fall through to the next rule."""
UNSETTLED = {
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Edmonton",
    "America/Inuvik",
    "America/Rainy_River",
    "America/Vancouver",
    "America/Winnipeg",
    "America/Yellowknife",
    "Canada/Central",
    "Canada/Mountain",
    "Canada/Pacific",
    "Europe/Chisinau",
    "Europe/Tiraspol",
}
"""Zones whose law changed lately: the engine's timezone data and Python's are of different years there."""
YEARS = range(2025, 2029)


def changes(zone: ZoneInfo) -> list[datetime]:
    """The local midnights of the days on which the clocks change."""
    days = [datetime(2025, 1, 1) + timedelta(days=i) for i in range(366 * 4)]  # noqa: DTZ001
    return [
        d
        for d in days
        if d.replace(tzinfo=zone).utcoffset() != (d + timedelta(days=1)).replace(tzinfo=zone).utcoffset()
    ]


def local_times(zone: ZoneInfo) -> list[datetime]:
    starts = changes(zone) or [datetime(year, month, 1) for year in YEARS for month in (1, 7)]  # noqa: DTZ001
    return [start + timedelta(minutes=15 * i) for start in starts for i in range(-8, 4 * 26)]


def test_every_zone_agrees_with_python() -> None:
    with DuckDBSession() as session:
        session.migrate()
        known = {row["name"] for row in session.rows("SELECT name FROM pg_timezone_names()")}
        zones = sorted(available_timezones() - UNKNOWN)
        assert set(zones) <= known
        rows = [
            {"zone": name, "local": local, "wanted": local.replace(tzinfo=ZoneInfo(name)).astimezone(UTC)}
            for name in zones
            for local in local_times(ZoneInfo(name))
        ]
        session.load_rows("times", rows)
        wrong = session.rows(
            "SELECT zone, COUNT(*) AS n, MIN(local) AS first_local FROM times "
            "WHERE instant_of(local, zone) <> wanted GROUP BY zone ORDER BY zone"
        )
        assert {row["zone"] for row in wrong} <= UNSETTLED, wrong[:10]


@pytest.mark.parametrize("name", ["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago"])
def test_an_instant_has_the_local_time_of_python(name: str) -> None:
    zone = ZoneInfo(name)
    instants = [local.replace(tzinfo=zone).astimezone(UTC) for local in local_times(zone)]
    with DuckDBSession() as session:
        rows = [{"instant": at, "wanted": at.astimezone(zone).replace(tzinfo=None)} for at in instants]
        session.load_rows("times", rows)
        assert session.rows(f"SELECT instant FROM times WHERE instant AT TIME ZONE '{name}' <> wanted") == []
