"""Tables of a database as they are found there, and values in the form that their columns take.

No name and no value of ours becomes SQL by formatting: names are those of inspected tables, values are parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Engine, MetaData, Table, inspect
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import JSON

from connectors.contracts import Action
from definitions import EnvironmentFault


class Unfit(Exception):
    """One action that a table does not take: a code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def table_of(engine: Engine, metadata: MetaData, name: str) -> Table:
    """A table by its name or `schema.name`; it must be there."""
    schema, _, table = name.rpartition(".")
    try:
        return Table(table, metadata, schema=schema or None, autoload_with=engine, resolve_fks=False)
    except NoSuchTableError as error:
        raise EnvironmentFault("sink-table", f"there is no table `{name}` in the database of a sink") from error


def require_columns(table: Table, *names: str) -> None:
    """Columns that the settings of a sink name."""
    for name in names:
        if name not in table.c:
            raise EnvironmentFault("sink-table", f"table `{table.fullname}` has no column `{name}`")


def require_unique(engine: Engine, table: Table, *names: str) -> None:
    """Columns that are unique together, so that two tries at once leave one row."""
    look, wanted = inspect(engine), set(names)
    primary = look.get_pk_constraint(table.name, table.schema)["constrained_columns"]
    keys = [c["column_names"] for c in look.get_unique_constraints(table.name, table.schema)]
    keys += [index["column_names"] for index in look.get_indexes(table.name, table.schema) if index["unique"]]
    if not any(set(columns) == wanted for columns in [primary, *keys]):
        shown = ", ".join(f"`{name}`" for name in names)
        raise EnvironmentFault(
            "sink-table", f"{shown} of table `{table.fullname}` must be unique", "make it a key, or a unique index"
        )


def usual(table: Table, action: Action, kind: str) -> dict[str, Any]:
    """What a row holds of an action when no columns are named: those whose names tell what belongs there."""
    known = {**action.content, **vars(action), "kind": kind}
    return {column.name: known[column.name] for column in table.c if column.name in known}


def fitted(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values in the form that their columns take; raises `Unfit`."""
    strange = [name for name in values if name not in table.c]
    if strange:
        raise Unfit("unknown-column", f"table `{table.fullname}` has no column `{strange[0]}`")
    return {name: _fitted(table.c[name], value) for name, value in values.items()}


def _fitted(column: Column[Any], value: Any) -> Any:
    if value is None or isinstance(column.type, JSON):
        return value
    try:
        wanted = column.type.python_type
    except NotImplementedError:
        return value
    try:
        return _made(wanted, value, bool(getattr(column.type, "timezone", True)))
    except (ValueError, TypeError, InvalidOperation, OverflowError) as error:
        raise Unfit("value", f"column `{column.name}` takes no such value") from error


def _made(wanted: type[Any], value: Any, zoned: bool) -> Any:
    if wanted is datetime:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        return moment if zoned else moment.astimezone(UTC).replace(tzinfo=None)
    if wanted is date:
        return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
    if wanted is bool and not isinstance(value, bool):
        raise TypeError
    if wanted in (int, float, Decimal, UUID):
        if isinstance(value, bool) or (wanted is int and isinstance(value, float) and not value.is_integer()):
            raise TypeError
        return value if isinstance(value, wanted) else wanted(str(value) if wanted in (Decimal, UUID) else value)
    if wanted is str and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return value
