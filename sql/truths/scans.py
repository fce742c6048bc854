"""Which conditions are judged for every record at each evaluation, however little changed: a warning for each."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from definitions.conditions import ASKS_NOW, Condition, Expression, Leaf, leaves
from definitions.grammar import call_of
from definitions.problems import Problem, in_order
from definitions.project import Project
from definitions.rules import conditions_of
from sql.leaves import compile_value, is_personal
from sql.truths.plan import TruthPlan
from sql.truths.reach import boundless


def full_scans(project: Project) -> tuple[Problem, ...]:
    """Warnings, by place. Only `now()` is asked at an instant: whatever else knows the time changes with the day."""
    known: dict[tuple[str, str], bool] = {}  # workflows share many
    found: list[Problem] = []
    for name, leaf in _leaves(project):
        key = (name, leaf.expression.sql)
        if key not in known:
            known[key] = _is_for_everyone(project, name, leaf)
        if known[key]:
            found.append(_warning(name, leaf.expression))
    return in_order(found)


def _leaves(project: Project) -> Iterator[tuple[str, Leaf]]:
    """Every leaf that was written somewhere and may ask `now()`, with its object."""
    written: list[tuple[str, Condition]] = []
    written += [(segment.object, segment.when) for segment in project.segments.values()]
    written += [(journey.object, when) for journey in project.journeys.values() for when in journey.conditions()]
    written += [(workflow.object, when) for workflow in project.workflows.values() for when in conditions_of(workflow)]
    for name, condition in written:
        # a look at the text is a hundred times cheaper than one at the tree
        yield from (
            (name, leaf)
            for leaf in leaves(condition)
            if leaf.expression.place is not None and ASKS_NOW.search(leaf.expression.sql)
        )


def _is_for_everyone(project: Project, name: str, leaf: Leaf) -> bool:
    if is_personal(leaf, name, project.catalog):
        return False
    plan = TruthPlan(project).object(name)
    return boundless(plan, compile_value(leaf.expression.tree, plan.needs))


def _warning(name: str, expression: Expression) -> Problem:
    return Problem(
        expression.span(next((node for node in expression.tree.walk() if _is_now(node)), None)),
        "full-scan",
        f"this is judged for every {name} at each evaluation, also for those that nothing happened to",
        "compare `now()` with one field of one record, as in `last_login < now() - interval 2 hours`, or use `today()`",
        "warning",
    )


def _is_now(node: exp.Expr) -> bool:
    call = call_of(node)
    return call is not None and call.name == "now"
