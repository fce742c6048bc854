"""Why somebody entered: the leaves of the entry condition that held, with the values they saw.

The tables of records are as an evaluation read them until the next snapshot, so a report that follows its evaluation can
judge the conditions of those who have just entered once more, part by part, as `explain` does. What it finds is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from definitions import Project, Workflow
from pipelines.inspection import Judged, judged_part
from pipelines.known import judged_by
from sql import DuckDBSession, Statement
from sql.statements import query
from sql.truths.inspection import Inspection, Part

Row = dict[str, Any]
MOST = 2_000
"""Of more entrants at once the others have no evidence: a launch for everyone would weigh more than all that follows."""
MOST_WORKFLOWS = 50
"""Nor have those of more workflows at once: each asks the warehouse a question of its own."""


@dataclass(frozen=True)
class EntryQuestion:
    """A workflow's entry condition taken apart: what prepares it, and the query for the records in `affected`."""

    part: Part
    preparing: tuple[Statement, ...]
    records: Statement
    truths: int


@dataclass
class EntryQuestions:
    """What judges the entry conditions of a project; each is compiled when somebody enters, and once."""

    project: Project | None
    _known: dict[str, EntryQuestion] = field(default_factory=dict[str, EntryQuestion])

    def of(self, workflow: str) -> EntryQuestion | None:
        """The question of a workflow; None where it is gone."""
        if workflow not in self._known and self.project is not None and workflow in self.project.workflows:
            self._known[workflow] = self._made(self.project.workflows[workflow], self.project)
        return self._known.get(workflow)

    def _made(self, workflow: Workflow, project: Project) -> EntryQuestion:
        inspection = Inspection(project, workflow.object)
        part = inspection.add(workflow.entry.condition)
        preparing = tuple(inspection.statements(among_affected=True))
        return EntryQuestion(part, preparing, inspection.records(), len(inspection.columns))


def entry_evidence(session: DuckDBSession, questions: EntryQuestions, evaluation_id: int) -> list[Row]:
    """`run_id` and `leaves` of those who entered in the last evaluation and have none yet.

    Nothing after a newer snapshot, and nothing inside a transaction: what is made to look could not be undone there.
    """
    if session.inside:
        return []
    entrants = session.rows(query("entrants_without_evidence").sql, {"evaluation_id": evaluation_id, "most": MOST})
    if not entrants:
        return []
    instants = judged_by(session)
    found: list[Row] = []
    with session.rehearsal():  # what it prepares is undone: the next evaluation makes its own
        for workflow in list(dict.fromkeys(entrant["workflow"] for entrant in entrants))[:MOST_WORKFLOWS]:
            question = questions.of(workflow)
            if question is not None:
                found += _judged(session, question, [e for e in entrants if e["workflow"] == workflow], instants)
    return found


def _judged(
    session: DuckDBSession, question: EntryQuestion, entrants: Sequence[Row], instants: dict[str, Any]
) -> Iterator[Row]:
    session.load_rows("affected", [{"object": e["object"], "record": e["record"]} for e in entrants])
    for statement in question.preparing:
        session.run(statement, instants)
    asked = {name: instants[name] for name in question.records.parameters}
    rows = {row["record"]: row for row in session.rows(question.records.sql, asked)}
    for entrant in entrants:
        row = rows.get(entrant["record"])
        if row is not None:
            leaves = [_plain(leaf) for leaf in _telling(judged_part(question.part, row, question.truths))]
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
