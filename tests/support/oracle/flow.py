"""A flow as its author wrote it: what comes behind a step, and how long the longest way through it takes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from support.oracle.blackouts import is_blackout
from support.oracle.clock import Clock, Span, step_date

from definitions.project import Project
from definitions.steps import Step, WaitStep, arms_of, walk
from definitions.values import Duration


def behind(steps: tuple[Step, ...], step_id: str) -> tuple[Step, ...] | None:
    """The steps that follow a step: the rest of its arm, then what stands behind each branch around it."""
    for i, step in enumerate(steps):
        if step.id == step_id:
            return steps[i + 1 :]
        for _, arm in arms_of(step):
            inner = behind(arm, step_id)
            if inner is not None:
                return (*inner, *steps[i + 1 :])
    return None


def wait_of(steps: tuple[Step, ...], step_id: str) -> WaitStep | None:
    """A wait by its id."""
    return next((s for s in walk(steps) if isinstance(s, WaitStep) and s.id == step_id), None)


def longest(steps: Iterable[Step]) -> float:
    """The days that the longest way through some steps takes."""
    days = 0.0
    for step in steps:
        if isinstance(step, WaitStep):
            days += step.longest.longest_days
        days += max((longest(arm) for _, arm in arms_of(step)), default=0.0)
    return days


def lasts_a_day(duration: Duration) -> bool:
    """A long wait: 24 hours are a day."""
    return duration.longest_days >= 1


def after(moment: datetime, duration: Duration, project: Project, clock: Clock) -> datetime:
    """The instant so much later: months and days by the calendar, business days without weekends and holidays."""
    if duration.business_days:
        local = clock.local(moment)
        day = local.date()
        for _ in range(duration.business_days):
            day = _next_business_day(day, project)
        return clock.instant(datetime.combine(day, local.time()))
    return clock.step(moment, Span(duration.months, duration.days, duration.minutes))


def _next_business_day(day: date, project: Project) -> date:
    holidays = [c for c in project.calendars.values() if c.holidays]
    day = step_date(day, Span(days=1))
    while day.isoweekday() > 5 or is_blackout(day, holidays):
        day += timedelta(days=1)
    return day
