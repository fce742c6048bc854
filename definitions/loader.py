"""Files -> Project. Every problem of every file is found in one pass, sorted by place, and raised once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from definitions.catalog import Catalog, CatalogObject
from definitions.communication import BlackoutCalendar
from definitions.errors import ProblemsFound, UserError
from definitions.journey import Journey
from definitions.problems import Problem, Span, in_order
from definitions.project import Project, ProjectSettings
from definitions.rules import check_project
from definitions.secrets import written_out
from definitions.segment import Segment
from definitions.shapes import shape_problems
from definitions.source import SourceFile, as_text, read_source, undecoded
from definitions.testing import WorkflowTest
from definitions.values import Model, is_name
from definitions.workflow import Workflow

FOLDERS: dict[str, type[Model]] = {
    "catalog": CatalogObject,
    "segments": Segment,
    "journeys": Journey,
    "calendars": BlackoutCalendar,
    "workflows": Workflow,
    "tests": WorkflowTest,
}
_M = TypeVar("_M", bound=Model)


def read_folder(folder: Path) -> dict[str, str]:
    """The text of every definition file of a folder, by path from its root."""
    if not (folder / "project.yaml").is_file():
        raise UserError("no-project", f"`{folder}` holds no project.yaml", "run `drumbeat init` to make a project")
    wanted = [folder / "project.yaml"]
    for name in FOLDERS:
        wanted.extend(sorted((folder / name).glob("*.y*ml")))
    wanted.extend(p for p in sorted((folder / "messages").rglob("*")) if p.is_file())
    return {path.relative_to(folder).as_posix(): as_text(path.read_bytes()) for path in wanted}


def load_settings(folder: Path) -> ProjectSettings:
    """project.yaml alone: what is needed to find the warehouse, the sources and the sinks."""
    path = folder / "project.yaml"
    if not path.is_file():
        raise UserError("no-project", f"`{folder}` holds no project.yaml", "run `drumbeat init` to make a project")
    loading = _Loading({"project.yaml": as_text(path.read_bytes())})
    settings = loading.one("project.yaml", ProjectSettings)
    if settings is None or loading.problems:
        raise ProblemsFound(in_order(loading.problems))
    return settings


def load_project(files: Mapping[str, str]) -> Project:
    """Read, validate and check; raises `ProblemsFound` with every problem. Warnings stay on the project."""
    loading = _Loading(files)
    project = loading.project()
    problems = loading.problems
    if project is not None:
        problems = [*problems, *check_project(project)]
    errors = [p for p in problems if p.severity == "error"]
    if errors or project is None:
        raise ProblemsFound(in_order(problems))
    warnings = in_order(p for p in problems if p.severity == "warning")
    return replace(project, warnings=warnings)


class _Loading:
    """One pass over the files. What cannot be read is left out, so that the rest is still checked."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.problems: list[Problem] = []
        self.sources: dict[str, SourceFile] = {}

    def project(self) -> Project | None:
        settings = self.one("project.yaml", ProjectSettings)
        objects = self.all("catalog", CatalogObject)
        segments = self.all("segments", Segment)
        journeys = self.all("journeys", Journey)
        calendars = self.all("calendars", BlackoutCalendar)
        workflows = self.all("workflows", Workflow)
        for name, made in objects.items():
            if made.object != name:
                span = self.sources[f"catalog/{name}.yaml"].locate(("object",))
                self.problems.append(
                    Problem(span, "file-name", f"the file of object `{made.object}` is `{made.object}.yaml`")
                )
        if settings is None:
            return None
        messages = {f: t for f, t in self.files.items() if f.startswith("messages/")}
        catalog = Catalog({made.object: made for made in objects.values()})
        self.problems.extend(p for p in (undecoded(f, t) for f, t in messages.items()) if p is not None)
        live = {file: text for file, text in self.files.items() if not file.startswith("tests/")}
        tests = self.all("tests", WorkflowTest)
        return Project(
            settings, catalog, segments, workflows, journeys, messages, live, self.sources, tests, calendars=calendars
        )

    def inside(self, folder: str) -> Iterator[str]:
        yield from (f for f in sorted(self.files) if f.startswith(f"{folder}/") and f.endswith((".yaml", ".yml")))

    def all(self, folder: str, model: type[_M]) -> dict[str, _M]:
        found: dict[str, _M] = {}
        for file in self.inside(folder):
            made = self.one(file, model)
            name = Path(file).stem
            if folder != "tests" and not is_name(name):
                hint = "lower case letters, digits and `_`, from a letter on, at most 63"
                self.problems.append(
                    Problem(Span(file, 1, 1), "file-name", f"`{name}` cannot be the name of a definition", hint)
                )
            if made is not None and name in found:
                message = f"`{folder}/{name}.yaml` is there too: both would be `{name}`"
                self.problems.append(Problem(self.sources[file].start, "file-name", message, "keep one of them"))
            elif made is not None:
                found[name] = made
        return found

    def one(self, file: str, model: type[_M]) -> _M | None:
        source, problems = read_source(file, self.files[file]) if file in self.files else (None, [])
        if source is not None and file == "project.yaml":
            problems = [*problems, *written_out(source)]
        self.problems.extend(problems)
        if source is None:
            return None
        self.sources[file] = source
        if not source.is_mapping:
            if not problems:
                self.problems.append(Problem(source.start, "empty-file", "the file holds no mapping"))
            return None
        try:
            return model.model_validate(source.data)
        except ValidationError as error:
            self.problems.extend(shape_problems(source, model, error, problems))
            return self._without_unknown_keys(source, model, error)

    def _without_unknown_keys(self, source: SourceFile, model: type[_M], error: ValidationError) -> _M | None:
        """A file whose only fault are unknown keys is read without them, so that the rest of it is checked too."""
        details = error.errors(include_url=False)
        if any(detail["type"] != "extra_forbidden" for detail in details):
            return None
        try:
            return model.model_validate(without(source.data, {source.known(detail["loc"]) for detail in details}))
        except ValidationError:
            return None


def without(data: Any, paths: set[tuple[str | int, ...]], here: tuple[str | int, ...] = ()) -> Any:
    """Plain data without the values at some paths."""
    if isinstance(data, dict):
        mapping = cast("dict[str, Any]", data)
        return {k: without(v, paths, (*here, k)) for k, v in mapping.items() if (*here, k) not in paths}
    if isinstance(data, list):
        return [without(v, paths, (*here, i)) for i, v in enumerate(cast("list[Any]", data))]
    return data
