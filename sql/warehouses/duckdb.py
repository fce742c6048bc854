"""A DuckDB session: opens one file, runs statements, hands rows over as Arrow or plain rows.

The session's timezone is the project's, so that calendar steps and local dates are the engine's own arithmetic. Results
are always drained: an unread result keeps its transaction open.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Generator, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow

from sql.errors import StatementFailed, WarehouseBusy
from sql.migrations import ALIKE, migrations
from sql.statements import Statement, query

Row = dict[str, Any]
_CHANGES_TABLES = re.compile(r"CREATE (?!OR REPLACE TEMP )|ALTER |DROP ")
_FOUND_BY_NAME = "incoming"
"""The name under which DuckDB finds Arrow data in a local variable: a view for it costs more than reading a few rows."""


def _table(rows: list[Row]) -> Any:
    arrow: Any = pyarrow  # has no type stubs
    return arrow.Table.from_pylist(rows)


@lru_cache(maxsize=2048)
def _read(sql: str) -> tuple[Any, bool]:
    """A statement as parsed, and whether it changes tables.

    Reading the text is a quarter of the time that a statement over few rows takes.
    """
    statements = duckdb.extract_statements(sql)
    return statements[0] if len(statements) == 1 else sql, _CHANGES_TABLES.match(sql) is not None


class DuckDBSession:
    """One connection to one warehouse. Use it as a context manager; `path` None is a warehouse in memory."""

    dialect = "duckdb"

    def __init__(
        self,
        path: Path | None = None,
        *,
        timezone: str = "UTC",
        read_only: bool = False,
        threads: int | None = None,
        memory: str | None = None,
    ) -> None:
        self.path = path
        self.filled: dict[str, bool] = {}
        """The temporary tables that statements made: may they have rows."""
        self._columns: dict[str, dict[str, str]] | None = None
        self._inside = False
        self._spoiled = False
        self._incoming: Any = None
        try:
            self._connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only)
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise WarehouseBusy(
                    "warehouse-busy", f"another process holds `{path}`", "wait for it, or stop it"
                ) from error
            raise WarehouseBusy("warehouse-unreadable", f"`{path}` cannot be opened: {error}") from error
        if threads is not None:  # a few rows are judged faster by one
            self._connection.execute("SET threads = ?", [threads])
        if path is not None and not read_only:
            # an evaluation's commits would rewrite all that they touched each time, and on a full disk that ends the connection
            self._connection.execute("SET wal_autocheckpoint = '1GB'")
        if memory is not None:  # what does not fit goes to disk beside the warehouse
            self._connection.execute("SET memory_limit = ?", [memory])
        self.set_timezone(timezone)

    def __enter__(self) -> DuckDBSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def set_timezone(self, timezone: str) -> None:
        """Make a timezone the session's: what local dates and calendar steps mean."""
        self._connection.execute("SET TimeZone = ?", [timezone])
        self._timezone = timezone

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None, name: str = "sql") -> int:
        """Run one statement for its effect; how many rows it wrote."""
        found = self._run(sql, parameters, name).fetchall()
        return found[0][0] if found and isinstance(found[0][0], int) else 0

    def run(self, statement: Statement, parameters: Mapping[str, Any]) -> None:
        """Run one statement of a plan with those of the parameters that it takes."""
        wanted = {key: parameters[key] for key in statement.parameters}
        rows = self.execute(statement.sql, wanted, statement.name)
        if statement.makes is not None:
            self.filled[statement.makes] = False
        if statement.fills is not None and rows:
            self.filled[statement.fills] = True

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of a query as dictionaries, in the query's order."""
        result = self._run(sql, parameters, "query")
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def tuples(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query as tuples, in the query's order: where there are very many."""
        return self._run(sql, parameters, "query").fetchall()

    def has_rows(self, table: str) -> bool:
        """Is there at least one row in a table."""
        return table in self.with_rows([table])

    def with_rows(self, tables: Iterable[str]) -> set[str]:
        """Those of some tables that have at least one row, asked together."""
        named = list(tables)
        asked = [f"(SELECT {place} FROM {table} LIMIT 1)" for place, table in enumerate(named)]
        found = self._run(" UNION ALL ".join(asked), None, "with rows").fetchall() if asked else []
        return {named[place] for (place,) in found}

    def count(self, table: str) -> int:
        """The number of rows of a table."""
        return self.rows(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"]

    def ask(self, name: str, **parameters: Any) -> list[Row]:
        """The rows of one of the named queries under `sql/queries/`."""
        return self.rows(query(name).sql, parameters)

    def execute_query(self, name: str, **parameters: Any) -> None:
        """Run one of the named queries under `sql/queries/` for its effect."""
        self.execute(query(name).sql, parameters, name)

    def columns(self) -> dict[str, dict[str, str]]:
        """The columns and types of every table, by `schema.table`, in order."""
        if self._columns is None:
            self._columns = {}
            for row in self.ask("columns"):
                table = self._columns.setdefault(f"{row['schema_name']}.{row['table_name']}", {})
                table[row["column_name"]] = row["data_type"]
        return self._columns

    @contextlib.contextmanager
    def reading(self, name: str, data: Any) -> Generator[None]:
        """Inside, Arrow data (a table or a record batch reader) is there to be read under a name."""
        if name == _FOUND_BY_NAME:
            before, self._incoming = self._incoming, data
            try:
                yield
            finally:
                self._incoming = before
            return
        self._connection.register(name, data)
        try:
            yield
        finally:
            with contextlib.suppress(duckdb.TransactionException):  # a transaction that failed takes the name with it
                self._connection.unregister(name)

    def load_rows(self, table: str, rows: list[Row]) -> None:
        """Make a temporary table of rows, given as dictionaries."""
        with self.reading("incoming", _table(rows)):
            made = f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT * FROM incoming"
            self.filled[table] = self.execute(made, name=f"load {table}") > 0

    def append(self, table: str, rows: list[Row]) -> None:
        """Append rows, given as dictionaries with the table's columns; lists and dictionaries become JSON."""
        if not rows:
            return
        encoded = [
            {k: json.dumps(v) if isinstance(v, dict | list | tuple) else v for k, v in row.items()} for row in rows
        ]
        self.extend(table, _table(encoded))

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """All rows of a query as an Arrow table, to hand to another session."""
        try:
            return self._connection.sql(sql, params=dict(parameters or {})).to_arrow_table()
        except duckdb.Error as error:
            raise StatementFailed("query", str(error)) from error

    def types(self, sql: str, parameters: Mapping[str, Any] | None = None) -> dict[str, str]:
        """The types of a query's columns, by name; the query is not run."""
        found = self._run(f"SELECT * FROM ({sql}) LIMIT 0", parameters, "types")
        return {column[0]: str(column[1]) for column in found.description or ()}

    def extend(self, table: str, data: Any) -> None:
        """Append Arrow data with the table's columns."""
        with self.reading("incoming", data):
            self.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming", name=f"append to {table}")
        if table in self.filled:
            self.filled[table] = True

    def attach(self, path: Path, name: str, *, read_only: bool = True) -> None:
        """Make another warehouse known under a name, as `name.schema.table`."""
        literal = str(path).replace("'", "''")
        self.execute(f"ATTACH '{literal}' AS {name}{' (READ_ONLY)' if read_only else ''}", name=f"attach {name}")

    def copy_from(self, path: Path) -> None:
        """Fill this warehouse, which is in memory and empty, with all that another one holds."""
        self.attach(path, "other")
        self.execute("COPY FROM DATABASE other TO memory", name="copy a warehouse")
        self.execute("DETACH other")
        self._columns = None

    def copy_to(self, path: Path) -> None:
        """Write all that this warehouse, which is in memory, holds to a new file."""
        self.attach(path, "other", read_only=False)
        self.execute("COPY FROM DATABASE memory TO other", name="copy a warehouse")
        self.execute("DETACH other")

    @property
    def inside(self) -> bool:
        """Is a transaction or a rehearsal going on."""
        return self._inside

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Everything inside is committed together, or nothing is. Inside another one, or a rehearsal, it joins that."""
        if self._inside:
            with self._joined():
                yield
            return
        with self._outermost():
            yield
            if self._spoiled:
                raise StatementFailed("transaction", "a part of it failed: nothing is committed")
            self.execute("COMMIT")

    @contextlib.contextmanager
    def rehearsal(self) -> Generator[None]:
        """Everything inside happens as it would, and is undone at the end: nothing of it remains.

        Temporary tables are undone too; the timezone, which no engine undoes, is set back.
        """
        if self._inside:
            raise StatementFailed("rehearsal", "a rehearsal inside a transaction would undo what is not its own")
        timezone = self._timezone
        try:
            before = dict(self.filled)
            with self._outermost():
                yield
                self._undo(before)
        finally:
            self.set_timezone(timezone)

    @contextlib.contextmanager
    def _outermost(self) -> Generator[None]:
        self.execute("BEGIN TRANSACTION")
        self._inside, self._spoiled, before = True, False, dict(self.filled)
        try:
            yield
        except BaseException:
            with contextlib.suppress(StatementFailed):
                self._undo(before)
            raise
        finally:
            self._inside = False

    def _undo(self, filled: dict[str, bool]) -> None:
        """Roll back; temporary tables are again what they were."""
        self.filled, self._columns = filled, None
        self.execute("ROLLBACK")

    @contextlib.contextmanager
    def _joined(self) -> Generator[None]:
        try:
            yield
        except BaseException:
            self._spoiled = True  # whoever catches this must not commit half of it
            raise

    def migrate(self, *, documented: bool = True) -> list[str]:
        """Bring the tables up to date; returns the names of the migrations that ran.

        The words that document tables and columns are half of the time; nobody reads them where tests are played.
        """
        self.execute("CREATE SCHEMA IF NOT EXISTS journal")
        self.execute(
            "CREATE TABLE IF NOT EXISTS journal.migrations (number INTEGER PRIMARY KEY, name VARCHAR NOT NULL)"
        )
        done = {row["number"] for row in self.rows("SELECT number FROM journal.migrations")}
        ran: list[str] = []
        for migration in (m for m in migrations() if m.number not in done):
            with self.transaction():
                for sql in (*migration.statements, *(migration.comments if documented else ())):
                    self.execute(sql, name=f"migration {migration.number}")
                self.append("journal.migrations", [{"number": migration.number, "name": migration.name}])
            ran.append(migration.name)
        if ran and documented:
            self._document_alike()
        if ran and self.path is not None:
            self.execute(
                "CHECKPOINT"
            )  # schema changes replayed from the log are DuckDB's weak spot (issues 19712, 22044)
        return ran

    def _document_alike(self) -> None:
        asked = "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name || '.' || table_name = $table"
        for name, other in ALIKE.items():
            for row in self.rows(asked, {"table": other}):
                words = row["comment"].replace("'", "''")
                self.execute(f"COMMENT ON COLUMN {name}.{row['column_name']} IS '{words}'")

    def _run(self, sql: str, parameters: Mapping[str, Any] | None, name: str) -> duckdb.DuckDBPyConnection:
        incoming = self._incoming
        try:
            read, changes_tables = _read(sql)
            if changes_tables:
                self._columns = None
            return self._connection.execute(read, dict(parameters)) if parameters else self._connection.execute(read)
        except duckdb.Error as error:
            raise StatementFailed(name, str(error)) from error
        finally:
            del incoming  # until here a statement could read it by this name
