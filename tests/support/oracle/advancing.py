"""How participants move: from one resting place to the next, with the actions on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from support.oracle.contents import values_of
from support.oracle.draws import draw
from support.oracle.flow import after, behind, lasts_a_day
from support.oracle.passages import HOLDOUT, WINDOWED, Action, Participant
from support.oracle.people import assign, lacks_permission, user_of
from support.oracle.state import Order, State

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
    is_address,
)


@dataclass(frozen=True)
class Verdict:
    """What becomes of somebody at a wait. With `go`, `is_long` says what kind of wait lies behind.

    `go` and `skip` lead on, `stay` and `error` are a rest, `exit` is the end of the passage.
    """

    what: Literal["go", "skip", "stay", "error", "exit"]
    reason: str = ""
    is_long: bool = False


STAY, MISSING = Verdict("stay"), Verdict("stay", "missing_date")


@dataclass
class Way:
    """What lies between two resting places: actions (and whether a long wait lay before each), and where it leads."""

    actions: list[tuple[ActionStep, bool]] = field(default_factory=list[tuple[ActionStep, bool]])
    wait: WaitStep | None = None
    rest: Verdict = STAY
    exit: str | None = None


def begin_anew(state: State) -> None:
    """Stage 3, before any order: whoever an edit sends back to the entry begins anew, whatever else happens to it."""
    for live in state.live.values():
        for participant in live.inside():
            if participant.restart:
                participant.cancel("steps_changed", state.at)
                participant.begin_anew()


def advance(state: State) -> None:
    """Stage 8: everybody who is active and not in an archive, those who entered just now included."""
    for live in state.workflows():
        if live.state == "archived":
            continue
        for participant in sorted(live.inside(), key=lambda p: p.spot):
            if participant.status == "active":
                _read_date(state, participant)
                _go(state, participant)


def _go(state: State, participant: Participant) -> None:
    """Take the way to the next resting place, as a whole or not at all."""
    if participant.step == HOLDOUT:
        if participant.due_at is not None and participant.due_at <= state.at:
            participant.leave("completed", None, state.at)
        return
    wait = participant.wait
    verdict = Verdict("go") if wait is None else _at_wait(state, participant, wait, is_arriving=False)
    if verdict.what in ("stay", "error", "exit"):
        _rest(state, participant, verdict)
        return
    steps = participant.flow.steps
    todo = steps if wait is None else behind(steps, wait.id)
    assert todo is not None, f"{participant.step} is no step of {participant.workflow}"
    way = _way(state, participant, todo, verdict)
    blocked = next((step for step, _ in way.actions if lacks_permission(state, participant, step)), None)
    if blocked is not None:
        participant.stop("error", f"no_send_as:{blocked.id}", state.at)
        return
    new = [Action(participant, step, state.at, is_long) for step, is_long in way.actions]
    participant.actions += new
    state.new_actions += new
    state.messages += [action for action in new if action.kind in WINDOWED]
    if way.wait is None:
        participant.leave("exited" if way.exit is not None else "completed", way.exit, state.at)
    else:
        _arrive(state, participant, way.wait)
        _rest(state, participant, way.rest)


def _rest(state: State, participant: Participant, verdict: Verdict) -> None:
    """Stay, in error or not, or leave."""
    participant.dateless = verdict.reason == "missing_date"
    if verdict.what == "exit":
        participant.leave("exited", verdict.reason, state.at)
    elif verdict.what == "error":
        participant.stop("error", verdict.reason, state.at)


def _at_wait(state: State, participant: Participant, step: WaitStep, is_arriving: bool) -> Verdict:
    """Whether a wait is over: on arrival, or where the participant rests, by its time or by a return from the archive."""
    is_over = participant.is_over and not is_arriving
    due_at = None if is_arriving else participant.due_at
    is_due = is_over or (due_at is not None and due_at <= state.at)
    match step.wait:
        case FixedWait(fixed=duration):
            return Verdict("go", is_long=lasts_a_day(duration)) if is_due else STAY
        case WaitUntil() as wait:
            if state.holds(wait.until, participant):
                return Verdict("go")
            if not is_due:
                return STAY
            if wait.otherwise == "exit":
                return Verdict("exit", "timed_out")
            return Verdict("go", is_long=lasts_a_day(wait.at_most))
        case WaitForDate() as wait:
            return _at_date(state, participant, wait, is_arriving or participant.dateless, is_over)


def _at_date(state: State, participant: Participant, wait: WaitForDate, is_new: bool, is_over: bool) -> Verdict:
    """A wait for a date, which is read again. `is_new`: on arrival, or where there was no date before."""
    if wait.cancel is not None and state.holds(wait.cancel, participant):
        return Verdict("skip", is_long=wait.is_long)
    if is_over:
        return Verdict("go", is_long=wait.is_long)
    if state.holds(wait.unknown, participant):
        return MISSING if wait.missing == "wait" else Verdict(wait.missing, "missing_date")
    if is_new and wait.past != "now" and state.holds(wait.gone_by, participant):
        return Verdict("exit", "past_date") if wait.past == "exit" else Verdict("skip", is_long=wait.is_long)
    return Verdict("go", is_long=wait.is_long) if state.holds(wait.reached, participant) else STAY


def _read_date(state: State, participant: Participant) -> None:
    """When the date waited for comes, as it is known now; whoever is stopped looks again when it goes on."""
    if participant.wait is not None and isinstance(participant.wait.wait, WaitForDate):
        moment: date | datetime | None = state.value(participant.wait.wait.moment, participant)
        if moment is None or isinstance(moment, datetime):
            participant.due_at = moment
        else:
            participant.due_at = state.clock.midnight(moment)


# ---- ways


def _way(state: State, participant: Participant, steps: tuple[Step, ...], verdict: Verdict) -> Way:
    """The way by branches, splits and waits that are passed at once; skipping, without the actions up to a wait."""
    way, todo = Way(), list(steps)
    while todo:
        step = todo.pop(0)
        match step:
            case ActionStep():
                if verdict.what == "go":
                    way.actions.append((step, verdict.is_long))
            case WaitStep():
                there = _at_wait(state, participant, step, is_arriving=True)
                if there.what == "exit":
                    way.exit = there.reason
                    return way
                if there.what in ("stay", "error"):
                    way.wait, way.rest = step, there
                    return way
                # who is there already has not waited: the wait before it counts
                verdict = replace(there, is_long=verdict.is_long)
            case ExitStep():
                way.exit = step.exit
                return way
            case BranchStep():
                arm = next((arm.steps for arm in step.branch if state.holds(arm.if_, participant)), step.else_)
                todo = [*arm, *todo]
            case SplitStep():
                todo = [*step.arms.get(_drawn_arm(state, participant, step), ()), *todo]
    return way


def _drawn_arm(state: State, participant: Participant, step: SplitStep) -> str:
    """The arm in whose part of the shares, as written, the draw falls."""
    drawn, high = draw(state.seed, "split", participant.id, step.id), 0.0
    arms = [name for name, share in step.split.items() if share > 0]
    for name in arms:
        high += step.split[name]
        if drawn < high:
            return name
    return arms[-1]


def _arrive(state: State, participant: Participant, wait: WaitStep) -> None:
    """Rest at a wait, which is as it is written now whatever becomes of it later."""
    participant.step, participant.wait, participant.is_over = wait.id, wait, False
    match wait.wait:
        case FixedWait(fixed=duration):
            participant.due_at = after(state.at, duration, state.project, state.clock)
        case WaitUntil(at_most=at_most):
            participant.due_at = after(state.at, at_most, state.project, state.clock)
        case WaitForDate():
            _read_date(state, participant)


# ---- actions


def plan(state: State) -> None:
    """Plan the actions of this evaluation with the values it sees; users are chosen first, by the actions' ids."""
    new, state.new_actions = state.new_actions, []
    for action in sorted((a for a in new if a.step.assign is not None), key=lambda a: a.id):
        action.user = action.participant.given[action.step.id] = assign(state, action.participant, action.step)
    for action in new:
        _plan(state, action)


def _plan(state: State, action: Action) -> None:
    """Who does it, what it says, and whether it can be done at all or asks somebody first."""
    participant, step = action.participant, action.step
    if step.assign is None:
        action.user = user_of(state, participant, step)
    elif action.user is None:
        action.end("dropped", "nobody_available", state.at)
    message = step.email or step.sms
    if message is not None:
        written = message.from_
        action.sender = written if written is not None and is_address(written) else action.user
        if participant.recipient is None:
            action.end("dropped", "no_recipient", state.at)
    action.values = values_of(state, action)
    if step.approval is not None and action.status == "planned":
        action.status, action.status_at = "awaiting_approval", state.at
    elif step.enroll is not None:
        start_others(state, action)


def start_others(state: State, action: Action) -> None:
    """An `enroll` step orders the next evaluation to enter the record, or its related ones: with that it is done."""
    enroll = action.step.enroll
    assert enroll is not None
    action.status, action.status_at = "sent", state.at
    records = [action.participant.record]
    if enroll.relation is not None:
        records = state.judge.related(enroll.relation, state.asked(action.participant))
    for record in records:
        text = f"enroll {enroll.workflow} {record}"
        state.given.append(Order(text, "enroll", enroll.workflow, record, None, by_step=True))
