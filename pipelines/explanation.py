"""The facts of one record in one workflow, as of the last evaluation: what was judged, which gate stood where, what came
of it, and what comes next. Data only: sentences are made elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from definitions import Project, UserError, Workflow
from definitions.conditions import Condition
from definitions.older import read_version
from definitions.problems import did_you_mean
from definitions.tracking import tracked_fields
from pipelines.coming import Next, Passed, decision_of, next_of
from pipelines.evaluation import refuse_outdated_snapshot
from pipelines.inspection import Judged, judge_parts
from pipelines.known import judged_by
from pipelines.live import live_project
from pipelines.previewing import with_row, workflow_named
from sql import DuckDBSession
from sql.flow import Draw, Hop, compile_flow
from sql.labels import records_query
from sql.leaves import is_personal
from sql.truths.inspection import Inspection

Standing = Literal["inside", "refused", "out", "not_qualifying", "rowless", "not_running", "not_evaluated", "gone"]
"""gone: the record is no longer there. out: it left and does not qualify, or was not asked again since.
rowless: it qualifies, and no related row, or not this one, is one that enters.
not_evaluated: it qualifies by what is there now, which no evaluation has seen."""


@dataclass(frozen=True)
class Gate:
    """Where the record stands, and the gate that let it in or keeps it out, with what a sentence about it needs."""

    standing: Standing
    reason: str | None = None
    detail: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    qualifies_since: datetime | None = None
    entered_by: str | None = None
    entered_spell: datetime | None = None
    last_entered: datetime | None = None
    last_left: datetime | None = None
    first_enabled: datetime | None = None
    required: str | None = None


@dataclass(frozen=True)
class PlannedAction:
    """An action and what became of it."""

    step: str
    kind: str
    status: str
    status_at: datetime
    reason: str | None
    send_after: datetime
    due: datetime | None


@dataclass(frozen=True)
class Move:
    """One event of a passage."""

    at: datetime
    kind: str
    to: str | None
    due: datetime | None
    reason: str | None
    passed: tuple[Passed, ...]
    actions: tuple[PlannedAction, ...]


@dataclass(frozen=True)
class Passage:
    """One passage of the record through the workflow."""

    entry_no: int
    arm: str
    status: str
    entered: datetime
    left: datetime | None
    exit_reason: str | None
    recipient: str | None
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Guarded:
    """A condition on the ways out of where the participant rests: which decision it belongs to."""

    decision: str
    judged: Judged


@dataclass(frozen=True)
class Explanation:
    """Everything that is known of a record in a workflow."""

    workflow: str
    state: str
    object: str
    record: str
    label: str
    as_of: datetime
    snapshot_as_of: datetime
    newer_snapshot: bool
    older_steps: int | None
    """The version whose steps it finishes, where an edit left it there."""
    gate: Gate
    entry: Judged | None
    exit: Judged | None
    objective: Judged | None
    goals: tuple[Guarded, ...]
    guards: tuple[Guarded, ...]
    passages: tuple[Passage, ...]
    next: Next | None


def explain(session: DuckDBSession, name: str, record: str) -> Explanation:
    """Explain a record in a workflow that is live; an unknown name is a `UserError` with the nearest one.

    Where related rows enter, `record` may be `record+row`, and must be if there are several.
    """
    _, project = live_project(session)
    workflow = project.workflows[workflow_named(project, name)]
    last, snapshot = session.ask("last_evaluation"), session.ask("last_snapshot")
    if not last:
        raise UserError("not-evaluated", "there is no evaluation to explain", "run `drumbeat evaluate` first")
    refuse_outdated_snapshot(session, project, tracked_fields(project))
    whose = _whose(session, project, name, record)
    rows = session.ask("passages_of", **whose, as_of=last[0]["as_of"])
    label = _label(session, project, workflow.object, whose["record"], bool(rows))
    parameters = judged_by(session) | {"record": whose["record"]}
    parameters["participant_id"] = rows[-1]["participant_id"] if rows else None
    resting = rows[-1] if rows and rows[-1]["left_at"] is None else None
    followed = _version(session, workflow, name, resting["flow_version"] if resting else None)
    observed = _version(session, workflow, name, rows[-1]["version"] if rows and rows[-1]["is_observed"] else None)
    hops = [hop for hop in compile_flow(followed.steps) if resting and hop.from_step == resting["step_id"]]
    asked = followed.model_copy(update={"entry": workflow.entry, "objective": observed.objective})
    judged = _judge(session, project, asked, hops, parameters)
    return Explanation(
        workflow=name,
        state=workflow.state,
        object=workflow.object,
        record=with_row(whose),
        label=label or record,
        as_of=last[0]["as_of"],
        snapshot_as_of=snapshot[0]["as_of"],
        newer_snapshot=snapshot[0]["snapshot_id"] != last[0]["snapshot_id"],
        older_steps=resting["flow_version"] if resting and followed is not workflow else None,
        gate=_gate(session, workflow, whose, rows, judged.entry),
        entry=judged.entry,
        exit=judged.exit,
        objective=judged.objective,
        goals=tuple(Guarded(name, found) for name, found in judged.goals.items()),
        guards=tuple(Guarded(decision_of(followed, guard), found) for guard, found in judged.guards.items()),
        passages=tuple(_passages(session, whose, rows)),
        next=next_of(session, project.settings.seed, followed, resting, hops, judged.guards, last[0]["as_of"])
        if resting
        else None,
    )


def _version(session: DuckDBSession, live: Workflow, name: str, version: int | None) -> Workflow:
    """A workflow as an older version says it; the live one for its own number, and for none."""
    older = session.ask("retired_version", workflow=name, version=version)
    return read_version(name, older[0]["definition"]).workflow if older else live


def _whose(session: DuckDBSession, project: Project, name: str, record: str) -> dict[str, str]:
    """Workflow, record and occasion: the related row that is its own participant, where rows are."""
    workflow = project.workflows[name]
    if workflow.entry.each is None:
        return {"workflow": name, "record": record, "occasion": ""}
    key, _, row = record.rpartition("+")
    found = session.ask("occasions_of", workflow=name, object=workflow.object, record=record)
    occasions = [one["occasion"] for one in found if one["occasion"]]
    if key and not occasions:
        return {"workflow": name, "record": key, "occasion": row}
    if len(occasions) > 1:
        message = f"`{record}` is asked about in `{name}` by {len(occasions)} related rows"
        raise UserError("several-rows", message, "explain " + " or ".join(f"`{record}+{one}`" for one in occasions[:5]))
    return {"workflow": name, "record": record, "occasion": occasions[0] if occasions else ""}


def _label(session: DuckDBSession, project: Project, object_: str, record: str, entered: bool) -> str | None:
    """The record's label; None where it is gone. Whoever neither is nor was there is unknown."""
    known = {row["record"]: row["label"] for row in session.rows(records_query(project.catalog, object_))}
    if record in known or entered:
        return known.get(record)
    by_label = {label: key for key, label in known.items() if label is not None}
    named = by_label.get(record)
    hint = f"did you mean `{named}`?" if named else did_you_mean(record, known)
    raise UserError("unknown-record", f"there is no {object_} `{record}`", hint)


@dataclass(frozen=True)
class _All:
    entry: Judged | None
    exit: Judged | None
    objective: Judged | None
    goals: Mapping[str, Judged]
    guards: Mapping[Condition, Judged]


def _judge(
    session: DuckDBSession, project: Project, workflow: Workflow, hops: list[Hop], parameters: Mapping[str, Any]
) -> _All:
    """Every condition of the workflow that matters to the record. What asks about a participant needs one."""
    entered = parameters["participant_id"] is not None
    leave, objective = workflow.exit.when, workflow.objective
    guards = list(dict.fromkeys(g for hop in hops for g in hop.guards if not isinstance(g, Draw)))
    named: list[tuple[str, Condition]] = [("entry", workflow.entry.condition)]
    named += [("exit", leave)] if leave is not None else []
    named += [("objective", objective.when)] if objective is not None else []
    named += [(f"goal {goal.name}", goal.when) for goal in workflow.goals or () if goal.when is not None]
    named += [(f"guard {i}", guard) for i, guard in enumerate(guards)]
    found: dict[str, Judged] = {}
    for personal in (False, True) if entered else (False,):
        inspection = Inspection(project, workflow.object, participant=personal)
        asked = [(n, c) for n, c in named if is_personal(c, workflow.object, project.catalog) == personal]
        parts = tuple(inspection.add(condition) for _, condition in asked)
        judged = judge_parts(session, inspection, parts, parameters) if asked else ()
        found |= {name: one for (name, _), one in zip(asked, judged, strict=False)}
    return _All(
        entry=found.get("entry"),
        exit=found.get("exit"),
        objective=found.get("objective"),
        goals={n.removeprefix("goal "): one for n, one in found.items() if n.startswith("goal ")},
        guards={guard: found[f"guard {i}"] for i, guard in enumerate(guards) if f"guard {i}" in found},
    )


def _gate(
    session: DuckDBSession,
    workflow: Workflow,
    whose: Mapping[str, str],
    rows: list[dict[str, Any]],
    entry: Judged | None,
) -> Gate:
    spell = session.ask("spell_of", object=workflow.object, **whose)
    memory = session.ask("workflow_memory", workflow=whose["workflow"])
    refusals = session.ask("refusal_of", **whose)
    last = rows[-1] if rows else None
    refusal = refusals[0] if refusals else {}
    standing = _standing(workflow, last, bool(refusals), bool(spell), entry)
    return Gate(
        standing=standing,
        reason=refusal.get("reason") if standing == "refused" else last["exit_reason"] if last else None,
        detail=refusal.get("detail"),
        since=refusal.get("refused_from") if standing == "refused" else last["entered_at"] if last else None,
        until=refusal.get("until_at"),
        qualifies_since=spell[0]["matched_from"] if spell else None,
        entered_by=last["entry_mode"] if last else None,
        entered_spell=last["matched_from"] if last else None,
        last_entered=last["entered_at"] if last else None,
        last_left=last["left_at"] if last else None,
        first_enabled=memory[0]["first_enabled_at"] if memory else None,
        required=workflow.reentry.wait.text if workflow.reentry.wait else None,
    )


def _standing(
    workflow: Workflow, last: dict[str, Any] | None, refused: bool, is_open: bool, entry: Judged | None
) -> Standing:
    if last is not None and last["left_at"] is None:
        return "inside"
    if entry is None:
        return "gone"
    if refused and entry.truth == "true":
        return "refused"
    if workflow.state != "enabled":
        return "not_running"
    if last is not None:
        return "out"
    if entry.truth != "true":
        return "not_qualifying"
    return "rowless" if workflow.entry.each is not None and not is_open else "not_evaluated"


def _passages(session: DuckDBSession, whose: Mapping[str, str], rows: list[dict[str, Any]]) -> Iterator[Passage]:
    moves = session.ask("moves_of", **whose)
    passed = session.ask("steps_passed", **whose)
    actions = session.ask("actions_of", **whose)
    for row in rows:
        own = [m for m in moves if m["participant_id"] == row["participant_id"]]
        yield Passage(
            entry_no=row["entry_no"],
            arm=row["arm"],
            status=row["status"],
            entered=row["entered_at"],
            left=row["left_at"],
            exit_reason=row["exit_reason"],
            recipient=row["recipient"],
            moves=tuple(_move(move, passed, actions) for move in own),
        )


def _move(move: dict[str, Any], passed: list[dict[str, Any]], actions: list[dict[str, Any]]) -> Move:
    same = [p for p in passed if all(p[k] == move[k] for k in ("participant_id", "evaluation_id", "sequence"))]
    steps = [p["step_id"] for p in same]
    own = [a for a in actions if all(a[k] == move[k] for k in ("participant_id", "evaluation_id"))]
    planned = sorted((a for a in own if a["step_id"] in steps), key=lambda a: steps.index(a["step_id"]))
    return Move(
        at=move["happened_at"],
        kind=move["kind"],
        to=move["to_step"],
        due=move["due_at"],
        reason=move["reason"],
        passed=tuple(Passed(p["step_id"], p["label"], p["kind"], p["arm"]) for p in same),
        actions=tuple(_planned(action) for action in planned),
    )


def _planned(row: dict[str, Any]) -> PlannedAction:
    return PlannedAction(
        step=row["step_id"],
        kind=row["kind"],
        status=row["status"],
        status_at=row["status_at"],
        reason=row["status_reason"],
        send_after=row["send_after"],
        due=row["due_at"],
    )
