"""Tables and views of a database: PostgreSQL by Arrow batches (ADBC), anything else that SQLAlchemy knows by rows.

The connection is made at the first read and kept until the source is closed; all reads between are one transaction, so that
a snapshot of PostgreSQL shows one instant of it. Rows come in batches: memory does not grow with the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from connectors.contracts import Since
from connectors.facts import SAMPLE, Column, Facts, kind_of
from connectors.secrets import secret
from definitions import EnvironmentFault
from definitions.problems import did_you_mean

_PASSWORD = re.compile(r"(?<=:)[^:@/]+(?=@)")


class Connection(Protocol):
    """An open database."""

    def tables(self) -> list[str]:
        """Names of tables and views of the schema."""
        ...

    def columns(self, table: str) -> Mapping[str, str]:
        """Columns of a table with their types; empty where there is no such table."""
        ...

    def rows(self, table: str, columns: Sequence[str], since: Since | None) -> Any:
        """The rows as a record batch reader. It is read to its end before the connection is closed."""
        ...

    def constraints(self, table: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """The columns of its primary key, and by column the tables it refers to."""
        ...

    def values(self, table: str) -> Mapping[str, tuple[str, ...]]:
        """By column, the values that its type allows, where they are listed."""
        ...

    def sample(self, table: str, columns: Sequence[str], rows: int) -> Any:
        """Some of its rows, as an Arrow table."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass
class DatabaseSource:
    """A database, by what connects to it."""

    connect: Callable[[], Connection]
    schema: str | None = None
    _open: Connection | None = field(default=None, init=False, repr=False)

    def read(self, table: str, columns: Sequence[str], since: Since | None = None) -> Any:
        """The rows of a table or view, in batches."""
        connection = self.connection()
        known = connection.columns(table)
        if not known:
            hint = did_you_mean(table, connection.tables())
            raise EnvironmentFault("no-table", f"there is no table `{self._named(table)}`", hint)
        for column in (*columns, *([since.column] if since else [])):
            if column not in known:
                message = f"`{self._named(table)}` has no column `{column}`"
                raise EnvironmentFault("unknown-column", message, did_you_mean(column, known))
        return connection.rows(table, columns, since)

    def close(self) -> None:
        """End the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def facts(self) -> tuple[Facts, ...]:
        """Every table and view of the schema."""
        connection = self.connection()
        return tuple(_facts(connection, table) for table in connection.tables())

    def connection(self) -> Connection:
        """The connection, made when it is first asked for."""
        if self._open is None:
            self._open = self.connect()
        return self._open

    def _named(self, table: str) -> str:
        return f"{self.schema}.{table}" if self.schema else table


def database(reference: str, schema: str | None = None, root: Path = Path()) -> DatabaseSource:
    """The database whose URL is a secret."""
    return DatabaseSource(lambda: _connect(secret(reference, root), schema), schema)


def _connect(url: str, schema: str | None) -> Connection:
    if re.match(r"postgres(ql)?://", url):
        from connectors.sources.postgres import connect_postgres

        return connect_postgres(url, schema)
    from connectors.sources.alchemy import connect_any

    return connect_any(url, schema)


def _facts(connection: Connection, table: str) -> Facts:
    columns, values = connection.columns(table), connection.values(table)
    key, references = connection.constraints(table)
    rows = connection.sample(table, list(columns), SAMPLE).to_pylist()
    return Facts(
        table,
        tuple(Column(name, kind_of(type_), values.get(name, ())) for name, type_ in columns.items()),
        key[0] if len(key) == 1 else None,
        references,
        tuple(rows),
    )


def missing_extra(extra: str, needed: str) -> EnvironmentFault:
    """What to say where an optional package is not installed."""
    hint = f"pip install 'drumbeat-crm[{extra}]'"
    return EnvironmentFault("missing-extra", f"`{needed}` is not installed, and this source needs it", hint)


def unreachable(url: str, error: Exception) -> EnvironmentFault:
    """What to say where a database does not answer, without its password."""
    said = str(error).strip().splitlines() or [type(error).__name__]
    said = [_without_password(line, url) for line in said[:3]]
    return EnvironmentFault("source-unreachable", f"the database does not answer: {' '.join(said)}")


def _without_password(text: str, url: str) -> str:
    for found in _PASSWORD.findall(url):
        text = text.replace(found, "***")
    return text
