"""Actions as rows of a database, and as changes of the CRM's own tables.

A batch is one transaction and each action a savepoint in it: what one row breaks, the others do not feel. A row is found
again by the action's id and a change sets what it sets, so doing either twice is doing it once. With a ledger, a table of
ids written in the same transaction, a repeated change does not undo what people did since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, delete, insert, literal, select, update
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError, StatementError

from connectors.contracts import Action, Batch, Outcome, Receipt, Traits
from connectors.sinks.picking import fields_of, picked
from connectors.sinks.tables import Unfit, fitted, require_columns, require_unique, table_of, usual
from definitions.sinks import DatabaseSinkSettings, RowTable


class _Failed(Exception):
    """The whole batch was undone: why, and whether the sink closes."""

    def __init__(self, code: str, message: str, closed: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.closed = closed


class DatabaseSink:
    """One database and the tables that its settings name."""

    def __init__(self, engine: Engine, settings: DatabaseSinkSettings) -> None:
        self.engine = engine
        self.settings = settings
        self._metadata = MetaData()
        self._tables: dict[str, Table] | None = None

    @property
    def traits(self) -> Traits:
        """Doing something twice is doing it once."""
        asked = self.settings.ledger is not None
        return Traits(dedupes="naturally", can_be_asked=asked, batch_size=self.settings.batch_size)

    def write(self, batch: Batch) -> Receipt:
        """Write a batch in one transaction."""
        sent = hashlib.sha256(json.dumps([asdict(action) for action in batch.actions], default=str).encode())
        closed: str | None = None
        try:
            self._inspected()
            outcomes = self._transaction(batch)
        except _Failed as error:
            outcomes = tuple(Outcome(a.action_id, "later", error.code, error.message) for a in batch.actions)
            closed = error.message if error.closed else None
        except DBAPIError as error:  # outside of rows and commit: nothing was done
            outcomes = tuple(Outcome(a.action_id, "later", "no-connection", _what(error)) for a in batch.actions)
        return Receipt(self._location(), sent.hexdigest(), outcomes, closed)

    def ask(self, action: Action) -> Outcome | None:
        """Does the ledger hold the action."""
        if self.settings.ledger is None:
            return None
        try:
            ledger = self._inspected()[self.settings.ledger]
            with self.engine.connect() as connection:
                found = _exists(connection, ledger, {"action_id": action.action_id})
        except DBAPIError as error:
            return Outcome(action.action_id, "unknown", "no-reply", _what(error))
        return Outcome(action.action_id, "accepted") if found else None

    def close(self) -> None:
        """Let go of connections."""
        self.engine.dispose()

    def _transaction(self, batch: Batch) -> tuple[Outcome, ...]:
        with self.engine.connect() as connection:
            transaction = connection.begin()
            outcomes = tuple(self._row(connection, batch.kind, action) for action in batch.actions)
            try:
                transaction.commit()
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise _Failed("not-committed", _what(error)) from error
                lost = _what(error)
                return tuple(
                    Outcome(o.action_id, "unknown", "no-reply", lost) if o.result == "accepted" else o for o in outcomes
                )
        return outcomes

    def _row(self, connection: Connection, kind: str, action: Action) -> Outcome:
        try:
            with connection.begin_nested():
                if self._noted(connection, action):
                    self._do(connection, kind, action)
        except Unfit as error:
            return Outcome(action.action_id, "rejected", error.code, error.message)
        except (OperationalError, InterfaceError) as error:
            raise _Failed("no-connection", _what(error)) from error
        except ProgrammingError as error:
            raise _Failed("not-allowed", f"the database refuses the statement: {_what(error)}", closed=True) from error
        except (StatementError, ValueError) as error:
            return Outcome(action.action_id, "rejected", "value", _what(error))
        return Outcome(action.action_id, "accepted")

    def _noted(self, connection: Connection, action: Action) -> bool:
        """Note the action in the ledger; False where it is there already."""
        if self.settings.ledger is None:
            return True
        ledger, row = self._inspected()[self.settings.ledger], {"action_id": action.action_id}
        if _exists(connection, ledger, row):
            return False
        connection.execute(insert(ledger).values(row))
        return True

    def _do(self, connection: Connection, kind: str, action: Action) -> None:
        to, content = self.settings, action.content
        if kind in ("update", "assign") and action.object in to.updates:
            return self._change(connection, action, fields_of(action))
        if kind in ("tag", "untag") and action.object in to.tags:
            return self._tag(connection, action, kind)
        if kind == "create" and content.get("object") in to.creates:
            place = to.creates[content["object"]]
            return self._add(connection, place, action, fields_of(action))
        if kind not in to.tables:
            raise Unfit("no-table", f"no table takes `{kind}` of `{action.object}`")
        place = to.tables[kind]
        table = self._inspected()[place.table]
        named = {column: picked(action, kind, path) for column, path in place.columns.items()}
        return self._add(connection, place, action, named or usual(table, action, kind))

    def _add(self, connection: Connection, place: RowTable, action: Action, values: Mapping[str, Any]) -> None:
        """A row that is not there yet: what people made of it since stays."""
        table = self._inspected()[place.table]
        row = fitted(table, {**values, place.key: action.action_id})
        if not _exists(connection, table, {place.key: action.action_id}):
            connection.execute(insert(table).values(row))

    def _change(self, connection: Connection, action: Action, fields: Mapping[str, Any]) -> None:
        place = self.settings.updates[action.object]
        table = self._inspected()[place.table]
        if place.key in fields or not fields:
            raise Unfit("value", f"`{place.key}` is the key and stays" if fields else "there is nothing to write")
        who = fitted(table, {place.key: action.record})[place.key]
        made = connection.execute(update(table).where(table.c[place.key] == who).values(fitted(table, fields)))
        if made.rowcount != 1:
            code = "no-record" if made.rowcount == 0 else "not-one-record"
            raise Unfit(code, f"table `{table.fullname}` has {made.rowcount} rows for the record")

    def _tag(self, connection: Connection, action: Action, kind: str) -> None:
        place = self.settings.tags[action.object]
        table = self._inspected()[place.table]
        for tag in action.content.get("tags") or ():
            row = fitted(table, {place.key: action.record, place.tag: tag})
            if kind == "untag":
                connection.execute(delete(table).where(*(table.c[name] == value for name, value in row.items())))
            elif not _exists(connection, table, row):
                connection.execute(insert(table).values(row))

    def _inspected(self) -> dict[str, Table]:
        """The tables that the settings name, each looked at once: they are there, and what must be unique is."""
        if self._tables is None:
            self._tables = self._inspect()
        return self._tables

    def _inspect(self) -> dict[str, Table]:
        to, found = self.settings, dict[str, Table]()
        rows = (*to.tables.values(), *to.creates.values())
        names = {place.table for place in (*rows, *to.updates.values(), *to.tags.values())}
        for name in sorted({*names, *((to.ledger,) if to.ledger else ())}):
            found[name] = table_of(self.engine, self._metadata, name)
        for place in rows:
            require_columns(found[place.table], place.key, *place.columns)
            require_unique(self.engine, found[place.table], place.key)
        for place in to.updates.values():
            require_columns(found[place.table], place.key)
        for place in to.tags.values():
            require_columns(found[place.table], place.key, place.tag)
            require_unique(self.engine, found[place.table], place.key, place.tag)
        if to.ledger:
            require_columns(found[to.ledger], "action_id")
            require_unique(self.engine, found[to.ledger], "action_id")
        return found

    def _location(self) -> str:
        url = self.engine.url
        return f"{url.get_backend_name()}:{url.host or ''}/{url.database or ''}"


def _exists(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    found = select(literal(1)).select_from(table).where(*(table.c[name] == value for name, value in row.items()))
    return connection.execute(found).first() is not None


def _what(error: Exception) -> str:
    """What a database said, without the values that it likes to repeat."""
    origin = getattr(error, "orig", None)
    details = getattr(origin, "diag", None)
    parts = [getattr(details, name, None) for name in ("sqlstate", "table_name", "column_name", "constraint_name")]
    return " ".join([type(origin or error).__name__, *(part for part in parts if part)])
