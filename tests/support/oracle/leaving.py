"""Who leaves, and why: merges, deletions, disabling, exit conditions, objectives, goals, removals, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from support.oracle.conditions import Asked
from support.oracle.passages import Live, Participant
from support.oracle.state import State

from definitions.goals import EVENTS, OUTCOME, Goal
from definitions.workflow import Workflow


def merge(state: State) -> None:
    """The survivor takes the place of a record that was merged into it; where it is inside, the other is to end.

    Of several the one that entered first takes the place. That is seen before any condition is asked, also in the archive.
    """
    state.merged.clear()
    for live in state.live.values():
        for participant in sorted(live.inside(), key=lambda p: (p.entered_at, p.spot)):
            survivor = state.records.survivor(participant.object, participant.record)
            if survivor is None:
                continue
            if live.open_of((survivor, participant.occasion)) is None:
                live.hand_over(participant, survivor)
            else:
                state.merged.add(participant.id)


def leave(state: State) -> None:
    """Stage 6, for everybody inside a workflow that is not archived. Leaving takes back what is planned."""
    for live in state.workflows():
        if live.state == "archived":
            continue
        for participant in list(live.inside()):
            found = _reason(state, live, participant)
            if found is not None:
                status, reason = found
                participant.leave(status, reason, state.at)
                participant.cancel(reason, state.at)


def _reason(state: State, live: Live, participant: Participant) -> tuple[str, str] | None:
    """The first reason that holds, with the status it leads to."""
    definition = participant.flow
    if not state.exists(participant.object, participant.record):
        return "exited", "merged" if participant.id in state.merged else "record_deleted"
    if live.state == "disabled" or live.is_gone:
        return "exited", "workflow_disabled"
    if definition.exit.when is not None and state.holds(definition.exit.when, participant):
        return "exited", "exit_condition"
    objective = definition.objective
    if objective is not None and definition.exit.on_objective == "leave" and state.holds(objective.when, participant):
        return "exited", "objective"
    goal = _goal(state, participant)
    if goal is not None:
        return "goal_met", goal
    return ("exited", "removed") if participant.id in state.removed else None


# ---- goals


def goals_of(definition: Workflow) -> tuple[Goal, ...]:
    """The goals that are written; with a recipient and without any written, answers, calls and meetings."""
    if definition.goals is not None:
        return definition.goals
    if definition.recipient is None:
        return ()
    return tuple(Goal(name, kind=name) for name in EVENTS)


def _goal(state: State, participant: Participant) -> str | None:
    """The earliest goal by its own time; at the same time the one marked by hand, then the one written first."""
    found = [(state.at, -1, "marked")] if participant.id in state.marked else list[tuple[datetime, int, str]]()
    if participant.status == "active":
        for i, goal in enumerate(goals_of(participant.flow)):
            at = _reached(state, participant, goal)
            if at is not None:
                found.append((at, i, goal.name))
    return min(found)[2] if found else None


def _reached(state: State, participant: Participant, goal: Goal) -> datetime | None:
    """When a goal was reached: an activity at its own time, a condition now."""
    if goal.when is not None:
        return state.at if state.holds(goal.when, participant) else None
    since = participant.resumed_at or participant.entered_at
    return min((at for at in _activities(state, participant, goal) if since < at <= state.at), default=None)


def _activities(state: State, participant: Participant, goal: Goal) -> Iterator[datetime]:
    """The times of what the recipient, or the record itself, did of a kind."""
    kind = goal.kind
    assert kind in (*EVENTS, OUTCOME)
    who = {(participant.object, participant.record)}
    if participant.recipient is not None and participant.flow.recipient is not None:
        target = state.project.catalog.target(participant.object, (participant.flow.recipient.relation,))
        who.add((str(target), participant.recipient))
    for name, spec in state.project.catalog.objects.items():
        activity = next((a for k, a in spec.activities.items() if k == kind), None)
        if activity is None:
            continue
        hop = state.project.catalog.checked(name, (activity.of,))[0]
        for key in state.records.keys(name):
            row = state.records.row(name, key) or {}
            if (hop.target, row[hop.source_field]) not in who or row[activity.at] is None:
                continue
            if activity.outcome is not None and goal.value is not None and row[activity.outcome] != goal.value:
                continue
            if activity.where is None or state.judge.value(activity.where, Asked(name, key, state.at)) is True:
                yield _instant(state, row[activity.at])


def _instant(state: State, at: date | datetime) -> datetime:
    return at if isinstance(at, datetime) else state.clock.midnight(at)
