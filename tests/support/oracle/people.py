"""Whom a passage is with: the rows that bring a record in, recipients, senders, and users that `assign` chooses."""

from __future__ import annotations

from support.oracle.conditions import Asked
from support.oracle.draws import draw
from support.oracle.passages import Live, Participant
from support.oracle.state import State

from definitions.steps import ActionStep, Assign, is_address, walk
from definitions.workflow import Workflow


def entry_rows(state: State, live: Live, record: str) -> list[str]:
    """The related rows that pass, for `each`."""
    each = live.definition.entry.each
    assert each is not None
    return state.judge.related(each.relation, Asked(live.object, record, state.at), where=each.where)


def recipient_of(state: State, live: Live, record: str) -> str | None:
    """The first related record that passes; where none is found, the one that `fallback` leads to."""
    recipient = live.definition.recipient
    if recipient is None:
        return None
    asked = Asked(live.object, record, state.at)
    found = state.judge.related(recipient.relation, asked, where=recipient.where, order_by=recipient.order_by)
    if not found and recipient.fallback is not None:
        found = state.judge.related(recipient.fallback, asked)
    return found[0] if found else None


def assign_steps(flow: Workflow) -> dict[str, Assign]:
    """The steps that choose users, by id."""
    return {s.id: s.assign for s in walk(flow.steps) if isinstance(s, ActionStep) and s.assign is not None}


def user_of(state: State, participant: Participant, step: ActionStep) -> str | None:
    """Who does a step or in whose name it is done: the user that a relation names, or who was chosen before."""
    reference = step.user
    if reference is None or is_address(reference):
        return None
    if reference in assign_steps(participant.flow):
        return participant.given.get(reference)
    hop = state.project.catalog.checked(participant.object, (reference,))[0]
    row = state.records.row(participant.object, participant.record) or {}
    return row.get(hop.source_field)


def lacks_permission(state: State, participant: Participant, step: ActionStep) -> bool:
    """A message in the name of a user who has not allowed it, or who is not there."""
    message = step.email or step.sms
    if message is None or message.from_ is None or is_address(message.from_):
        return False
    if message.from_ in assign_steps(participant.flow):
        return False
    target = state.project.catalog.target(participant.object, (message.from_,))
    allows = state.project.catalog[target].send_as if target is not None else None
    if target is None or allows is None:
        return False
    user = user_of(state, participant, step)
    row = state.records.row(target, user) if user is not None else None
    return row is None or row[allows] is not True


def assign(state: State, participant: Participant, step: ActionStep) -> str | None:
    """The user whom an `assign` step chooses: by a rule, by its method among the pool, else the fallback."""
    chosen = step.assign
    assert chosen is not None
    live = state.live[participant.workflow]
    by_rule = next((rule.user for rule in chosen.rules if state.holds(rule.if_, participant)), None)
    if by_rule is not None:
        return by_rule
    pool = _pool(state, participant, chosen)
    if not pool:
        return chosen.fallback
    user = _choose(state, live, participant, step, pool)
    # what rules and the fallback give counts neither in the round nor as load
    live.gifts.setdefault(step.id, []).append((state.at, user))
    return user


def _pool(state: State, participant: Participant, assign: Assign) -> list[str]:
    """The users who take part and are not absent, by key."""
    target = str(state.project.catalog.target(participant.object, (assign.relation,)))
    there = state.judge.passing(target, assign.where, state.at)
    away = set(state.judge.passing(target, assign.absent, state.at)) if assign.absent is not None else set[str]()
    return sorted(user for user in there if user not in away)


def _choose(state: State, live: Live, participant: Participant, step: ActionStep, pool: list[str]) -> str:
    assert step.assign is not None
    match step.assign.by:
        case "random":
            return pool[int(draw(state.seed, "assign", participant.id, step.id) * len(pool))]
        case "least_loaded":
            return min(pool, key=lambda user: (_load(state, live, participant, step, user), user))
        case "round_robin":
            last = live.rounds.get(step.id, "")
            user = next((u for u in pool if u > last), pool[0])
            live.rounds[step.id] = user
            return user


def _load(state: State, live: Live, participant: Participant, step: ActionStep, user: str) -> float:
    """The user's load with what the step gave at this evaluation; without a load, all that the step gave."""
    assert step.assign is not None
    gifts = [at for at, to in live.gifts.get(step.id, []) if to == user]
    if step.assign.load is None:
        return len(gifts)
    target = str(state.project.catalog.target(participant.object, (step.assign.relation,)))
    load = state.judge.value(step.assign.load, Asked(target, user, state.at))
    return float(load or 0) + sum(at == state.at for at in gifts)
