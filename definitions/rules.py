"""What a project must keep beyond the shape of its files. Each rule is one function; their order is the tuples below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from definitions.action_rules import actions_are_sound, enrolling_ends
from definitions.catalog_rules import catalog_hangs_together, computed_fields_are_sound
from definitions.check import Inside, Known
from definitions.checking import check_condition, check_family, named_in, segments_in
from definitions.circles import in_circles
from definitions.communication_rules import calendars_stay_open, communication_is_sound, limits_fit, roles_fit
from definitions.conditions import Condition, Expression, leaves
from definitions.entry_rules import entries_are_sound
from definitions.flow_rules import steps_keep_their_limits, ways_stay_countable
from definitions.grammar import Scope
from definitions.journey import in_stage
from definitions.older import OlderVersion
from definitions.places import place_of
from definitions.problems import Problem, Span, did_you_mean
from definitions.project import Project
from definitions.steps import (
    ActionStep,
    BranchStep,
    Expr,
    Step,
    WaitForDate,
    WaitStep,
    arms_of,
    walk,
)
from definitions.testing_rules import workflow_tests_are_sound
from definitions.vocabulary import JOURNEY
from definitions.workflow import Workflow


def check_project(project: Project) -> Iterator[Problem]:
    """Every broken rule of every definition."""
    for rule in (*SHARED_RULES, *WORKFLOW_RULES):
        yield from rule(project)


def problems_of_version(project: Project, version: OlderVersion) -> list[Problem]:
    """What keeps an older version of a workflow from being followed with the catalog as it is now.

    The project itself has been checked: what its workflows share is not checked again.
    """
    return _errors(problem for rule in WORKFLOW_RULES for problem in rule(_alone(project, version)))


def problems_of_objective(project: Project, version: OlderVersion) -> list[Problem]:
    """The same of its objective alone, by which those are observed who entered by it."""
    workflow, where = version.workflow, version.source.start
    if workflow.objective is None:
        return []
    asked = [(workflow.objective.when, Inside(_action_kinds(workflow)))]
    return _errors((*_conditions(project, workflow.object, where, asked), *_measure(project, workflow)))


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    """Names of other workflows are no problem here: these were left out."""
    return [p for p in problems if p.severity == "error" and p.code != "unknown-workflow"]


def _alone(project: Project, version: OlderVersion) -> Project:
    """The other workflows are left out, so that they are not checked again."""
    sources = {version.source.file: version.source}
    return replace(project, workflows={version.name: version.workflow}, tests={}, sources=sources)


def named_conditions_are_sound(project: Project) -> Iterator[Problem]:
    """Every condition of every segment and journey has types, names and functions that exist."""
    for name, segment in project.segments.items():
        where = place_of(project, f"segments/{name}.yaml", "object")
        yield from _conditions(project, segment.object, where, [(segment.when, None)])
    for name, journey in project.journeys.items():
        where = place_of(project, f"journeys/{name}.yaml", "object")
        yield from _conditions(project, journey.object, where, [(c, None) for c in journey.conditions()])


def conditions_are_sound(project: Project) -> Iterator[Problem]:
    """The same for every condition of every workflow."""
    for name, workflow in project.workflows.items():
        where = place_of(project, f"workflows/{name}.yaml", "object")
        yield from _conditions(project, workflow.object, where, _written_conditions(workflow))


def _conditions(
    project: Project, object_: str, where: Span, conditions: Iterable[tuple[Condition, Inside | None]]
) -> Iterator[Problem]:
    if object_ not in project.catalog:
        hint = did_you_mean(object_, project.catalog.objects)
        yield Problem(where, "unknown-object", f"`{object_}` is not an object", hint)
        return
    known = Known(project.segments, project.journeys, {n: w.object for n, w in project.workflows.items()})
    for condition, inside in conditions:
        # what stands for the stage of an entry was not written; `attached_stages_are_there` speaks of it
        yield from (p for p in check_condition(condition, object_, project.catalog, known, inside) if p.span.file)


def conditions_of(workflow: Workflow) -> Iterator[Condition]:
    """Every condition of a workflow: entry, exit, objective, goals, then those of its steps."""
    yield from (condition for condition, _ in placed_conditions(workflow))


def expressions_of(workflow: Workflow) -> Iterator[Expression]:
    """Every expression of a workflow that gives a value of its record: the measure, dates waited for, field values."""
    if workflow.objective is not None and workflow.objective.measure is not None:
        yield workflow.objective.measure
    for step in walk(workflow.steps):
        if isinstance(step, WaitStep) and isinstance(step.wait, WaitForDate):
            yield step.wait.for_date
        if isinstance(step, ActionStep):
            yield from (value.expression for value in step.values if isinstance(value, Expr))


def placed_conditions(workflow: Workflow) -> Iterator[tuple[Condition, Inside | None]]:
    """Every condition of a workflow, with what is known of the participant where it is asked."""
    if workflow.entry.stage is not None:
        yield in_stage(workflow.entry.stage.journey, workflow.entry.stage.is_), None
    yield from _written_conditions(workflow)


def _action_kinds(workflow: Workflow) -> dict[str, str]:
    return {s.id: s.kind + ("?" if s.approval else "") for s in walk(workflow.steps) if isinstance(s, ActionStep)}


def _written_conditions(workflow: Workflow) -> Iterator[tuple[Condition, Inside | None]]:
    """The conditions that have a place in the file: all but the one that an attached stage stands for."""
    kinds = _action_kinds(workflow)
    yield workflow.entry.when, None
    if workflow.exit.when is not None:
        yield workflow.exit.when, Inside(kinds)
    if workflow.objective is not None:
        yield workflow.objective.when, Inside(kinds)
    yield from ((goal, Inside(kinds)) for goal in workflow.goal_conditions)
    yield from _step_conditions(workflow.steps, kinds, frozenset())


def _step_conditions(
    steps: tuple[Step, ...], kinds: dict[str, str], before: frozenset[str]
) -> Iterator[tuple[Condition, Inside]]:
    for step in steps:
        inside = Inside(kinds, before)
        if isinstance(step, WaitStep):
            yield from ((condition, inside) for condition in step.asked)
        if isinstance(step, ActionStep) and step.assign is not None:
            yield from ((rule.if_, inside) for rule in step.assign.rules)
        if isinstance(step, BranchStep):
            yield from ((arm.if_, inside) for arm in step.branch)
        for _, arm in arms_of(step):
            yield from _step_conditions(arm, kinds, before)
        before |= {s.id for s in walk((step,)) if isinstance(s, ActionStep)}


def names_have_no_circles(project: Project) -> Iterator[Problem]:
    """Segments and journeys may use each other, not themselves."""
    uses: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for name, segment in project.segments.items():
        uses["segments", name] = _used((segment.when,))
    for name, journey in project.journeys.items():
        uses["journeys", name] = _used(journey.conditions())
    for kind, name in in_circles(uses):
        where = place_of(project, f"{kind}/{name}.yaml", "when" if kind == "segments" else "stages")
        yield Problem(where, "circular", f"the {kind[:-1]} `{name}` uses itself")


def _used(conditions: tuple[Condition, ...]) -> set[tuple[str, str]]:
    expressions = [leaf.expression for condition in conditions for leaf in leaves(condition)]
    segments = {("segments", name) for expression in expressions for name in segments_in(expression)}
    journeys = {
        ("journeys", name)
        for expression in expressions
        for function in JOURNEY
        for name in named_in(expression, function)
    }
    return segments | journeys


def stages_are_named_once(project: Project) -> Iterator[Problem]:
    """The stages of a journey have different names."""
    for name, journey in project.journeys.items():
        seen: set[str] = set()
        for i, stage in enumerate(journey.stages):
            if stage.name in seen:
                where = place_of(project, f"journeys/{name}.yaml", "stages", i, "name")
                yield Problem(where, "duplicate-stage", f"the stage `{stage.name}` is there twice")
            seen.add(stage.name)


def attached_stages_are_there(project: Project) -> Iterator[Problem]:
    """A workflow's stage is one of its journey's."""
    for name, workflow in project.workflows.items():
        stage = workflow.entry.stage
        journey = project.journeys.get(stage.journey) if stage else None
        if stage is not None and journey is not None and stage.is_ not in {s.name for s in journey.stages}:
            where = place_of(project, f"workflows/{name}.yaml", "entry", "stage", "is")
            hint = did_you_mean(stage.is_, [s.name for s in journey.stages])
            yield Problem(where, "unknown-stage", f"`{stage.is_}` is not a stage of `{stage.journey}`", hint)
        elif stage is not None and journey is not None and journey.object != workflow.object:
            where = place_of(project, f"workflows/{name}.yaml", "entry", "stage", "journey")
            message = f"the journey `{stage.journey}` is about {journey.object}, not {workflow.object}"
            yield Problem(where, "unknown-journey", message)
        elif stage is not None and journey is None:
            where = place_of(project, f"workflows/{name}.yaml", "entry", "stage", "journey")
            yield Problem(
                where,
                "unknown-journey",
                f"`{stage.journey}` is not a journey",
                did_you_mean(stage.journey, project.journeys),
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
        yield from _measure(project, workflow)


def _measure(project: Project, workflow: Workflow) -> Iterator[Problem]:
    if workflow.objective is None or workflow.objective.measure is None:
        return
    scope = Scope(workflow.object)
    yield from check_family(workflow.objective.measure, "a measure", "a number", project.catalog, scope)


def routes_lead_somewhere(project: Project) -> Iterator[Problem]:
    """Every route names a sink that is declared."""
    for kind, sink in project.settings.routes.items():
        if sink not in project.settings.sinks:
            hint = did_you_mean(sink, project.settings.sinks)
            yield Problem(
                place_of(project, "project.yaml", "routes", kind), "unknown-sink", f"`{sink}` is not a sink", hint
            )


SHARED_RULES: tuple[Callable[[Project], Iterator[Problem]], ...] = (
    catalog_hangs_together,
    computed_fields_are_sound,
    names_have_no_circles,
    stages_are_named_once,
    named_conditions_are_sound,
    calendars_stay_open,
    roles_fit,
    limits_fit,
    routes_lead_somewhere,
    enrolling_ends,
    workflow_tests_are_sound,
)
"""Rules of what workflows share, and of all of them together."""

WORKFLOW_RULES: tuple[Callable[[Project], Iterator[Problem]], ...] = (
    attached_stages_are_there,
    conditions_are_sound,
    workflows_are_sound,
    steps_keep_their_limits,
    ways_stay_countable,
    entries_are_sound,
    actions_are_sound,
    communication_is_sound,
)
"""Rules of each workflow by itself."""
