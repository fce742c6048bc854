"""Where things stand in a project's files."""

from __future__ import annotations

from definitions.problems import Span
from definitions.project import Project


def place_of(project: Project, file: str, *path: str | int) -> Span:
    source = project.sources.get(file)
    return source.locate(path) if source else Span(file, 1, 1)


def step_place(project: Project, file: str, step: str) -> Span:
    source = project.sources.get(file)
    found = source.ids.get(step) if source else None
    return found[0] if found else place_of(project, file, "steps")
