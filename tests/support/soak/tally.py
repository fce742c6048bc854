"""What fired in a history: refusals, exits, outcomes, kinds of moves, waits and actions, counted on the engine's tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

from definitions import Project
from definitions.steps import BranchStep, SplitStep, WaitForDate, WaitStep, WaitUntil, walk
from sql import DuckDBSession

QUERY = """
SELECT 'refusal' AS guard, reason AS what, COUNT(*) AS times FROM state.refusals GROUP BY ALL
UNION ALL SELECT 'order refused', regexp_replace(reason, ':.*', ''), COUNT(*) FROM journal.commands WHERE outcome = 'refused' GROUP BY ALL
UNION ALL SELECT 'order done', command, COUNT(*) FROM journal.commands WHERE outcome = 'done' GROUP BY ALL
UNION ALL SELECT 'entry mode', entry_mode, COUNT(*) FROM state.participants GROUP BY ALL
UNION ALL SELECT 'arm', arm, COUNT(*) FROM state.participants GROUP BY ALL
UNION ALL SELECT 'occasion', 'row', COUNT(*) FROM state.participants WHERE occasion <> '' GROUP BY ALL
UNION ALL SELECT 're-entry', CASE WHEN entry_no > 2 THEN 'third or later' ELSE 'second' END, COUNT(*) FROM state.participants WHERE entry_no > 1 GROUP BY ALL
UNION ALL SELECT 'recipient', CASE WHEN recipient IS NULL THEN 'missing' ELSE 'found' END, COUNT(*) FROM state.participants GROUP BY ALL
UNION ALL SELECT 'status', status, COUNT(*) FROM state.participants GROUP BY ALL
UNION ALL
    SELECT 'exit reason', CASE WHEN kind = 'exited' AND hop_id IS NOT NULL AND reason NOT IN ('timed_out', 'past_date', 'missing_date') THEN 'exit step' ELSE reason END, COUNT(*)
    FROM state.transitions WHERE kind IN ('exited', 'goal_met') GROUP BY ALL
UNION ALL SELECT 'transition', kind, COUNT(*) FROM state.transitions GROUP BY ALL
UNION ALL SELECT 'error', regexp_replace(reason, ':.*', ''), COUNT(*) FROM state.transitions WHERE kind = 'error' GROUP BY ALL
UNION ALL SELECT 'objective', CASE WHEN met_at_entry THEN 'met at entry' ELSE 'met later' END, COUNT(*) FROM state.participants WHERE met_at_entry OR objective_met_at IS NOT NULL GROUP BY ALL
UNION ALL SELECT 'action', kind, COUNT(*) FROM outbox.actions GROUP BY ALL
UNION ALL SELECT 'action status', status, COUNT(*) FROM outbox.actions GROUP BY ALL
UNION ALL SELECT 'drop', status_reason, COUNT(*) FROM outbox.actions WHERE status = 'dropped' GROUP BY ALL
UNION ALL SELECT 'cancelled by', CASE WHEN status_reason IN ('merged', 'record_deleted', 'workflow_disabled', 'exit_condition', 'objective', 'removed', 'steps_changed') THEN status_reason ELSE 'a goal' END, COUNT(*) FROM outbox.actions WHERE status = 'cancelled' GROUP BY ALL
UNION ALL SELECT 'approval', 'approved', COUNT(*) FROM outbox.actions WHERE status_reason = 'approved' GROUP BY ALL
UNION ALL SELECT 'send rule', send_rule, COUNT(*) FROM outbox.actions WHERE send_rule IS NOT NULL GROUP BY ALL
UNION ALL SELECT 'zone rule', zone_rule, COUNT(*) FROM outbox.actions WHERE zone_rule IS NOT NULL GROUP BY ALL
UNION ALL SELECT 'shift', rule, COUNT(*) FROM outbox.shifts GROUP BY ALL
UNION ALL SELECT 'assigned by', method, COUNT(*) FROM state.assignments GROUP BY ALL
UNION ALL SELECT 'result', result, COUNT(*) FROM inbox.results GROUP BY ALL
UNION ALL SELECT 'snapshot', 'duplicate row', SUM(duplicate_count) FROM journal.snapshot_objects HAVING SUM(duplicate_count) > 0
UNION ALL SELECT 'snapshot', 'unreadable value', SUM(unreadable_count) FROM journal.snapshot_objects HAVING SUM(unreadable_count) > 0
"""

EXPECTED: dict[str, tuple[str, ...]] = {
    "refusal": (
        "already_inside", "entered_before", "not_a_newcomer", "not_requalified", "left_just_now", "waiting_after_exit",
        "exit_condition", "objective_already_met", "between_slots", "locked", "run_once", "at_most",
    ),
    "order refused": (
        "no_such_record", "workflow_paused", "workflow_disabled", "workflow_archived", "workflow_draft", "workflow_enabled",
        "takes_rows", "manual_refused", "already_inside", "entered_before", "left_just_now", "waiting_after_exit",
        "exit_condition", "objective_already_met", "locked", "run_once", "at_most", "not_inside", "is_active", "is_paused",
        "is_error", "nothing_waits", "unknown_workflow",
    ),
    "order done": ("enable", "pause", "resume", "archive", "disable", "enroll", "remove", "retry", "goal-met", "approve", "reject"),
    "entry mode": ("condition", "manual", "enrolled"),
    "arm": ("treatment", "holdout"),
    "occasion": ("row",),
    "re-entry": ("second", "third or later"),
    "recipient": ("found", "missing"),
    "status": ("active", "paused", "error", "goal_met", "completed", "exited"),
    "exit reason": (
        "merged", "record_deleted", "workflow_disabled", "exit_condition", "objective", "removed", "marked", "incoming_email",
        "outcome('won')", "reached", "exit step", "timed_out", "past_date", "missing_date",
    ),
    "transition": (
        "entered", "moved", "completed", "exited", "goal_met", "error", "paused", "resumed", "retried", "merged", "restarted",
        "objective_met",
    ),
    "error": ("missing_date", "no_send_as"),
    "objective": ("met at entry", "met later"),
    "action": ("task", "call", "email", "sms", "update", "create", "assign", "notify", "webhook", "tag", "untag", "enroll"),
    "action status": ("planned", "awaiting_approval", "sent", "cancelled", "dropped"),
    "drop": (
        "no_recipient", "nobody_available", "suppressed", "unsubscribed", "frequency_cap", "rejected", "no_window",
    ),
    "cancelled by": (
        "merged", "record_deleted", "workflow_disabled", "exit_condition", "objective", "removed", "steps_changed", "a goal",
    ),
    "approval": ("approved",),
    "send rule": ("in_window", "next_opening", "blackout", "sender_limit"),
    "zone rule": ("recipient_field", "phone", "phones_middle", "fallback"),
    "shift": ("blackout", "sender_limit"),
    "assigned by": ("round_robin", "random", "least_loaded", "rule", "fallback", "nobody"),
    "result": ("completed", "outcome", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed", "dropped"),
    "snapshot": ("duplicate row", "unreadable value"),
    "wait": (
        "fixed", "until met at once", "until", "for_date", "business days", "months",
    ),
    "parting": ("branch arm", "branch else", "split"),
    "clock": ("a clock change between two evaluations",),
    "edit": ("accepted", "refused"),
    "catalog": ("exists_from", "known_from", "through", "updated_at", "deleted_at", "merged_into", "computed"),
}  # fmt: skip
"""What should fire in some seeds and not in others."""


def tally_of(session: DuckDBSession, project: Project) -> Counter[str]:
    """How often each guard fired, as `guard: what`."""
    found = Counter({f"{row['guard']}: {row['what']}": int(row["times"]) for row in session.rows(QUERY)})
    found.update(_steps(session, project))
    found.update(f"catalog: {role}" for role in _roles(project))
    return found


def _roles(project: Project) -> set[str]:
    """What the catalog says of any object."""
    specs = project.catalog.objects.values()
    roles = {
        role
        for role in ("exists_from", "updated_at", "deleted_at", "merged_into", "computed")
        for s in specs
        if getattr(s, role)
    }
    known = {"known_from" for s in specs for field in s.fields.values() if field.known_from}
    return roles | known | {"through" for s in specs for relation in s.relations.values() if relation.through}


def _steps(session: DuckDBSession, project: Project) -> Counter[str]:
    """Waits rested at and branches passed, by kind."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for name, workflow in project.workflows.items():
        for step in walk(workflow.steps):
            match step:
                case WaitStep():
                    kinds[name, step.id] = _wait_kinds(step)
                case BranchStep():
                    kinds[name, step.id] = ["parting: branch arm", "parting: branch else"]
                case SplitStep():
                    kinds[name, step.id] = ["parting: split"]
                case _:
                    pass
    found = Counter[str]()
    rested = "SELECT p.workflow, t.to_step AS step, COUNT(*) AS n FROM state.transitions AS t JOIN state.participants AS p USING (participant_id) WHERE t.kind = 'moved' GROUP BY ALL"
    for row in session.rows(rested):
        found.update(dict.fromkeys(kinds.get((row["workflow"], row["step"]), ()), row["n"]))
    passed = "SELECT p.workflow, h.step_id AS step, h.arm, COUNT(*) AS n FROM state.transitions AS t JOIN state.participants AS p USING (participant_id) JOIN live.hop_path AS h ON h.hop_id = t.hop_id GROUP BY ALL"
    for row in session.rows(passed):
        found.update(_passed(kinds.get((row["workflow"], row["step"]), []), row))
    return found


def _passed(kinds: list[str], row: dict[str, Any]) -> dict[str, int]:
    match kinds:
        case ["parting: branch arm", _]:
            return {f"parting: branch {'else' if row['arm'] in ('else', None) else 'arm'}": row["n"]}
        case ["parting: split"]:
            return {"parting: split": row["n"]}
        case ["wait: until"]:
            return {"wait: until met at once": row["n"]}
        case _:
            return {}


def _wait_kinds(step: WaitStep) -> list[str]:
    match step.wait:
        case WaitUntil():
            return ["wait: until"]
        case WaitForDate():
            return ["wait: for_date"]
        case fixed:
            more = ["wait: business days"] if fixed.fixed.business_days else []
            return ["wait: fixed", *more, *(["wait: months"] if fixed.fixed.months else [])]
