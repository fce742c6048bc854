"""What a project must keep beyond the shape of its files. Each rule is one function; their order is the tuple below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from sqlglot import exp

from definitions.action_rules import actions_are_sound
from definitions.catalog import CatalogObject, Relation
from definitions.checking import check_condition, check_expression, circular_computed, segments_in
from definitions.communication_rules import communication_is_sound, limits_fit, roles_fit
from definitions.conditions import Condition, Expression, leaves
from definitions.places import place_of, step_place
from definitions.problems import Problem, Span, did_you_mean
from definitions.project import Project
from definitions.source import Text, texts
from definitions.steps import (
    ActionStep,
    BranchStep,
    ExitStep,
    SplitStep,
    Step,
    WaitStep,
    WaitUntil,
    arms_of,
    walk,
)
from definitions.workflow import Workflow

MAX_ACTIONS = 10
MAX_STEPS_IN_ARM = 30
MAX_CHECKS = 11
MAX_PATHS = 1_000
RESERVED = ("recipient", "record")


def check_project(project: Project) -> Iterator[Problem]:
    """Every broken rule of every definition."""
    for rule in RULES:
        yield from rule(project)


def catalog_hangs_together(project: Project) -> Iterator[Problem]:
    """Keys, labels, tracked fields and relations name things that are there; sources are declared."""
    for name, spec in project.catalog.objects.items():
        file = f"catalog/{name}.yaml"
        known = (*spec.fields, spec.key)
        for role in ("label", "updated_at", "deleted_at", "exists_from"):
            value = getattr(spec, role)
            if value is not None and value not in known:
                yield Problem(
                    place_of(project, file, role),
                    "unknown-field",
                    f"`{value}` is not a field of {name}",
                    did_you_mean(value, known),
                )
        for i, tracked in enumerate(spec.track):
            if tracked not in spec.fields:
                hint = did_you_mean(tracked, known)
                yield Problem(
                    place_of(project, file, "track", i), "unknown-field", f"`{tracked}` is not a field of {name}", hint
                )
        for field, known_from in ((f, s.known_from) for f, s in spec.fields.items() if s.known_from):
            moment = spec.spec(known_from)
            if moment is None or moment.type not in ("date", "timestamp"):
                where = place_of(project, file, "fields", field, "known_from")
                yield Problem(where, "unknown-field", f"`{known_from}` is not a date or timestamp field of {name}")
        source = spec.table.split(".")[0]
        if source not in project.settings.sources:
            hint = did_you_mean(source, project.settings.sources) or "declare it under `sources` in project.yaml"
            yield Problem(place_of(project, file, "table"), "unknown-source", f"`{source}` is not a source", hint)
        for relation, made in spec.relations.items():
            yield from _relation(project, file, spec, relation, made)


def _relation(project: Project, file: str, spec: CatalogObject, name: str, made: Relation) -> Iterator[Problem]:
    where = place_of(project, file, "relations", name)
    if name in spec.fields or name in spec.computed:
        yield Problem(where, "name-taken", f"`{name}` is a field and a relation", "rename one of them")
    if made.through is not None:
        if project.catalog.walk(spec.object, (name,)) is None:
            yield Problem(where, "unknown-relation", f"the path `{made.through}` does not lead anywhere")
        return
    other = project.catalog.objects.get(str(made.object))
    if other is None:
        hint = did_you_mean(str(made.object), project.catalog.objects)
        yield Problem(where, "unknown-object", f"`{made.object}` is not an object", hint)
        return
    owner, field = (spec, made.key) if made.key is not None else (other, made.on)
    if owner.spec(str(field)) is None:
        hint = did_you_mean(str(field), owner.fields)
        yield Problem(where, "unknown-field", f"`{field}` is not a field of {owner.object}", hint)


def computed_fields_are_sound(project: Project) -> Iterator[Problem]:
    """Computed fields have types and no circles."""
    for name, spec in project.catalog.objects.items():
        for field, expression in spec.computed.items():
            if field in spec.fields:
                yield Problem(expression.span(), "name-taken", f"`{field}` is declared twice", "rename one of them")
            if circular_computed(name, field, project.catalog):
                yield Problem(expression.span(), "circular", f"the computed field `{field}` uses itself")
                continue
            yield from check_expression(expression, name, project.catalog)[1]


def conditions_are_sound(project: Project) -> Iterator[Problem]:
    """Every condition of every segment and workflow has types, names and functions that exist."""
    for object_, condition, where in _conditions(project):
        if object_ not in project.catalog:
            hint = did_you_mean(object_, project.catalog.objects)
            yield Problem(where, "unknown-object", f"`{object_}` is not an object", hint)
        else:
            yield from check_condition(condition, object_, project.catalog, project.segments)


def _conditions(project: Project) -> Iterator[tuple[str, Condition, Span]]:
    for name, segment in project.segments.items():
        yield segment.object, segment.when, place_of(project, f"segments/{name}.yaml", "object")
    for name, workflow in project.workflows.items():
        where = place_of(project, f"workflows/{name}.yaml", "object")
        for condition in conditions_of(workflow):
            yield workflow.object, condition, where


def conditions_of(workflow: Workflow) -> Iterator[Condition]:
    """Every condition of a workflow: entry, exit, objective, then those of its steps."""
    yield workflow.entry.when
    if workflow.exit.when is not None:
        yield workflow.exit.when
    if workflow.objective is not None:
        yield workflow.objective.when
    for step in walk(workflow.steps):
        if isinstance(step, WaitStep) and isinstance(step.wait, WaitUntil):
            yield step.wait.until
        if isinstance(step, BranchStep):
            yield from (arm.if_ for arm in step.branch)


def segments_have_no_circles(project: Project) -> Iterator[Problem]:
    """A segment may use segments, not itself."""
    uses = {
        n: {u for leaf in leaves(s.when) for u in segments_in(leaf.expression)} for n, s in project.segments.items()
    }
    for name in project.segments:
        reached, pending = set[str](), list(uses[name])
        while pending:
            used = pending.pop()
            if used not in reached:
                reached.add(used)
                pending.extend(uses.get(used, ()))
        if name in reached:
            yield Problem(
                place_of(project, f"segments/{name}.yaml", "when"), "circular", f"the segment `{name}` uses itself"
            )


def workflows_are_sound(project: Project) -> Iterator[Problem]:
    """What a workflow needs before it may be enabled, and what its parts must keep."""
    for name, workflow in project.workflows.items():
        file = f"workflows/{name}.yaml"
        if workflow.object not in project.catalog:
            continue
        if workflow.state != "draft" and workflow.launch is None:
            hint = "add `launch: everyone` or `launch: newcomers`"
            yield Problem(
                place_of(project, file, "state"), "launch", "who may enter at the first enabling must be said", hint
            )
        if workflow.state != "draft" and not any(isinstance(s, ActionStep) for s in walk(workflow.steps)):
            yield Problem(
                place_of(project, file, "steps"),
                "no-action",
                "a workflow needs at least one action before it is enabled",
            )
        waits = workflow.reentry.wait is not None or any(isinstance(s, WaitStep) for s in walk(workflow.steps))
        if workflow.reentry.after == "unlimited" and not waits:
            where = place_of(project, file, "reentry")
            hint = "add a `wait` to the re-entry"
            yield Problem(where, "endless-reentry", "everyone would re-enter at every evaluation", hint)
        yield from _objective(project, file, workflow)
        yield from _recipient(project, file, workflow)


def _objective(project: Project, file: str, workflow: Workflow) -> Iterator[Problem]:
    if workflow.objective is None or workflow.objective.measure is None:
        return
    measure = workflow.objective.measure
    given, problems = check_expression(measure, workflow.object, project.catalog)
    yield from problems
    if given not in ("integer", "number", "any", "null"):
        yield Problem(measure.span(), "type", "a measure is a number")


def _recipient(project: Project, file: str, workflow: Workflow) -> Iterator[Problem]:
    recipient = workflow.recipient
    if recipient is None:
        for step in walk(workflow.steps):
            if isinstance(step, ActionStep) and step.email is not None:
                where = step_place(project, file, step.id)
                yield Problem(where, "no-recipient", "an email needs a recipient", "add `recipient:` to the workflow")
        return
    hops = project.catalog.walk(workflow.object, (recipient.relation,))
    where = place_of(project, file, "recipient", "relation")
    if hops is None or not any(hop.many for hop in hops):
        known = project.catalog[workflow.object].relations
        hint = did_you_mean(recipient.relation, known)
        yield Problem(
            where,
            "unknown-relation",
            f"`{recipient.relation}` is not a one-to-many relation of {workflow.object}",
            hint,
        )
        return
    target = hops[-1].target
    if recipient.where is not None:
        given, problems = check_expression(recipient.where, target, project.catalog)
        yield from problems
        if given not in ("boolean", "any", "null"):
            yield Problem(recipient.where.span(), "type", "`where` is a truth")
    if recipient.order_by is not None:
        yield from _order(recipient.order_by, target, project)


def _order(order: Expression, object_: str, project: Project) -> Iterator[Problem]:
    if order.fault is not None:
        yield Problem(order.span(), order.fault.code, order.fault.message, order.fault.hint)
        return
    for item in order.tree.find_all(exp.Ordered):
        part = Expression(item.this.sql(dialect="duckdb"), item.this, order.place, shift=order.shift)
        yield from check_expression(part, object_, project.catalog)[1]


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
    same: list[Text] = [t for t in texts(source.data) if t == step] if source else []
    return same[1].place.span if len(same) > 1 else place_of(project, file, "steps")


def _step(project: Project, file: str, step: Step) -> Iterator[Problem]:
    where = step_place(project, file, step.id)
    if isinstance(step, BranchStep):
        if not step.branch:
            yield Problem(where, "empty-branch", "a branch needs at least one arm")
        if len(step.branch) > MAX_CHECKS:
            yield Problem(where, "too-many", f"a branch has at most {MAX_CHECKS} checks")
    if isinstance(step, SplitStep):
        if abs(sum(step.split.values()) - 1) > 1e-9:
            total = f"{sum(step.split.values()) * 100:g}"
            yield Problem(where, "split", f"the shares add up to {total} %", "shares add up to 100 %")
        for arm in step.arms:
            if arm not in step.split:
                yield Problem(where, "split", f"`{arm}` has no share", did_you_mean(arm, step.split))
    for arm, steps in arms_of(step):
        if len(steps) > MAX_STEPS_IN_ARM:
            yield Problem(where, "too-many", f"the arm `{arm}` has more than {MAX_STEPS_IN_ARM} steps")
        yield from _sequence(project, file, steps)


def _sequence(project: Project, file: str, steps: tuple[Step, ...]) -> Iterator[Problem]:
    run = 0
    for step in steps:
        run = run + 1 if isinstance(step, ActionStep) else 0
        if run == MAX_ACTIONS + 1:
            where = step_place(project, file, step.id)
            yield Problem(
                where, "too-many", f"more than {MAX_ACTIONS} actions in a row", "put a wait or a branch between them"
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
            parts = [(1 if isinstance(step.wait, WaitUntil) else 0, 1)]
        if isinstance(step, ExitStep):
            parts = [(0, 1)]
        if parts:
            ending += through * sum(part[1] for part in parts)
            through *= sum(part[0] for part in parts)
    return through, ending


def routes_lead_somewhere(project: Project) -> Iterator[Problem]:
    """Every route names a sink that is declared."""
    for kind, sink in project.settings.routes.items():
        if sink not in project.settings.sinks:
            hint = did_you_mean(sink, project.settings.sinks)
            yield Problem(
                place_of(project, "project.yaml", "routes", kind), "unknown-sink", f"`{sink}` is not a sink", hint
            )


RULES: tuple[Callable[[Project], Iterator[Problem]], ...] = (
    catalog_hangs_together,
    computed_fields_are_sound,
    segments_have_no_circles,
    conditions_are_sound,
    workflows_are_sound,
    steps_keep_their_limits,
    ways_stay_countable,
    actions_are_sound,
    communication_is_sound,
    roles_fit,
    limits_fit,
    routes_lead_somewhere,
)
