"""Take a snapshot: read every object's source, and commit all objects together or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from connectors import Source
from definitions import Project
from definitions.tracking import tracked_fields
from pipelines.errors import ClockWentBack, SnapshotRefused
from sql import DuckDBSession
from sql.inputs import keep_statement
from sql.names import SNAPSHOT_OBJECTS, changes_table, history_table, record_table
from sql.snapshot import (
    INCOMING,
    ObjectColumns,
    change_statements,
    difference_statements,
    forget_statement,
    found_query,
    kinds_query,
    new_columns,
    still_tracked,
    table_statements,
    typed_statement,
)

Tables = Mapping[str, Mapping[str, str]]

GUARD_FROM = 20
GUARD_SHARE = 0.5
"""A snapshot that loses more than this share of at least so many records is not believed."""


@dataclass(frozen=True)
class ObjectCounts:
    """What a snapshot found of one object."""

    object: str
    record_count: int
    created_count: int
    updated_count: int
    deleted_count: int
    null_key_count: int
    duplicate_count: int
    unreadable_count: int


@dataclass(frozen=True)
class Snapshot:
    """One snapshot and its counts; `taken` is False when there was one of this instant already."""

    snapshot_id: int
    as_of: datetime
    objects: tuple[ObjectCounts, ...]
    taken: bool = True


def take_snapshot(
    session: DuckDBSession, project: Project, sources: Mapping[str, Source], as_of: datetime, *, accept: bool = False
) -> Snapshot:
    """Read all sources as of an instant. A second snapshot of the same instant does nothing; an earlier one is refused."""
    last = session.ask("last_snapshot")
    if last and as_of <= last[0]["as_of"]:
        if as_of < last[0]["as_of"]:
            raise ClockWentBack("snapshot", as_of, last[0]["as_of"])
        return Snapshot(last[0]["snapshot_id"], as_of, _counts(session, last[0]["snapshot_id"]), taken=False)
    snapshot_id = last[0]["snapshot_id"] + 1 if last else 1
    tracked = tracked_fields(project)
    tables = session.columns()
    counts: list[ObjectCounts] = []
    with session.transaction():
        for name, spec in project.catalog.objects.items():
            columns = ObjectColumns(spec, still_tracked(spec, tracked[name], tables.get(history_table(name), {})))
            source, table = spec.table.split(".")
            rows = sources[source].read(table, columns.declared)
            counts.append(_take_object(session, columns, tables, rows, {"as_of": as_of}, accept))
        session.append(SNAPSHOT_OBJECTS, [{"snapshot_id": snapshot_id, **asdict(found)} for found in counts])
        _keep(session, project, tables, counts, {"as_of": as_of, "snapshot_id": snapshot_id})
    return Snapshot(snapshot_id, as_of, tuple(sorted(counts, key=lambda found: found.object)))


def _keep(
    session: DuckDBSession,
    project: Project,
    tables: Tables,
    counts: Sequence[ObjectCounts],
    parameters: dict[str, object],
) -> None:
    """Keep what came, changed or went, and note the snapshot with its hash: one statement, and one more if anything did."""
    changed: list[tuple[ObjectColumns, bool]] = []
    for c in counts:
        columns = ObjectColumns(project.catalog[c.object], ())
        is_filled = record_table(c.object) in new_columns(columns, tables)
        if is_filled or c.created_count or c.updated_count or c.deleted_count:
            changed.append((columns, is_filled))
    merges = any(spec.merged_into for spec in project.catalog.objects.values())
    if changed or merges or any(c.null_key_count or c.duplicate_count or c.unreadable_count for c in counts):
        session.run(keep_statement(changed, merges), parameters)
    session.execute_query("note_snapshot", **parameters)


def _take_object(
    session: DuckDBSession, columns: ObjectColumns, tables: Tables, rows: Any, parameters: dict[str, Any], accept: bool
) -> ObjectCounts:
    name = columns.spec.object
    own = (record_table(name), history_table(name), changes_table(name))
    found = {table: tables[table] for table in own if table in tables}
    before = session.count(record_table(name)) if found else 0
    for statement in table_statements(columns, found):
        session.run(statement, parameters)
    if not before and not rows.num_rows:
        session.run(forget_statement(columns), parameters)
        return ObjectCounts(name, 0, 0, 0, 0, 0, 0, 0)
    with session.reading(INCOMING, rows):
        session.run(typed_statement(columns), parameters)
    for statement in (*difference_statements(columns, new_columns(columns, found)), forget_statement(columns)):
        session.run(statement, parameters)
    kinds = dict.fromkeys(("created", "updated", "deleted"), 0)
    if session.filled[f"difference_{name}"]:
        for statement in change_statements(columns):
            session.run(statement, parameters)
        kinds |= {row["kind"]: row["records"] for row in session.rows(kinds_query(columns))}
    if not accept and before >= GUARD_FROM and kinds["deleted"] > before * GUARD_SHARE:
        raise SnapshotRefused(name, kinds["deleted"], before)
    return ObjectCounts(
        object=name,
        record_count=before + kinds["created"] - kinds["deleted"],
        created_count=kinds["created"],
        updated_count=kinds["updated"],
        deleted_count=kinds["deleted"],
        **session.rows(found_query(columns))[0],
    )


def _counts(session: DuckDBSession, snapshot_id: int) -> tuple[ObjectCounts, ...]:
    return tuple(ObjectCounts(**row) for row in session.ask("snapshot_counts", snapshot_id=snapshot_id))
