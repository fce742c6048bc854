"""Commands for those who write definitions: init, check, compile."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from definitions import load_project, read_folder
from definitions.errors import UserError

Folder = Annotated[Path, typer.Option("--project", "-p", help="The project's folder.")]


def init(folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")]) -> None:
    """Make a project: a complete example to change into your own."""
    copy_starter(folder)
    typer.echo(f"made `{folder}`: a customer-success project with data, eight workflows and messages")
    typer.echo(f"next: drumbeat check -p {folder}   (then apply, snapshot, evaluate)")


def copy_starter(folder: Path) -> None:
    """Copy the example project; an occupied folder is a `UserError`."""
    if folder.exists() and any(folder.iterdir()):
        raise UserError("folder-occupied", f"`{folder}` is not empty", "name a new folder")
    with resources.as_file(resources.files("definitions") / "starter") as starter:
        shutil.copytree(starter, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def check(
    project: Folder = Path(),
    warnings: Annotated[bool, typer.Option(help="Show warnings too.")] = True,
) -> None:
    """Check every definition; all problems of all files at once."""
    loaded = load_project(read_folder(project))
    if warnings:
        for problem in loaded.warnings:
            typer.echo(problem.render(), err=True)
    counts = (
        f"{len(loaded.workflows)} workflows, {len(loaded.segments)} segments, {len(loaded.catalog.objects)} objects"
    )
    found = f", {len(loaded.warnings)} warnings" if loaded.warnings else ""
    typer.echo(f"{loaded.settings.name}: {counts}: no problems{found}")


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
