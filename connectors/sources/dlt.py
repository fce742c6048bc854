"""Whatever dlt can read: a Python function that makes a dlt source or resource, named by its path.

dlt is used as a reader alone: its resources are walked as they come, paging, waiting and retrying as they were told to, and nothing
is staged or kept. Names follow dlt: `accountId` is `account_id`, and what lies inside another value is `parent__child`.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pyarrow

from connectors.contracts import Since
from connectors.facts import SAMPLE, Column, Facts, Kind
from connectors.secrets import secret
from connectors.sources.database import missing_extra
from definitions import EnvironmentFault
from definitions.problems import did_you_mean

_CHUNK = 10_000
_SECRET = re.compile(r"(env|file):.+")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class DltSource:
    """The function's path, what it is called with, and the project's folder, where its module may lie."""

    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    root: Path = Path()

    def read(self, table: str, columns: Sequence[str], since: Since | None = None) -> Any:
        """The rows of a resource, in batches of text; a function with a parameter `since` is told from when on."""
        resources = self._resources(since)
        if table not in resources:
            message = f"`{self.path}` has no resource `{table}`"
            raise EnvironmentFault("no-table", message, did_you_mean(table, resources))
        arrow: Any = pyarrow  # has no type stubs
        schema = arrow.schema([(name, arrow.string()) for name in columns])
        return arrow.RecordBatchReader.from_batches(schema, _batches(_rows(resources[table]), schema))

    def facts(self) -> tuple[Facts, ...]:
        """Every resource, from its first rows."""
        resources = self._resources(None)
        return tuple(_facts(name, islice(_rows(resources[name]), SAMPLE)) for name in sorted(resources))

    def close(self) -> None:
        """There is nothing to let go of."""

    def _resources(self, since: Since | None) -> Mapping[str, Any]:
        """Resources by name. They are made anew for each read: one that was walked is used up."""
        make = self._function()
        arguments = {name: self._resolved(value) for name, value in self.arguments.items()}
        if since is not None and "since" in inspect.signature(make).parameters:
            arguments["since"] = since.moment.astimezone(UTC).isoformat()
        made = make(**arguments)
        return made.resources if hasattr(made, "resources") else {made.name: made}

    def _resolved(self, value: Any) -> Any:
        return secret(value, self.root) if isinstance(value, str) and _SECRET.fullmatch(value) else value

    def _function(self) -> Any:
        _load()
        module, _, name = self.path.rpartition(".")
        sys.path.insert(0, str(self.root.resolve()))
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            hint = "write `module.function`; the module may lie in the project's folder"
            raise EnvironmentFault("no-function", f"`{self.path}` cannot be imported: {error}", hint) from error
        finally:
            sys.path.remove(str(self.root.resolve()))


def _load() -> None:
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")  # reading tables is no reason to tell anybody
    try:
        import_module("dlt")
    except ImportError as error:
        raise missing_extra("dlt", "dlt") from error


def _rows(resource: Any) -> Iterator[Row]:
    """Rows, flat and with names as dlt gives them; a resource may yield them in tables."""
    for item in resource:
        rows: list[Row] = item.to_pylist() if hasattr(item, "to_pylist") else [item]
        for row in rows:
            yield dict(_flat(row, ""))


def _flat(row: Row, before: str) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(cast("Row", value), f"{before}{_normal(name)}__")
        else:
            yield before + _normal(name), value


@lru_cache(maxsize=4096)
def _normal(name: str) -> str:
    """A name as dlt writes it."""
    return _naming().normalize_identifier(name)


@lru_cache(maxsize=1)
def _naming() -> Any:
    return import_module("dlt.common.normalizers.naming.snake_case").NamingConvention()


def _batches(rows: Iterator[Row], schema: Any) -> Iterator[Any]:
    arrow: Any = pyarrow  # has no type stubs
    while part := list(islice(rows, _CHUNK)):
        columns = [arrow.array([_text(row.get(name)) for row in part], arrow.string()) for name in schema.names]
        yield arrow.record_batch(columns, schema)


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value
        case datetime() | date():
            return value.isoformat()
        case bool() | list() | tuple():
            return json.dumps(value, default=str)
        case _:
            return str(value)


def _facts(name: str, rows: Iterator[Row]) -> Facts:
    seen = list(rows)
    names = dict.fromkeys(column for row in seen for column in row)
    columns = tuple(Column(column, _kind([row.get(column) for row in seen])) for column in names)
    return Facts(name, columns, sample=tuple({k: _text(v) for k, v in row.items()} for row in seen))


def _kind(values: Sequence[Any]) -> Kind | None:
    """The kind of a column by the types of its values; text may hold anything."""
    kinds: dict[Any, Kind] = {
        bool: "boolean",
        int: "integer",
        float: "number",
        datetime: "timestamp",
        date: "date",
        list: "list",
    }
    found: set[Any] = {type(value) for value in values if value is not None}
    if found == {int, float}:
        return "number"
    return kinds.get(next(iter(found))) if len(found) == 1 else None
