"""Small warehouses filled by hand, for reports: the state tables as an evaluator would have left them.

`rescue` has two versions with different objectives, a wait of ten days, a branch and a hold-out, so a run matures 40
days after its entry. `quiet` is a draft, `fresh` has one run that entered a few days ago. Today is 30 June 2024.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sql.warehouses.duckdb import DuckDBSession

Row = dict[str, Any]
TODAY = date(2024, 6, 30)
EVALUATIONS = 30
LAST = EVALUATIONS
HOPS = {"begin": 1, "yes": 2, "no": 3, "watched": 4}
"""Ways of `rescue`, version 2; version 1 has the same with 10 added."""


@dataclass(frozen=True)
class Passage:
    """One run as a test wants it; dates are days of 2024, all at the same hour."""

    record: str
    entered: date
    left: date | None = None
    reason: str | None = None
    took: str = "yes"
    met: date | None = None
    arm: str = "treatment"
    version: int = 2
    entry_no: int = 1
    met_at_entry: bool = False
    workflow: str = "rescue"

    @property
    def key(self) -> str:
        """The participant's id."""
        return f"{self.workflow}/{self.record}/{self.entry_no}"

    @property
    def status(self) -> str:
        """As the evaluator has it: an exit has a reason, the end has none."""
        if self.left is None:
            return "active"
        return "exited" if self.reason else "completed"


RESCUED = (
    Passage("a1", date(2024, 5, 1), date(2024, 5, 11), met=date(2024, 5, 20)),
    Passage("a2", date(2024, 5, 1), date(2024, 5, 6), "objective", met=date(2024, 5, 6)),
    Passage("a3", date(2024, 5, 2), date(2024, 5, 12), took="no", met=date(2024, 6, 20)),  # after its window
    Passage("a4", date(2024, 5, 3), date(2024, 5, 8), "exit_condition"),
    Passage("a5", date(2024, 6, 20)),
    Passage("a6", date(2024, 6, 1), date(2024, 6, 4), "objective", met=date(2024, 6, 4)),  # met, but not matured
    Passage("a7", date(2024, 5, 5), date(2024, 5, 15), met_at_entry=True),
    Passage("a1", date(2024, 6, 25), entry_no=2),
    Passage("b1", date(2024, 5, 1), date(2024, 5, 11), arm="holdout", met=date(2024, 6, 9)),  # day 39 of 40
    Passage("b2", date(2024, 5, 2), date(2024, 5, 12), arm="holdout"),
    Passage("b3", date(2024, 6, 20), arm="holdout"),
    Passage("c1", date(2024, 4, 1), date(2024, 4, 11), version=1, met=date(2024, 4, 5)),  # another objective
)


def at(day: date) -> datetime:
    """The instant of a day's evaluation: 6 in the morning in New York."""
    return datetime(day.year, day.month, day.day, 10, tzinfo=UTC)


def rescue_world(session: DuckDBSession, passages: Iterable[Passage] = RESCUED, **different: Any) -> None:
    """Fill an empty warehouse; `different` changes the row of `rescue`, version 2."""
    session.migrate()
    session.append("live.projects", [_project()])
    fresh = workflow_row("fresh", objective_version="f1", longest_stay_days=10.0)
    session.append("live.workflows", _even([*_rescue_versions(different), workflow_row("quiet", state="draft"), fresh]))
    session.append("live.steps", [row for version in (1, 2) for row in _steps(version)])
    session.append("live.hops", [row for version in (1, 2) for row in _hops(version)])
    session.append("live.hop_path", [row for version in (1, 2) for row in _paths(version)])
    session.append("journal.evaluations", [_evaluation(n) for n in range(1, EVALUATIONS + 1)])
    newest = Passage("a1", date(2024, 6, 28), workflow="fresh", version=1)
    add_passages(session, [*passages, newest])


def add_passages(session: DuckDBSession, passages: Iterable[Passage]) -> None:
    """Runs with everything that an evaluator writes about them."""
    made = list(passages)
    session.append("state.open_participants", [_participant(p) for p in made])
    session.append("state.transitions", [row for p in made for row in _transitions(p)])
    session.append("state.observations", [row for p in made for row in _observations(p)])
    acted = [p for p in made if p.workflow == "rescue" and p.arm == "treatment"]
    session.append("outbox.actions", [row for p in acted for row in _actions(p)])


def crowd(size: int) -> Iterator[Passage]:
    """Many runs, a few a day, with all kinds of ends."""
    for n in range(size):
        entered = TODAY - timedelta(days=2 + n * 3 // 7)
        kind = n % 5
        left = entered + timedelta(days=10 if kind in (0, 1) else 4)
        if left > TODAY or kind == 4:
            yield Passage(f"crowd {n}", entered)
        elif kind == 3:
            yield Passage(f"crowd {n}", entered, left, "objective", met=left)
        else:
            yield Passage(f"crowd {n}", entered, left, "exit_condition" if kind == 2 else None, "no" if kind else "yes")


def workflow_row(workflow: str, version: int = 1, **different: Any) -> Row:
    """A version of a workflow, enabled and current, with one thing different."""
    return {
        "workflow": workflow,
        "version": version,
        "is_current": True,
        "state": "enabled",
        "object": "account",
        "description": "Call before they leave.",
        "owner": "cs-ops@example.com",
        "priority": 50,
        "launch": "everyone",
        "manual_entry": True,
        "reentry": "requalifying",
        "reentry_months": 0,
        "reentry_days": 30,
        "reentry_minutes": 0,
        "leave_on_objective": True,
        "holdout_share": 0.0,
        "entry_condition": 1,
        "longest_stay_days": 0.0,
        "logic_fingerprint": "l",
        "text_fingerprint": "t",
        "structure_fingerprint": "s",
        "definition": {"object": "account", "entry": {"when": "health = 'poor'"}, "steps": []},
        "applied_at": at(date(2024, 3, 1)),
        "applied_by": "tests",
        **different,
    }


def _even(rows: list[Row]) -> list[Row]:
    """The rows with the same keys all: a table takes its columns from the first."""
    keys = {key: None for row in rows for key in row}
    return [keys | row for row in rows]


def _project() -> Row:
    return {
        "project_id": 1,
        "fingerprint": "p",
        "name": "by_hand",
        "timezone": "America/New_York",
        "seed": "s",
        "files": {},
        "applied_at": at(date(2024, 3, 1)),
        "applied_by": "tests",
    }


def _rescue_versions(different: Row) -> Iterator[Row]:
    entry = {"any": ["health in ('poor', 'at_risk')", {"none": ["segment('churned')"]}]}
    shared: Row = {"longest_stay_days": 10.0, "holdout_share": 0.2, "definition": {"entry": {"when": entry}}}
    yield workflow_row("rescue", 1, is_current=False, objective_version="old", **shared)
    newest: Row = {
        "objective_version": "new",
        "objective_name": "Usage is back",
        "objective_text": "usage > 40",
        **shared,
        **different,
    }
    yield workflow_row("rescue", 2, **newest)


def _evaluation(number: int) -> Row:
    counts = ("entered", "left", "completed", "moved", "planned", "refused")
    return {
        "evaluation_id": number,
        "as_of": at(TODAY - timedelta(days=7 * (EVALUATIONS - number))),
        "snapshot_id": number,
        "project_id": 1,
        **{f"{name}_count": 0 for name in counts},
        "seconds": {},
        "chain_hash": "",
    }


def _steps(version: int) -> Iterator[Row]:
    flow: tuple[tuple[str, str, str | None, str, str | None, str | None, list[str]], ...] = (
        ("hello", "action", "email", "email: Hello [there]", None, None, []),
        ("pause", "wait", None, "wait 10 days", None, None, []),
        ("reply", "branch", None, "reply", None, None, ["Yes"]),
        ("book", "action", "task", "task: Book {{ account.name }}", "reply", "Yes", []),
        ("finish", "action", "notify", "notify: finish", None, None, []),
    )
    for position, (step, kind, action, label, parent, arm, arms) in enumerate(flow, start=1):
        yield {
            "workflow": "rescue",
            "version": version,
            "step_id": step,
            "position": position,
            "kind": kind,
            "action_kind": action,
            "label": label,
            "parent_step_id": parent,
            "arm": arm,
            "arms": arms,
            "due_months": 0,
            "due_days": 0,
            "due_minutes": 0,
            "has_due": False,
            "longest_stay_days": 10.0 if kind == "wait" else 0.0,
        }


def _hop_id(way: str, version: int) -> int:
    return HOPS[way] + (10 if version == 1 else 0)


def _hops(version: int) -> Iterator[Row]:
    ways = {
        "begin": ("(entry)", False, "rest", "pause", None, 10),
        "yes": ("pause", True, "completed", "(end)", None, 0),
        "no": ("pause", True, "completed", "(end)", None, 0),
        "watched": ("(holdout)", True, "completed", "(end)", "holdout_watched", 0),
    }
    for rank, (way, (from_step, needs_timer, outcome, to_step, reason, days)) in enumerate(ways.items()):
        yield {
            "hop_id": _hop_id(way, version),
            "workflow": "rescue",
            "version": version,
            "from_step": from_step,
            "rank": rank,
            "needs_timer": needs_timer,
            "outcome": outcome,
            "to_step": to_step,
            "reason": reason,
            "wait_months": 0,
            "wait_days": days,
            "wait_minutes": 0,
        }


PATHS: dict[str, tuple[tuple[str, str | None], ...]] = {
    "begin": (("hello", None),),
    "yes": (("reply", "Yes"), ("book", None), ("finish", None)),
    "no": (("reply", "else"), ("finish", None)),
}


def _paths(version: int) -> Iterator[Row]:
    for way, path in PATHS.items():
        for position, (step, arm) in enumerate(path, start=1):
            yield {"hop_id": _hop_id(way, version), "position": position, "step_id": step, "arm": arm}


def _participant(passage: Passage) -> Row:
    resting = {"treatment": "pause", "holdout": "(holdout)"}[passage.arm]
    return {
        "participant_id": passage.key,
        "workflow": passage.workflow,
        "version": passage.version,
        "flow_version": passage.version,
        "object": "account",
        "record": passage.record,
        "arm": passage.arm,
        "entry_mode": "condition",
        "entry_no": passage.entry_no,
        "matched_from": at(passage.entered),
        "entered_at": at(passage.entered),
        "status": passage.status,
        "step_id": "(end)" if passage.left else resting,
        "arrived_at": at(passage.left or passage.entered),
        "due_at": None if passage.left else at(passage.entered + timedelta(days=10)),
        "exit_reason": passage.reason,
        "left_at": at(passage.left) if passage.left else None,
        "met_at_entry": passage.met_at_entry,
        "objective_met_at": at(passage.met) if passage.met else None,
        "watched_until": at(passage.entered + timedelta(days=40)),
    }


def _transitions(passage: Passage) -> Iterator[Row]:
    resting = "(holdout)" if passage.arm == "holdout" else "(entry)"
    yield _transition(passage, passage.entered, 2, "entered", None, resting, reason="condition")
    if passage.arm == "treatment" and passage.workflow == "rescue":
        yield _transition(passage, passage.entered, 3, "moved", "(entry)", "pause", hop="begin")
        resting = "pause"
    if passage.left and passage.reason:
        yield _transition(passage, passage.left, 1, "exited", resting, "(end)", reason=passage.reason)
    elif passage.left:
        hop = "watched" if passage.arm == "holdout" else passage.took
        yield _transition(passage, passage.left, 3, "completed", resting, "(end)", hop=hop)
    if passage.met:
        yield _transition(passage, passage.met, 4, "objective_met", None, None)


def _transition(
    passage: Passage,
    day: date,
    sequence: int,
    kind: str,
    from_step: str | None,
    to_step: str | None,
    *,
    hop: str | None = None,
    reason: str | None = None,
) -> Row:
    return {
        "participant_id": passage.key,
        "evaluation_id": day.toordinal(),
        "sequence": sequence,
        "happened_at": at(day),
        "kind": kind,
        "from_step": from_step,
        "to_step": to_step,
        "hop_id": _hop_id(hop, passage.version) if hop else None,
        "due_at": at(day + timedelta(days=10)) if kind == "moved" else None,
        "reason": reason,
    }


def _observations(passage: Passage) -> Iterator[Row]:
    yield {
        "participant_id": passage.key,
        "observed_at": at(passage.entered),
        "is_met": passage.met_at_entry,
        "measure": 1.5,
    }
    if passage.met:
        yield {"participant_id": passage.key, "observed_at": at(passage.met), "is_met": True, "measure": 42.0}


def _actions(passage: Passage) -> Iterator[Row]:
    steps = [("hello", "email", passage.entered)]
    if passage.left and not passage.reason:
        steps += [("book", "task", passage.left)] if passage.took == "yes" else []
        steps += [("finish", "notify", passage.left)]
    for step, kind, day in steps:
        yield {
            "action_id": f"{passage.key}/{step}",
            "participant_id": passage.key,
            "workflow": passage.workflow,
            "version": passage.version,
            "step_id": step,
            "object": "account",
            "record": passage.record,
            "kind": kind,
            "content_id": step,
            "values": {},
            "evaluation_id": day.toordinal(),
            "planned_at": at(day),
            "send_after": at(day),
            "status": "sent" if step == "hello" else "planned",
            "status_at": at(day),
        }
