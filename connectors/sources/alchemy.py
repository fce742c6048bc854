"""Any database that SQLAlchemy can reach, row by row: slower than Arrow, and bounded all the same.

All values come as text, as the snapshot reads them itself: databases differ in what they call a type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

import pyarrow

from connectors.contracts import Since
from connectors.sources.database import missing_extra, unreachable

_CHUNK = 10_000


@dataclass
class AnyDatabase:
    """One connection."""

    url: str
    schema: str | None
    alchemy: Any
    _engine: Any
    _connection: Any

    def tables(self) -> list[str]:
        """Names of tables and views."""
        seen = self.inspector()
        return sorted({*seen.get_table_names(self.schema), *seen.get_view_names(self.schema)})

    def columns(self, table: str) -> Mapping[str, str]:
        """Columns with their types as the database writes them."""
        if table not in self.tables():
            return {}
        return {found["name"]: str(found["type"]).lower() for found in self.inspector().get_columns(table, self.schema)}

    def rows(self, table: str, columns: Sequence[str], since: Since | None) -> Any:
        """A record batch reader of text."""
        query = self._select(table, columns)
        return self._read(query if since is None else self._late(query, table, since), columns)

    def constraints(self, table: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """The columns of its primary key, and by column the tables it refers to."""
        seen = self.inspector()
        key = tuple(seen.get_pk_constraint(table, self.schema).get("constrained_columns") or ())
        foreign = [f for f in seen.get_foreign_keys(table, self.schema) if len(f["constrained_columns"]) == 1]
        return key, {f["constrained_columns"][0]: f["referred_table"] for f in foreign}

    def values(self, table: str) -> Mapping[str, tuple[str, ...]]:
        """By column, the values of its enumeration."""
        found = self.inspector().get_columns(table, self.schema)
        return {c["name"]: tuple(getattr(c["type"], "enums", None) or ()) for c in found}

    def sample(self, table: str, columns: Sequence[str], rows: int) -> Any:
        """Its first rows."""
        return self._read(self._select(table, columns).limit(rows), columns).read_all()

    def _select(self, table: str, columns: Sequence[str]) -> Any:
        made = self.alchemy.table(table, *map(self.alchemy.column, columns), schema=self.schema)
        return self.alchemy.select(*(made.c[name] for name in columns))

    def _read(self, query: Any, columns: Sequence[str]) -> Any:
        try:
            found = self._connection.execution_options(stream_results=True, yield_per=_CHUNK).execute(query)
        except self.alchemy.exc.SQLAlchemyError as error:
            raise unreachable(self.url, error) from error
        arrow: Any = pyarrow  # has no type stubs
        schema = arrow.schema([(name, arrow.string()) for name in columns])
        return arrow.RecordBatchReader.from_batches(schema, _batches(found, schema))

    def _late(self, query: Any, table: str, since: Since) -> Any:
        """Only late rows; a column that is no date or moment is not compared."""
        found = {c["name"]: c["type"] for c in self.inspector().get_columns(table, self.schema)}[since.column]
        column = self.alchemy.column(since.column, found)
        if isinstance(found, self.alchemy.DateTime):
            moment = since.moment if found.timezone else since.clock
            # SQLite keeps text, and `09:00:00` comes before `09:00:00.000000`
            return query.where((column >= moment - timedelta(seconds=1)) | column.is_(None))
        if isinstance(found, self.alchemy.Date):
            return query.where((column >= since.clock.date()) | column.is_(None))
        return query

    def inspector(self) -> Any:
        """Asks about tables."""
        return self.alchemy.inspect(self._connection)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
        self._engine.dispose()


def connect_any(url: str, schema: str | None) -> AnyDatabase:
    """Connect to whatever a URL of SQLAlchemy names."""
    try:
        alchemy: Any = import_module("sqlalchemy")
    except ImportError as error:
        raise missing_extra("database", "sqlalchemy") from error
    try:
        engine = alchemy.create_engine(url)
        return AnyDatabase(url, schema, alchemy, engine, engine.connect())
    except ImportError as error:
        raise missing_extra("database", str(error.name)) from error
    except alchemy.exc.SQLAlchemyError as error:
        raise unreachable(url, error) from error


def _batches(found: Any, schema: Any) -> Iterator[Any]:
    arrow: Any = pyarrow  # has no type stubs
    for rows in found.partitions(_CHUNK):
        columns = zip(*rows, strict=True)
        yield arrow.record_batch([arrow.array(map(_text, column), schema.field(0).type) for column in columns], schema)


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)
