"""How participants move: from one resting place to the next, with the actions on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from support.oracle.contents import values_of
from support.oracle.draws import draw
from support.oracle.flow import after, behind, lasts_a_day
from support.oracle.passages import ENTRY, HOLDOUT, Action, Live, Participant
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


@dataclass
class Way:
    """What lies between two resting places: its actions, and the wait or the end it leads to."""

    actions: list[ActionStep] = field(default_factory=list[ActionStep])
    wait: WaitStep | None = None
    exit: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What becomes of somebody at a wait. With `go`, `is_long` says what kind of wait lies behind."""

    what: str
    reason: str = ""
    is_long: bool = False


STAY = Verdict("stay")


def advance(state: State) -> None:
    """Stage 8: everybody who is active and not in an archive, those who entered just now included."""
    for live in state.workflows():
        if live.state == "archived":
            continue
        is_back = live.was == "archived"
        for participant in sorted(live.inside(), key=lambda p: p.spot):
            if participant.status != "active":
                continue
            if participant.restart:
                participant.cancel("steps_changed", state.at)
                participant.restart, participant.step, participant.wait, participant.due_at = False, ENTRY, None, None
            _go(state, live, participant, is_back)


def _go(state: State, live: Live, participant: Participant, is_back: bool) -> None:
    """Move as far as it goes: one way after the other, as long as waits are passed on arrival."""
    if participant.step == HOLDOUT:
        if is_back or (participant.due_at is not None and participant.due_at <= state.at):
            participant.leave("completed", None, state.at)
        return
    is_arriving = False
    while participant.status == "active":
        verdict = _at_rest(state, participant, is_arriving, is_back and not is_arriving)
        if verdict.what == "stay":
            return
        if verdict.what == "error":
            participant.stop("error", verdict.reason, state.at)
            return
        if verdict.what == "exit":
            participant.leave("exited", verdict.reason, state.at)
            return
        if not _take(state, live, participant, verdict):
            return
        is_arriving = True


def _at_rest(state: State, participant: Participant, is_arriving: bool, is_over: bool) -> Verdict:
    """Whether the wait at which somebody rests is over; at the entry nobody waits."""
    step = participant.wait
    if step is None:
        return Verdict("go")
    is_due = is_over or (participant.due_at is not None and participant.due_at <= state.at)
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
            return _at_date(state, participant, wait, is_arriving, is_over)


def _at_date(state: State, participant: Participant, wait: WaitForDate, is_arriving: bool, is_over: bool) -> Verdict:
    """A wait for a date, which is read again. One that comes to be known is judged as on arrival."""
    if wait.cancel is not None and state.holds(wait.cancel, participant):
        return Verdict("skip", is_long=wait.is_long)
    if is_over:
        return Verdict("go", is_long=wait.is_long)
    if state.holds(wait.unknown, participant):
        participant.dateless = True
        match wait.missing:
            case "error":
                return Verdict("error", "missing_date")
            case "exit":
                return Verdict("exit", "missing_date")
            case "wait":
                return STAY
    is_arriving, participant.dateless = is_arriving or participant.dateless, False
    if is_arriving and wait.past != "now" and state.holds(wait.gone_by, participant):
        return Verdict("exit", "past_date") if wait.past == "exit" else Verdict("skip", is_long=wait.is_long)
    return Verdict("go", is_long=wait.is_long) if state.holds(wait.reached, participant) else STAY


# ---- ways


def _take(state: State, live: Live, participant: Participant, verdict: Verdict) -> bool:
    """Take a way as a whole, or not at all; false where it ends the passage or is blocked."""
    todo = participant.flow.steps if participant.wait is None else behind(participant.flow.steps, participant.wait.id)
    assert todo is not None, f"{participant.step} is no step of {participant.workflow}"
    way = _way(state, participant, todo, is_skipping=verdict.what == "skip")
    blocked = next((s for s in way.actions if lacks_permission(state, participant, s)), None)
    if blocked is not None:
        participant.stop("error", f"no_send_as:{blocked.id}", state.at)
        return False
    for step in way.actions:
        _plan(state, participant, step, verdict.is_long)
    if way.wait is None:
        participant.leave("exited" if way.exit is not None else "completed", way.exit, state.at)
        return False
    _arrive(state, participant, way.wait)
    return True


def _way(state: State, participant: Participant, steps: tuple[Step, ...], is_skipping: bool) -> Way:
    """The actions up to the next wait, by the branches and splits in between; skipping, without the actions."""
    way, todo = Way(), list(steps)
    while todo:
        step = todo.pop(0)
        match step:
            case ActionStep():
                if not is_skipping:
                    way.actions.append(step)
            case WaitStep():
                way.wait = step
                return way
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
    participant.step, participant.wait, participant.dateless = wait.id, wait, False
    match wait.wait:
        case FixedWait(fixed=duration):
            participant.due_at = after(state.at, duration, state.project, state.clock)
        case WaitUntil(at_most=at_most):
            participant.due_at = after(state.at, at_most, state.project, state.clock)
        case WaitForDate():
            participant.due_at = None


# ---- actions


def _plan(state: State, participant: Participant, step: ActionStep, is_long: bool) -> None:
    """Plan one action with the values of this evaluation."""
    action = Action(participant, step, state.at, len(participant.actions), is_long)
    participant.actions.append(action)
    if step.assign is not None:
        action.user = participant.given[step.id] = assign(state, participant, step)
        if action.user is None:
            action.end("dropped", "nobody_available", state.at)
    else:
        action.user = user_of(state, participant, step)
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
    """An `enroll` step orders the next evaluation to enter the record, or its related ones."""
    enroll = action.step.enroll
    assert enroll is not None
    records = [action.participant.record]
    if enroll.relation is not None:
        records = state.judge.related(enroll.relation, state.asked(action.participant))
    for record in records:
        text = f"enroll {enroll.workflow} {record}"
        state.given.append(Order(text, "enroll", enroll.workflow, record, None, by_step=True))
