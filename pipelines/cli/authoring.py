"""Commands for those who write definitions: init, templates, duplicate, check, compile."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from definitions import load_project, read_folder
from definitions.conditions import ASKS_NOW
from definitions.errors import UserError
from definitions.library import template_files
from definitions.library import templates as templates_by_name
from definitions.problems import Problem, in_order
from definitions.project import Project

Folder = Annotated[Path, typer.Option("--project", "-p", help="The project's folder.")]


def init(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")],
    template: Annotated[
        str | None, typer.Option(help="A ready-made workflow; `drumbeat templates` lists them.")
    ] = None,
) -> None:
    """Make a project: a complete example to change into your own, or a ready-made workflow."""
    if template is None:
        copy_starter(folder)
        typer.echo(f"made `{folder}`: a customer-success project with data, ten workflows and messages")
        typer.echo(f"next: drumbeat check -p {folder}   (then apply, snapshot, evaluate)")
        return
    copy_template(folder, template)
    about = templates_by_name()[template]
    typer.echo(f"made `{folder}`: {about.title}, after {about.source}")
    typer.echo(f"objective: {about.objective}")
    typer.echo(f"next: drumbeat test -p {folder}   (then put your tables into {folder / 'data'})")


def templates() -> None:
    """List the ready-made workflows that `init --template` makes projects of."""
    for name, about in templates_by_name().items():
        typer.echo(f"{name}: {about.title}\n    {about.first_sentence}")


def copy_starter(folder: Path) -> None:
    """Copy the example project; an occupied folder is a `UserError`."""
    _refuse_occupied(folder)
    with resources.as_file(resources.files("definitions") / "starter") as starter:
        shutil.copytree(starter, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    write_schemas(folder)


def copy_template(folder: Path, name: str) -> None:
    """Make a project of a template, with a table of no rows for each object; an occupied folder is a `UserError`."""
    files = template_files(name)
    _refuse_occupied(folder)
    catalog = load_project(files).catalog
    tables = {
        f"data/{made.table.split('.')[1]}.csv": ",".join(dict.fromkeys(map(made.column, (made.key, *made.fields))))
        + "\n"
        for made in catalog.objects.values()
    }
    for path, text in {**files, **tables}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    write_schemas(folder)


def _refuse_occupied(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise UserError("folder-occupied", f"`{folder}` is not empty", "name a new folder")


def schema(
    kind: Annotated[str | None, typer.Argument(help="project, catalog, segment, workflow ...")] = None,
    write: Annotated[Path | None, typer.Option(help="A project's folder: write all schemas to its .drumbeat.")] = None,
) -> None:
    """Print the JSON Schema of one kind of file, or write them all where editors look for them."""
    from definitions.schema import kinds, schema_of

    if write is not None:
        typer.echo("\n".join(str(path) for path in write_schemas(write)))
    elif kind in kinds():
        typer.echo(json.dumps(schema_of(kind), indent=2))
    else:
        raise typer.BadParameter(f"kinds are {', '.join(kinds())}")


def write_schemas(folder: Path) -> list[Path]:
    """Write the schema of every kind of file into a project's folder."""
    from definitions.schema import kinds, schema_of

    place = folder / ".drumbeat"
    place.mkdir(parents=True, exist_ok=True)
    for kind in kinds():
        (place / f"{kind}.schema.json").write_text(json.dumps(schema_of(kind), indent=2) + "\n", encoding="utf-8")
    return [place / f"{kind}.schema.json" for kind in kinds()]


def check(
    project: Folder = Path(),
    warnings: Annotated[bool, typer.Option(help="Show warnings too.")] = True,
) -> None:
    """Check every definition; all problems of all files at once."""
    files = read_folder(project)
    loaded = load_project(files)
    found_warnings = in_order((*loaded.warnings, *_full_scans(files, loaded)))
    if warnings:
        for problem in found_warnings:
            typer.echo(problem.render(), err=True)
    counts = (
        f"{len(loaded.workflows)} workflows, {len(loaded.segments)} segments, {len(loaded.catalog.objects)} objects"
    )
    found = f", {len(found_warnings)} warnings" if found_warnings else ""
    typer.echo(f"{loaded.settings.name}: {counts}: no problems{found}")


def _full_scans(files: dict[str, str], loaded: Project) -> tuple[Problem, ...]:
    """What is judged for everyone; to know it takes the compiler, which is spared where nobody asks `now()`."""
    if not any(ASKS_NOW.search(content) for content in files.values()):
        return ()
    from sql.truths.scans import full_scans

    return full_scans(loaded)


def compile_(
    project: Folder = Path(),
    stage: Annotated[str | None, typer.Option(help="Only statements of stages that begin so, such as `04`.")] = None,
) -> None:
    """Print the SQL of an evaluation, statement by statement: exactly what `evaluate` runs."""
    from sql.compiler import compile_plan

    plan = compile_plan(load_project(read_folder(project)))
    for statement in plan.statements:
        if stage is None or statement.stage.startswith(stage):
            typer.echo(statement.text() + "\n")
