"""Rules of actions: templates read fields that are there, updates write declared fields, assignments lead to one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from definitions.catalog import CatalogObject, FieldSpec
from definitions.check import FAMILY, fits
from definitions.checking import check_expression, check_family
from definitions.circles import in_circles
from definitions.fitting import misfit
from definitions.grammar import Scope
from definitions.messages import faults_in, paths_in
from definitions.places import place_of, step_place
from definitions.problems import Problem, Span, did_you_mean
from definitions.project import Project
from definitions.source import Text, texts
from definitions.steps import (
    ActionStep,
    Assign,
    Enroll,
    ExitStep,
    Expr,
    Step,
    WaitForDate,
    WaitStep,
    arms_of,
    is_address,
    walk,
)
from definitions.workflow import Workflow


def actions_are_sound(project: Project) -> Iterator[Problem]:
    """Every action can be carried out: what it reads, writes, sends and starts is there."""
    for name, workflow in project.workflows.items():
        if workflow.object not in project.catalog:
            continue
        source = project.sources.get(f"workflows/{name}.yaml")
        yield from _steps(project, workflow, f"workflows/{name}.yaml", workflow.steps, frozenset())
        for text in texts(source.data.get("steps")) if source else ():
            yield from _template(project, workflow, text, text.place.span, text)


def _steps(
    project: Project, workflow: Workflow, file: str, steps: tuple[Step, ...], before: frozenset[str]
) -> Iterator[Problem]:
    """`before`: the assign steps that lie before these."""
    for step in steps:
        where = step_place(project, file, step.id)
        if isinstance(step, ActionStep):
            yield from _action(project, workflow, step, where, before)
        if isinstance(step, WaitStep) and isinstance(step.wait, WaitForDate):
            yield from _date(project, workflow, step.wait)
        for _, arm in arms_of(step):
            yield from _steps(project, workflow, file, arm, before)
        before |= {s.id for s in walk((step,)) if isinstance(s, ActionStep) and s.assign is not None}


def _date(project: Project, workflow: Workflow, wait: WaitForDate) -> Iterator[Problem]:
    given, problems = check_expression(wait.for_date, workflow.object, project.catalog)
    yield from problems
    if given not in ("date", "timestamp", "any"):
        yield Problem(wait.for_date.span(), "type", "`for_date` is a date or a timestamp")


def _action(
    project: Project, workflow: Workflow, step: ActionStep, where: Span, before: frozenset[str]
) -> Iterator[Problem]:
    spec = project.catalog[workflow.object]
    yield from _fields(project, workflow, step.update or {}, spec, where)
    for value in step.webhook.body.values() if step.webhook is not None else ():
        if isinstance(value, Expr):
            yield from check_expression(value.expression, workflow.object, project.catalog)[1]
    if step.user is not None and not is_address(step.user) and step.user not in before:
        yield from _user(project, spec, step.user, where, before)
    if step.create is not None:
        made = project.catalog.objects.get(step.create.object)
        if made is None:
            hint = did_you_mean(step.create.object, project.catalog.objects)
            yield Problem(where, "unknown-object", f"`{step.create.object}` is not an object", hint)
        else:
            yield from _fields(project, workflow, step.create.fields, made, where)
    if step.assign is not None:
        yield from _assign(project, workflow, step.assign, where)
    if step.enroll is not None:
        yield from _enroll(project, workflow, step.enroll, where)
    if step.email is not None:
        body = project.messages.get(step.email.template)
        if body is None:
            hint = did_you_mean(step.email.template, project.messages) or "message files lie under `messages/`"
            yield Problem(where, "unknown-message", f"there is no file `{step.email.template}`", hint)
        else:
            yield from _template(project, workflow, body, Span(step.email.template, 1, 1), None)


def _user(project: Project, spec: CatalogObject, user: str, where: Span, before: frozenset[str]) -> Iterator[Problem]:
    if project.catalog.to_one(spec.object, (user,)) is None:
        hint = did_you_mean(user, (*spec.relations, *before))
        message = f"`{user}` is not a many-to-one relation of {spec.object}, nor an assign step before this one"
        yield Problem(where, "unknown-relation", message, hint)


def _fields(
    project: Project, workflow: Workflow, values: Mapping[str, Any], spec: CatalogObject, where: Span
) -> Iterator[Problem]:
    """What is written to fields is there and fits them."""
    for field, value in values.items():
        known = spec.fields.get(field)
        if isinstance(value, Expr):
            yield from _expression_for(project, workflow, field, value, known)
        if known is None:
            hint = did_you_mean(field, spec.fields)
            yield Problem(where, "unknown-field", f"`{field}` is not a field of {spec.object}", hint)
        elif isinstance(value, str) and "{{" in value:
            if known.type != "text":
                message = f"`{field}` is {FAMILY[known.type]}; a template is text"
                yield Problem(_span(value, where), "type", message, "write `{expression: ..}`")
        elif not isinstance(value, Expr) and (fault := misfit(value, field, known)) is not None:
            yield Problem(_span(value, where), *fault)


def _expression_for(
    project: Project, workflow: Workflow, field: str, value: Expr, known: FieldSpec | None
) -> Iterator[Problem]:
    given, problems = check_expression(value.expression, workflow.object, project.catalog)
    yield from problems
    # a text field without `values` takes whatever has a text
    if known is not None and (known.type != "text" or known.values) and not fits(given, FAMILY[known.type]):
        message = f"`{field}` is {FAMILY[known.type]}; this is {FAMILY.get(given, given)}"
        yield Problem(value.expression.span(), "type", message)


def _span(value: Any, where: Span) -> Span:
    return value.place.span if isinstance(value, Text) else where


def _assign(project: Project, workflow: Workflow, assign: Assign, where: Span) -> Iterator[Problem]:
    spec = project.catalog[workflow.object]
    relation = spec.relations.get(assign.relation)
    if relation is None or relation.key is None or str(relation.object) not in project.catalog:
        hint = did_you_mean(assign.relation, spec.relations)
        message = f"`{assign.relation}` is not a many-to-one relation of {spec.object} with a key to write"
        yield Problem(where, "unknown-relation", message, hint)
        return
    scope = Scope(str(relation.object))
    wanted = (
        ("where", assign.where, "a truth"),
        ("absent", assign.absent, "a truth"),
        ("load", assign.load, "a number"),
    )
    for name, expression, family in wanted:
        if expression is not None:
            yield from check_family(expression, f"`{name}`", family, project.catalog, scope)


def _enroll(project: Project, workflow: Workflow, enroll: Enroll, where: Span) -> Iterator[Problem]:
    other = project.workflows.get(enroll.workflow)
    if other is None:
        hint = did_you_mean(enroll.workflow, project.workflows)
        yield Problem(where, "unknown-workflow", f"`{enroll.workflow}` is not a workflow", hint)
        return
    path = (enroll.relation,) if enroll.relation else ()
    target = project.catalog.target(workflow.object, path) if path else workflow.object
    if target is None:
        hint = did_you_mean(str(enroll.relation), project.catalog[workflow.object].relations)
        yield Problem(where, "unknown-relation", f"`{enroll.relation}` is not a relation of {workflow.object}", hint)
    elif target != other.object:
        message = f"`{enroll.workflow}` is about {other.object}, not {target}"
        yield Problem(where, "wrong-object", message, f"name a `relation` that leads to {other.object}")
    elif other.entry.each is not None:
        message = f"`{enroll.workflow}` takes related rows, not records"
        yield Problem(where, "wrong-object", message)


def enrolling_ends(project: Project) -> Iterator[Problem]:
    """Workflows that start each other without a wait between would never end."""
    starts = {n: {s.enroll.workflow for s in before_a_wait(w.steps) if s.enroll} for n, w in project.workflows.items()}
    for name in in_circles(starts):
        where = place_of(project, f"workflows/{name}.yaml", "steps")
        hint = "put a wait before the `enroll` of one of them"
        yield Problem(where, "endless-enrolling", f"`{name}` starts itself again without a wait", hint)


def before_a_wait(steps: tuple[Step, ...]) -> Iterator[ActionStep]:
    """The actions that can be reached without resting."""
    for step in steps:
        if isinstance(step, ActionStep):
            yield step
        for _, arm in arms_of(step):
            yield from before_a_wait(arm)
        if isinstance(step, WaitStep | ExitStep):
            return


def _template(project: Project, workflow: Workflow, text: str, start: Span, placed: Text | None) -> Iterator[Problem]:
    lines = text.splitlines()

    def span(line: int, word: str) -> Span:
        if placed is not None:
            return placed.place.at(max(text.find(word), 0))
        source = lines[line - 1] if line <= len(lines) else ""
        return Span(start.file, line, max(source.find(word), 0) + 1, source)

    faults = faults_in(text)
    for fault in faults:
        yield Problem(span(fault.line, "{"), fault.code, fault.message, fault.hint)
    if faults:
        return
    for path, line in paths_in(text):
        problem = template_path_problem(path, workflow, project)
        if problem is not None:
            yield Problem(span(line, ".".join(path)), "template-name", problem[0], problem[1])


def template_path_problem(path: tuple[str, ...], workflow: Workflow, project: Project) -> tuple[str, str | None] | None:
    """What is wrong with a name in a template: (message, hint), or None."""
    root, rest = str(path[0]), tuple(str(p) for p in path[1:])
    object_ = workflow.object if root == workflow.object else None
    if root == "recipient" and workflow.recipient is not None:
        object_ = project.catalog.target(workflow.object, (workflow.recipient.relation,))
    if root == "row" and workflow.entry.each is not None:
        object_ = project.catalog.target(workflow.object, (workflow.entry.each.relation,))
    if object_ is None or not rest:
        roots = [workflow.object, "recipient", *(["row"] if workflow.entry.each is not None else [])]
        return (
            f"`{'.'.join(map(str, path))}` is not known in a template",
            "names begin with " + ", ".join(f"`{r}.`" for r in roots),
        )
    for name in rest[:-1]:
        hops = project.catalog.to_one(object_, (name,))
        if hops is None:
            return f"`{name}` is not a many-to-one relation of {object_}", did_you_mean(
                name, project.catalog[object_].relations
            )
        object_ = hops[-1].target
    spec = project.catalog[object_]
    if spec.spec(rest[-1]) is None and rest[-1] not in spec.computed:
        return f"`{rest[-1]}` is not a field of {object_}", did_you_mean(rest[-1], (*spec.fields, *spec.computed))
    return None
