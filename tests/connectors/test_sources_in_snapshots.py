"""What a snapshot makes of what a source reads: what changed, what is gone, what does not fit, what breaks off."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.projects import DAY, SETTINGS, START, write_project

from connectors import Since
from connectors.sources.database import database
from definitions import EnvironmentFault, ProblemsFound, Project, load_project
from pipelines.cli.snapshot_text import progress, snapshot_lines
from pipelines.errors import ColumnChanged, SnapshotRefused
from pipelines.snapshot import ObjectCounts, Snapshot, take_snapshot
from pipelines.workspace import Workspace
from sql import DuckDBSession
from sql.incoming import QUARANTINED

CATALOG = """
object: ticket
table: crm.tickets
key: ticket_id
label: subject
updated_at: moved
deleted_at: removed
incremental: {overlap: 1 hour}
fields: {ticket_id: text, subject: text, hours: integer, price: number, due: date, moved: timestamp, removed: timestamp}
"""
HOUR = timedelta(hours=1)


def project(catalog: str = CATALOG, settings: str = SETTINGS) -> Project:
    return load_project({"project.yaml": settings, "catalog/ticket.yaml": catalog})


@dataclass
class Tables:
    """A source of rows that notes from where it was read, and gives them as a stream."""

    rows: dict[str, list[dict[str, Any]]]
    since: list[datetime | None] = field(default_factory=list)
    breaks: bool = False
    closed: int = 0

    def read(self, table: str, columns: Sequence[str], since: Since | None = None) -> Any:
        self.since.append(since.moment if since else None)
        rows = [row for row in self.rows.get(table, ()) if since is None or _is_late(row, since)]
        schema = pa.schema([(name, pa.string()) for name in columns])
        batch = pa.RecordBatch.from_pylist([{c: _text(row.get(c)) for c in columns} for row in rows], schema)
        return pa.RecordBatchReader.from_batches(schema, self._batches(batch))

    def _batches(self, batch: Any) -> Iterator[Any]:
        yield batch
        if self.breaks:
            raise OSError("the line went dead")

    def close(self) -> None:
        self.closed += 1


def _is_late(row: Mapping[str, Any], since: Since) -> bool:
    return row.get(since.column) is None or row[since.column] >= since.moment


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def ticket(key: str | None, moved: datetime | None = START, **values: Any) -> dict[str, Any]:
    return {"ticket_id": key, "moved": moved, "subject": f"about {key}", **values}


@pytest.fixture
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        yield made


def known(session: DuckDBSession) -> dict[str, Any]:
    return {
        row["ticket_id"]: row["hours"] for row in session.rows("SELECT ticket_id, hours FROM crm.ticket ORDER BY 1")
    }


class Feed:
    """One source, snapshot by snapshot, a day apart."""

    def __init__(self, session: DuckDBSession, *rows: dict[str, Any], made: Project | None = None) -> None:
        self.session, self.project, self.tables, self.day = session, made or project(), Tables({"tickets": [*rows]}), 0

    def take(self, *rows: dict[str, Any], **options: Any) -> ObjectCounts:
        self.tables.rows["tickets"] += rows
        self.day += 1
        taken = take_snapshot(self.session, self.project, {"crm": self.tables}, START + self.day * DAY, **options)
        return taken.objects[0]


# ---- what changed


def test_after_the_first_snapshot_only_what_changed_is_read_and_nothing_is_gone_by_absence(
    session: DuckDBSession,
) -> None:
    feed = Feed(session, ticket("t1", START - DAY, hours=1), ticket("t2", START, hours=2))
    assert feed.take().is_partial is False
    counts = feed.take(ticket("t3", START + DAY, hours=3))
    assert feed.tables.since == [None, START - HOUR]
    assert (counts.is_partial, counts.row_count) == (True, 2)
    assert (counts.created_count, counts.updated_count, counts.deleted_count, counts.record_count) == (1, 0, 0, 3)
    assert known(session) == {"t1": 1, "t2": 2, "t3": 3}


def test_a_row_that_is_committed_late_is_met_within_the_overlap(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", START))
    feed.take()
    assert feed.take(ticket("t2", START - HOUR / 2)).created_count == 1
    assert feed.take(ticket("t3", START - 2 * HOUR)).created_count == 0  # too late: a whole read finds it
    assert feed.take(whole=True).created_count == 1


def test_the_newest_of_several_versions_counts_and_an_older_one_changes_nothing(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", START, hours=5))
    feed.take()
    versions = [
        ticket("t2", START + HOUR, hours=2),
        ticket("t2", START + 2 * HOUR, hours=3),
        ticket("t2", START, hours=1),
    ]
    counts = feed.take(*versions)
    assert (counts.duplicate_count, known(session)) == (2, {"t1": 5, "t2": 3})
    feed.tables.rows["tickets"] = [ticket("t2", START + 90 * HOUR / 60, hours=9)]
    assert feed.take().updated_count == 0
    assert known(session) == {"t1": 5, "t2": 3}


def test_a_moment_in_the_future_is_no_guide(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", START), ticket("t2", START + 4000 * DAY))
    feed.take()
    feed.take()
    assert feed.tables.since == [None, START - HOUR]


def test_rows_without_a_moment_are_always_read(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", START), ticket("t2", None, hours=1))
    feed.take()
    feed.tables.rows["tickets"][1]["hours"] = 2
    assert feed.take().updated_count == 1


def test_a_field_that_is_new_makes_the_next_read_whole(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", START, team="a"), ticket("t2", START + HOUR, team="b"))
    feed.take()
    feed.project = project(CATALOG.replace("hours: integer", "hours: integer, team: text"))
    counts = feed.take()
    assert (counts.is_partial, counts.updated_count) == (False, 0)
    assert feed.take().is_partial is True


# ---- what is gone


def test_a_flag_says_that_a_record_is_gone_and_may_be_taken_back(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", hours=1), ticket("t2", hours=2))
    feed.take()
    assert feed.take(ticket("t1", START + HOUR, removed=START + HOUR)).deleted_count == 1
    assert known(session) == {"t2": 2}
    assert feed.take().deleted_count == 0
    assert feed.take(ticket("t1", START + 2 * HOUR, hours=7)).created_count == 1
    assert known(session) == {"t1": 7, "t2": 2}


def test_the_newest_row_decides_whether_a_record_is_gone_also_in_whole_tables(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", START), ticket("t1", START + HOUR, removed=START + HOUR))
    assert feed.take().record_count == 0


def test_an_old_flag_does_not_take_away_what_moved_since(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", START, hours=1))
    feed.take()
    feed.tables.rows["tickets"] = [ticket("t1", START - HOUR / 2, removed=START - HOUR / 2)]
    assert feed.take().deleted_count == 0


LISTED = CATALOG.replace("overlap: 1 hour", "tombstones: crm.deleted, tombstoned_at: at")


def test_a_list_says_which_records_are_gone(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1"), ticket("t2"), made=project(LISTED))
    feed.take()
    feed.tables.rows["deleted"] = [{"ticket_id": "t1", "at": START + HOUR}, {"ticket_id": "t9", "at": START}]
    assert feed.take().deleted_count == 1
    assert list(known(session)) == ["t2"]
    assert feed.take(whole=True).created_count == 0  # the table may still hold its row
    assert feed.take(ticket("t1", START + 2 * HOUR)).created_count == 1


def test_a_list_without_moments_is_final(session: DuckDBSession) -> None:
    made = project(LISTED.replace(", tombstoned_at: at", ""))
    feed = Feed(session, ticket("t1"), ticket("t2"), made=made)
    feed.tables.rows["deleted"] = [{"ticket_id": "t1"}]
    assert feed.take().record_count == 1
    assert feed.take(ticket("t1", START + 2 * HOUR)).created_count == 0


def test_a_whole_read_finds_what_is_gone_unless_it_is_too_much(session: DuckDBSession) -> None:
    feed = Feed(session, *(ticket(f"t{n}") for n in range(40)))
    feed.take()
    feed.tables.rows["tickets"] = [ticket(f"t{n}") for n in range(25)]
    assert feed.take().deleted_count == 0
    assert feed.take(whole=True).deleted_count == 15
    feed.tables.rows["tickets"] = []
    with pytest.raises(SnapshotRefused, match="25 of 25 ticket records"):
        feed.take(whole=True)
    assert feed.take().record_count == 25


# ---- what does not fit


def test_what_does_not_fit_is_put_aside_with_its_reason_and_the_rest_goes_on(session: DuckDBSession) -> None:
    odd = ticket("t2", hours="many", price="nan", due="soon")
    counts = Feed(session, ticket("t1", hours=1), odd, ticket(None, hours="x" * 500)).take()
    assert (counts.record_count, counts.null_key_count, counts.unreadable_count) == (2, 1, 4)
    found = session.rows("SELECT * FROM journal.quarantine ORDER BY key NULLS LAST, field")
    assert [(r["snapshot_id"], r["object"], r["key"], r["field"], r["reason"]) for r in found] == [
        (1, "ticket", "t2", "due", "not_date"),
        (1, "ticket", "t2", "hours", "not_integer"),
        (1, "ticket", "t2", "price", "not_number"),
        (1, "ticket", None, "hours", "not_integer"),
        (1, "ticket", None, "ticket_id", "no_key"),
    ]
    assert [r["value"] for r in found] == ["soon", "many", "nan", "x" * 200, "about None"]
    assert known(session) == {"t1": 1, "t2": None}


def test_a_key_that_does_not_fit_is_told_once(session: DuckDBSession) -> None:
    made = project(CATALOG.replace("ticket_id: text", "ticket_id: integer"))
    counts = Feed(session, ticket("t1"), made=made).take()
    assert (counts.null_key_count, counts.unreadable_count) == (1, 1)
    reasons = session.rows("SELECT key, field, value, reason FROM journal.quarantine")
    assert reasons == [{"key": None, "field": "ticket_id", "value": "t1", "reason": "not_integer"}]


def test_counts_are_exact_where_only_the_first_are_kept(session: DuckDBSession) -> None:
    counts = Feed(session, *(ticket(f"t{n:05}", hours="x") for n in range(QUARANTINED + 5))).take()
    assert (counts.unreadable_count, session.count("journal.quarantine")) == (QUARANTINED + 5, QUARANTINED)
    assert session.rows("SELECT max(key) AS last FROM journal.quarantine") == [{"last": f"t{QUARANTINED - 1:05}"}]


def test_a_column_that_changed_its_type_is_refused_and_nothing_is_changed(session: DuckDBSession) -> None:
    feed = Feed(session, *(ticket(f"t{n}", hours=n, price="x") for n in range(40)))
    feed.take()  # a price that never could be read says nothing new
    feed.tables.rows["tickets"] = [ticket(f"t{n}", hours=f"{n} h" if n < 30 else n, price="x") for n in range(40)]
    with pytest.raises(ColumnChanged, match="30 of 40 values of `ticket.hours` cannot be read as integer"):
        feed.take(whole=True)
    assert known(session)["t1"] == 1
    assert feed.take(whole=True, accept=True).unreadable_count == 70
    assert known(session)["t1"] is None


def test_what_was_put_aside_is_forgotten_after_a_hundred_snapshots(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1", hours="x"))
    feed.take()
    session.execute("UPDATE journal.quarantine SET snapshot_id = -99")
    feed.take()
    assert session.rows("SELECT snapshot_id FROM journal.quarantine") == [{"snapshot_id": 2}]


def test_the_lines_of_a_snapshot_say_what_was_read_and_where_the_rest_is() -> None:
    counts = ObjectCounts("ticket", 9, 1, 2, 0, 1, 0, 3, row_count=4, is_partial=True)
    assert list(snapshot_lines(Snapshot(2, START, (counts,)))) == [
        "  ticket: 9 records (+1 ~2 -0, 4 rows read), 1 without key left out, 3 unreadable values",
        "see journal.quarantine for what was put aside, and why",
    ]


def test_a_field_may_be_called_otherwise_than_its_column(session: DuckDBSession) -> None:
    catalog = """
object: ticket
table: crm.tickets
key: ticket_id
updated_at: synced_at
deleted_at: is_gone
incremental: {}
fields:
  ticket_id: {type: integer, column: Id}
  hours: {type: integer, column: Hours spent}
  synced_at: {type: timestamp, column: _fivetran_synced}
  is_gone: {type: boolean, column: is_deleted}
"""
    first = [{"Id": 1, "Hours spent": 4, "_fivetran_synced": START, "is_deleted": "false"}]
    feed = Feed(session, *first, {"Id": 2, "Hours spent": "x", "_fivetran_synced": START}, made=project(catalog))
    assert feed.take().record_count == 2
    assert session.rows("SELECT field, value FROM journal.quarantine") == [{"field": "hours", "value": "x"}]
    gone = {"Id": 1, "_fivetran_synced": START + HOUR, "is_deleted": "true"}
    assert feed.take(gone).deleted_count == 1
    assert known(session) == {2: None}


# ---- what breaks off


def test_a_source_that_breaks_off_is_named_and_nothing_is_changed(session: DuckDBSession) -> None:
    feed = Feed(session, ticket("t1"))
    feed.take()
    feed.tables.breaks = True
    with pytest.raises(
        EnvironmentFault, match=r"`crm.tickets` could not be read to its end: the line went dead"
    ) as caught:
        feed.take(ticket("t2", START + HOUR))
    assert caught.value.code == "source-broken"
    assert list(known(session)) == ["t1"]
    assert feed.tables.closed == 2


def test_rows_are_told_as_they_come(session: DuckDBSession) -> None:
    told: list[tuple[str, int]] = []
    Feed(session, ticket("t1"), ticket("t2")).take(tell=lambda object_, rows: told.append((object_, rows)))
    assert told == [("ticket", 2)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_and_nowhere_else() -> None:
    screen, pipe = Terminal(), io.StringIO()
    with progress(screen) as tell:
        tell("ticket", 1200)
    with progress(pipe) as tell:
        tell("ticket", 1200)
    assert "1,200 rows" in screen.getvalue()
    assert pipe.getvalue() == ""


# ---- with a database


def test_a_database_is_read_whole_then_by_what_changed(postgres: Any, session: DuckDBSession) -> None:
    settings = SETTINGS.replace("{kind: files, path: data}", "{kind: database, url: env:CRM}")
    settings = settings.replace("timezone: UTC", "timezone: America/New_York")
    session.set_timezone("America/New_York")
    postgres(
        "CREATE TABLE tickets (ticket_id text, subject text, hours numeric, price money, due date, moved timestamp, removed date)"
    )
    postgres(
        "INSERT INTO tickets SELECT 't' || n, 'x', n, NULL, 'infinity', '2026-01-05 01:00', NULL FROM generate_series(1, 50) AS n"
    )
    source, made = {"crm": database("env:CRM")}, project(settings=settings)
    first = take_snapshot(session, made, source, datetime(2026, 1, 5, 9, tzinfo=UTC)).objects[0]
    assert (first.record_count, first.unreadable_count, first.is_partial) == (50, 50, False)
    postgres("UPDATE tickets SET hours = 99, moved = '2026-01-05 04:30' WHERE ticket_id = 't7'")
    postgres("UPDATE tickets SET removed = '2026-01-05', moved = '2026-01-05 04:40' WHERE ticket_id = 't8'")
    postgres("DELETE FROM tickets WHERE ticket_id = 't9'")
    second = take_snapshot(session, made, source, datetime(2026, 1, 5, 10, tzinfo=UTC)).objects[0]
    assert (second.row_count, second.updated_count, second.deleted_count) == (49, 1, 1)
    third = take_snapshot(session, made, source, datetime(2026, 1, 5, 11, tzinfo=UTC)).objects[0]
    assert (third.row_count, third.updated_count, third.deleted_count) == (2, 0, 0)
    whole = take_snapshot(session, made, source, datetime(2026, 1, 5, 12, tzinfo=UTC), whole=True).objects[0]
    assert (whole.row_count, whole.deleted_count, whole.record_count) == (49, 1, 48)


def test_the_engine_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    write_project(tmp_path, {"project.yaml": f"{SETTINGS}\nmemory: 512 MB\n"})
    with Workspace(tmp_path).session("test", create=True) as session:
        assert session.rows("SELECT current_setting('memory_limit') AS bound") == [{"bound": "488.2 MiB"}]


# ---- what the checker refuses


@pytest.mark.parametrize("memory", ["lots", "0 GB", "2", "2 GB; DROP"])
def test_memory_is_a_number_with_its_unit(memory: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        project(settings=f"{SETTINGS}\nmemory: {memory}\n")
    assert [problem.code for problem in caught.value.problems] == ["memory"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("updated_at: moved\n", "", "incremental"),
        ("updated_at: moved", "updated_at: hours", "incremental"),
        ("deleted_at: removed\n", "exists_from: due\n", "incremental"),
        ("hours: integer", "hours: {type: integer, known_from: due}", "incremental"),
        ("overlap: 1 hour", "tombstones: erp.deleted", "unknown-source"),
        ("overlap: 1 hour", "tombstones: deleted", "table"),
        ("overlap: 1 hour", "overlap: 3 business days", "duration"),
    ],
)
def test_a_table_that_cannot_be_read_by_what_changed_is_refused(old: str, new: str, code: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        project(CATALOG.replace(old, new))
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize(
    ("source", "code", "hint"),
    [
        ("{kind: databse, url: env:CRM}", "unknown-word", "did you mean `database`?"),
        ("{path: data}", "missing-key", "add `kind:`"),
        ("{kind: database, url: 'postgresql://ann:hunter2@db/crm'}", "secret", "write `env:NAME`"),
        ("{kind: files, url: env:CRM}", "unknown-key", None),
    ],
)
def test_a_source_that_is_wrong_is_refused_at_its_place(source: str, code: str, hint: str | None) -> None:
    settings = SETTINGS.replace("{kind: files, path: data}", source)
    with pytest.raises(ProblemsFound) as caught:
        project(settings=settings)
    found = next(problem for problem in caught.value.problems if problem.code == code)
    assert found.span.line == 4
    assert hint is None or hint in str(found.hint)
