"""A generated CRM as Parquet: accounts with their contacts, opportunities, tickets and usage, and ten minutes of changes.

Scale 1 is 1 million accounts of 30 columns, 3 million contacts, 3 million opportunities, 2 million tickets and 20 million
usage events over 90 days. Every value is a hash of its row, its column and the seed, so that rows do not depend on each
other, nor on how many threads make them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.crm_words import ENUMS
from sql.statements import parse_statements

NOW = datetime(2026, 11, 2, 11, 0, tzinfo=UTC)
"""The instant at which the rows stand as they are."""
LATER = NOW + timedelta(minutes=10)
"""The instant at which what changed has changed."""
USERS = 200
TABLES = {
    "accounts": "account",
    "contacts": "contact",
    "opportunities": "opportunity",
    "tickets": "ticket",
    "usage_events": "usage_event",
}
"""The tables that change, and the objects that they hold."""
_HERE = Path(__file__).parent


def accounts_at(scale: float) -> int:
    """How many accounts there are at a scale."""
    return round(1_000_000 * scale)


def write_rows(folder: Path, scale: float, seed: int) -> int:
    """Write all tables as they stand at `NOW`, one Parquet file each; returns the number of rows."""
    with _generator(scale, seed, 0.0) as connection:
        queries = {table: _all(table, object_) for table, object_ in TABLES.items()}
        return _write(connection, folder, {"users": "FROM users", **queries})


def write_changes(folder: Path, scale: float, seed: int, share: float) -> int:
    """Write the rows that came, changed or went in the ten minutes after `NOW`, at a share of the accounts."""
    with _generator(scale, seed, share) as connection:
        return _write(connection, folder, {"users": "FROM users", **{t: f"FROM changed_{t}" for t in TABLES}})


def write_whole(folder: Path, rows: Path, changes: Path) -> int:
    """Write the tables whole as they stand after the changes; what went is no longer there."""
    with duckdb.connect() as connection:
        queries = {"users": f"FROM '{rows / 'users.parquet'}'"}
        for table, object_ in TABLES.items():
            key = f"{object_.removeprefix('usage_')}_id"
            before, after = rows / f"{table}.parquet", changes / f"{table}.parquet"
            queries[table] = (
                f"SELECT * FROM '{before}' ANTI JOIN '{after}' AS c USING ({key}) "
                f"UNION ALL BY NAME SELECT * FROM '{after}' WHERE deleted_at IS NULL"
            )
        return _write(connection, folder, queries)


def _all(table: str, object_: str) -> str:
    return f"SELECT * EXCLUDE (n, parent) FROM {table}_of('{object_}_numbers')"


def _generator(scale: float, seed: int, share: float) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    values = {"seed": seed, "now": NOW, "accounts": accounts_at(scale), "users": USERS, "share": share}
    for name, value in (values | {n: list(words) for n, words in ENUMS.items()}).items():
        connection.execute(f"SET VARIABLE {name} = ?", [value])
    for file in ("crm_rows", "crm_changes"):
        for statement in parse_statements(file, (_HERE / f"{file}.sql").read_text(encoding="utf-8")):
            connection.execute(statement.sql)
    return connection


def _write(connection: duckdb.DuckDBPyConnection, folder: Path, queries: dict[str, str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for table, query in queries.items():
        made = connection.execute(f"COPY ({query}) TO '{folder / table}.parquet' (FORMAT parquet)").fetchall()
        count += made[0][0]
    return count
