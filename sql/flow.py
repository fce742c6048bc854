"""Steps -> hops. A flow becomes data: from each resting place, every way to the next one.

A hop's guards are only what must hold; that an earlier arm did not match follows from the rank, because the lowest rank
whose guards hold is taken. Every arm ends in a way without further guards, so a first match is never left again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from definitions.conditions import Condition
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
from sql.names import END, ENTRY, HOLDOUT

Outcome = Literal["rest", "completed", "exited", "error"]
ELSE = "else"
MINUTES_A_DAY = 24 * 60
MET, TIMED_OUT = "met", "timed_out"
MISSING, PAST, CANCELLED = "missing_date", "past_date", "cancelled"


@dataclass(frozen=True)
class Draw:
    """A share of a split: the draw of `step` lies in [low, high)."""

    step: str
    low: float
    high: float


Guard = Condition | Draw


@dataclass(frozen=True)
class Hop:
    """One way from a resting place to the next."""

    from_step: str
    rank: int
    outcome: Outcome
    to_step: str
    guards: tuple[Guard, ...] = ()
    path: tuple[tuple[str, str | None], ...] = ()
    needs_timer: bool = False
    reason: str | None = None
    wait: Duration | None = None
    first_look: bool = False
    is_long: bool = False


def compile_flow(steps: tuple[Step, ...]) -> tuple[Hop, ...]:
    """Every hop of a flow, by resting place and rank."""
    places = [(ENTRY, _ways(steps)), *((wait.id, _leaving(wait, rest)) for wait, rest in _waits(steps, ()))]
    holdout = Hop(HOLDOUT, 0, "completed", END, needs_timer=True, reason="holdout_watched")
    hops = [replace(hop, from_step=place, rank=rank) for place, ways in places for rank, hop in enumerate(ways)]
    return (*hops, holdout)


def _ways(rest: tuple[Step, ...]) -> Iterator[Hop]:
    """Every way through the remaining steps to the next resting place, first match first."""
    if not rest:
        yield Hop("", 0, "completed", END)
        return
    step, after = rest[0], rest[1:]
    match step:
        case ActionStep():
            yield from _through((step.id, None), None, _ways(after))
        case ExitStep():
            yield Hop("", 0, "exited", END, path=((step.id, None),), reason=step.exit)
        case WaitStep():
            yield from _arriving(step, after)
        case BranchStep() | SplitStep():
            yield from _parting(step, after, _ways)
        case _:
            assert_never(step)


def _arriving(step: WaitStep, after: tuple[Step, ...]) -> Iterator[Hop]:
    """The ways at a wait on arrival: passed at once where what it waits for is there already, else rested at."""
    match step.wait:
        case FixedWait(fixed=duration):
            yield Hop("", 0, "rest", step.id, wait=duration)
        case WaitUntil(until=until, at_most=at_most):
            yield from _through((step.id, MET), until, _ways(after))
            yield Hop("", 0, "rest", step.id, wait=at_most)
        case WaitForDate() as date:
            if date.cancel is not None:
                yield from _through((step.id, CANCELLED), date.cancel, _skipping(after))
            yield from _without_date(step, date)
            if date.past == "skip":
                yield from _through((step.id, PAST), date.gone_by, _skipping(after))
            if date.past == "exit":
                yield Hop("", 0, "exited", END, guards=(date.gone_by,), path=((step.id, PAST),), reason=PAST)
            yield from _through((step.id, MET), date.reached, _ways(after))
            yield Hop("", 0, "rest", step.id)


def _without_date(step: WaitStep, date: WaitForDate) -> Iterator[Hop]:
    if date.missing == "exit":
        yield Hop("", 0, "exited", END, guards=(date.unknown,), path=((step.id, MISSING),), reason=MISSING)
    if date.missing == "error":
        yield Hop("", 0, "error", step.id, guards=(date.unknown,), reason=MISSING)


def _skipping(rest: tuple[Step, ...]) -> Iterator[Hop]:
    """Every way to the next wait, with nothing done on it."""
    if not rest:
        yield from _ways(rest)
        return
    step, after = rest[0], rest[1:]
    match step:
        case ActionStep():
            yield from _skipping(after)
        case WaitStep() | ExitStep():
            yield from _ways(rest)
        case BranchStep() | SplitStep():
            yield from _parting(step, after, _skipping)
        case _:
            assert_never(step)


def _parting(
    step: BranchStep | SplitStep, after: tuple[Step, ...], ways: Callable[[tuple[Step, ...]], Iterator[Hop]]
) -> Iterator[Hop]:
    """The ways through every arm of a step and on behind it."""
    match step:
        case BranchStep():
            for arm in step.branch:
                yield from _through((step.id, arm.name), arm.if_, ways((*arm.steps, *after)))
            yield from _through((step.id, ELSE), None, ways((*step.else_, *after)))
        case SplitStep():
            for name, draw in _draws(step):
                yield from _through((step.id, name), draw, ways((*step.arms.get(name, ()), *after)))


def _draws(step: SplitStep) -> Iterator[tuple[str, Draw]]:
    low, last = 0.0, list(step.split)[-1]
    for name, share in step.split.items():
        # the last arm ends at 1: shares that add up to 0.999.. must not leave a gap
        high = 1.0 if name == last else low + share
        yield name, Draw(step.id, low, high)
        low = high


def _through(passed: tuple[str, str | None], guard: Guard | None, ways: Iterator[Hop]) -> Iterator[Hop]:
    for hop in ways:
        guards = hop.guards if guard is None else (guard, *hop.guards)
        yield replace(hop, guards=guards, path=(passed, *hop.path))


def _leaving(wait: WaitStep, rest: tuple[Step, ...]) -> Iterator[Hop]:
    """The ways out of a wait: met first, then timed out; met and timed out at once counts as met."""
    match wait.wait:
        case FixedWait():
            yield from (replace(hop, needs_timer=True, is_long=_long(wait.longest)) for hop in _ways(rest))
        case WaitUntil() as until:
            for hop in _ways(rest):
                yield replace(hop, guards=(until.until, *hop.guards), reason=hop.reason or MET)
            if until.otherwise == "exit":
                yield Hop("", 0, "exited", END, needs_timer=True, reason=TIMED_OUT)
            else:
                for hop in _ways(rest):
                    yield replace(hop, needs_timer=True, reason=hop.reason or TIMED_OUT, is_long=_long(wait.longest))
        case WaitForDate() as date:
            if date.cancel is not None:
                ended = _through((wait.id, CANCELLED), date.cancel, _skipping(rest))
                yield from (replace(hop, reason=hop.reason or CANCELLED) for hop in ended)
            yield from _without_date(wait, date)
            # a date that comes to be known when it is past already is like one that was past on arrival
            if date.past == "skip":
                passed = _through((wait.id, PAST), date.gone_by, _skipping(rest))
                yield from (replace(hop, reason=hop.reason or PAST, first_look=True) for hop in passed)
            if date.past == "exit":
                path = ((wait.id, PAST),)
                yield Hop("", 0, "exited", END, (date.gone_by,), path, reason=PAST, first_look=True)
            for hop in _ways(rest):
                yield replace(hop, guards=(date.reached, *hop.guards), reason=hop.reason or MET, is_long=date.is_long)
            # after archiving and return, a wait counts as over
            yield from (replace(hop, needs_timer=True, reason=hop.reason or TIMED_OUT) for hop in _ways(rest))


def _waits(steps: tuple[Step, ...], outer: tuple[Step, ...]) -> Iterator[tuple[WaitStep, tuple[Step, ...]]]:
    """Every wait, with the steps that follow it to the end of the flow."""
    for i, step in enumerate(steps):
        after = (*steps[i + 1 :], *outer)
        if isinstance(step, WaitStep):
            yield step, after
        for _, arm in arms_of(step):
            yield from _waits(arm, after)


def _long(duration: Duration) -> bool:
    """Does it last a day or more; 24 hours are a day."""
    days = duration.months or duration.days or duration.business_days
    return bool(days) or duration.minutes >= MINUTES_A_DAY


def longest_stay_days(steps: tuple[Step, ...]) -> float:
    """The longest possible passage in days: waits at their limit, over the longest arms."""
    total = 0.0
    for step in steps:
        if isinstance(step, WaitStep):
            total += step.longest.longest_days
        total += max((longest_stay_days(arm) for _, arm in arms_of(step)), default=0.0)
    return total
