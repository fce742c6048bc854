"""What an evaluation decided, as tests look at it, and what must always hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from support.oracle.clock import Span
from support.oracle.passages import ENTRY, HOLDOUT, WINDOWED, Action, Participant
from support.oracle.state import State

from definitions.conditions import Condition
from definitions.rules import conditions_of
from pipelines.worlds import Observed

T = TypeVar("T")

WATCHED = Span(days=30)
"""How long the objective is observed after the end."""


def measure(state: State) -> None:
    """The objective and its measure, for everybody inside and for 30 days afterwards: at first, and whenever it differs.

    It is the one that the workflow had at the entry.
    """
    for live in state.workflows():
        for participant in live.passages:
            objective, left = participant.objective, participant.left_at
            if objective is None or (left is not None and state.at > _watched_until(state, participant, left)):
                continue
            value = state.value(objective.measure, participant) if objective.measure is not None else None
            seen = (state.holds(objective.when, participant), float(value) if value is not None else None)
            if seen != participant.seen and state.exists(participant.object, participant.record):
                participant.seen = seen
                if seen[1] is not None:
                    participant.measured[state.at] = seen[1]


def _watched_until(state: State, participant: Participant, left: datetime) -> datetime:
    """Whoever leaves early is observed as long as whoever stays for the longest passage."""
    days = WATCHED.days + math.ceil(participant.longest)
    return max(state.clock.step(left, WATCHED), state.clock.step(participant.entered_at, Span(days=days)))


def followed(state: State) -> Iterator[tuple[str, Condition]]:
    """Conditions by which somebody inside, or somebody observed, is asked, with their objects; of any version."""
    for p in state.passages():
        if p.left_at is None or state.at <= _watched_until(state, p, p.left_at):
            yield from ((p.object, condition) for condition in conditions_of(p.flow))
            if p.objective is not None:
                yield p.object, p.objective.when


def observed(state: State) -> Observed:
    """Everything that the evaluation at hand decided."""
    now, passages = state.at, list(state.passages())
    left = [p for p in passages if p.left_at == now]
    inside = [p for p in passages if p.is_open]
    actions = list(state.actions())
    planned = [a for a in actions if a.planned_at == now]
    by_time = sorted(actions, key=lambda a: a.planned_at)
    ended = [a for a in by_time if a.status_at == now and a.status != "planned"]
    messages = [a for a in state.sendable() if a.sends_at is not None]
    messages = sorted(messages, key=lambda a: (a.planned_at, str(a.sends_at)))
    return Observed(
        entered=_names(state, (p for p in passages if p.entered_at == now)),
        held_out=_names(state, (p for p in passages if p.entered_at == now and p.arm == "holdout")),
        completed=_names(state, (p for p in left if p.status == "completed")),
        actions=tuple(sorted(_action(state, a) for a in planned)),
        exited={_name(state, p): p.reason or "" for p in left if p.status == "exited"},
        goals={_name(state, p): p.reason or "" for p in left if p.status == "goal_met"},
        refused=_refused(state),
        resting={_name(state, p): p.step for p in inside},
        status={_name(state, p): f"{p.status}:{p.reason}" if p.reason else p.status for p in inside},
        measures=_last((_name(state, p), p.measured[now]) for p in passages if now in p.measured),
        orders=_last((order.text, order.outcome) for order in state.orders),
        users=_last((_action(state, a), a.user or "nobody") for a in planned if a.step.assign is not None),
        outcomes=_last((_action(state, a), _outcome(a)) for a in ended),
        sends={_action(state, a): _send(a) for a in messages},
        dropped={_action(state, a): a.reason or "" for a in ended if a.status == "dropped" and a.kind in WINDOWED},
        values={_action(state, a): a.values for a in planned if a.values},
    )


def _last(told: Iterable[tuple[str, T]]) -> dict[str, T]:
    """By name; of several things told of one name the last by its text."""
    return dict(sorted(told, key=lambda one: (one[0], str(one[1]))))


def _prefix(state: State, workflow: str) -> str:
    return "" if len(state.project.workflows) == 1 else f"{workflow}:"


def _name(state: State, participant: Participant) -> str:
    return _prefix(state, participant.workflow) + participant.name


def _names(state: State, participants: Iterator[Participant]) -> tuple[str, ...]:
    return tuple(sorted(_name(state, p) for p in participants))


def _action(state: State, action: Action) -> str:
    return _prefix(state, action.participant.workflow) + action.name


def _outcome(action: Action) -> str:
    return action.status if action.reason is None else f"{action.status}:{action.reason}"


def _refused(state: State) -> dict[str, str]:
    """The refusals that begin now."""
    found: dict[str, str] = {}
    for live in state.live.values():
        for (record, occasion), refusal in live.refusals.items():
            if refusal.since == state.at:
                name = f"{record}+{occasion}" if occasion else record
                found[_prefix(state, live.name) + name] = refusal.text
    return found


def _send(action: Action) -> dict[str, str]:
    assert action.sends_at is not None
    local = action.sends_at.astimezone(ZoneInfo(action.zone))
    return {
        "sends_at": local.strftime("%Y-%m-%d %H:%M:%S"),
        "zone": action.zone,
        "zone_rule": action.zone_rule,
        "send_rule": action.send_rule,
    }


# ---- invariants


def broken(state: State) -> dict[str, list[dict[str, Any]]]:
    """Invariants 1 to 6 of what always holds, over the oracle's own state."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, participant in _broken(state):
        found.setdefault(name, []).append({"workflow": participant.workflow, "record": participant.name})
    return found


def _broken(state: State) -> Iterator[tuple[str, Participant]]:
    seen: set[tuple[str, str, str]] = set()
    for p in state.passages():
        if p.is_open:
            if (p.workflow, *p.spot) in seen:
                yield "one open passage", p
            seen.add((p.workflow, *p.spot))
        if p.is_open == (p.left_at is not None):
            yield "left or inside", p
        if p.arm == "holdout" and p.actions:
            yield "held out and acted on", p
        if any(p.left_at is not None and a.planned_at > p.left_at for a in p.actions):
            yield "planned after leaving", p
        # whom an edit sent back to the entry just before the archive froze it rests there until that is over
        is_frozen = p.step == ENTRY and state.live[p.workflow].state == "archived"
        if p.status == "active" and p.step != HOLDOUT and p.wait is None and not is_frozen:
            yield "rests nowhere", p
        if p.step == ENTRY and p.status == "active" and not is_frozen:
            yield "never began", p
