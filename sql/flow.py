"""Steps -> hops. A flow becomes data: from each resting place, every way to the next one.

A hop's guards are only what must hold; that an earlier arm did not match follows from the rank, because the lowest rank
whose guards hold is taken. Every arm ends in a way without further guards, so a first match is never left again.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    WaitStep,
    WaitUntil,
    arms_of,
)
from definitions.values import Duration
from sql.names import END, ENTRY, HOLDOUT

Outcome = Literal["rest", "completed", "exited"]
ELSE = "else"
MINUTES_A_DAY = 24 * 60
MET, TIMED_OUT = "met", "timed_out"


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
            if isinstance(step.wait, WaitUntil):
                yield from _through((step.id, MET), step.wait.until, _ways(after))
            yield Hop("", 0, "rest", step.id, wait=longest(step))
        case BranchStep():
            for arm in step.branch:
                yield from _through((step.id, arm.name), arm.if_, _ways((*arm.steps, *after)))
            yield from _through((step.id, ELSE), None, _ways((*step.else_, *after)))
        case SplitStep():
            low, last = 0.0, list(step.split)[-1]
            for name, share in step.split.items():
                # the last arm ends at 1: shares that add up to 0.999.. must not leave a gap
                high = 1.0 if name == last else low + share
                yield from _through(
                    (step.id, name), Draw(step.id, low, high), _ways((*step.arms.get(name, ()), *after))
                )
                low = high
        case _:
            assert_never(step)


def _through(passed: tuple[str, str | None], guard: Guard | None, ways: Iterator[Hop]) -> Iterator[Hop]:
    for hop in ways:
        guards = hop.guards if guard is None else (guard, *hop.guards)
        yield replace(hop, guards=guards, path=(passed, *hop.path))


def _leaving(wait: WaitStep, rest: tuple[Step, ...]) -> Iterator[Hop]:
    """The ways out of a wait: met first, then timed out; met and timed out at once counts as met."""
    match wait.wait:
        case FixedWait():
            yield from (replace(hop, needs_timer=True, is_long=_long(wait)) for hop in _ways(rest))
        case WaitUntil() as until:
            for hop in _ways(rest):
                yield replace(hop, guards=(until.until, *hop.guards), reason=hop.reason or MET)
            if until.otherwise == "exit":
                yield Hop("", 0, "exited", END, needs_timer=True, reason=TIMED_OUT)
            else:
                for hop in _ways(rest):
                    yield replace(hop, needs_timer=True, reason=hop.reason or TIMED_OUT, is_long=_long(wait))


def _waits(steps: tuple[Step, ...], outer: tuple[Step, ...]) -> Iterator[tuple[WaitStep, tuple[Step, ...]]]:
    """Every wait, with the steps that follow it to the end of the flow."""
    for i, step in enumerate(steps):
        after = (*steps[i + 1 :], *outer)
        if isinstance(step, WaitStep):
            yield step, after
        for _, arm in arms_of(step):
            yield from _waits(arm, after)


def _long(wait: WaitStep) -> bool:
    """Does it last a day or more; 24 hours are a day."""
    duration = longest(wait)
    return duration.months > 0 or duration.days > 0 or duration.minutes >= MINUTES_A_DAY


def longest(wait: WaitStep) -> Duration:
    """The longest a participant rests at a wait."""
    return wait.wait.duration if isinstance(wait.wait, FixedWait) else wait.wait.at_most


def longest_stay_days(steps: tuple[Step, ...]) -> float:
    """The longest possible passage in days: waits at their limit, over the longest arms."""
    total = 0.0
    for step in steps:
        if isinstance(step, WaitStep):
            total += longest(step).longest_days
        total += max((longest_stay_days(arm) for _, arm in arms_of(step)), default=0.0)
    return total
