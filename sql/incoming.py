"""What a snapshot runs while rows come in: read them as types, put aside what does not fit, find where to go on.

Rows come in raw as `incoming`, and only once: what is odd about them is noted as they pass. Values that do not fit their type
are missing; numbers and moments that are not finite are missing too, because in DuckDB `'nan' > 1` is true.
"""

from __future__ import annotations

from definitions.catalog import FieldSpec
from definitions.values import Duration
from sql.names import QUARANTINE, quoted, record_table
from sql.snapshot import COLUMN_TYPES, STAGE, ObjectColumns
from sql.statements import Statement

INCOMING = "incoming"
"""The view through which the rows of one object come in."""
QUARANTINED = 1000
"""So many values and rows an object and snapshot are kept for a look; counts are exact all the same."""
_LONGEST = 200


def typed_statement(columns: ObjectColumns) -> Statement:
    """Reads the rows that come in."""
    name = columns.spec.object
    return Statement(STAGE, f"typed_{name}", f"Incoming {name} rows as types.", _typed(columns))


def found_query(columns: ObjectColumns) -> str:
    """One row: how many rows came, how many without a key or with one that came before, and values that cannot be read."""
    key = columns.key
    return (
        f"SELECT COUNT(*) AS row_count, COUNT(*) - COUNT({key}) AS null_key_count,\n"
        f"    COUNT({key}) - COUNT(DISTINCT {key}) AS duplicate_count,\n"
        f"    CAST(COALESCE(SUM(len(_odd)), 0) AS BIGINT) AS unreadable_count\nFROM typed_{columns.spec.object}"
    )


def odd_query(columns: ObjectColumns) -> str:
    """Fields with values that cannot be read, and how many."""
    return (
        f"SELECT o.field AS field, COUNT(*) AS odd_count\n"
        f"FROM (SELECT UNNEST(_odd) AS o FROM typed_{columns.spec.object} WHERE _odd IS NOT NULL)\n"
        f"GROUP BY o.field ORDER BY o.field"
    )


def readable_query(columns: ObjectColumns, field: str) -> str:
    """One row: how many values of a field could be read just now, and how many are known from before."""
    name, column = columns.spec.object, quoted(field)
    return (
        f"SELECT (SELECT COUNT({column}) FROM typed_{name}) AS read_count,\n"
        f"    (SELECT COUNT({column}) FROM {record_table(name)}) AS known_count"
    )


def quarantine_statement(columns: ObjectColumns) -> Statement:
    """Keeps what did not fit, for people to look at."""
    spec, key = columns.spec, columns.key
    label = f"LEFT(CAST({quoted(spec.label)} AS VARCHAR), {_LONGEST})" if spec.label in spec.fields else "NULL"
    sql = (
        f"INSERT INTO {QUARANTINE}\n"
        f"SELECT $snapshot_id, '{spec.object}', CAST({key} AS VARCHAR), o.field, o.value, o.reason\n"
        f"FROM (SELECT {key}, UNNEST(_odd) AS o FROM typed_{spec.object} WHERE _odd IS NOT NULL)\nUNION ALL\n"
        f"SELECT $snapshot_id, '{spec.object}', NULL, '{spec.key}', {label}, 'no_key'\n"
        f"FROM typed_{spec.object}\nWHERE {key} IS NULL\n"
        f"    AND NOT list_contains(COALESCE(list_transform(_odd, lambda o: o.field), []), '{spec.key}')\n"
        f"ORDER BY 3 NULLS FIRST, 4, 5\nLIMIT {QUARANTINED}"
    )
    sentence = f"Values of {spec.object} that do not fit their type, and rows without a key."
    return Statement(STAGE, f"quarantine_{spec.object}", sentence, sql)


def gone_statement(columns: ObjectColumns) -> Statement:
    """Reads the list of those gone that comes in."""
    spec = columns.spec
    assert spec.incremental is not None
    at = spec.incremental.tombstoned_at
    moment = _read_as(_column(at), FieldSpec(type="timestamp")) if at else "CAST(NULL AS TIMESTAMPTZ)"
    key = _read_as(_column(spec.column(spec.key)), columns.fields[columns.key])
    sql = (
        f"CREATE OR REPLACE TEMP TABLE gone_{spec.object} AS\n"
        f"SELECT {key} AS _key, MAX(COALESCE({moment}, TIMESTAMPTZ 'infinity')) AS _at\n"
        f"FROM {INCOMING}\nWHERE {key} IS NOT NULL\nGROUP BY ALL"
    )
    return Statement(STAGE, f"gone_{spec.object}", f"The list of {spec.object} records that are gone.", sql)


def cursor_query(columns: ObjectColumns) -> str:
    """One row: the moment from which rows are to be read, or null. What lies in the future is no guide."""
    spec = columns.spec
    assert spec.incremental is not None and spec.updated_at is not None
    moved = f"CAST({quoted(spec.updated_at)} AS TIMESTAMPTZ)"
    return (
        f"SELECT MAX({moved}) - {_interval(spec.incremental.overlap)} AS moment\n"
        f"FROM {record_table(spec.object)} WHERE {moved} <= $as_of"
    )


def newest_query(object_: str, updated_at: str) -> str:
    """One row: the newest moment at which a record moved, or null. What lies in the future is no guide."""
    moved = f"CAST({quoted(updated_at)} AS TIMESTAMPTZ)"
    return f"SELECT MAX({moved}) AS newest FROM {record_table(object_)} WHERE {moved} <= $as_of"


def _interval(lasting: Duration) -> str:
    return f"(to_months({lasting.months}) + to_days({lasting.days}) + to_minutes({lasting.minutes}))"


def _read_as(name: str, spec: FieldSpec) -> str:
    match spec.type:
        case "integer":
            return (
                f"CASE WHEN TRY_CAST({name} AS DOUBLE) = TRY_CAST({name} AS BIGINT) THEN TRY_CAST({name} AS BIGINT) END"
            )
        case "number":
            return f"CASE WHEN isfinite(TRY_CAST({name} AS DOUBLE)) THEN TRY_CAST({name} AS DOUBLE) END"
        case "date":
            return f"CASE WHEN {_in_calendar(name, 'TIMESTAMP')} THEN CAST(TRY_CAST({name} AS TIMESTAMP) AS DATE) END"
        case "timestamp":
            return f"CASE WHEN {_in_calendar(name, 'TIMESTAMPTZ')} THEN TRY_CAST({name} AS TIMESTAMPTZ) END"
        case _:
            return f"TRY_CAST({name} AS {COLUMN_TYPES[spec.type]})"


def _in_calendar(name: str, type_: str) -> str:
    """The moment is finite, and no arithmetic on it leaves what the engine can hold."""
    return (
        f"TRY_CAST({name} AS {type_}) >= {type_} '0001-01-02' AND TRY_CAST({name} AS {type_}) < {type_} '10000-01-01'"
    )


def _typed(columns: ObjectColumns) -> str:
    name = columns.spec.object
    judged = {n: f for n, f in columns.fields.items() if f.type != "text"}  # everything can be read as text
    raw = {quoted(n): _column(columns.spec.column(n)) for n in columns.declared}
    lines = [f"{_read_as(raw[n], f)} AS {n}" for n, f in columns.fields.items()]
    lines += [f"{raw[n]} AS {_raw(n)}" for n in judged]
    inner = ",\n        ".join(lines)
    return (
        f"CREATE OR REPLACE TEMP TABLE typed_{name} AS\nSELECT\n    {', '.join(columns.fields)},\n    {_odd(judged)} AS _odd\n"
        f"FROM (\n    SELECT\n        {inner}\n    FROM {INCOMING}\n)"
    )


def _odd(judged: dict[str, FieldSpec]) -> str:
    """A list of what cannot be read in a row; null where there is nothing of the kind."""
    if not judged:
        return "CAST(NULL AS STRUCT(field VARCHAR, value VARCHAR, reason VARCHAR)[])"
    is_odd = {n: f"({_raw(n)} IS NOT NULL AND {n} IS NULL)" for n in judged}
    notes = ", ".join(
        f"CASE WHEN {is_odd[n]} THEN {{'field': '{n.strip(chr(34))}', "
        f"'value': LEFT(TRY_CAST({_raw(n)} AS VARCHAR), {_LONGEST}), 'reason': 'not_{f.type}'}} END"
        for n, f in judged.items()
    )
    return f"CASE WHEN {' OR '.join(is_odd.values())} THEN list_filter([{notes}], lambda o: o IS NOT NULL) END"


def _column(name: str) -> str:
    """A column of a source: it may be called anything."""
    return '"' + name.replace('"', '""') + '"'


def _raw(name: str) -> str:
    return "_raw_" + name.strip('"')
