"""Tables that are landed already are read where they lie: a DuckDB file, or folders of Parquet files."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.projects import START

from connectors import Since
from definitions import EnvironmentFault, ProblemsFound, load_project
from definitions.connections import WarehouseSourceSettings
from pipelines.pulling import catalog_files
from pipelines.snapshot import take_snapshot
from pipelines.sources import source_of
from sql import DuckDBSession

PROJECT = """
name: mine
sources: {crm: {kind: warehouse, path: %s, schema: %s}}
"""
TICKET = "object: ticket\ntable: crm.tickets\nkey: id\nfields: {hours: integer, day: date}\n"


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "landed.duckdb")) as made:
        made.execute("CREATE SCHEMA crm")
        made.execute("CREATE TABLE crm.accounts (id VARCHAR PRIMARY KEY, size ENUM ('small', 'large'))")
        made.execute("INSERT INTO crm.accounts VALUES ('a1', 'small')")
        made.execute(
            "CREATE TABLE crm.tickets (id INTEGER PRIMARY KEY, account_id VARCHAR REFERENCES crm.accounts (id), hours INTEGER, "
            "day DATE, moved TIMESTAMP, seen TIMESTAMPTZ, note VARCHAR)"
        )
        made.execute(
            "INSERT INTO crm.tickets SELECT n, 'a1', n, DATE '2026-01-01' + n, TIMESTAMP '2026-01-01' + to_days(n), "
            "TIMESTAMPTZ '2026-01-01 00:00+00' + to_days(n), 'x' FROM (SELECT CAST(range AS INTEGER) AS n FROM range(3))"
        )
    return tmp_path / "landed.duckdb"


def source(path: Path, schema: str | None = "crm") -> Any:
    return source_of(WarehouseSourceSettings(kind="warehouse", path=str(path), schema=schema), Path())


def ids(path: Path, since: Since | None = None) -> list[int]:
    made = source(path)
    found = made.read("tickets", ["id"], since).read_all().to_pylist()
    made.close()
    return [row["id"] for row in found]


def test_a_snapshot_reads_a_duckdb_file_in_place(landed: Path) -> None:
    project = load_project({"project.yaml": PROJECT % (landed, "crm"), "catalog/ticket.yaml": TICKET})
    with DuckDBSession() as session:
        session.migrate()
        counts = take_snapshot(session, project, {"crm": source(landed)}, START).objects[0]
        assert (counts.record_count, counts.unreadable_count) == (3, 0)
        assert str(session.rows("SELECT max(day) AS day FROM crm.ticket")[0]["day"]) == "2026-01-03"


@pytest.mark.parametrize("column", ["day", "moved", "seen"])
def test_only_late_rows_are_read(landed: Path, column: str) -> None:
    assert ids(landed, Since(column, datetime(2026, 1, 2, tzinfo=UTC))) == [1, 2]


def test_text_cannot_tell_what_changed(landed: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"`tickets.note` is varchar"):
        ids(landed, Since("note", datetime(2026, 1, 2, tzinfo=UTC)))


def test_who_writes_is_named_and_who_reads_does_not_matter(landed: Path) -> None:
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'reads'); print('holds', flush=True); input()"
    for doing in ("reads", "writes"):
        line = [sys.executable, "-c", hold, str(landed), doing]
        with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None and other.stdout.readline() == "holds\n"
            if doing == "reads":
                assert ids(landed) == [0, 1, 2]
            else:
                with pytest.raises(EnvironmentFault, match="another process writes to"):
                    ids(landed)
            other.communicate("\n")


def test_the_file_is_let_go_of(landed: Path) -> None:
    assert ids(landed) == [0, 1, 2]
    with duckdb.connect(str(landed)) as writer:
        writer.execute("DELETE FROM crm.tickets WHERE id = 1")
    assert ids(landed) == [0, 2]


def test_a_folder_holds_a_table_in_each_of_its_folders(tmp_path: Path) -> None:
    (tmp_path / "tickets").mkdir()
    duckdb.sql("SELECT 1 AS id, 2 AS hours, DATE '2026-01-05' AS day").write_parquet(
        str(tmp_path / "tickets"), partition_by=["day"], overwrite=True
    )
    duckdb.sql("SELECT 'a1' AS id").write_parquet(str(tmp_path / "accounts.parquet"))
    (tmp_path / "notes.txt").write_text("not a table")
    made = source(tmp_path, None)
    assert [facts.table for facts in made.facts()] == ["accounts", "tickets"]
    found = made.read("tickets", ["id", "hours", "day"]).read_all().to_pylist()
    assert [(row["id"], row["hours"], str(row["day"])) for row in found] == [(1, 2, "2026-01-05")]
    with pytest.raises(EnvironmentFault, match=r"no table `ticket`\nhint: did you mean `tickets`"):
        made.read("ticket", ["id"])
    made.close()


def test_its_constraints_are_believed(landed: Path) -> None:
    made = source(landed)
    files, _ = catalog_files("crm", made.facts())
    made.close()
    assert "  account: {object: account, key: account_id}\n" in files["catalog/ticket.yaml"]
    assert "  size: {type: text, values: [small, large]}\n" in files["catalog/account.yaml"]


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "landed.duckdb").write_text("this is no database")
    with pytest.raises(EnvironmentFault, match=r"landed.duckdb` cannot be read"):
        source(tmp_path / "landed.duckdb").read("tickets", ["id"])
    with pytest.raises(EnvironmentFault, match="there is no warehouse"):
        source(tmp_path / "other.duckdb").read("tickets", ["id"])


def test_our_own_warehouse_is_no_source() -> None:
    with pytest.raises(ProblemsFound) as caught:
        load_project({"project.yaml": PROJECT % ("./warehouse.duckdb", "main")})
    assert [problem.code for problem in caught.value.problems] == ["same-file"]
