"""What a source gives is compared with what it gave before, and refused where it is too different."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from support.projects import DAY, SETTINGS, START

from definitions import ProblemsFound, Project, load_project
from pipelines.errors import SourceOdd, SourceStale
from pipelines.snapshot import Snapshot, take_snapshot
from pipelines.worlds import RowSource
from sql import DuckDBSession

CATALOG = """
object: ticket
table: crm.tickets
key: ticket_id
updated_at: moved
FRESH
fields: {ticket_id: text, moved: timestamp}
"""


def project(fresh: str = "", catalog: str = CATALOG) -> Project:
    return load_project({"project.yaml": SETTINGS, "catalog/ticket.yaml": catalog.replace("FRESH", fresh)})


class Days:
    """Snapshots a day apart."""

    def __init__(self, session: DuckDBSession, fresh: str = "") -> None:
        self.session, self.project, self.day = session, project(fresh), 0

    def take(self, rows: int, keyless: int = 0, moved: object = START, **more: Any) -> Snapshot:
        self.day += 1
        made: list[dict[str, Any]] = [{"ticket_id": f"t{self.day % 2}-{n}", "moved": moved} for n in range(rows)]
        source = RowSource({"tickets": made + [{"ticket_id": None, "moved": moved}] * keyless})
        return take_snapshot(self.session, self.project, {"crm": source}, START + self.day * DAY, **more)


@pytest.fixture
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        yield made


@pytest.fixture
def days(session: DuckDBSession) -> Days:
    """Three days of a hundred rows or so, accepted since all keys are new each day."""
    made = Days(session)
    for rows in (100, 104, 96):
        made.take(rows, accept=True)
    return made


def test_far_more_rows_than_usual_are_refused(days: Days) -> None:
    days.day += 1  # with the keys of the last day, so that nothing is gone
    with pytest.raises(SourceOdd, match="`ticket` is unlike before: 1,500 rows came, 100 are usual"):
        days.take(1_500)
    assert days.session.count("crm.ticket") == 96
    days.day += 1
    assert days.take(1_000).objects[0].record_count == 1_000


def test_who_accepts_is_not_asked_again(days: Days) -> None:
    days.take(2_000, accept=True)
    days.day += 1
    assert days.take(2_000).objects[0].row_count == 2_000


def test_rows_that_lose_their_keys_are_noticed(days: Days) -> None:
    days.day += 1
    with pytest.raises(SourceOdd, match="30 of 126 rows have no key"):
        days.take(96, keyless=30)
    assert days.take(96, keyless=30, accept=True).objects[0].null_key_count == 30


def test_a_young_source_may_grow(session: DuckDBSession) -> None:
    made = Days(session)
    made.take(100)
    made.day += 1
    assert made.take(5_000).objects[0].created_count == 4_900


def test_a_source_that_stands_still_is_refused(session: DuckDBSession) -> None:
    made = Days(session, "fresh_within: 2 days")
    made.take(3)
    made.take(3, accept=True)
    with pytest.raises(
        SourceStale, match=r"nothing of `ticket` has moved since 2026-01-05T09:00:00\+00:00, longer than 2 days"
    ):
        made.take(3)
    assert made.take(3, moved=START + 4 * DAY - timedelta(hours=1)).objects[0].row_count == 3


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("updated_at: moved\n", "", "fresh-within"),
        ("moved: timestamp", "moved: text", "fresh-within"),
        ("FRESH", "fresh_within: 1 month", "duration"),
    ],
)
def test_how_fresh_a_table_is_needs_a_moment_and_a_length(old: str, new: str, code: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        project("fresh_within: 2 days", CATALOG.replace(old, new))
    assert [problem.code for problem in caught.value.problems] == [code]
