"""Which fields need history: those declared, and those that change functions follow."""

from __future__ import annotations

from collections.abc import Iterator

from definitions.checking import tracked_in
from definitions.conditions import Expression, leaves
from definitions.project import Project
from definitions.rules import conditions_of, expressions_of


def tracked_fields(project: Project) -> dict[str, tuple[str, ...]]:
    """The fields of each object whose earlier values are kept, in alphabetical order."""
    found = {name: set(spec.track) for name, spec in project.catalog.objects.items()}
    for object_, expression in _expressions(project):
        found[object_].update(tracked_in(expression))
    return {name: tuple(sorted(fields)) for name, fields in found.items()}


def _expressions(project: Project) -> Iterator[tuple[str, Expression]]:
    for name, spec in project.catalog.objects.items():
        yield from ((name, expression) for expression in spec.computed.values())
    for segment in project.segments.values():
        yield from ((segment.object, leaf.expression) for leaf in leaves(segment.when))
    for journey in project.journeys.values():
        for condition in journey.conditions():
            yield from ((journey.object, leaf.expression) for leaf in leaves(condition))
    for workflow in project.workflows.values():
        yield from ((workflow.object, expression) for expression in expressions_of(workflow))
        for condition in conditions_of(workflow):
            yield from ((workflow.object, leaf.expression) for leaf in leaves(condition))
