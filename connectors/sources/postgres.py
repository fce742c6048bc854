"""PostgreSQL through ADBC: the server copies in binary, and Arrow batches come out, 16 MB each.

What Arrow and the warehouse do not read alike (numerics, enumerations, padded text, intervals, addresses) comes as text,
which is exact; the snapshot reads it as the catalog's type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from sqlglot import exp

from connectors.contracts import Since
from connectors.sources.database import missing_extra, unreachable
from definitions import EnvironmentFault

_AS_IT_IS = (
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "text",
    "character varying",
    "date",
    "timestamp",
    "json",
    "uuid",
)
_BATCH = {"adbc.postgresql.batch_size_hint_bytes": str(16 * 1024 * 1024)}
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND n.nspname = COALESCE($2, current_schema())
    AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_TABLES = """
SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = COALESCE($1, current_schema()) AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition
ORDER BY c.relname
"""
_CONSTRAINTS = """
SELECT c.contype, a.attname, r.relname
FROM pg_constraint AS c
JOIN pg_class AS t ON t.oid = c.conrelid JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY (c.conkey)
LEFT JOIN pg_class AS r ON r.oid = c.confrelid
WHERE t.relname = $1 AND n.nspname = COALESCE($2, current_schema())
    AND (c.contype = 'p' OR (c.contype = 'f' AND cardinality(c.conkey) = 1))
ORDER BY a.attnum
"""
_LABELS = """
SELECT a.attname, e.enumlabel
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_enum AS e ON e.enumtypid = a.atttypid
WHERE c.relname = $1 AND n.nspname = COALESCE($2, current_schema()) AND NOT a.attisdropped
ORDER BY a.attnum, e.enumsortorder
"""


@dataclass
class Postgres:
    """One connection in one transaction that reads only."""

    url: str
    schema: str | None
    _connection: Any
    _driver: Any
    _reading: list[Any] = field(default_factory=list[Any])

    def tables(self) -> list[str]:
        """Names of tables, views and foreign tables."""
        return [row[0] for row in self.ask(_TABLES, [self.schema])]

    def columns(self, table: str) -> Mapping[str, str]:
        """Columns with their types as PostgreSQL writes them."""
        return {row[0]: row[1] for row in self.ask(_COLUMNS, [table, self.schema])}

    def rows(self, table: str, columns: Sequence[str], since: Since | None) -> Any:
        """A record batch reader; what fails while it is read says so in the reader's own error."""
        statement = select(table, self.schema, columns, self.columns(table), since)
        try:
            cursor = self._connection.cursor(adbc_stmt_kwargs=_BATCH)
            self._reading.append(cursor)  # a stream ends with its cursor
            cursor.execute(statement.sql(dialect="postgres", identify=True))
            return cursor.fetch_record_batch()
        except self._driver.Error as error:
            raise unreachable(self.url, error) from error

    def constraints(self, table: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """The columns of its primary key, and by column the tables it refers to."""
        found = self.ask(_CONSTRAINTS, [table, self.schema])
        key = tuple(column for kind, column, _ in found if _text(kind) == "p")
        return key, {column: other for kind, column, other in found if _text(kind) == "f"}

    def values(self, table: str) -> Mapping[str, tuple[str, ...]]:
        """By column, the labels of its enumeration."""
        found: dict[str, tuple[str, ...]] = {}
        for column, label in self.ask(_LABELS, [table, self.schema]):
            found[column] = (*found.get(column, ()), label)
        return found

    def sample(self, table: str, columns: Sequence[str], rows: int) -> Any:
        """Its first rows."""
        query = select(table, self.schema, columns, self.columns(table), None).limit(rows)
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query.sql(dialect="postgres", identify=True))
                return cursor.fetch_arrow_table()
        except self._driver.Error as error:
            raise unreachable(self.url, error) from error

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a small question."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, list(values) or None)
                return cursor.fetchall()
        except self._driver.Error as error:
            raise unreachable(self.url, error) from error

    def close(self) -> None:
        """End the transaction and the connection."""
        try:
            for cursor in self._reading:
                cursor.close()
            self._connection.close()
        except self._driver.Error as error:
            raise unreachable(self.url, error) from error


def connect_postgres(url: str, schema: str | None) -> Postgres:
    """Connect, and keep what is seen now for all that is read."""
    try:
        driver: Any = import_module("adbc_driver_postgresql.dbapi")
    except ImportError as error:
        raise missing_extra("postgres", "adbc-driver-postgresql") from error
    try:
        connection = driver.connect(url)
        made = Postgres(url, schema, connection, driver)
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    except driver.Error as error:
        raise unreachable(url, error) from error
    return made


def select(
    table: str, schema: str | None, columns: Sequence[str], types: Mapping[str, str], since: Since | None
) -> exp.Select:
    """The query of a read."""
    query = exp.select(*(_column(name, types[name]) for name in columns)).from_(exp.table_(table, db=schema))
    if since is None:
        return query
    column, type_ = exp.column(since.column), types[since.column]
    moment = since.moment.isoformat() if type_.endswith("with time zone") else since.clock.isoformat()
    if not type_.startswith(("timestamp", "date")):
        message = f"`{table}.{since.column}` is {type_}: rows that changed can be told by a date or timestamp alone"
        raise EnvironmentFault("no-cursor", message, "take `incremental` out of the catalog file, or name such a field")
    late = column >= exp.cast(exp.Literal.string(moment), _plain(type_), dialect="postgres")
    return query.where(exp.or_(late, column.is_(exp.null())))


def _column(name: str, type_: str) -> exp.Expr:
    if type_.removesuffix("[]").startswith(_AS_IT_IS):
        return exp.column(name)
    return exp.alias_(exp.cast(exp.column(name), "text"), name)


def _plain(type_: str) -> str:
    return "date" if type_ == "date" else "timestamptz" if type_.endswith("with time zone") else "timestamp"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
