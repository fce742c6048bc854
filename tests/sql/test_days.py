"""Local days that are looked up by the quarter of an hour are those that the engine tells for each instant."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from datetime import UTC, datetime
from random import Random
from typing import Any

import numpy as np
import pytest

from sql import DuckDBSession
from sql.truths.bits.days import local_days
from sql.truths.bits.values import Values

MINUTE = 60_000_000


def micros(*at: int) -> int:
    return round(datetime(*at, tzinfo=UTC).timestamp()) * 1_000_000


def told(session: DuckDBSession, instants: list[int]) -> list[int]:
    day = "CAST(make_timestamptz(one) AS DATE) - DATE '1970-01-01'"
    return session.rows(f"SELECT list_transform(CAST($all AS BIGINT[]), lambda one: {day}) AS days", {"all": instants})[
        0
    ]["days"]


@pytest.mark.parametrize(
    ("zone", "start", "minutes"),
    [
        ("UTC", micros(2026, 3, 1), 3000),
        ("Asia/Kathmandu", micros(2026, 3, 1), 3000),  # 5:45 ahead
        ("America/New_York", micros(2026, 10, 31), 4000),  # clocks go back
        ("America/St_Johns", micros(2006, 10, 28), 3000),  # they did at one minute past midnight
        ("America/Santiago", micros(2024, 9, 7), 3000),  # a day without a midnight
        ("Pacific/Apia", micros(2011, 12, 29), 4000),  # a day that was left out
        ("Europe/Amsterdam", micros(1937, 6, 29), 4000),  # an offset that changed
        ("Asia/Tokyo", micros(1887, 12, 30), 4000),  # and before 1970
    ],
)
def test_every_minute_is_of_the_day_that_the_engine_tells(zone: str, start: int, minutes: int) -> None:
    instants = [start + i * MINUTE + i for i in range(minutes)]
    with DuckDBSession(timezone=zone) as session:
        found = local_days(session, Values("instant", np.array(instants, np.int64)))
        assert found.kind == "day"
        assert found.known is None
        assert found.values.tolist() == told(session, instants)


def test_what_has_no_value_is_not_asked() -> None:
    rng = Random(4)
    instants = np.array([micros(2026, 1, 1) + rng.randrange(10**12) for _ in range(5000)], np.int64)
    known = np.array([rng.random() < 0.7 for _ in instants])
    with DuckDBSession(timezone="Europe/Berlin") as session:
        found = local_days(session, Values("instant", np.where(known, instants, 0), known))
        assert found.known is not None
        assert found.known.tolist() == known.tolist()
        assert found.values[known].tolist() == told(session, instants[known].tolist())
        assert local_days(session, Values.nothing("instant")).values.tolist() == []


class Listening(DuckDBSession):
    """A session that notes how many instants it is asked for."""

    def __init__(self, timezone: str) -> None:
        super().__init__(timezone=timezone)
        self.sizes: list[int] = []

    @contextlib.contextmanager
    def reading(self, name: str, data: Any) -> Generator[None]:
        self.sizes.append(data.num_rows)
        with super().reading(name, data):
            yield


@pytest.mark.parametrize(
    ("instants", "sizes"),
    [
        ([micros(2026, 1, 1), micros(2026, 1, 2)], [2]),
        ([micros(1700, 1, 1), *[micros(2026, 1, 1)] * 50], [51]),
        ([micros(2026, 1, 1) + i for i in range(1000)], [2]),
        ([micros(2006, 10, 29, 2, 30) + i * MINUTE for i in range(10)], [2, 10]),
    ],
    ids=["few", "far apart", "one quarter", "a quarter in which clocks go back to yesterday"],
)
def test_the_engine_is_asked_for_both_ends_of_a_quarter_where_that_is_less(
    instants: list[int], sizes: list[int]
) -> None:
    with (session := Listening("America/St_Johns")):
        days = local_days(session, Values("instant", np.array(instants, np.int64))).values.tolist()
        assert session.sizes == sizes
        assert days == told(session, instants)
