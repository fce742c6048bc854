"""Rules of actions: templates read fields that are there, updates write declared fields, assignments lead to one record."""

from __future__ import annotations

from collections.abc import Iterator

from definitions.checking import check_expression
from definitions.messages import faults_in, paths_in
from definitions.places import step_place
from definitions.problems import Problem, Span, did_you_mean
from definitions.project import Project
from definitions.source import Text, texts
from definitions.steps import ActionStep, Expr, walk
from definitions.workflow import Workflow


def actions_are_sound(project: Project) -> Iterator[Problem]:
    """Templates read fields that are there; updates write declared fields; assignments lead to one record."""
    for name, workflow in project.workflows.items():
        if workflow.object not in project.catalog:
            continue
        source = project.sources.get(f"workflows/{name}.yaml")
        for step in walk(workflow.steps):
            if isinstance(step, ActionStep):
                where = step_place(project, f"workflows/{name}.yaml", step.id)
                yield from _action(project, workflow, step, where)
        for text in texts(source.data.get("steps")) if source else ():
            yield from _template(project, workflow, text, text.place.span, text)


def _action(project: Project, workflow: Workflow, step: ActionStep, where: Span) -> Iterator[Problem]:
    spec = project.catalog[workflow.object]
    for field in step.update or {}:
        if field not in spec.fields:
            yield Problem(
                where, "unknown-field", f"`{field}` is not a field of {spec.object}", did_you_mean(field, spec.fields)
            )
    for value in (*(step.update or {}).values(), *(step.webhook.body.values() if step.webhook else ())):
        if isinstance(value, Expr):
            yield from check_expression(value.expression, workflow.object, project.catalog)[1]
    assign = step.task.assign if step.task else step.email.from_ if step.email else None
    if assign is not None and "@" not in assign:
        hops = project.catalog.walk(workflow.object, (assign,))
        if hops is None or any(hop.many for hop in hops):
            hint = did_you_mean(assign, spec.relations)
            yield Problem(where, "unknown-relation", f"`{assign}` is not a many-to-one relation of {spec.object}", hint)
    if step.email is not None:
        body = project.messages.get(step.email.template)
        if body is None:
            hint = did_you_mean(step.email.template, project.messages) or "message files lie under `messages/`"
            yield Problem(where, "unknown-message", f"there is no file `{step.email.template}`", hint)
        else:
            yield from _template(project, workflow, body, Span(step.email.template, 1, 1), None)


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
        hops = project.catalog.walk(workflow.object, (workflow.recipient.relation,))
        object_ = hops[-1].target if hops else None
    if object_ is None or not rest:
        return (
            f"`{'.'.join(map(str, path))}` is not known in a template",
            f"names begin with `{workflow.object}.` or `recipient.`",
        )
    for name in rest[:-1]:
        hops = project.catalog.walk(object_, (name,))
        if hops is None or any(hop.many for hop in hops):
            return f"`{name}` is not a many-to-one relation of {object_}", did_you_mean(
                name, project.catalog[object_].relations
            )
        object_ = hops[-1].target
    spec = project.catalog[object_]
    if spec.spec(rest[-1]) is None and rest[-1] not in spec.computed:
        return f"`{rest[-1]}` is not a field of {object_}", did_you_mean(rest[-1], (*spec.fields, *spec.computed))
    return None
