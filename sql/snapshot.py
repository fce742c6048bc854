"""What a snapshot runs for one object once its rows are read (see `sql.incoming`): compare, merge, keep history.

A record that a whole table does not have is gone. Of a part of a table nothing is gone by absence: only what came flagged as
deleted, or is listed as gone, and never on the word of something older than what is known. For replays a row is not
there before its `exists_from`, and a value is not known before its `known_from`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from textwrap import indent

from definitions.catalog import CatalogObject, FieldSpec, FieldType
from sql.names import MERGES, TRACKED_FIELDS, changes_table, history_table, link_before, quoted, record_table
from sql.statements import Statement

COLUMN_TYPES: dict[FieldType, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "list": "VARCHAR[]",
}
STAGE = "01_snapshot"


@dataclass(frozen=True)
class ObjectColumns:
    """The columns that an object's tables must have: all of its records' and the tracked ones of its history."""

    spec: CatalogObject
    tracked: tuple[str, ...]
    is_partial: bool = False
    """Only a part of the table is read: what changed."""
    links: tuple[str, ...] = ()
    """Fields that lead to other objects or are led to: what they were before a change is kept until the next one."""

    @property
    def key(self) -> str:
        """The key's column as SQL."""
        return quoted(self.spec.key)

    @property
    def declared(self) -> tuple[str, ...]:
        """Names of the columns to load, the key first."""
        return (self.spec.key, *(n for n in self.spec.fields if n != self.spec.key))

    @property
    def loaded(self) -> tuple[str, ...]:
        """Names of these columns in the source's table."""
        return tuple(dict.fromkeys(map(self.spec.column, self.declared)))

    @property
    def fields(self) -> dict[str, FieldSpec]:
        """Declared fields by their column as SQL, the key first."""
        return {quoted(n): self.spec.spec(n) or FieldSpec(type="text") for n in self.declared}

    @property
    def history(self) -> dict[str, FieldSpec]:
        """The key and the tracked fields."""
        return {n: f for n, f in self.fields.items() if n == self.key or n.strip('"') in self.tracked}


def still_tracked(spec: CatalogObject, wanted: Collection[str], found: Mapping[str, str]) -> tuple[str, ...]:
    """The fields with history: those that are asked for, and those that were once, since older versions may ask still."""
    kept = [name for name in spec.fields if name in found and name != spec.key]
    return tuple(dict.fromkeys([*wanted, *kept]))


def table_statements(columns: ObjectColumns, found: Mapping[str, Mapping[str, str]]) -> list[Statement]:
    """Create or alter an object's tables. `found` gives the columns each of them has now, by table."""
    name, key = columns.spec.object, columns.key
    records = {n: COLUMN_TYPES[f.type] for n, f in columns.fields.items()} | {
        "_first_seen": "TIMESTAMPTZ",
        "_last_changed": "TIMESTAMPTZ",
    }
    spells = {n: COLUMN_TYPES[f.type] for n, f in columns.history.items()} | {
        "valid_from": "TIMESTAMPTZ",
        "valid_to": "TIMESTAMPTZ",
    }
    changes = {key: records[key], "kind": "VARCHAR"}
    changes |= {link_before(n): records[quoted(n)] for n in columns.links}
    wanted = {record_table(name): records, history_table(name): spells, changes_table(name): changes}
    made = [sql for table, types in wanted.items() for sql in _bring_to(table, types, found.get(table))]
    return [
        Statement("00_tables", f"table_{name}_{i}", f"The tables of {name}.", sql)
        for i, sql in enumerate(made, start=1)
    ]


def _bring_to(table: str, wanted: dict[str, str], found: Mapping[str, str] | None) -> list[str]:
    if found is None:
        columns = ", ".join(f"{n} {t}" for n, t in wanted.items())
        return [f"CREATE TABLE {table} ({columns})"]
    types = _have(found)
    gone = [n for n, t in types.items() if wanted.get(n) != t]
    new = [n for n, t in wanted.items() if types.get(n) != t]
    return [f"ALTER TABLE {table} DROP COLUMN {n}" for n in gone] + [
        f"ALTER TABLE {table} ADD COLUMN {n} {wanted[n]}" for n in new
    ]


def _have(found: Mapping[str, str]) -> dict[str, str]:
    """The columns a table has, as we write names and types."""
    return {quoted(n): t.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for n, t in found.items()}


def new_columns(columns: ObjectColumns, found: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Columns that tables of the object are about to get, by table; their first values change nothing."""
    wanted = {record_table(columns.spec.object): columns.fields, history_table(columns.spec.object): columns.history}
    made: dict[str, list[str]] = {}
    for table, fields in wanted.items():
        have = _have(found.get(table, {}))
        missing = [n for n, f in fields.items() if have and have.get(n) != COLUMN_TYPES[f.type]]
        if missing:
            made[table] = missing
    return made


def difference_statements(columns: ObjectColumns, new: Mapping[str, list[str]]) -> list[Statement]:
    """What is different from what was known, in order; columns that are new begin with what is there now."""
    name = columns.spec.object
    fill = [
        Statement(
            STAGE,
            f"fill_{table.replace('.', '_')}",
            "Columns that are new begin with what is there now.",
            _fill(columns, table, fields),
        )
        for table, fields in new.items()
    ]
    if tracked := new.get(history_table(name)):
        sentence = "From now on the values of these fields are known."
        fill.append(Statement(STAGE, f"tracked_{name}", sentence, _tracked(name, tracked)))
    sentence = f"Which {name} records came, changed or went, one row for each, with the values they have now."
    return [*fill, Statement(STAGE, f"difference_{name}", sentence, _difference(columns))]


def forget_statement(columns: ObjectColumns) -> Statement:
    """Empties the table of changes."""
    name = columns.spec.object
    sql = f"DELETE FROM {changes_table(name)}"
    return Statement(STAGE, f"forget_changes_{name}", "Changes are those of the latest snapshot.", sql)


def change_statements(columns: ObjectColumns) -> list[Statement]:
    """What is done about the difference, in order; nothing where there is none."""
    name, key = columns.spec.object, columns.key
    old = {link_before(n): f"c.{quoted(n)}" for n in columns.links}
    known = f" AS d\nLEFT JOIN {record_table(name)} AS c ON c.{key} = d.{key}" if old else " AS d"
    changes = (
        f"INSERT INTO {changes_table(name)} ({', '.join((key, 'kind', *old))})\n"
        f"SELECT {', '.join((f'd.{key}', 'd._kind', *old.values()))}\nFROM difference_{name}{known}"
    )
    return [
        Statement(STAGE, f"changes_{name}", f"The {name} records that this snapshot touched.", changes),
        Statement(STAGE, f"merge_{name}", f"The {name} records as they are now.", _merge(columns)),
        Statement(
            STAGE,
            f"close_history_{name}",
            "Spells end where a tracked value changed or the record went.",
            _close_history(columns),
        ),
        Statement(
            STAGE,
            f"open_history_{name}",
            "Spells begin for who came, and where one just ended.",
            _open_history(columns),
        ),
    ]


def merge_statements(columns: ObjectColumns, any_created: bool) -> list[Statement]:
    """Which records went into which, as their rows say now; of a record that is there it is forgotten."""
    spec, loser = columns.spec, f"CAST({columns.key} AS VARCHAR)"
    made: list[Statement] = []
    if any_created:
        back = f"SELECT {loser} FROM difference_{spec.object} WHERE _kind = 'created'"
        sql = f"DELETE FROM {MERGES} WHERE object = '{spec.object}' AND loser IN ({back})"
        sentence = f"{spec.object} records that came back are merged no more."
        made.append(Statement(STAGE, f"forget_merges_{spec.object}", sentence, sql))
    if spec.merged_into is not None:
        sentence = f"Which {spec.object} records were merged into others."
        made.append(Statement(STAGE, f"merges_{spec.object}", sentence, _merges(columns, loser)))
    return made


def _merges(columns: ObjectColumns, loser: str) -> str:
    name, key = columns.spec.object, columns.key
    survivor = f"CAST({quoted(str(columns.spec.merged_into))} AS VARCHAR)"
    return (
        f"MERGE INTO {MERGES} AS m\nUSING (\n    SELECT {loser} AS loser, {survivor} AS survivor\n"
        f"    FROM typed_{name} AS t\n    WHERE NOT EXISTS (SELECT 1 FROM {record_table(name)} AS c WHERE c.{key} = t.{key})\n"
        f"    QUALIFY ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {_newest_first(columns)}) = 1\n) AS s\n"
        f"ON m.object = '{name}' AND m.loser = s.loser\n"
        f"WHEN MATCHED AND s.survivor NOT IN (s.loser, m.survivor) THEN UPDATE SET survivor = s.survivor, seen_at = $as_of\n"
        f"WHEN NOT MATCHED AND s.survivor <> s.loser THEN INSERT VALUES ('{name}', s.loser, s.survivor, $as_of)"
    )


def kinds_query(columns: ObjectColumns) -> str:
    """How many records came, changed and went, by kind."""
    return f"SELECT _kind AS kind, COUNT(*) AS records FROM difference_{columns.spec.object} GROUP BY _kind"


def _moment(field: str, columns: ObjectColumns) -> str:
    """A condition: the moment in a field has come."""
    spec = columns.spec.spec(field) or FieldSpec(type="timestamp")
    return f"t.{quoted(field)} <= {'CAST($as_of AS DATE)' if spec.type == 'date' else '$as_of'}"


def _known(name: str, spec: FieldSpec, columns: ObjectColumns) -> str:
    if spec.known_from is None:
        return name
    before = (
        "NULL"
        if spec.before is None
        else f"CAST('{str(spec.before).replace(chr(39), chr(39) * 2)}' AS {COLUMN_TYPES[spec.type]})"
    )
    return f"CASE WHEN {_moment(spec.known_from, columns)} THEN {name} ELSE {before} END AS {name}"


def _staged(columns: ObjectColumns) -> str:
    """One row for each record that is there at this instant."""
    spec, fields = columns.spec, columns.fields
    known = ",\n    ".join(_known(n, f, columns) for n, f in fields.items())
    there = [f"{columns.key} IS NOT NULL"]
    there += [f"NOT {_listed(columns)}"] if spec.incremental and spec.incremental.tombstones else []
    # a row that says that its record is gone, or not there yet, counts like any other: where it is the newest, it is so
    told = [*_alive(columns), *([_moment(spec.exists_from, columns)] if spec.exists_from else [])]
    return (
        f"SELECT\n    {known}\nFROM typed_{spec.object} AS t\nWHERE {' AND '.join(there)}\n"
        # the same row delivered twice is one row; of different rows with one key the newest counts, then a stable choice
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {columns.key} ORDER BY {_newest_first(columns)}) = 1"
        + "".join(f" AND {one}" for one in told)
    )


def _newest_first(columns: ObjectColumns) -> str:
    """The order of different rows with one key: the newest, then one that is there, then a stable choice."""
    spec = columns.spec
    moved = f"t.{quoted(spec.updated_at)} DESC NULLS LAST, " if spec.updated_at else ""
    there = "".join(f"({a}) DESC, " for a in _alive(columns))
    return f"{moved}{there}md5(concat_ws('|', {', '.join(columns.fields)}))"


def _alive(columns: ObjectColumns) -> list[str]:
    """Conditions: the row does not say that its record is gone."""
    return [_unflagged(flag, columns) for flag in (columns.spec.deleted_at, columns.spec.merged_into) if flag]


def _unflagged(flag: str, columns: ObjectColumns) -> str:
    spec = columns.spec.spec(flag)
    return f"t.{quoted(flag)} IS {'NOT TRUE' if spec and spec.type == 'boolean' else 'NULL'}"


def _listed(columns: ObjectColumns) -> str:
    """A condition on `t`: the list of those gone has it, and not from before it last moved."""
    name, moved = columns.spec.object, quoted(str(columns.spec.updated_at))
    return (
        f"EXISTS (SELECT 1 FROM gone_{name} AS g WHERE g._key = t.{columns.key} AND (g._at >= t.{moved}) IS NOT FALSE)"
    )


def _differs(columns: ObjectColumns, left: str, right: str, fields: Mapping[str, FieldSpec] | None = None) -> str:
    names = [n for n in (fields or columns.fields) if n != columns.key]
    return " OR ".join(f"{left}.{n} IS DISTINCT FROM {right}.{n}" for n in names) or "FALSE"


def _difference(columns: ObjectColumns) -> str:
    name, key = columns.spec.object, columns.key
    values = "".join(f", s.{n}" for n in columns.fields if n != key)
    known = "known" if columns.is_partial else record_table(name)
    current = "NOT COALESCE(c._is_newer, FALSE)\n    AND " if columns.is_partial else ""
    return (
        f"CREATE OR REPLACE TEMP TABLE difference_{name} AS\nWITH staged AS (\n{indent(_staged(columns), '    ')}\n)"
        f"{_touched(columns)}\n"
        f"SELECT\n    COALESCE(s.{key}, c.{key}) AS {key}{values},\n"
        f"    CASE WHEN c.{key} IS NULL THEN 'created' WHEN s.{key} IS NULL THEN 'deleted' ELSE 'updated' END AS _kind\n"
        f"FROM staged AS s\nFULL JOIN {known} AS c ON c.{key} = s.{key}\n"
        f"WHERE {current}(c.{key} IS NULL OR s.{key} IS NULL OR {_differs(columns, 's', 'c')})"
    )


def _touched(columns: ObjectColumns) -> str:
    """Of a part of a table: the known records that it speaks of, and whether they are newer than what it says."""
    if not columns.is_partial:
        return ""
    spec, key, moved = columns.spec, columns.key, quoted(str(columns.spec.updated_at))
    assert spec.incremental is not None
    listed = f" UNION ALL SELECT _key, _at FROM gone_{spec.object}" if spec.incremental.tombstones else ""
    return (
        f",\ntouched AS (\n    SELECT _key, MAX(_at) AS _at\n"
        f"    FROM (SELECT {key} AS _key, CAST({moved} AS TIMESTAMPTZ) AS _at FROM typed_{spec.object}{listed})\n"
        f"    GROUP BY _key\n),\nknown AS (\n    SELECT c.*, n._at < CAST(c.{moved} AS TIMESTAMPTZ) AS _is_newer\n"
        f"    FROM {record_table(spec.object)} AS c JOIN touched AS n ON n._key = c.{key}\n)"
    )


def _merge(columns: ObjectColumns) -> str:
    name, key = columns.spec.object, columns.key
    names = list(columns.fields)
    sets = ", ".join([*(f"{n} = d.{n}" for n in names if n != key), "_last_changed = $as_of"])
    values = ", ".join([*(f"d.{n}" for n in names), "$as_of", "$as_of"])
    return (
        f"MERGE INTO {record_table(name)} AS c\nUSING difference_{name} AS d ON c.{key} = d.{key}\n"
        f"WHEN MATCHED AND d._kind = 'deleted' THEN DELETE\n"
        f"WHEN MATCHED THEN UPDATE SET {sets}\n"
        f"WHEN NOT MATCHED THEN INSERT ({', '.join([*names, '_first_seen', '_last_changed'])}) VALUES ({values})"
    )


def _fill(columns: ObjectColumns, table: str, fields: list[str]) -> str:
    key = columns.key
    sets = ", ".join(f"{n} = s.{n}" for n in fields)
    return f"UPDATE {table} AS c SET {sets} FROM (\n{indent(_staged(columns), '    ')}\n) AS s WHERE c.{key} = s.{key}"


def _tracked(name: str, fields: list[str]) -> str:
    rows = ", ".join("('" + field.strip('"') + "')" for field in fields)
    return (
        f"MERGE INTO {TRACKED_FIELDS} AS t\nUSING (SELECT field FROM (VALUES {rows}) AS v (field)) AS n\n"
        f"ON t.object = '{name}' AND t.field = n.field\n"
        f"WHEN MATCHED THEN UPDATE SET since = $as_of\nWHEN NOT MATCHED THEN INSERT VALUES ('{name}', n.field, $as_of)"
    )


def _close_history(columns: ObjectColumns) -> str:
    name, key = columns.spec.object, columns.key
    return (
        f"UPDATE {history_table(name)} AS h SET valid_to = $as_of\nFROM difference_{name} AS d\n"
        f"WHERE h.valid_to IS NULL AND d.{key} = h.{key}\n"
        f"    AND (d._kind = 'deleted' OR {_differs(columns, 'd', 'h', columns.history)})"
    )


def _open_history(columns: ObjectColumns) -> str:
    name, key = columns.spec.object, columns.key
    names = list(columns.history)
    return (
        f"INSERT INTO {history_table(name)} ({', '.join(names)}, valid_from, valid_to)\n"
        f"SELECT {', '.join(f'd.{n}' for n in names)}, $as_of, NULL\nFROM difference_{name} AS d\n"
        # whoever stayed has an open spell, unless it ended just now: all open ones need not be looked through
        f"WHERE d._kind = 'created'\n"
        f"    OR d._kind = 'updated' AND d.{key} IN (SELECT {key} FROM {history_table(name)} WHERE valid_to = $as_of)"
    )
