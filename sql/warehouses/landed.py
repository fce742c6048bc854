"""Tables that somebody has landed already, in a DuckDB file or as folders of Parquet files, to be read where they lie.

A DuckDB file is opened read-only by a connection of its own, and only from the first read until it is closed: while we read,
others may read, and who writes has to wait. Nobody but DuckDB opens such a file: a plain open and close takes its lock away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import duckdb
from sqlglot import exp

from definitions import EnvironmentFault

_MOMENTS = {"TIMESTAMP WITH TIME ZONE": "timestamptz", "DATE": "date"}


class Late(Protocol):
    """Which rows are late enough: by a column, from a moment on, which a clock of the project shows as `clock`."""

    @property
    def column(self) -> str:
        """The column."""
        ...

    @property
    def moment(self) -> datetime:
        """The moment."""
        ...

    @property
    def clock(self) -> datetime:
        """The moment without its offset."""
        ...


class LandedTables:
    """One DuckDB file, or one folder with a folder or a file of Parquet for each table."""

    def __init__(self, path: Path, schema: str | None = None) -> None:
        self.path, self.schema = path, schema or "main"
        if not path.exists():
            raise EnvironmentFault(
                "no-file", f"there is no warehouse `{path}`", "see `path` of the source in project.yaml"
            )
        try:
            self._connection = duckdb.connect() if path.is_dir() else duckdb.connect(str(path), read_only=True)
            if path.is_dir():
                self._show_folder()
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def tables(self) -> list[str]:
        """Names of tables and views of the schema."""
        found = self._ask(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1", self.schema
        )
        return [row[0] for row in found]

    def columns(self, table: str) -> Mapping[str, str]:
        """Columns with their types as DuckDB writes them."""
        sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? ORDER BY column_index"
        return dict(self._ask(sql, self.schema, table))

    def rows(self, table: str, columns: Sequence[str], since: Late | None) -> Any:
        """A record batch reader."""
        query = exp.select(*(exp.column(name, quoted=True) for name in columns)).from_(self._named(table))
        if since is not None:
            query = query.where(self._late(table, since))
        try:
            # a cursor of its own: results of one connection do not stand side by side
            return self._connection.cursor().sql(query.sql(dialect="duckdb")).to_arrow_reader(50_000)
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def constraints(self, table: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """The columns of its primary key, and by column the tables it refers to."""
        sql = "SELECT constraint_type, constraint_column_names, referenced_table FROM duckdb_constraints() WHERE schema_name = ? AND table_name = ?"
        found = self._ask(sql, self.schema, table)
        key = next((tuple(names) for kind, names, _ in found if kind == "PRIMARY KEY"), ())
        return key, {names[0]: other for kind, names, other in found if kind == "FOREIGN KEY" and len(names) == 1}

    def values(self, table: str) -> Mapping[str, tuple[str, ...]]:
        """By column, the values of its enumeration."""
        enums = [name for name, type_ in self.columns(table).items() if type_.startswith("ENUM(")]
        made = {name: exp.column(name, quoted=True).sql(dialect="duckdb") for name in enums}
        named = self._named(table).sql(dialect="duckdb")
        asked = {n: self._ask(f"SELECT enum_range(ANY_VALUE({column})) FROM {named}") for n, column in made.items()}
        return {name: tuple(found[0][0]) for name, found in asked.items() if found[0][0]}

    def sample(self, table: str, columns: Sequence[str], rows: int) -> Any:
        """Its first rows."""
        query = exp.select(*(exp.column(name, quoted=True) for name in columns)).from_(self._named(table)).limit(rows)
        return self._connection.cursor().sql(query.sql(dialect="duckdb")).to_arrow_table()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _show_folder(self) -> None:
        """A view for each table: a folder of Parquet files, whose own folders may be partitions, or a single file."""
        for place in sorted(self.path.iterdir()):
            files = f"{place}/**/*.parquet" if place.is_dir() else str(place)
            if place.suffix == ".parquet" or any(place.glob("**/*.parquet")):
                named = self._named(place.stem).sql(dialect="duckdb")
                listed = exp.Literal.string(files).sql(dialect="duckdb")
                read = (
                    f"read_parquet({listed}, union_by_name = true, hive_partitioning = {str(place.is_dir()).lower()})"
                )
                self._connection.execute(f"CREATE VIEW {named} AS SELECT * FROM {read}")

    def _late(self, table: str, since: Late) -> exp.Expr:
        type_ = self.columns(table)[since.column]
        column = exp.column(since.column, quoted=True)
        if not type_.startswith(("TIMESTAMP", "DATE")):
            message = f"`{table}.{since.column}` is {type_.lower()}: rows that changed can be told by a date or timestamp alone"
            raise EnvironmentFault(
                "no-cursor", message, "take `incremental` out of the catalog file, or name such a field"
            )
        zoned = type_ == "TIMESTAMP WITH TIME ZONE"
        moment = exp.Literal.string((since.moment if zoned else since.clock).isoformat())
        from_ = exp.cast(moment, _MOMENTS.get(type_, "timestamp"), dialect="duckdb")
        return exp.or_(column >= from_, column.copy().is_(exp.null()))

    def _named(self, table: str) -> exp.Table:
        return exp.table_(table, db=self.schema, quoted=True)

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, list(values)).fetchall()
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> EnvironmentFault:
        if "lock" in str(error).lower():
            return EnvironmentFault(
                "source-unreachable", f"another process writes to `{self.path}`", "run again when it is done"
            )
        said = " ".join(str(error).split())[:300]
        return EnvironmentFault("source-unreachable", f"`{self.path}` cannot be read: {said}")
