"""Operators' orders, taken up one after the other before anything else is decided."""

from __future__ import annotations

from support.oracle.advancing import start_others
from support.oracle.passages import Action, Live, Participant
from support.oracle.state import Order, State


def parse_order(text: str) -> Order:
    """Read an order as on the command line."""
    command, workflow, *rest = text.split()
    return Order(text, command, workflow, rest[0] if rest else None, rest[1] if len(rest) > 1 else None)


def take_up(state: State) -> None:
    """Stage 3: answer every order but entries, which the gates answer."""
    state.orders, state.given = state.given, []
    state.removed.clear()
    state.marked.clear()
    verdicts: dict[str, tuple[Action, str]] = {}
    standing: dict[str, str] = {}
    # what is ordered of a workflow's state counts for all that is ordered of records
    for order in sorted(state.orders, key=lambda order: order.record is not None):
        if order.record is not None:
            _return_from_archive(state)
        live = state.live.get(order.workflow)
        if live is None or live.is_gone:
            is_entry = order.command == "enroll"
            order.outcome = f"refused:{'workflow_unknown' if is_entry else 'unknown_workflow'}"
        elif order.record is None:
            order.outcome = _about_workflow(live, order)
        elif order.command != "enroll":
            order.outcome = _about_record(state, live, order, verdicts, standing)
    for action, command in verdicts.values():
        _answer(state, action, command)
    _return_from_archive(state)
    for participant in (p for live in state.live.values() for p in live.inside()):
        _stand(state, participant, standing.get(participant.id, participant.status))


def _return_from_archive(state: State) -> None:
    """The waits of those whom an archive froze count as over, but for whoever was stopped before."""
    for live in state.live.values():
        if live.was == "archived" and live.state in ("enabled", "paused"):
            for participant in live.inside():
                if participant.id in state.active_at_start and participant.wait is not None:
                    participant.is_over = True
                    participant.due_at = participant.due_at and min(participant.due_at, state.at)
            live.was = live.state


_FROM = {
    "enable": ("paused", "disabled", "archived"),
    "pause": ("enabled",),
    "resume": ("paused", "archived"),
    "archive": ("enabled", "paused", "disabled"),
    "disable": ("enabled", "paused", "archived"),
}
_TO = {"enable": "enabled", "pause": "paused", "resume": "enabled", "archive": "archived", "disable": "disabled"}


def _about_workflow(live: Live, order: Order) -> str:
    """A new state, where the present one allows it."""
    if live.state not in _FROM[order.command]:
        return f"refused:workflow_{live.state}"
    live.state = _TO[order.command]  # pyright: ignore[reportAttributeAccessIssue]
    live.was_more = True
    return "done"


def _about_record(
    state: State, live: Live, order: Order, verdicts: dict[str, tuple[Action, str]], standing: dict[str, str]
) -> str:
    """An order about the passages of a record; in an archive nothing can be done."""
    if live.state == "archived":
        return "refused:workflow_archived"
    if order.command in ("approve", "reject"):
        # of several verdicts at once the last one counts
        waiting = [a for p in live.passages for a in p.actions if _is_meant(a, order)]
        verdicts |= {action.id: (action, order.command) for action in waiting}
        return "done" if waiting else "refused:nothing_waits"
    inside = [p for p in live.inside() if order.record == p.record]
    if not inside:
        return "refused:not_inside"
    answers = [_about_passage(state, participant, order.command, standing) for participant in inside]
    return "done" if "done" in answers else answers[0]


_STATUS = {"pause": ("active", "paused"), "resume": ("paused", "active"), "retry": ("error", "active")}


def _about_passage(state: State, participant: Participant, command: str, standing: dict[str, str]) -> str:
    """Pause, resume and retry find what the orders before them made of it; what they come to together is done in the end."""
    if command not in _STATUS:
        (state.removed if command == "remove" else state.marked).add(participant.id)
        return "done"
    before, after = _STATUS[command]
    status = standing.get(participant.id, participant.status)
    if status != before:
        return f"refused:is_{status}"
    standing[participant.id] = after
    return "done"


def _stand(state: State, participant: Participant, status: str) -> None:
    """Stop it or let it go on, where all orders together say so."""
    if status == participant.status:
        return
    if status == "paused":
        participant.stop("paused", "by_hand", state.at)
    else:
        participant.go_on(state.at, state.clock)


def _answer(state: State, action: Action, command: str) -> None:
    """What waits for approval goes out from now on, or is dropped; also of those who are through."""
    if command == "reject":
        action.end("dropped", "rejected", state.at)
        return
    action.status, action.approved_at, action.status_at = "planned", state.at, state.at
    action.reason = "approved"
    if action.step.enroll is not None:
        start_others(state, action)


def _is_meant(action: Action, order: Order) -> bool:
    is_record = order.record == action.participant.record
    return is_record and action.status == "awaiting_approval" and order.step in (None, action.step.id)
