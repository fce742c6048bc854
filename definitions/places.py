"""Where things stand in a project's files."""

from __future__ import annotations

from definitions.problems import Span
from definitions.project import Project
from definitions.source import texts


def place_of(project: Project, file: str, *path: str | int) -> Span:
    source = project.sources.get(file)
    return source.locate(path) if source else Span(file, 1, 1)


def step_place(project: Project, file: str, step: str) -> Span:
    source = project.sources.get(file)
    if source is not None:
        for text in texts(source.data):
            if text == step:
                return text.place.span
    return place_of(project, file, "steps")
