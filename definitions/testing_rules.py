"""Rules of workflow tests: what they name is there, and time goes forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from definitions.fitting import misfit
from definitions.orders import fault_of, words_of
from definitions.places import place_of
from definitions.problems import Problem, did_you_mean
from definitions.project import Project
from definitions.steps import ActionStep, walk
from definitions.testing import GONE, Expect, OneTest, WorkflowTest

Path = tuple[str | int, ...]


def workflow_tests_are_sound(project: Project) -> Iterator[Problem]:
    """Workflows, objects, fields and steps that a test names are there; its moments come one after the other."""
    for name, test in project.tests.items():
        file = f"tests/{name}.yaml"
        for key, workflows in (("workflow", (test.workflow,)), ("workflows", test.workflows)):
            for workflow in workflows:
                if workflow not in project.workflows:
                    hint = did_you_mean(workflow, project.workflows)
                    where = place_of(project, file, key)
                    yield Problem(where, "unknown-workflow", f"`{workflow}` is not a workflow", hint)
        if bool(test.tests) == bool(test.timeline):
            hint = "write one test with `timeline`, or several under `tests`"
            yield Problem(place_of(project, file), "test", "a file holds one test or several", hint)
        yield from _given(project, file, ("given",), test.given)
        for i, one in enumerate(test.tests):
            yield from _given(project, file, ("tests", i, "given"), one.given)
            yield from _timeline(project, file, ("tests", i, "timeline"), test, one)
        if test.timeline:
            yield from _timeline(project, file, ("timeline",), test, test.each()[0])


def _given(project: Project, file: str, path: Path, given: Mapping[str, Any]) -> Iterator[Problem]:
    for object_, rows in given.items():
        listed = isinstance(rows, tuple)
        pairs: list[tuple[int | str, Any]] = list(enumerate(cast("tuple[Any, ...]", rows)) if listed else rows.items())
        for key, row in pairs:
            yield from _row(project, file, (*path, object_, key), object_, row)
            spec = project.catalog.objects.get(object_)
            if isinstance(key, int) and spec is not None and row.get(spec.key) is None:
                message = f"the row has no `{spec.key}`, which is the key of {object_}"
                yield Problem(place_of(project, file, *path, object_, key), "no-key", message)


def _row(project: Project, file: str, path: Path, object_: str, row: Any) -> Iterator[Problem]:
    spec = project.catalog.objects.get(object_)
    if spec is None:
        hint = did_you_mean(object_, project.catalog.objects)
        yield Problem(place_of(project, file, *path), "unknown-object", f"`{object_}` is not an object", hint)
        return
    for field in row if row != GONE else ():
        where, known = place_of(project, file, *path, field), spec.spec(field)
        if known is None:
            hint = did_you_mean(field, (*spec.fields, spec.key))
            yield Problem(where, "unknown-field", f"`{field}` is not a field of {object_}", hint)
        elif (fault := misfit(row[field], field, known)) is not None:
            yield Problem(where, *fault)


def _timeline(project: Project, file: str, path: Path, test: WorkflowTest, one: OneTest) -> Iterator[Problem]:
    before = None
    for i, moment in enumerate(one.timeline):
        at = moment.at.replace(tzinfo=None)
        if before is not None and at <= before:
            where = place_of(project, file, *path, i, "at")
            yield Problem(where, "test", "a moment comes after the one before it", "put them in order")
        before = at
        for object_, rows in moment.set.items():
            for key, row in rows.items():
                yield from _row(project, file, (*path, i, "set", object_, key), object_, row)
        for place, order in enumerate(moment.commands):
            command, workflow, records = words_of(order)
            fault = fault_of(command, workflow, bool(records), (test.workflow, *test.workflows))
            if fault is not None:
                yield Problem(place_of(project, file, *path, i, "commands", place), *fault)
        if isinstance(moment.expect, Expect):
            yield from _steps(project, file, (*path, i, "expect"), test, moment.expect)


def _steps(project: Project, file: str, path: Path, test: WorkflowTest, expect: Expect) -> Iterator[Problem]:
    live = [project.workflows[n] for n in (test.workflow, *test.workflows) if n in project.workflows]
    actions = {step.id for workflow in live for step in walk(workflow.steps) if isinstance(step, ActionStep)}
    named = [("actions", i, a) for i, a in enumerate(expect.actions or ())]
    for key, place, action in named:
        record, slash, step = action.rpartition("/")
        if not slash or not record:
            where = place_of(project, file, *path, key, place)
            yield Problem(where, "test", f"`{action}` is not an action", "write record/step")
        elif live and step not in actions:
            where = place_of(project, file, *path, key, place)
            yield Problem(where, "unknown-step", f"`{step}` is not an action step", did_you_mean(step, actions))
