"""Commands that ask and change nothing: plan, preview, explain."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from zoneinfo import ZoneInfo

import typer

from definitions.errors import DrumbeatError
from pipelines.cli.authoring import Folder
from pipelines.cli.running import AsOf, read_instant, workspace_of

if TYPE_CHECKING:
    from pipelines.workspace import Workspace
    from sql import DuckDBSession

Json = Annotated[bool, typer.Option("--json", help="The same as data.")]
WorkflowName = Annotated[str, typer.Argument(help="The workflow's name.")]


def plan(
    project: Folder = Path(),
    as_of: AsOf = None,
    days: Annotated[
        int, typer.Option(min=0, max=366, help="How many days to rehearse beyond the next evaluation.")
    ] = 30,
    as_json: Json = False,
) -> None:
    """What an apply would change, and what it would cause next and in the coming days. Changes nothing."""
    from pipelines.cli.plan_text import plan_lines
    from pipelines.planning import make_plan

    workspace = workspace_of(project)
    with _session(workspace, "plan") as session:
        planned = make_plan(session, workspace.project, _instant(session, workspace, as_of), days)
    _print(planned, plan_lines(planned, _zone(workspace)), as_json)
    if planned.refusal is not None:
        raise planned.refusal


def preview(workflow: WorkflowName, project: Folder = Path(), as_of: AsOf = None, as_json: Json = False) -> None:
    """Who would enter a workflow of the folder, leaf by leaf and gate by gate. Changes nothing."""
    from pipelines.cli.preview_text import preview_lines
    from pipelines.previewing import make_preview

    workspace = workspace_of(project)
    with _session(workspace, "preview") as session:
        found = make_preview(session, workspace.project, workflow, _instant(session, workspace, as_of))
    _print(found, preview_lines(found, _zone(workspace)), as_json)
    if found.refusal is not None:
        raise found.refusal


def explain(
    workflow: WorkflowName,
    record: Annotated[str, typer.Argument(help="The record's key; `record+row` where related rows enter.")],
    project: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Why a record is inside a workflow or is not, its path so far and what comes next."""
    from pipelines.cli.explain_text import explain_lines
    from pipelines.explanation import explain as find_explanation
    from pipelines.live import live_project

    workspace = workspace_of(project)
    with workspace.session("explain") as session:
        found = find_explanation(session, workflow, record)
        _, live = live_project(session)
    _print(found, explain_lines(found, ZoneInfo(live.settings.timezone)), as_json)


def _print(found: Any, lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_data(found), indent=2, ensure_ascii=False))
    else:
        for line in lines:
            typer.echo(line)


def _data(value: Any) -> Any:
    """Facts as JSON takes them; instants are UTC."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case DrumbeatError():
            return {"code": value.code, "message": str(value), "hint": value.hint}
        case dict():
            return {str(key): _data(inner) for key, inner in cast("dict[Any, Any]", value).items()}
        case list() | tuple():
            return [_data(inner) for inner in cast("list[Any]", value)]
        case _ if is_dataclass(value):
            return {field.name: _data(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


@contextlib.contextmanager
def _session(workspace: Workspace, purpose: str) -> Generator[DuckDBSession]:
    """The warehouse; where there is none yet, an empty one in memory, so that asking makes no file."""
    from sql import DuckDBSession

    if workspace.warehouse.is_file():
        with workspace.session(purpose) as session:
            yield session
        return
    with DuckDBSession(timezone=workspace.settings.timezone) as session:
        session.migrate()
        yield session


def _instant(session: DuckDBSession, workspace: Workspace, written: str | None) -> datetime:
    from pipelines.instants import next_instant

    asked = read_instant(written, workspace)
    return asked if written is not None else next_instant(session, asked)


def _zone(workspace: Workspace) -> ZoneInfo:
    return ZoneInfo(workspace.settings.timezone)
