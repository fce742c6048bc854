"""Guards: an apply whose first evaluation would cause too much is refused before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions import Project, UserError
from definitions.project import Guards
from pipelines.apply import Applied, apply_project
from pipelines.errors import GuardExceeded
from pipelines.evaluation import evaluate
from pipelines.instants import refuse_evaluated
from sql import DuckDBSession
from sql.names import record_table


@dataclass(frozen=True)
class Exceeded:
    """A guard that the next evaluation would break: where, by how much, and for whom."""

    guard: str
    workflow: str
    found: float
    limit: float
    who: str | None = None
    base: int | None = None

    @property
    def text(self) -> str:
        """The finding as a sentence."""
        match self.guard:
            case "entries":
                what = f"{self.found:g} records would enter `{self.workflow}`; the limit is {self.limit:g}"
            case "share":
                of = f"{self.found:.1%} of {self.base} records"
                what = f"{of} would enter `{self.workflow}`; the limit is {self.limit * 100:g}%"
            case "per_owner":
                what = f"{self.found:g} actions for user {self.who}, most by `{self.workflow}`; the limit is {self.limit:g}"
            case _:
                what = f"{self.found:g} messages to {self.who}, most by `{self.workflow}`; the limit is {self.limit:g}"
        return f"guard `{self.guard}`: {what}"


def apply_guarded(session: DuckDBSession, project: Project, *, at: datetime, by: str, as_of: datetime) -> Applied:
    """Apply, unless the evaluation of `as_of` would break a guard: raises `GuardExceeded`, and nothing was written."""
    guards = project.settings.guards
    if guards != Guards() and session.ask("last_snapshot"):
        found = _rehearse(session, project, at, by, as_of)
        if found:
            raise GuardExceeded(tuple(exceeded.text for exceeded in found))
    return apply_project(session, project, at=at, by=by)


def _rehearse(session: DuckDBSession, project: Project, at: datetime, by: str, as_of: datetime) -> tuple[Exceeded, ...]:
    refuse_evaluated(session, as_of)
    with session.rehearsal():
        if not apply_project(session, project, at=at, by=by).written:
            return ()
        try:
            evaluate(session, as_of)
        except UserError as error:
            if error.code != "snapshot-outdated":
                raise
            message = f"the guards cannot be judged: {error.message}"
            raise UserError("guards-unjudged", message, "apply with `--accept`, then take a snapshot") from error
        return find_exceeded(session, project.settings.guards, as_of)


def find_exceeded(session: DuckDBSession, guards: Guards, as_of: datetime) -> tuple[Exceeded, ...]:
    """The guards that the evaluation of an instant broke."""
    return (*_entries(session, guards, as_of), *_heaps(session, guards, as_of))


def _entries(session: DuckDBSession, guards: Guards, as_of: datetime) -> Iterator[Exceeded]:
    for row in session.ask("entries_of", as_of=as_of):
        workflow, entered = row["workflow"], row["entered_count"]
        if guards.entries is not None and entered > guards.entries:
            yield Exceeded("entries", workflow, entered, guards.entries)
        base = session.count(record_table(row["object"]))
        if guards.share is not None and base and entered / base > guards.share:
            yield Exceeded("share", workflow, entered / base, guards.share, base=base)


def _heaps(session: DuckDBSession, guards: Guards, as_of: datetime) -> Iterator[Exceeded]:
    asked = (("per_owner", guards.per_owner, "actions_by_owner", "owner"),)
    asked += (("per_recipient", guards.per_recipient, "messages_by_recipient", "recipient"),)
    for guard, limit, query, who in asked:
        rows: list[dict[str, Any]] = session.ask(query, as_of=as_of) if limit is not None else []
        for row in (r for r in rows if limit is not None and r["count"] > limit):
            yield Exceeded(guard, row["workflow"], row["count"], float(limit or 0), who=row[who])
