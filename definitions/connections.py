"""Where rows come from, as project.yaml says: one model a kind, told apart by `kind`.

Secrets are never written here: `env:NAME` reads a variable, `file:path` a file.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from definitions.secrets import SecretReference
from definitions.values import Model, Name, Scalar


class FileSourceSettings(Model):
    """Tables as files."""

    kind: Literal["files"] = Field(description="files: tables as files")
    path: str = Field(
        description="a folder with one file a table, or the files themselves, with `{table}`, `*` and `**`"
    )
    format: Literal["csv", "parquet", "jsonl"] = Field(default="csv", description="csv, parquet or jsonl")
    latest: bool = Field(default=False, description="only the newest of the files found, by name, is the table")


class WarehouseSourceSettings(Model):
    """Tables that somebody has landed already, read in place."""

    kind: Literal["warehouse"] = Field(description="warehouse: tables landed already, read in place")
    path: str = Field(description="a DuckDB file, or a folder with a folder of Parquet files for each table")
    schema_: str | None = Field(
        default=None, alias="schema", description="the schema of the tables in a DuckDB file; main without it"
    )


class DatabaseSourceSettings(Model):
    """Tables of a database."""

    kind: Literal["database"] = Field(description="database: tables and views of a database")
    url: SecretReference = Field(description="its URL: `env:NAME` or `file:path`")
    schema_: str | None = Field(
        default=None, alias="schema", description="the schema of the tables; the database's own default without it"
    )


class DltSourceSettings(Model):
    """Whatever dlt can read."""

    kind: Literal["dlt"] = Field(description="dlt: resources of a dlt source")
    source: str = Field(description="a Python function that makes a dlt source or resource, as `module.name`")
    arguments: dict[Name, Scalar] = Field(
        default={}, description="what the function is called with; `env:NAME` and `file:path` are secrets"
    )


OutsideSettings: TypeAlias = FileSourceSettings | DatabaseSourceSettings | DltSourceSettings
"""Sources that have nothing to do with the engine."""
SourceSettings: TypeAlias = Annotated[OutsideSettings | WarehouseSourceSettings, Field(discriminator="kind")]
