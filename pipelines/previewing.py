"""Who would enter a workflow as the folder has it, over the latest snapshot: leaf by leaf, gate by gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions import ProblemsFound, Project, UserError
from definitions.problems import did_you_mean
from definitions.tracking import tracked_fields
from pipelines.apply import apply_project
from pipelines.evaluation import evaluate, refuse_outdated_snapshot
from pipelines.inspection import Counted, count_parts
from pipelines.instants import refuse_evaluated
from sql import DuckDBSession
from sql.labels import labels_query
from sql.truths.inspection import Inspection

FIRST = 10
FIRST_REFUSED = 3


@dataclass(frozen=True)
class Labelled:
    """A record and what people read instead of its key."""

    record: str
    label: str | None = None

    @property
    def text(self) -> str:
        """`Acme (a1)`, or the key alone."""
        return f"{self.label} ({self.record})" if self.label and self.label != self.record else self.record


@dataclass(frozen=True)
class Kept:
    """Those whom one gate keeps out: how many, and the first of them."""

    reason: str
    count: int
    first: tuple[Labelled, ...]


@dataclass(frozen=True)
class Outcome:
    """What an evaluation would do with those who qualify; `inside` are in already by this spell of qualifying.

    Where related rows enter, these are counted; `rowless` are records that qualify without any.
    """

    entered: int
    held_out: int
    first: tuple[Labelled, ...]
    inside: int
    refused: tuple[Kept, ...]
    rowless: int = 0


@dataclass(frozen=True)
class Preview:
    """The entry condition over all records, and what would come of it, unless the apply itself is refused."""

    workflow: str
    object: str
    as_of: datetime
    snapshot_as_of: datetime
    entry: Counted
    outcome: Outcome | None
    refusal: UserError | None = None


def workflow_named(project: Project, name: str) -> str:
    """The name, if there is such a workflow; a `UserError` with the nearest one otherwise."""
    if name not in project.workflows:
        raise UserError("unknown-workflow", f"`{name}` is not a workflow", did_you_mean(name, project.workflows))
    return name


def make_preview(session: DuckDBSession, project: Project, name: str, as_of: datetime) -> Preview:
    """Count and rehearse the entry of one workflow; a draft is taken as if it were enabled. Nothing remains of it."""
    workflow = project.workflows[workflow_named(project, name)]
    last, snapshot = session.ask("last_evaluation"), session.ask("last_snapshot")
    if not snapshot:
        raise UserError("no-snapshot", "there is no snapshot to look at", "run `drumbeat snapshot` first")
    refuse_evaluated(session, as_of)
    refuse_outdated_snapshot(session, project, tracked_fields(project))
    inspection = Inspection(project, workflow.object)
    part = inspection.add(workflow.entry.when)
    outcome, refusal = None, None
    with session.rehearsal():
        session.set_timezone(project.settings.timezone)
        # spells are opened and closed by an evaluation, so conditions are judged before it, as it does itself
        entry = count_parts(session, inspection, part, as_of, last[0]["snapshot_as_of"] if last else None)
        try:
            apply_project(session, project, at=as_of, by="preview")
            outcome = _outcome(session, project, name, as_of, entry.true)
        except ProblemsFound as error:
            refusal = error
    return Preview(name, workflow.object, as_of, snapshot[0]["as_of"], entry, outcome, refusal)


def _outcome(session: DuckDBSession, project: Project, name: str, as_of: datetime, qualifying: int) -> Outcome:
    session.execute_query("enable_for_rehearsal", workflow=name)
    evaluate(session, as_of)
    entrants = session.ask("entrants_of", workflow=name, as_of=as_of)
    refusals = session.ask("open_refusals", workflow=name)
    (spells,) = session.ask("open_spells_of", workflow=name)
    label = _labels(session, project, project.workflows[name].object, entrants[:FIRST] + refusals)
    return Outcome(
        entered=len(entrants),
        held_out=sum(row["arm"] == "holdout" for row in entrants),
        first=tuple(label[with_row(row)] for row in entrants[:FIRST]),
        inside=spells["spells"] - len(entrants) - len(refusals),
        refused=_kept(refusals, label),
        rowless=qualifying - spells["records"],
    )


def with_row(row: Mapping[str, Any]) -> str:
    """The record, or `record+row`, as everywhere else."""
    return f"{row['record']}+{row['occasion']}" if row["occasion"] else row["record"]


def _kept(refusals: list[dict[str, Any]], label: Mapping[str, Labelled]) -> tuple[Kept, ...]:
    found: dict[str, list[str]] = {}
    for row in refusals:
        found.setdefault(row["reason"], []).append(with_row(row))
    kept = [
        Kept(reason, len(records), tuple(label[r] for r in records[:FIRST_REFUSED]))
        for reason, records in found.items()
    ]
    return tuple(sorted(kept, key=lambda k: (-k.count, k.reason)))


def _labels(session: DuckDBSession, project: Project, object_: str, rows: list[dict[str, Any]]) -> dict[str, Labelled]:
    records = sorted({row["record"] for row in rows})
    query = labels_query(project.catalog, object_)
    known = {r["record"]: r["label"] for r in session.rows(query, {"records": records})} if query else {}
    return {with_row(row): Labelled(with_row(row), known.get(row["record"])) for row in rows}
