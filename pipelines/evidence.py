"""Why somebody entered: the leaves of the entry condition that held, with the values they saw.

The tables of records are as an evaluation read them until the next snapshot, so a report that follows its evaluation can
judge the conditions of those who have just entered once more, part by part, as `explain` does. What it finds is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions import Project
from pipelines.inspection import Judged, judged_part
from sql import DuckDBSession, Statement
from sql.statements import query
from sql.truths.inspection import Inspection, Part

Row = dict[str, Any]
MOST = 2_000
"""Of more entrants at once the others have no evidence: a launch for everyone would weigh more than all that follows."""


@dataclass(frozen=True)
class EntryQuestion:
    """The entry conditions of one object's workflows, taken apart: what prepares them, and the query for some records."""

    object: str
    parts: dict[str, Part]
    preparing: tuple[Statement, ...]
    records: Statement
    truths: int


def entry_questions(project: Project) -> dict[str, EntryQuestion]:
    """By object, what judges the entry conditions of its workflows; compiled once for a project."""
    objects = sorted({workflow.object for workflow in project.workflows.values()})
    return {name: _question(project, name) for name in objects}


def _question(project: Project, object_: str) -> EntryQuestion:
    inspection = Inspection(project, object_)
    own = {name: w for name, w in project.workflows.items() if w.object == object_ and w.state != "draft"}
    parts = {name: inspection.add(workflow.entry.condition) for name, workflow in own.items()}
    return EntryQuestion(object_, parts, tuple(inspection.statements()), inspection.records(), len(inspection.columns))


def entry_evidence(
    session: DuckDBSession, questions: dict[str, EntryQuestion], evaluation_id: int, as_of: datetime
) -> list[Row]:
    """`run_id` and `leaves` of those who entered in the last evaluation and have none yet.

    Nothing after a newer snapshot, and nothing inside a transaction: what is made to look could not be undone there.
    """
    if session.inside:
        return []
    entrants = session.rows(query("entrants_without_evidence").sql, {"evaluation_id": evaluation_id, "most": MOST})
    if not entrants:
        return []
    before, first = session.ask("snapshot_before"), session.ask("first_snapshot")
    instants = {
        "as_of": as_of,
        "previous_snapshot": before[0]["as_of"] if before else None,
        "first_snapshot": first[0]["as_of"],
    }
    found: list[Row] = []
    with session.rehearsal():  # what it prepares is undone: the next evaluation makes its own
        for object_, question in questions.items():
            own = [entrant for entrant in entrants if entrant["object"] == object_]
            found += _judged(session, question, own, instants) if own else ()
    return found


def _judged(
    session: DuckDBSession, question: EntryQuestion, entrants: Sequence[Row], instants: dict[str, Any]
) -> Iterator[Row]:
    session.load_rows("asked_records", [{"record": record} for record in {e["record"] for e in entrants}])
    for statement in question.preparing:
        session.run(statement, instants)
    asked = {name: instants[name] for name in question.records.parameters}
    rows = {row["record"]: row for row in session.rows(question.records.sql, asked)}
    for entrant in entrants:
        part, row = question.parts.get(entrant["workflow"]), rows.get(entrant["record"])
        if part is not None and row is not None:
            leaves = [_plain(leaf) for leaf in _telling(judged_part(part, row, question.truths))]
            yield {"run_id": entrant["run_id"], "leaves": json.dumps(leaves)}


def _telling(judged: Judged) -> Iterator[Judged]:
    """The leaves that made a condition true: those that hold, and of `none` those that do not."""
    match judged.kind:
        case "leaf":
            yield judged
        case "none":
            yield from (leaf for part in judged.parts for leaf in _excluded(part))
        case "all" | "any" | "segment":
            for part in judged.parts:
                if part.truth == "true":
                    yield from _telling(part)


def _excluded(judged: Judged) -> Iterator[Judged]:
    """What did not hold: of a segment its name says enough."""
    if judged.kind in ("leaf", "segment"):
        yield judged
    else:
        yield from (leaf for part in judged.parts for leaf in _excluded(part))


def _plain(leaf: Judged) -> Row:
    return {
        "leaf": leaf.text,
        "holds": leaf.truth == "true",
        "saw": [{"what": seen.text, "value": seen.value} for seen in leaf.values],
    }
