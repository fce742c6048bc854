"""Tables as files: one file a table, all files of a pattern, or the newest of them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors import Since, open_source
from connectors.sources import files
from definitions import EnvironmentFault
from definitions.connections import FileSourceSettings


def read(
    root: Path, path: str, columns: list[str], since: Since | None = None, **settings: Any
) -> list[dict[str, Any]]:
    source = open_source(FileSourceSettings(kind="files", path=path, **settings), root)
    return [row for batch in source.read("tickets", columns, since).to_batches() for row in batch.to_pylist()]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for day, rows in (("2026-01-05", "t1,4\nt2,5\n"), ("2026-01-06", "t2,6\n")):
        path = tmp_path / "data" / "tickets" / f"{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ticket_id,hours\n" + rows)
    return tmp_path


def test_a_pattern_finds_all_files_of_a_table(root: Path) -> None:
    found = read(root, "data/{table}/*.csv", ["ticket_id", "hours"])
    assert [(r["ticket_id"], r["hours"]) for r in found] == [("t1", "4"), ("t2", "5"), ("t2", "6")]


def test_the_newest_dump_is_the_table(root: Path) -> None:
    assert read(root, "data/{table}/*.csv", ["ticket_id"], latest=True) == [{"ticket_id": "t2"}]


def test_the_newest_folder_is_the_table_with_all_its_files(root: Path) -> None:
    for day, part, key in (("01", "a", "t1"), ("02", "a", "t2"), ("02", "b", "t3")):
        path = root / "dumps" / day / f"tickets_{part}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"ticket_id\n{key}\n")
    found = read(root, "dumps/*/{table}_*.csv", ["ticket_id"], latest=True)
    assert [row["ticket_id"] for row in found] == ["t2", "t3"]


def test_one_file_is_whatever_table_is_asked_for(root: Path) -> None:
    assert read(root, "data/tickets/2026-01-06.csv", ["hours"]) == [{"hours": "6"}]


def test_compressed_files_are_read(root: Path) -> None:
    (root / "tickets.csv.gz").write_bytes(gzip.compress(b"ticket_id\nt9\n"))
    assert read(root, "{table}.csv.gz", ["ticket_id"]) == [{"ticket_id": "t9"}]


def test_files_of_different_times_may_have_different_columns(root: Path) -> None:
    lines = [{"ticket_id": "t1"}, {"ticket_id": "t2", "hours": 3}]
    for number, line in enumerate(lines):
        (root / f"tickets_{number}.jsonl").write_text(json.dumps(line) + "\n")
    found = read(root, "{table}_*.jsonl", ["ticket_id", "hours"], format="jsonl")
    assert found == [{"ticket_id": "t1", "hours": None}, {"ticket_id": "t2", "hours": 3}]


def test_a_pattern_that_finds_nothing_says_so(root: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"no file is like `.*/landed/tickets/\*.parquet`"):
        read(root, "landed/{table}/*.parquet", ["ticket_id"], format="parquet")


def test_a_column_that_no_file_has_is_named(root: Path) -> None:
    with pytest.raises(
        EnvironmentFault, match=r"the 2 files of `tickets` has no column `hour`\nhint: did you mean `hours`"
    ):
        read(root, "data/{table}/*.csv", ["hour"])


def test_a_broken_file_is_named(root: Path) -> None:
    (root / "tickets.parquet").write_bytes(b"PAR1 this is not one")
    with pytest.raises(EnvironmentFault, match=r"tickets.parquet` is not readable as parquet"):
        read(root, ".", ["ticket_id"], format="parquet")


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_only_late_rows_of_typed_files_are_read_and_those_without_a_moment(root: Path, zone: str | None) -> None:
    moments = [datetime(2026, 1, day, 9, tzinfo=UTC) for day in (1, 2, 3)] + [None]
    frame = pl.DataFrame({"ticket_id": ["t1", "t2", "t3", "t4"], "moved": moments})
    frame.with_columns(pl.col("moved").dt.replace_time_zone(zone)).write_parquet(root / "tickets.parquet")
    since = Since("moved", datetime(2026, 1, 2, 9, tzinfo=UTC))
    found = read(root, ".", ["ticket_id"], since, format="parquet")
    assert [row["ticket_id"] for row in found] == ["t2", "t3", "t4"]


def test_text_is_not_compared(root: Path) -> None:
    since = Since("hours", datetime(2026, 1, 2, 9, tzinfo=UTC))
    assert len(read(root, "data/{table}/*.csv", ["ticket_id"], since)) == 3


def test_large_files_come_in_batches(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_AT_ONCE", 0)
    monkeypatch.setattr(files, "_CHUNK", 2)
    source = open_source(FileSourceSettings(kind="files", path="data/{table}/*.csv"), root)
    rows = source.read("tickets", ["ticket_id"])
    assert not hasattr(rows, "num_rows")
    assert rows.read_all().num_rows == 3
