"""`drumbeat duplicate`: a workflow's file under a new name, as a draft, for the same object or another one.

The text is copied as it stands, comments and all; only the values of `state` and `object` change. Messages, calendars
and segments are shared, and nothing of the runs is copied: they hang on the name.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from definitions import Problem, ProblemsFound, load_project, read_folder
from definitions.errors import UserError
from definitions.problems import did_you_mean, in_order
from definitions.source import read_source
from definitions.values import is_name
from pipelines.cli.authoring import Folder

_SCALAR = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s,}#]+")


def duplicate(
    workflow: Annotated[str, typer.Argument(help="The workflow to copy.")],
    new: Annotated[str, typer.Argument(help="The copy's name.")],
    project: Folder = Path(),
    object_: Annotated[str | None, typer.Option("--object", help="Another object for the copy to be about.")] = None,
) -> None:
    """Copy a workflow as a draft, also to another object; problems of the copy are printed for mending."""
    files = read_folder(project)
    file, made = f"workflows/{new}.yaml", copy_of(files, workflow, new, object_)
    before, after = _problems(files), _problems({**files, file: made})
    (project / file).write_text(made, encoding="utf-8")
    typer.echo(f"made `{file}`: a draft, copied from {workflow}" + (f", about {object_}" if object_ else ""))
    problems = in_order(p for p in after if p not in before)
    if problems:
        typer.echo("\n".join(problem.render() for problem in problems), err=True)
        sys.exit(1)


def copy_of(files: dict[str, str], workflow: str, new: str, object_: str | None = None) -> str:
    """The text of the copy; a wrong name is a `UserError`."""
    known = {Path(file).stem: file for file in files if file.startswith("workflows/")}
    objects = [Path(file).stem for file in files if file.startswith("catalog/")]
    if workflow not in known:
        raise UserError("unknown-workflow", f"`{workflow}` is not a workflow", did_you_mean(workflow, known))
    if new in known:
        raise UserError("name-taken", f"there is a workflow `{new}` already", "name a new one")
    if not is_name(new):
        hint = "use lower-case letters, digits and `_`, starting with a letter"
        raise UserError("name", f"`{new}` is not a name", hint)
    if object_ is not None and object_ not in objects:
        raise UserError("unknown-object", f"`{object_}` is not an object", did_you_mean(object_, objects))
    text = _with_value(files[known[workflow]], "state", "draft")
    return text if object_ is None else _with_value(text, "object", object_)


def _with_value(text: str, key: str, value: str) -> str:
    """The text with another value of a key at its top, and nothing else changed.

    >>> _with_value("object: deal   # big ones\\nstate: enabled", "object", "account")
    'object: account   # big ones\\nstate: enabled'
    """
    source, _ = read_source("", text)
    span = source.values.get((key,)) if source is not None else None
    if span is None:
        return text
    lines = text.splitlines(keepends=True)
    line, start = lines[span.line - 1], span.column - 1
    lines[span.line - 1] = line[:start] + _SCALAR.sub(value, line[start:], count=1)
    return "".join(lines)


def _problems(files: dict[str, str]) -> tuple[Problem, ...]:
    try:
        return load_project(files).warnings
    except ProblemsFound as found:
        return found.problems
