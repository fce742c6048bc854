"""Tables of databases: PostgreSQL in Arrow batches, any other by rows."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from connectors import Since, Source, open_source
from connectors.sources.database import DatabaseSource, database
from definitions import EnvironmentFault
from definitions.connections import DatabaseSourceSettings

NEW_YORK = timezone(timedelta(hours=-5))


@pytest.fixture
def source() -> Any:
    made = database("env:CRM")
    yield made
    made.close()


def rows(source: Source, table: str, *columns: str, since: Since | None = None) -> list[dict[str, Any]]:
    return source.read(table, columns, since).read_all().to_pylist()


def test_rows_come_in_batches_with_the_types_that_the_warehouse_reads(postgres: Any, source: DatabaseSource) -> None:
    postgres("CREATE TYPE mood AS ENUM ('calm', 'cross')")
    postgres(
        "CREATE TABLE tickets (id int, price numeric(12,2), mood mood, code char(4), opened_on date, seen timestamptz, tags text[])"
    )
    postgres("INSERT INTO tickets VALUES (1, 12.50, 'cross', 'ab', '2026-01-05', '2026-01-05 10:00+02', '{a,b}')")
    found = rows(source, "tickets", "id", "price", "mood", "code", "opened_on", "seen", "tags")[0]
    assert (found["id"], found["price"], found["mood"], found["code"]) == (1, "12.50", "cross", "ab")
    assert found["seen"] == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert (str(found["opened_on"]), found["tags"]) == ("2026-01-05", ["a", "b"])


def test_views_and_names_that_need_quotes_are_read(postgres: Any, source: DatabaseSource) -> None:
    postgres('CREATE TABLE "Deal" (id int, "order" text)')
    postgres("INSERT INTO \"Deal\" VALUES (1, 'x')")
    postgres('CREATE MATERIALIZED VIEW deals AS SELECT * FROM "Deal"')
    assert rows(source, "Deal", "order") == [{"order": "x"}]
    assert rows(source, "deals", "id", "order") == [{"id": 1, "order": "x"}]


def test_a_schema_may_be_named(postgres: Any) -> None:
    postgres("DROP SCHEMA IF EXISTS sales CASCADE")
    postgres("CREATE SCHEMA sales CREATE TABLE deals (id int)")
    source = open_source(DatabaseSourceSettings(kind="database", url="env:CRM", schema="sales"), Path())
    assert rows(source, "deals", "id") == []
    with pytest.raises(EnvironmentFault, match=r"no table `sales.deal`\nhint: did you mean `deals`"):
        source.read("deal", ["id"])
    with pytest.raises(EnvironmentFault, match="no column `ID`"):
        source.read("deals", ["ID"])
    source.close()


@pytest.mark.parametrize(
    ("type_", "since", "expected"),
    [
        ("timestamptz", datetime(2026, 1, 5, 4, tzinfo=NEW_YORK), ["9", "10", "none"]),  # 9 o'clock in UTC
        ("timestamp", datetime(2026, 1, 5, 9, tzinfo=NEW_YORK), ["9", "10", "none"]),  # 9 by the project's clock
        ("date", datetime(2026, 1, 5, 23, tzinfo=UTC), ["8", "9", "10", "none"]),
    ],
)
def test_only_late_rows_are_read(
    postgres: Any, source: DatabaseSource, type_: str, since: datetime, expected: list[str]
) -> None:
    postgres(f"CREATE TABLE tickets (id text, moved {type_})")
    for hour in ("8", "9", "10"):
        postgres(f"INSERT INTO tickets VALUES ('{hour}', '2026-01-05 {hour}:00+00')")
    postgres("INSERT INTO tickets VALUES ('none', NULL), ('old', '2025-12-31')")
    assert [r["id"] for r in rows(source, "tickets", "id", since=Since("moved", since))] == expected


def test_text_cannot_tell_what_changed(postgres: Any, source: DatabaseSource) -> None:
    postgres("CREATE TABLE tickets (id text, moved text)")
    with pytest.raises(EnvironmentFault, match=r"`tickets.moved` is text"):
        source.read("tickets", ["id"], Since("moved", datetime(2026, 1, 5, tzinfo=UTC)))


def test_all_reads_until_the_source_is_closed_show_one_instant(postgres: Any, source: DatabaseSource) -> None:
    postgres("CREATE TABLE accounts (id int)")
    postgres("CREATE TABLE tickets (id int)")
    assert rows(source, "accounts", "id") == []
    postgres("INSERT INTO tickets VALUES (1)")
    assert rows(source, "tickets", "id") == []
    source.close()
    assert rows(source, "tickets", "id") == [{"id": 1}]


def test_nothing_can_be_written_through_a_source(postgres: Any, source: DatabaseSource) -> None:
    postgres("CREATE TABLE tickets (id int)")
    postgres("CREATE FUNCTION spoil() RETURNS int LANGUAGE sql AS 'INSERT INTO tickets VALUES (1) RETURNING id'")
    postgres("CREATE VIEW evil AS SELECT spoil() AS id")
    with pytest.raises(Exception, match="read-only transaction"):
        rows(source, "evil", "id")


def test_a_database_that_does_not_answer_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM", "postgresql://ann:hunter2@127.0.0.1:1/crm")
    with pytest.raises(EnvironmentFault, match="the database does not answer") as caught:
        database("env:CRM").read("tickets", ["id"])
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CRM", raising=False)
    with pytest.raises(EnvironmentFault, match="the variable `CRM` is not set"):
        database("env:CRM").read("tickets", ["id"])
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        database(f"file:{tmp_path / 'url'}").read("tickets", ["id"])


# ---- any other database


@pytest.fixture
def lite(tmp_path: Path) -> DatabaseSource:
    with sqlite3.connect(tmp_path / "crm.sqlite") as made:
        made.execute("CREATE TABLE tickets (id INTEGER, price NUMERIC, open BOOLEAN, moved DATETIME, note TEXT)")
        made.executemany(
            "INSERT INTO tickets VALUES (?, ?, ?, ?, ?)",
            [(n, n * 1.5, n % 2, f"2026-01-0{n} 09:00:00", None) for n in (1, 2, 3)],
        )
    made.close()
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path / 'crm.sqlite'}\n")
    return database(f"file:{tmp_path / 'url'}")


def test_another_database_is_read_by_rows_as_text(lite: DatabaseSource) -> None:
    assert rows(lite, "tickets", "id", "price", "note")[0] == {"id": "1", "price": "1.5", "note": None}
    with pytest.raises(EnvironmentFault, match=r"no table `ticket`\nhint: did you mean `tickets`"):
        lite.read("ticket", ["id"])
    lite.close()


def test_the_file_of_a_secret_counts_from_the_projects_folder(lite: DatabaseSource, tmp_path: Path) -> None:
    made = open_source(DatabaseSourceSettings(kind="database", url="file:url"), tmp_path)
    assert len(rows(made, "tickets", "id")) == 3
    made.close()


def test_only_late_rows_of_another_database_are_read(lite: DatabaseSource) -> None:
    since = Since("moved", datetime(2026, 1, 2, 9, tzinfo=NEW_YORK))
    assert [row["id"] for row in rows(lite, "tickets", "id", since=since)] == ["2", "3"]
    assert len(rows(lite, "tickets", "id", since=Since("note", since.moment))) == 3  # text is not compared
    lite.close()


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM", "oracle+oracledb://x")
    with pytest.raises(EnvironmentFault, match=r"pip install 'drumbeat-crm\[database\]'"):
        database("env:CRM").read("tickets", ["id"])
