"""What a snapshot keeps so that it can be made again: the records it found new, changed or gone, as it typed them.

What is kept grows with what changes, not with what there is. Reading it back gives the very rows that were merged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from definitions import Project
from definitions.catalog import CatalogObject, FieldSpec
from sql.names import MERGES, RECORDS, SNAPSHOT_OBJECTS, changes_table, quoted, record_table
from sql.snapshot import COLUMN_TYPES, STAGE, ObjectColumns
from sql.statements import Statement

KEPT = "kept"
"""The source that kept rows are read from."""
ARRIVING = "arriving_records"
"""The view of what one snapshot kept, while it is made again."""


def keep_statement(changed: Iterable[tuple[ObjectColumns, bool]], merges: bool) -> Statement:
    """Keep what a snapshot found, for objects with something to keep; with True for those that have new columns.

    `merges` says whether records can be merged at all.
    """
    parts = [_changed(columns, is_filled) for columns, is_filled in changed]
    if merges:
        survivor = "to_json({'survivor': survivor})"
        parts.append(f"SELECT object, loser, 'merged', {survivor} FROM {MERGES} WHERE seen_at = $as_of")
    counts = ("null_key_count", "duplicate_count", "unreadable_count")
    left_out = ", ".join(f"'{c}': {c}" for c in counts)
    parts.append(
        f"SELECT object, '', 'left_out', to_json({{{left_out}}}) FROM {SNAPSHOT_OBJECTS} "
        f"WHERE snapshot_id = $snapshot_id AND {' + '.join(counts)} > 0"
    )
    rows = "\n    UNION ALL\n    ".join(parts)
    sql = (
        f"INSERT INTO {RECORDS}\n"
        "SELECT $snapshot_id, object, record, kind, fields, seal_of_record($snapshot_id, object, record, kind, fields)\n"
        f"FROM (\n    {rows}\n) AS k (object, record, kind, fields)"
    )
    return Statement(
        STAGE, "keep", "What came, changed or went is kept as it was read, so that all can be made again.", sql
    )


def _changed(columns: ObjectColumns, is_filled: bool) -> str:
    """Changed records with their fields; all records where columns are new, for these have values now."""
    name, key = columns.spec.object, columns.key
    fields = ", ".join(f"'{_bare(n)}': {_as_json(f'r.{n}', f)}" for n, f in columns.fields.items())
    join = "FULL JOIN" if is_filled else "LEFT JOIN"
    record = f"CAST(COALESCE(c.{key}, r.{key}) AS VARCHAR)"
    return (
        f"SELECT '{name}', {record}, COALESCE(c.kind, 'filled'), CASE WHEN r.{key} IS NOT NULL THEN to_json({{{fields}}}) END "
        f"FROM {changes_table(name)} AS c {join} {record_table(name)} AS r ON r.{key} = c.{key}"
    )


def _bare(name: str) -> str:
    return name.strip('"')


def _as_json(value: str, spec: FieldSpec) -> str:
    # an instant as text depends on the session's timezone
    return f"CAST({value} AT TIME ZONE 'UTC' AS VARCHAR) || '+00'" if spec.type == "timestamp" else value


def kept_project(project: Project) -> Project:
    """The same project over kept rows: who is there and what is known was decided when they were kept."""
    objects = {name: _kept(spec) for name, spec in project.catalog.objects.items()}
    return replace(project, catalog=replace(project.catalog, objects=objects))


def _kept(spec: CatalogObject) -> CatalogObject:
    fields = {
        n: f.model_copy(update={"known_from": None, "before": None, "column": None}) for n, f in spec.fields.items()
    }
    given = {"table": f"{KEPT}.{spec.object}", "fields": fields}
    return spec.model_copy(
        update=given | dict.fromkeys(("exists_from", "deleted_at", "merged_into", "updated_at", "incremental"))
    )


def kept_rows(spec: CatalogObject, found: Mapping[str, str] | None) -> str:
    """A query: all records of an object as a snapshot read them, from those before it and what it kept.

    `found` are the columns of the record table now; None before the first snapshot. A column that is not there yet, or
    was of another type, is new: all records were kept then.
    """
    columns = ObjectColumns(spec, ())
    types = {n: COLUMN_TYPES[f.type] for n, f in columns.fields.items()}
    form = json.dumps({_bare(n): ["VARCHAR"] if t == "VARCHAR[]" else t for n, t in types.items()})
    literal = form.replace("'", "''")
    arrived = ", ".join(f"f.{n}" for n in types)
    new = (
        f"SELECT {arrived} FROM (SELECT from_json(fields, '{literal}') AS f FROM {ARRIVING} "
        f"WHERE object = '{spec.object}' AND kind IN ('created', 'updated', 'filled'))"
    )
    if found is None:
        return new
    have = {quoted(n): t.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for n, t in found.items()}
    before = ", ".join(f"r.{n}" if have.get(n) == t else f"CAST(NULL AS {t}) AS {n}" for n, t in types.items())
    return (
        f"SELECT {before} FROM {record_table(spec.object)} AS r\n"
        f"ANTI JOIN (SELECT record FROM {ARRIVING} WHERE object = '{spec.object}' AND kind NOT IN ('merged', 'left_out')) AS a\n"
        f"    ON a.record = CAST(r.{columns.key} AS VARCHAR)\nUNION ALL\n{new}"
    )
