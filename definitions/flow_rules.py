"""Rules of a flow: unique ids, limits, no two waits in a row, splits that add up, ways that can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from definitions.places import place_of, step_place
from definitions.problems import Problem, Span, did_you_mean
from definitions.project import Project
from definitions.steps import (
    ActionStep,
    BranchStep,
    ExitStep,
    SplitStep,
    Step,
    WaitForDate,
    WaitStep,
    WaitUntil,
    arms_of,
    walk,
)

MAX_PATHS = 1_000
_RAISE = "raise it under `limits: {{{}: ..}}` in project.yaml, or divide it"


def steps_keep_their_limits(project: Project) -> Iterator[Problem]:
    """Unique ids, no two waits in a row, arms and checks within limits, splits that add up."""
    for name, workflow in project.workflows.items():
        file = f"workflows/{name}.yaml"
        seen: set[str] = set()
        for step in walk(workflow.steps):
            if step.id in seen:
                yield Problem(
                    _second(project, file, step.id),
                    "duplicate-step",
                    f"the step `{step.id}` is there twice",
                    "ids are unique",
                )
            seen.add(step.id)
            yield from _step(project, file, step)
        yield from _sequence(project, file, workflow.steps)


def _second(project: Project, file: str, step: str) -> Span:
    source = project.sources.get(file)
    same = source.ids.get(step, []) if source else []
    return same[1] if len(same) > 1 else place_of(project, file, "steps")


def _step(project: Project, file: str, step: Step) -> Iterator[Problem]:
    where = step_place(project, file, step.id)
    if isinstance(step, BranchStep):
        if not step.branch:
            yield Problem(where, "empty-branch", "a branch needs at least one arm")
        if len(step.branch) > project.settings.limits.checks:
            yield Problem(
                where,
                "too-many",
                f"a branch has at most {project.settings.limits.checks} checks",
                _RAISE.format("checks"),
            )
    if isinstance(step, SplitStep):
        if abs(sum(step.split.values()) - 1) > 1e-9:
            total = f"{sum(step.split.values()) * 100:g}"
            yield Problem(where, "split", f"the shares add up to {total} %", "shares add up to 100 %")
        for arm in step.arms:
            if arm not in step.split:
                yield Problem(where, "split", f"`{arm}` has no share", did_you_mean(arm, step.split))
    for arm, steps in arms_of(step):
        if len(steps) > project.settings.limits.steps:
            yield Problem(
                where,
                "too-many",
                f"the arm `{arm}` has more than {project.settings.limits.steps} steps",
                _RAISE.format("steps"),
            )
        yield from _sequence(project, file, steps)


def _sequence(project: Project, file: str, steps: tuple[Step, ...]) -> Iterator[Problem]:
    run = 0
    for step in steps:
        run = run + 1 if isinstance(step, ActionStep) else 0
        if run == project.settings.limits.actions + 1:
            where = step_place(project, file, step.id)
            yield Problem(
                where,
                "too-many",
                f"more than {project.settings.limits.actions} actions in a row",
                "put a wait or a branch between them",
            )
    for first, second in pairwise(steps):
        if isinstance(first, WaitStep) and isinstance(second, WaitStep):
            where = step_place(project, file, second.id)
            yield Problem(where, "two-waits", "two waits in a row", "make them one")


def ways_stay_countable(project: Project) -> Iterator[Problem]:
    """Branches in a row without a wait multiply the ways between two resting places; each way becomes a row."""
    for name, workflow in project.workflows.items():
        starts = [workflow.steps, *_after_waits(workflow.steps)]
        if any(sum(_ways(steps)) > MAX_PATHS for steps in starts):
            where = place_of(project, f"workflows/{name}.yaml", "steps")
            message = f"more than {MAX_PATHS:,} ways lead from one wait to the next"
            yield Problem(where, "too-many", message, "put a wait between the branches")


def _after_waits(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    for i, step in enumerate(steps):
        if isinstance(step, WaitStep):
            yield steps[i + 1 :]
        for _, arm in arms_of(step):
            yield from _after_waits(arm)


def _ways(steps: tuple[Step, ...]) -> tuple[int, int]:
    """How many ways lead through some steps, and how many come to rest or end among them."""
    through, ending = 1, 0
    for step in steps:
        parts = [_ways(arm) for _, arm in arms_of(step)]
        if isinstance(step, BranchStep) and not step.else_:
            parts.append((1, 0))
        if isinstance(step, WaitStep):
            # a wait for a date is passed at once, or skipped to the next wait, or rested at
            at_once = 2 if isinstance(step.wait, WaitForDate) else 1 if isinstance(step.wait, WaitUntil) else 0
            parts = [(at_once, 1)]
        if isinstance(step, ExitStep):
            parts = [(0, 1)]
        if parts:
            ending += through * sum(part[1] for part in parts)
            through *= sum(part[0] for part in parts)
    return through, ending
