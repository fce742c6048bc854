"""Rules of entering and leaving: related rows, locks, recipients, goals, and what structural changes do."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from definitions.checking import check_expression, check_where
from definitions.conditions import DIALECT, Expression
from definitions.goals import EVENTS
from definitions.grammar import Scope
from definitions.places import place_of, step_place
from definitions.problems import Problem, did_you_mean
from definitions.project import Project
from definitions.steps import MESSAGE_KINDS, ActionStep, WaitStep, walk
from definitions.workflow import Moves, Workflow


def entries_are_sound(project: Project) -> Iterator[Problem]:
    """Related rows that make participants, locks that name workflows, goals that can be seen."""
    for name, workflow in project.workflows.items():
        if workflow.object in project.catalog:
            file = f"workflows/{name}.yaml"
            yield from _each(project, file, workflow)
            yield from _recipient(project, file, workflow)
            yield from _lock(project, file, name, workflow)
            yield from _goals(project, file, workflow)
            yield from _moves(project, file, workflow)


def _each(project: Project, file: str, workflow: Workflow) -> Iterator[Problem]:
    each = workflow.entry.each
    if each is None:
        return
    hops = project.catalog.walk(workflow.object, (each.relation,))
    if hops is None or not any(hop.many for hop in hops):
        where = place_of(project, file, "entry", "each", "relation")
        hint = did_you_mean(each.relation, project.catalog[workflow.object].relations)
        message = f"`{each.relation}` is not a one-to-many relation of {workflow.object}"
        yield Problem(where, "unknown-relation", message, hint)
    elif each.where is not None:
        scope = Scope(hops[-1].target, workflow.object, (each.relation,))
        yield from check_where(each.where, project.catalog, scope)


def _recipient(project: Project, file: str, workflow: Workflow) -> Iterator[Problem]:
    recipient = workflow.recipient
    if recipient is None:
        for step in walk(workflow.steps):
            if isinstance(step, ActionStep) and step.kind in MESSAGE_KINDS:
                where = step_place(project, file, step.id)
                message = f"an {step.kind} needs a recipient"
                yield Problem(where, "no-recipient", message, "add `recipient:` to the workflow")
        return
    hops = project.catalog.walk(workflow.object, (recipient.relation,))
    known = project.catalog[workflow.object].relations
    if hops is None:
        where, hint = place_of(project, file, "recipient", "relation"), did_you_mean(recipient.relation, known)
        message = f"`{recipient.relation}` is not a relation of {workflow.object}"
        yield Problem(where, "unknown-relation", message, hint)
        return
    target, many = hops[-1].target, any(hop.many for hop in hops)
    if not many and (recipient.where or recipient.order_by):
        where = place_of(project, file, "recipient", "relation")
        message = f"`{recipient.relation}` leads to one record: there is nothing to choose by `where` and `order_by`"
        yield Problem(where, "one-recipient", message)
        return
    if recipient.fallback is not None:
        second = project.catalog.to_one(workflow.object, (recipient.fallback,))
        if second is None or second[-1].target != target:
            where, hint = place_of(project, file, "recipient", "fallback"), did_you_mean(recipient.fallback, known)
            message = f"`{recipient.fallback}` is not a many-to-one relation of {workflow.object} to {target}"
            yield Problem(where, "unknown-relation", message, hint)
    if recipient.where is not None:
        scope = Scope(target, workflow.object, (recipient.relation,))
        yield from check_where(recipient.where, project.catalog, scope)
    if recipient.order_by is not None:
        yield from _order(recipient.order_by, target, project, workflow.object, (recipient.relation,))


def _order(order: Expression, object_: str, project: Project, root: str, path: tuple[str, ...]) -> Iterator[Problem]:
    if order.fault is not None:
        yield Problem(order.span(), order.fault.code, order.fault.message, order.fault.hint)
        return
    for item in order.tree.find_all(exp.Ordered):
        part = Expression(item.this.sql(dialect=DIALECT), item.this, order.place, shift=order.shift)
        yield from check_expression(part, object_, project.catalog, root, path)[1]


def _lock(project: Project, file: str, name: str, workflow: Workflow) -> Iterator[Problem]:
    for i, other in enumerate(workflow.lock[1]):
        where = place_of(project, file, "while_inside", "enter", "not", i)
        if other == name:
            yield Problem(where, "locks-itself", "a record is inside a workflow once anyway", "take it out of the list")
        elif other not in project.workflows:
            hint = did_you_mean(other, project.workflows)
            yield Problem(where, "unknown-workflow", f"`{other}` is not a workflow", hint)


def _goals(project: Project, file: str, workflow: Workflow) -> Iterator[Problem]:
    if workflow.run_once and workflow.recipient is None:
        where = place_of(project, file, "run_once")
        yield Problem(where, "no-recipient", "`run_once: recipient` needs a recipient", "add `recipient:`")
    for i, goal in enumerate(workflow.goals or ()):
        if goal.kind is None:
            continue
        where = place_of(project, file, "goals", i)
        targets = activity_targets(project, goal.kind)
        if not targets:
            hint = f"declare it under `activities` of the object that holds it: {', '.join((*EVENTS, 'outcome'))}"
            yield Problem(where, "unknown-activity", f"no object holds activities of kind `{goal.kind}`", hint)
        elif workflow.object not in targets and workflow.recipient is None:
            yield Problem(where, "no-recipient", f"the goal `{goal.name}` needs a recipient", "add `recipient:`")


def activity_targets(project: Project, kind: str) -> set[str]:
    """The objects whose records do activities of a kind."""
    found: set[str] = set()
    for name, spec in project.catalog.objects.items():
        activity = next((a for k, a in spec.activities.items() if k == kind), None)
        target = project.catalog.target(name, (activity.of,)) if activity else None
        if target is not None:
            found.add(target)
    return found


def _moves(project: Project, file: str, workflow: Workflow) -> Iterator[Problem]:
    if isinstance(workflow.on_structural_change, Moves):
        waits = [s.id for s in walk(workflow.steps) if isinstance(s, WaitStep)]
        for old, new in workflow.on_structural_change.move.items():
            if new not in waits:
                where = place_of(project, file, "on_structural_change", "move", old)
                hint = did_you_mean(new, waits) or "participants rest at waits only"
                yield Problem(where, "unknown-step", f"`{new}` is not a wait of this workflow", hint)
