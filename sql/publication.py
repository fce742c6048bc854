"""A compiled plan as rows of the live tables: what `apply` writes and the evaluator reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from definitions.conditions import Condition
from definitions.project import Project
from definitions.steps import (
    ActionStep,
    BranchStep,
    ExitStep,
    FixedWait,
    SplitStep,
    Step,
    WaitForDate,
    WaitStep,
    WaitUntil,
    arms_of,
)
from definitions.values import Duration
from definitions.workflow import Moves, Workflow, structure_fingerprint, text_fingerprint
from sql.compiler import CompiledGoal, CompiledWorkflow
from sql.flow import Draw, Hop, longest_stay_days
from sql.leaves import canonical
from sql.names import (
    ASSIGN_RULES,
    CONTENT_VALUES,
    CONTENTS,
    GOALS,
    HOP_GUARDS,
    HOP_PATH,
    HOPS,
    LIVE_ENTRY_VALUES,
    STEP_MOVES,
    STEPS,
    WORKFLOWS,
)
from sql.schedules import fallback_zone, schedule_id

Row = dict[str, Any]


def publish(
    compiled: CompiledWorkflow, version: int, project: Project, *, at: datetime, by: str
) -> dict[str, list[Row]]:
    """The rows of a workflow as its given version, by table."""
    name = compiled.name
    steps = list(_steps(compiled, version))
    hops = [(_hop_id(name, version, hop), hop) for hop in compiled.hops]
    rows: dict[str, list[Row]] = {
        WORKFLOWS: [_workflow_row(compiled, version, project) | {"applied_at": at, "applied_by": by}],
        STEPS: steps,
        HOPS: [_hop_row(name, version, hop_id, hop) for hop_id, hop in hops],
        HOP_GUARDS: [row for hop_id, hop in hops for row in _guard_rows(hop_id, hop, compiled.guards)],
        HOP_PATH: [
            {"hop_id": hop_id, "position": i, "step_id": step, "arm": arm}
            for hop_id, hop in hops
            for i, (step, arm) in enumerate(hop.path, start=1)
        ],
        CONTENTS: [{"content_id": c.content_id, "kind": c.kind, "body": c.body} for c in compiled.contents.values()],
        CONTENT_VALUES: [
            {"content_id": c.content_id, "name": n, "value": number, "subject": subject}
            for c in compiled.contents.values()
            for n, number, subject in c.values
        ],
        GOALS: [_goal_row(goal, i) for i, goal in enumerate(compiled.goals, start=1)],
        LIVE_ENTRY_VALUES: [{"value": number} for number in compiled.entry_values],
        ASSIGN_RULES: [
            {"step_id": step, "position": i, "condition": condition, "user_key": user}
            for step, assign in compiled.assigns.items()
            for i, (condition, user) in enumerate(assign.rules, start=1)
        ],
        STEP_MOVES: [{"from_step": old, "to_step": new} for old, new in _moves(compiled.workflow).items()],
    }
    for table in (GOALS, LIVE_ENTRY_VALUES, ASSIGN_RULES, STEP_MOVES):
        rows[table] = [{"workflow": name, "version": version, **row} for row in rows[table]]
    return rows


def _goal_row(compiled: CompiledGoal, position: int) -> Row:
    goal = compiled.goal
    row = {"position": position, "name": goal.name, "kind": goal.kind, "value": goal.value}
    return row | {"condition": compiled.condition}


def _moves(workflow: Workflow) -> dict[str, str]:
    change = workflow.on_structural_change
    return dict(change.move) if isinstance(change, Moves) else {}


def _workflow_row(compiled: CompiledWorkflow, version: int, project: Project) -> Row:
    workflow = compiled.workflow
    source = project.sources.get(f"workflows/{compiled.name}.yaml")
    return {
        "workflow": compiled.name,
        "version": version,
        "is_current": True,
        "state": workflow.state,
        "wanted_state": workflow.state,
        "object": workflow.object,
        "description": workflow.description,
        "owner": workflow.owner,
        "priority": workflow.priority,
        "launch": workflow.launch,
        "manual_entry": workflow.entry.manual == "allowed",
        "reentry": workflow.reentry.after,
        **_duration("reentry", workflow.reentry.wait),
        "leave_on_objective": workflow.objective is not None and workflow.exit.on_objective == "leave",
        "holdout_share": workflow.holdout,
        "schedule_id": schedule_id(workflow),
        "fallback_zone": fallback_zone(workflow, project),
        "entry_condition": compiled.entry,
        "exit_condition": compiled.exit,
        "objective_condition": compiled.objective,
        "measure_value": compiled.measure,
        "recipient_value": compiled.recipient,
        "recipient_object": compiled.recipient_object,
        **_admission(compiled),
        **_objective(compiled),
        "longest_stay_days": longest_stay_days(workflow.steps),
        "logic_fingerprint": compiled.fingerprint,
        "text_fingerprint": text_fingerprint(workflow),
        "structure_fingerprint": structure_fingerprint(workflow),
        "definition": source.data if source else {},
    }


def _admission(compiled: CompiledWorkflow) -> Row:
    workflow, entry = compiled.workflow, compiled.workflow.entry
    shuts_all, shuts = workflow.lock
    change = workflow.on_structural_change
    return {
        "each_value": compiled.each,
        "row_object": compiled.row_object,
        "shuts_all": shuts_all,
        "shuts": shuts,
        "runs_once": workflow.run_once is not None,
        "entry_limit": entry.at_most.number if entry.at_most else None,
        "entry_unit": entry.at_most.unit if entry.at_most else None,
        "entry_cron": entry.schedule.cron if entry.schedule else None,
        "on_structural_change": "move" if isinstance(change, Moves) else change,
    }


def _objective(compiled: CompiledWorkflow) -> Row:
    objective = compiled.workflow.objective
    if objective is None:
        return {"objective_name": None, "objective_text": None, "objective_version": None}
    parts = f"{compiled.objective}|{compiled.measure}|{compiled.workflow.exit.on_objective}"
    version = hashlib.md5(parts.encode()).hexdigest()[:12]
    return {"objective_name": objective.name, "objective_text": canonical(objective.when), "objective_version": version}


def _duration(prefix: str, duration: Duration | None) -> Row:
    made = duration or Duration()
    return {f"{prefix}_months": made.months, f"{prefix}_days": made.days, f"{prefix}_minutes": made.minutes}


def _steps(compiled: CompiledWorkflow, version: int) -> Iterator[Row]:
    for position, (step, parent, arm) in enumerate(_placed(compiled.workflow.steps, None, None), start=1):
        content = compiled.contents.get(step.id)
        due = step.due if isinstance(step, ActionStep) else None
        yield {
            "workflow": compiled.name,
            "version": version,
            "step_id": step.id,
            "position": position,
            "kind": _kind(step),
            "action_kind": step.kind if isinstance(step, ActionStep) else None,
            "label": _label(step),
            "parent_step_id": parent,
            "arm": arm,
            "arms": [name for name, _ in arms_of(step)],
            "content_id": content.content_id if content else None,
            **_duration("due", due),
            "due_business_days": due.business_days if due else 0,
            "has_due": due is not None,
            "longest_stay_days": step.longest.longest_days if isinstance(step, WaitStep) else 0.0,
            **_action(step, compiled),
        }


def _action(step: Step, compiled: CompiledWorkflow) -> Row:
    """What an action step needs beside its content."""
    given = step if isinstance(step, ActionStep) else None
    assign = given.assign if given else None
    pool = compiled.assigns.get(step.id)
    by_step = step.id if assign else given.user if given and given.user in compiled.assigns else None
    return {
        "needs_approval": given is not None and given.approval is not None,
        "date_value": compiled.dates.get(step.id),
        "sender_condition": compiled.senders.get(step.id),
        "assign_object": pool.object if pool else None,
        "assign_by": assign.by if assign else None,
        "assign_pool": pool.pool if pool else None,
        "assign_counts": assign is not None and assign.load is None,
        "assign_fallback": assign.fallback if assign else None,
        "assigned_by_step": by_step,
        "enroll_workflow": given.enroll.workflow if given and given.enroll else None,
        "enroll_value": compiled.enrolls.get(step.id),
    }


def _placed(
    steps: tuple[Step, ...], parent: str | None, arm: str | None
) -> Iterator[tuple[Step, str | None, str | None]]:
    for step in steps:
        yield step, parent, arm
        for name, inner in arms_of(step):
            yield from _placed(inner, step.id, name)


def _kind(step: Step) -> str:
    match step:
        case ActionStep():
            return "action"
        case WaitStep():
            return "wait"
        case BranchStep():
            return "branch"
        case SplitStep():
            return "split"
        case ExitStep():
            return "exit"


def _label(step: Step) -> str:
    match step:
        case ActionStep():
            work = step.task or step.call
            words = work.title if work else step.email.subject if step.email else step.id.replace("_", " ")
            return f"{step.kind}: {words}"
        case WaitStep():
            return _wait_label(step)
        case BranchStep() | SplitStep():
            return step.id.replace("_", " ")
        case ExitStep():
            return f"exit: {step.exit}"


def _wait_label(step: WaitStep) -> str:
    match step.wait:
        case FixedWait(fixed=duration):
            return f"wait {duration.text}"
        case WaitUntil(at_most=limit):
            return f"wait at most {limit.text}"
        case WaitForDate() as date:
            offset = date.offset.text
            when = (
                ""
                if not date.offset.longest_days
                else f" {offset.lstrip('-')} {'before' if offset[0] == '-' else 'after'}"
            )
            return f"wait until{when} {date.for_date.sql}"


def _hop_id(workflow: str, version: int, hop: Hop) -> int:
    return int(hashlib.md5(f"{workflow}\n{version}\n{hop.from_step}\n{hop.rank}".encode()).hexdigest()[:15], 16)


def _hop_row(workflow: str, version: int, hop_id: int, hop: Hop) -> Row:
    return {
        "hop_id": hop_id,
        "workflow": workflow,
        "version": version,
        "from_step": hop.from_step,
        "rank": hop.rank,
        "needs_timer": hop.needs_timer,
        "outcome": hop.outcome,
        "to_step": hop.to_step,
        "reason": hop.reason,
        "is_first_look": hop.first_look,
        "is_timed": hop.wait is not None,
        "wait_business_days": hop.wait.business_days if hop.wait else 0,
        "is_long": hop.is_long,
        **_duration("wait", hop.wait),
    }


def _guard_rows(hop_id: int, hop: Hop, numbers: dict[Condition, int]) -> Iterator[Row]:
    for guard in hop.guards:
        if isinstance(guard, Draw):
            yield {"hop_id": hop_id, "condition": None, "split_step": guard.step, "low": guard.low, "high": guard.high}
        else:
            yield {"hop_id": hop_id, "condition": numbers[guard], "split_step": None, "low": None, "high": None}
