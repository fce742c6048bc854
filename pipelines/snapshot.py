"""Take a snapshot: read every object's source, and commit all objects together or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from connectors import Since, Source
from definitions import Project
from definitions.catalog import Catalog, CatalogObject
from definitions.tracking import tracked_fields
from pipelines.errors import ClockWentBack, ColumnChanged, SnapshotRefused
from pipelines.incoming import Incoming, Tell, tell_nobody
from pipelines.quality import see_quality
from sql import DuckDBSession
from sql.incoming import (
    INCOMING,
    cursor_query,
    found_query,
    gone_statement,
    odd_query,
    quarantine_statement,
    readable_query,
    typed_statement,
)
from sql.inputs import keep_statement
from sql.names import SNAPSHOT_OBJECTS, changes_table, history_table, record_table
from sql.snapshot import (
    ObjectColumns,
    change_statements,
    difference_statements,
    forget_statement,
    kinds_query,
    merge_statements,
    new_columns,
    still_tracked,
    table_statements,
)

Tables = Mapping[str, Mapping[str, str]]

GUARD_FROM = 20
GUARD_SHARE = 0.5
"""A snapshot that loses more than this share of at least so many records, or of a column's values, is not believed."""


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
    row_count: int = 0
    is_partial: bool = False


@dataclass(frozen=True)
class Snapshot:
    """One snapshot and its counts; `taken` is False when there was one of this instant already."""

    snapshot_id: int
    as_of: datetime
    objects: tuple[ObjectCounts, ...]
    taken: bool = True


def take_snapshot(
    session: DuckDBSession,
    project: Project,
    sources: Mapping[str, Source],
    as_of: datetime,
    *,
    accept: bool = False,
    whole: bool = False,
    tell: Tell = tell_nobody,
) -> Snapshot:
    """Read all sources as of an instant. A second snapshot of the same instant does nothing; an earlier one is refused.

    `accept` believes a source that lost most of its records; `whole` reads whole tables where changes would do.
    """
    last = session.ask("last_snapshot")
    if last and as_of <= last[0]["as_of"]:
        if as_of < last[0]["as_of"]:
            raise ClockWentBack("snapshot", as_of, last[0]["as_of"])
        return Snapshot(last[0]["snapshot_id"], as_of, _counts(session, last[0]["snapshot_id"]), taken=False)
    snapshot_id = last[0]["snapshot_id"] + 1 if last else 1
    parameters = {"as_of": as_of, "snapshot_id": snapshot_id}
    taking = _Taking(session, project.catalog, sources, session.columns(), parameters, accept, whole, tell)
    tracked = tracked_fields(project)
    try:
        with session.transaction():
            objects = project.catalog.objects.items()
            counts = [taking.take(taking.columns(spec, tracked[name])) for name, spec in objects]
            if not accept:
                see_quality(session, project.catalog, counts, as_of)
            session.append(SNAPSHOT_OBJECTS, [{"snapshot_id": snapshot_id, **asdict(found)} for found in counts])
            _keep(session, project, taking.tables, counts, parameters)
            session.execute_query("forget_quarantine", snapshot_id=snapshot_id)
    finally:
        for source in sources.values():
            source.close()
    return Snapshot(snapshot_id, as_of, tuple(sorted(counts, key=lambda found: found.object)))


def _keep(
    session: DuckDBSession,
    project: Project,
    tables: Tables,
    counts: Sequence[ObjectCounts],
    parameters: Mapping[str, Any],
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


@dataclass(frozen=True)
class _Taking:
    """What all objects of one snapshot have in common."""

    session: DuckDBSession
    catalog: Catalog
    sources: Mapping[str, Source]
    tables: Tables
    parameters: dict[str, Any]
    accept: bool
    whole: bool
    tell: Tell

    def columns(self, spec: CatalogObject, tracked: Sequence[str]) -> ObjectColumns:
        """What an object's tables must have; fields that had a history once keep it."""
        kept = still_tracked(spec, tracked, self.tables.get(history_table(spec.object), {}))
        return ObjectColumns(spec, kept, links=self.catalog.links(spec.object))

    def take(self, columns: ObjectColumns) -> ObjectCounts:
        """Read one object and write what is different."""
        session, name = self.session, columns.spec.object
        own = (record_table(name), history_table(name), changes_table(name))
        found = {table: self.tables[table] for table in own if table in self.tables}
        before = session.count(record_table(name)) if found else 0
        since = self._since(columns, before, new_columns(columns, found))
        columns = replace(columns, is_partial=since is not None)
        incoming = self._read(columns.spec.table, columns.loaded, since, name)
        for statement in table_statements(columns, found):
            session.run(statement, self.parameters)
        if not before and incoming.is_empty:
            session.run(forget_statement(columns), self.parameters)
            return ObjectCounts(name, 0, 0, 0, 0, 0, 0, 0)
        with session.reading(INCOMING, incoming.rows), incoming.faults():
            session.run(typed_statement(columns), self.parameters)
        self._see_readable(columns, before)
        self._read_gone(columns, since)
        for statement in (*difference_statements(columns, new_columns(columns, found)), forget_statement(columns)):
            session.run(statement, self.parameters)
        kinds: dict[str, int] = dict.fromkeys(("created", "updated", "deleted"), 0)
        if session.filled[f"difference_{name}"]:
            for statement in change_statements(columns):
                session.run(statement, self.parameters)
            kinds |= {row["kind"]: row["records"] for row in session.rows(kinds_query(columns))}
        for statement in merge_statements(columns, kinds["created"] > 0):
            session.run(statement, self.parameters)
        if not self.accept and before >= GUARD_FROM and kinds["deleted"] > before * GUARD_SHARE:
            raise SnapshotRefused(name, kinds["deleted"], before)
        return self._counted(columns, before, kinds)

    def _counted(self, columns: ObjectColumns, before: int, kinds: dict[str, int]) -> ObjectCounts:
        """What was found, and what did not fit put aside."""
        counts = ObjectCounts(
            object=columns.spec.object,
            record_count=before + kinds["created"] - kinds["deleted"],
            created_count=kinds["created"],
            updated_count=kinds["updated"],
            deleted_count=kinds["deleted"],
            is_partial=columns.is_partial,
            **self.session.rows(found_query(columns))[0],
        )
        if counts.null_key_count or counts.unreadable_count:
            self.session.run(quarantine_statement(columns), self.parameters)
        return counts

    def _see_readable(self, columns: ObjectColumns, before: int) -> None:
        """Refuse a column that could be read before and now mostly cannot, as when its type was changed at the source."""
        if self.accept or before < GUARD_FROM:
            return
        for row in self.session.rows(odd_query(columns)):
            field, odd = row["field"], row["odd_count"]
            spec = columns.spec.spec(field)
            if spec is None or odd < GUARD_FROM:
                continue
            counts = self.session.rows(readable_query(columns, field))[0]
            mostly_odd = odd > (odd + counts["read_count"]) * GUARD_SHARE
            if mostly_odd and counts["known_count"] > before * GUARD_SHARE:
                raise ColumnChanged(f"{columns.spec.object}.{field}", spec.type, odd, odd + counts["read_count"])

    def _since(self, columns: ObjectColumns, before: int, new: Mapping[str, list[str]]) -> Since | None:
        """From where to read what changed; None where the whole table is wanted, as for fields that are new."""
        spec = columns.spec
        if spec.incremental is None or spec.updated_at is None or not before or new or self.whole:
            return None
        found = self.session.rows(cursor_query(columns), {"as_of": self.parameters["as_of"]})
        moment = found[0]["moment"]
        return Since(spec.column(spec.updated_at), moment) if moment is not None else None

    def _read(self, place: str, columns: Sequence[str], since: Since | None, name: str) -> Incoming:
        source, table = place.split(".")
        return Incoming(self.sources[source].read(table, columns, since), place, partial(self.tell, name))

    def _read_gone(self, columns: ObjectColumns, since: Since | None) -> None:
        """Read the list of records that are gone, where there is one."""
        made = columns.spec.incremental
        if made is None or made.tombstones is None:
            return
        wanted = [columns.spec.column(columns.spec.key), *([made.tombstoned_at] if made.tombstoned_at else [])]
        moment = Since(made.tombstoned_at, since.moment) if since and made.tombstoned_at else None
        listed = self._read(made.tombstones, wanted, moment, columns.spec.object)
        with self.session.reading(INCOMING, listed.rows), listed.faults():
            self.session.run(gone_statement(columns), self.parameters)


def _counts(session: DuckDBSession, snapshot_id: int) -> tuple[ObjectCounts, ...]:
    return tuple(ObjectCounts(**row) for row in session.ask("snapshot_counts", snapshot_id=snapshot_id))
