"""Conditions judged apart: over all records of the latest snapshot, or for one of them with the values it saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pipelines.known import known_from
from sql import DuckDBSession, Statement
from sql.truths.inspection import Inspection, Part, PartKind

Truth = Literal["true", "false", "unknown"]


@dataclass(frozen=True)
class Counted:
    """A part of a condition over all records. Unknown is what a leaf is before its edge: then it counts as false."""

    kind: PartKind
    text: str
    true: int
    false: int
    unknown: int
    parts: tuple[Counted, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A value that a leaf saw."""

    text: str
    value: Any


@dataclass(frozen=True)
class Judged:
    """A part of a condition for one record, with the values it saw."""

    kind: PartKind
    text: str
    truth: Truth
    values: tuple[Seen, ...] = ()
    parts: tuple[Judged, ...] = ()


def count_parts(
    session: DuckDBSession, inspection: Inspection, part: Part, as_of: datetime, previous: datetime | None
) -> Counted:
    """How many records make each part true, false and unknown. `previous` is the snapshot that changes are seen against."""
    parameters = {"as_of": as_of, "previous_snapshot": previous, **known_from(session)}
    row = _run(session, inspection, inspection.counts(), parameters)[0]
    return _counted(part, row)


def judge_parts(
    session: DuckDBSession, inspection: Inspection, parts: tuple[Part, ...], parameters: Mapping[str, Any]
) -> tuple[Judged, ...]:
    """Each part for `record`; nothing where it is not there. Parameters are record, as_of and previous_snapshot."""
    rows = _run(session, inspection, inspection.record(), parameters)
    return tuple(judged_part(part, rows[0], len(inspection.columns)) for part in parts) if rows else ()


def _run(
    session: DuckDBSession, inspection: Inspection, question: Statement, parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    for statement in inspection.statements():
        session.run(statement, parameters)
    return session.rows(question.sql, {name: parameters[name] for name in question.parameters})


def _counted(part: Part, row: Mapping[str, Any]) -> Counted:
    true, false = row[f"t{part.column}"], row[f"f{part.column}"]
    inner = tuple(_counted(p, row) for p in part.parts)
    return Counted(part.kind, part.text, true, false, row["records"] - true - false, inner)


def judged_part(part: Part, row: Mapping[str, Any], truths: int) -> Judged:
    """A part as a row of an inspection has it; `truths` is the number of the inspection's columns."""
    found = row[f"x{part.column}"]
    truth: Truth = "unknown" if found is None else "true" if found else "false"
    values = tuple(Seen(text, _value(row[f"x{truths + number}"])) for text, number in part.values)
    return Judged(part.kind, part.text, truth, values, tuple(judged_part(p, row, truths) for p in part.parts))


def _value(found: str | None) -> Any:
    return None if found is None else json.loads(found)
