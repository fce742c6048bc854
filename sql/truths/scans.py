"""Which conditions are judged for every record at each evaluation, however little changed: a warning for each."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from definitions.conditions import Condition, Leaf, leaves
from definitions.grammar import call_of
from definitions.problems import Problem, in_order
from definitions.project import Project
from definitions.rules import conditions_of
from sql.leaves import compile_value, is_personal
from sql.truths.plan import ObjectPlan, TruthPlan
from sql.truths.reach import boundless


def full_scans(project: Project) -> tuple[Problem, ...]:
    """Warnings, by place. Only `now()` is asked at an instant: whatever else knows the time changes with the day."""
    return in_order(problem for name, leaf in _leaves(project) for problem in _judged_for_all(project, name, leaf))


def _leaves(project: Project) -> Iterator[tuple[str, Leaf]]:
    """Every leaf that was written somewhere, with its object."""
    written: list[tuple[str, Condition]] = []
    written += [(segment.object, segment.when) for segment in project.segments.values()]
    written += [(journey.object, when) for journey in project.journeys.values() for when in journey.conditions()]
    written += [(workflow.object, when) for workflow in project.workflows.values() for when in conditions_of(workflow)]
    for name, condition in written:
        yield from ((name, leaf) for leaf in leaves(condition) if leaf.expression.place is not None)


def _judged_for_all(project: Project, name: str, leaf: Leaf) -> Iterator[Problem]:
    clock = next((node for node in leaf.expression.tree.walk() if _is_now(node)), None)
    if clock is None or is_personal(leaf, name, project.catalog):
        return
    plan: ObjectPlan = TruthPlan(project).object(name)
    if boundless(plan, compile_value(leaf.expression.tree, plan.needs)):
        yield Problem(
            leaf.expression.span(clock),
            "full-scan",
            f"this is judged for every {name} at each evaluation, also for those that nothing happened to",
            "compare `now()` with one field of one record, as in `last_login < now() - interval 2 hours`, or use `today()`",
            "warning",
        )


def _is_now(node: exp.Expr) -> bool:
    call = call_of(node)
    return call is not None and call.name == "now"
