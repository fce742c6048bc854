"""Who enters: spells of qualifying, the gates in their order, limits, and the doors that entrants shut behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from support.oracle.conditions import Asked, asked_about_entry, asks_passage
from support.oracle.draws import draw
from support.oracle.flow import after, longest
from support.oracle.passages import ENTRY, HOLDOUT, Live, Participant, Refusal, Spot
from support.oracle.people import entry_rows, recipient_of
from support.oracle.state import Order, State

from definitions.conditions import Condition
from definitions.values import Duration

Reason = tuple[str, str | None]


@dataclass
class Candidate:
    """A record, or a row of it, that asks to enter a workflow: since it qualifies, by orders, or both."""

    live: Live
    spot: Spot
    since: datetime | None = None
    qualifies_since: datetime | None = None
    orders: list[Order] = field(default_factory=list[Order])
    recipient: str | None = None

    @property
    def age(self) -> tuple[float, Spot]:
        """Who qualifies longest, then the key."""
        return self.qualifies_since.timestamp() if self.qualifies_since else math.inf, self.spot

    @property
    def turn(self) -> tuple[bool, float, Spot]:
        """By hand and by `enroll` first, then who qualifies longest, then the key."""
        return not self.orders, *self.age

    def refuse(self, reason: Reason, at: datetime) -> None:
        """Write the reason down: for the spell of qualifying, and for every order."""
        if self.since is not None:
            self.live.refusals.setdefault(self.spot, Refusal(*reason, at))
        for order in self.orders:
            answer_refused(order, reason)


def answer_refused(order: Order, reason: Reason) -> None:
    """An order's answer; of a lock it names the workflow."""
    name, detail = reason
    order.outcome = f"refused:{name}:{detail}" if name == "locked" else f"refused:{name}"


# ---- spells of qualifying


def see_episodes(state: State) -> None:
    """Stage 5: who qualifies for which workflow, since when without a break. Seen in every state."""
    for live in state.live.values():
        qualifying = [] if live.is_gone else list(qualifying_spots(state, live))
        live.episodes = {spot: live.episodes.get(spot, state.at) for spot in qualifying}
        if live.state == "enabled" and live.enabled_since is None:
            live.enabled_since = state.at


def qualifying_spots(state: State, live: Live) -> list[Spot]:
    """Records that meet the entry condition; with `each` every related row of theirs that passes."""
    entry, found = live.definition.entry, list[Spot]()
    for key in state.records.keys(live.object):
        if state.judge.truth(entry.condition, Asked(live.object, key, state.at)) is True:
            rows = entry_rows(state, live, key) if entry.each is not None else [""]
            found.extend((key, row) for row in rows)
    return found


# ---- admission


def admit(state: State) -> list[Participant]:
    """Stage 7: everybody who passes the gates of an enabled workflow."""
    before = {live.name: live.refusals for live in state.workflows()}
    chosen = {live.name: _through_gates(state, live) for live in state.workflows()}
    entered: list[Participant] = []
    for live in state.workflows():
        shut = list(entered)
        for candidate in chosen[live.name]:
            lock = _lock(state, live, candidate.spot[0], shut)
            if lock is not None:
                candidate.refuse(("locked", lock), state.at)
                continue
            for order in candidate.orders:
                order.outcome = "done"
            entered.append(_enter(state, candidate))
        _go_on_refusing(live, before[live.name])
    return entered


def _go_on_refusing(live: Live, before: dict[Spot, Refusal]) -> None:
    """A refusal for the reason of the evaluation before is the same one; a new reason begins a new spell."""
    for spot, refusal in live.refusals.items():
        old = before.get(spot)
        if old is not None and old.text == refusal.text:
            refusal.since = old.since


def _through_gates(state: State, live: Live) -> list[Candidate]:
    """Those whom no gate of the workflow keeps out: each by itself, then `run_once` and `at_most` among them."""
    live.refusals = {}
    found = [c for c in _candidates(state, live) if c.since is not None or c.orders]
    chosen: list[Candidate] = []
    limit = live.definition.entry.at_most
    room = limit.number - _entered_in_unit(state, live) if limit is not None else None
    for candidate in sorted(_once(state, live, found), key=lambda c: c.turn):
        if room is not None and room <= len(chosen):
            candidate.refuse(("at_most", None), state.at)
        else:
            chosen.append(candidate)
    return chosen


def _once(state: State, live: Live, candidates: list[Candidate]) -> Iterator[Candidate]:
    """With `run_once`, those whose recipient was never in this workflow, and is in it by nobody else now."""
    reached = {p.recipient for p in live.passages}
    for candidate in sorted(candidates, key=lambda c: c.age):
        candidate.recipient = recipient_of(state, live, candidate.spot[0])
        if live.definition.run_once and candidate.recipient is not None and candidate.recipient in reached:
            candidate.refuse(("run_once", candidate.recipient), state.at)
        else:
            reached.add(candidate.recipient)
            yield candidate


def _candidates(state: State, live: Live) -> list[Candidate]:
    """Everybody who asks and whom no gate keeps out that looks at one record alone."""
    found: dict[Spot, Candidate] = {}
    if live.state == "enabled":
        for spot, since in live.episodes.items():
            inside = live.open_of(spot)
            if inside is not None and inside.spell == since:
                continue
            reason = _gate(state, live, spot, since)
            if reason is None:
                found[spot] = Candidate(live, spot, since, since)
            else:
                live.refusals[spot] = Refusal(*reason, state.at)
    for order in state.orders:
        if order.command == "enroll" and order.workflow == live.name and not order.outcome and order.record is not None:
            spot = (order.record, "")
            reason = _gate_of_order(state, live, order) or _gate(state, live, spot, None)
            if reason is None:
                asking = Candidate(live, spot, qualifies_since=live.episodes.get(spot))
                found.setdefault(spot, asking).orders.append(order)
            else:
                answer_refused(order, reason)
    return list(found.values())


def _gate_of_order(state: State, live: Live, order: Order) -> Reason | None:
    """What is asked of those who enter by hand or by a step alone."""
    entry = live.definition.entry
    if not state.exists(live.object, order.record):
        return "no_such_record", None
    if live.is_gone:
        return "workflow_unknown", None
    if live.state != "enabled":
        return f"workflow_{live.state}", None
    if entry.each is not None:
        return "takes_rows", None
    return ("manual_refused", None) if entry.manual == "refused" and not order.by_step else None


def _gate(state: State, live: Live, spot: Spot, since: datetime | None) -> Reason | None:
    """The first gate that keeps one out. Without a spell (`since`), by hand: launch, spells and slots do not count."""
    definition, passages = live.definition, live.of(spot)
    left = max((p.left_at for p in passages if p.left_at is not None), default=None)
    if live.open_of(spot) is not None:
        return "already_inside", None
    if definition.reentry.after == "never" and passages:
        return "entered_before", None
    is_old = live.enabled_since is not None and since is not None and since <= live.enabled_since
    if definition.launch == "newcomers" and is_old:
        return "not_a_newcomer", None
    if definition.reentry.after == "requalifying" and since is not None and left is not None and since <= left:
        return "not_requalified", None
    if left == state.at:
        return "left_just_now", None
    wait = definition.reentry.wait
    if wait is not None and left is not None and state.at < after(left, wait, state.project, state.clock):
        return "waiting_after_exit", None
    return _gate_of_now(state, live, spot, since)


def _gate_of_now(state: State, live: Live, spot: Spot, since: datetime | None) -> Reason | None:
    """Gates that look at the record and at the clock: met already, between slots, locked."""
    definition = live.definition
    asked = Asked(live.object, spot[0], state.at)
    if definition.exit.when is not None and _holds_outside(state, definition.exit.when, asked):
        return "exit_condition", None
    objective, leaves = definition.objective, definition.exit.on_objective == "leave"
    if objective is not None and leaves and _holds_outside(state, objective.when, asked):
        return "objective_already_met", None
    if since is not None and not _slot_is_open(state, live):
        return "between_slots", None
    lock = _lock(state, live, spot[0], state.inside_at_start)
    return ("locked", lock) if lock is not None else None


def _holds_outside(state: State, condition: Condition, asked: Asked) -> bool:
    """A condition about the participant keeps nobody out, for there is none yet."""
    return not asks_passage(condition) and state.judge.truth(condition, asked)


def _slot_is_open(state: State, live: Live) -> bool:
    """This is the first evaluation at or after a time of the schedule."""
    schedule = live.definition.entry.schedule
    if schedule is None or state.before is None:
        return True
    latest = schedule.latest(state.clock.local(state.at))
    return latest is not None and latest > state.before


def _lock(state: State, live: Live, record: str, inside: list[Participant]) -> str | None:
    """The workflow, by priority and name, that shuts this one for the record by one of its participants."""
    for other in state.workflows():
        is_all, names = other.definition.lock
        if other is live or other.is_gone or not (is_all or live.name in names) or other.object != live.object:
            continue
        if any(p.workflow == other.name and p.record == record for p in inside):
            return other.name
    return None


def _entered_in_unit(state: State, live: Live) -> int:
    limit = live.definition.entry.at_most
    assert limit is not None
    unit = state.unit(state.at, limit.unit)
    return sum(state.unit(p.entered_at, limit.unit) == unit for p in live.passages)


def _enter(state: State, candidate: Candidate) -> Participant:
    """A new passage; the hold-out is drawn from the record, so that nobody changes sides."""
    live = candidate.live
    record, occasion = candidate.spot
    number, id_ = live.next_id(state.seed, candidate.spot)
    is_held = draw(state.seed, "holdout", live.name, record) < live.definition.holdout
    participant = Participant(
        workflow=live.name,
        object=live.object,
        record=record,
        occasion=occasion,
        entry_no=number,
        id=id_,
        arm="holdout" if is_held else "treatment",
        entered_at=state.at,
        version=live.version,
        flow=live.definition,
        recipient=candidate.recipient,
        objective=live.definition.objective,
        longest=longest(live.definition.steps),
        entered_as=record,
        kept=asked_about_entry(state.project, live.definition),
        spell=candidate.since,
        step=HOLDOUT if is_held else ENTRY,
    )
    if is_held:
        days = math.ceil(max(longest(live.definition.steps), 1.0))
        participant.due_at = after(state.at, Duration(days=days), state.project, state.clock)
    live.add(participant)
    return participant
