"""What an apply would change and cause: compared by meaning, then rehearsed in the warehouse and undone.

The evaluations of a rehearsal are the evaluator's own, over the present records: only time passes. Deliveries, answers and
changes of the CRM do not happen in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from definitions import Project, UserError
from definitions.checking import segments_in
from definitions.conditions import Condition, leaves
from definitions.differences import STATE, Changed, compare_projects
from definitions.rules import conditions_of
from pipelines.apply import apply_project
from pipelines.errors import NothingApplied
from pipelines.evaluation import evaluate
from pipelines.guards import Exceeded, find_exceeded
from pipelines.instants import refuse_evaluated
from pipelines.live import live_project
from sql import DuckDBSession, compile_plan

Tag = Literal["new", "logic", "words", "state", "gone"]
Counts = Mapping[str, int]


@dataclass(frozen=True)
class Effects:
    """What evaluations cause in one workflow."""

    entered: int = 0
    held_out: int = 0
    completed: int = 0
    refused: Counts = field(default_factory=dict[str, int])
    exited: Counts = field(default_factory=dict[str, int])
    actions: Counts = field(default_factory=dict[str, int])
    dropped: Counts = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Rehearsal:
    """What the next evaluation would cause, and all of the coming days with it, by workflow."""

    as_of: datetime
    days: int
    next: Mapping[str, Effects]
    coming: Mapping[str, Effects]
    exceeded: tuple[Exceeded, ...] = ()


@dataclass(frozen=True)
class Planned:
    """What differs, what kind of change that is for each workflow, and what would happen.

    `through` names the changed segments that a workflow uses. Without a rehearsal, `why_not` says why; `refusal` is set
    when the apply itself would be refused.
    """

    changed: tuple[Changed, ...]
    tags: Mapping[str, tuple[Tag, ...]]
    through: Mapping[str, tuple[str, ...]]
    rehearsal: Rehearsal | None
    why_not: str | None = None
    refusal: UserError | None = None


def make_plan(session: DuckDBSession, project: Project, as_of: datetime, days: int) -> Planned:
    """Compare a project with what is live, and rehearse it; the warehouse is left as it was."""
    try:
        _, live = live_project(session)
    except NothingApplied:
        live = None
    changed = compare_projects(live, project)
    tags, through = _tags(session, project, changed), _through(project, changed)
    if not session.ask("last_snapshot"):
        return Planned(changed, tags, through, None, "there is no snapshot yet, so nothing can be counted")
    try:
        return Planned(changed, tags, through, rehearse(session, project, as_of, days))
    except UserError as error:
        if error.code == "snapshot-outdated":
            return Planned(changed, tags, through, None, f"nothing can be counted: {error.message}")
        if error.code in ("problems-found", "live-workflow-gone"):
            return Planned(changed, tags, through, None, "it would be refused", error)
        raise


def rehearse(session: DuckDBSession, project: Project, as_of: datetime, days: int) -> Rehearsal:
    """Apply, evaluate at once and then once a day at the same clock time; count what it causes, and undo it all."""
    refuse_evaluated(session, as_of)
    zone = ZoneInfo(project.settings.timezone)
    with session.rehearsal():
        apply_project(session, project, at=as_of, by="rehearsal")
        evaluate(session, as_of)
        since = as_of - timedelta(microseconds=1)
        first = _effects(session, since, as_of)
        exceeded = find_exceeded(session, project.settings.guards, as_of)
        until = as_of
        for until in _days(as_of, days, zone):
            evaluate(session, until)
        return Rehearsal(as_of, days, first, _effects(session, since, until), exceeded)


def _days(as_of: datetime, days: int, zone: ZoneInfo) -> Iterator[datetime]:
    local = as_of.astimezone(zone).replace(tzinfo=None)
    for day in range(1, days + 1):
        # the same clock time, whatever the season
        yield (local + timedelta(days=day)).replace(tzinfo=zone).astimezone(UTC)


def _effects(session: DuckDBSession, since: datetime, until: datetime) -> dict[str, Effects]:
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in session.ask("effects", since=since, until=until):
        found.setdefault(row["workflow"], {}).setdefault(row["kind"], {})[row["detail"]] = row["count"]
    return {workflow: _effects_of(kinds) for workflow, kinds in sorted(found.items())}


def _effects_of(kinds: Mapping[str, Counts]) -> Effects:
    def one(kind: str) -> int:
        return sum(kinds.get(kind, {}).values())

    def by_detail(kind: str) -> Counts:
        return dict(kinds.get(kind, {}))

    return Effects(
        entered=one("entered"),
        held_out=one("held_out"),
        completed=one("completed"),
        refused=by_detail("refused"),
        exited=by_detail("exited"),
        actions=by_detail("action"),
        dropped=by_detail("dropped"),
    )


def _tags(session: DuckDBSession, project: Project, changed: tuple[Changed, ...]) -> dict[str, tuple[Tag, ...]]:
    live = {row["workflow"]: row for row in session.ask("live_workflows")}
    by_name = {c.name: c for c in changed if c.kind == "workflow"}
    found: dict[str, tuple[Tag, ...]] = {name: ("gone",) for name in live if name not in project.workflows}
    for compiled in compile_plan(project).workflows:
        if compiled.name not in live:
            found[compiled.name] = ("new",)
            continue
        parts = {d.part for d in by_name[compiled.name].differences} if compiled.name in by_name else set[str]()
        logic = live[compiled.name]["logic_fingerprint"] != compiled.fingerprint
        tags: list[Tag] = ["logic"] if logic else ["words"] if parts - {STATE} else []
        if STATE in parts:
            tags.append("state")
        if tags:
            found[compiled.name] = tuple(tags)
    return dict(sorted(found.items()))


def _through(project: Project, changed: tuple[Changed, ...]) -> dict[str, tuple[str, ...]]:
    segments = {c.name for c in changed if c.kind == "segment"}
    used = {name: _segments(project, conditions_of(workflow)) for name, workflow in project.workflows.items()}
    return {name: tuple(sorted(found & segments)) for name, found in sorted(used.items()) if found & segments}


def _segments(project: Project, conditions: Iterable[Condition]) -> set[str]:
    """Every segment that some conditions use, also by way of others."""
    found: set[str] = set()
    pending = list(conditions)
    while pending:
        for leaf in leaves(pending.pop()):
            new = set(segments_in(leaf.expression)) - found
            found |= new
            pending.extend(project.segments[name].when for name in new)
    return found
