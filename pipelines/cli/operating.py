"""Commands for those who run workflows: orders that the next evaluation takes up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from definitions.errors import UserError
from pipelines.cli.authoring import Folder
from pipelines.cli.running import read_instant, user_name, workspace_of

Name = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow.")]
Records = Annotated[list[str] | None, typer.Argument(metavar="[RECORD]...", help="Records' keys.")]
By = Annotated[str | None, typer.Option(help="Who orders it.")]
At = Annotated[str | None, typer.Option(help="When; now without it.")]
File = Annotated[Path | None, typer.Option("--file", help="A file with one record's key a line.")]
Step = Annotated[str | None, typer.Option(help="Only this step's action.")]


def _of_workflow(order: str) -> Callable[..., None]:
    def command(workflow: Name, project: Folder = Path(), by: By = None, at: At = None) -> None:
        _give(order, workflow, [], project, by, at)

    return command


def _of_records(order: str) -> Callable[..., None]:
    def command(
        workflow: Name, records: Records = None, project: Folder = Path(), by: By = None, at: At = None
    ) -> None:
        _give(order, workflow, records, project, by, at)

    return command


def _of_listed_records(order: str) -> Callable[..., None]:
    def command(
        workflow: Name,
        records: Records = None,
        file: File = None,
        project: Folder = Path(),
        by: By = None,
        at: At = None,
    ) -> None:
        _give(order, workflow, [*(records or []), *_lines(file)], project, by, at)

    return command


def _of_actions(order: str) -> Callable[..., None]:
    def command(
        workflow: Name,
        records: Records = None,
        step: Step = None,
        project: Folder = Path(),
        by: By = None,
        at: At = None,
    ) -> None:
        _give(order, workflow, records, project, by, at, step)

    return command


ORDERS: tuple[tuple[str, Callable[[str], Callable[..., None]], str], ...] = (
    ("enable", _of_workflow, "Let a disabled, paused or archived workflow take entries again."),
    ("pause", _of_records, "Pause a workflow's entries, or some records inside, which keep their remaining wait."),
    ("resume", _of_records, "Take a pause back."),
    ("archive", _of_workflow, "Freeze a workflow and everybody inside; on return the current waits count as over."),
    ("disable", _of_workflow, "End all passages of a workflow and take no entries."),
    ("enroll", _of_listed_records, "Let records enter whatever the conditions say; every other rule holds."),
    ("remove", _of_records, "End the passages of some records."),
    ("retry", _of_records, "Try again for records in error."),
    ("goal-met", _of_records, "Mark records as having reached the goal."),
    ("approve", _of_actions, "Approve what waits for approval."),
    ("reject", _of_actions, "Reject what waits for approval."),
)
"""Each order: its command, what it is given for, and its help."""


def orders(project: Folder = Path(), limit: Annotated[int, typer.Option(help="How many.")] = 20) -> None:
    """The latest orders, and what became of them."""
    with workspace_of(project).session("orders") as session:
        rows = session.ask("latest_commands", limit=limit)
    for row in rows:
        what = " ".join(part for part in (row["command"], row["workflow"], row["record"], row["step_id"]) if part)
        became = (
            f"{row['outcome']}{': ' + row['reason'] if row['reason'] else ''}" if row["outcome"] else "not taken up"
        )
        typer.echo(f"{row['given_at']:%Y-%m-%d %H:%M} {what} ({row['given_by']}): {became}")


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    if not file.is_file():
        raise UserError("no-file", f"there is no file `{file}`")
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _give(
    command: str,
    workflow: str,
    records: list[str] | None,
    project: Path,
    by: str | None,
    at: str | None,
    step: str | None = None,
) -> None:
    from pipelines.commands import give
    from pipelines.roles import see_allowed

    workspace = workspace_of(project)
    moment: datetime = read_instant(at, workspace)
    who = by or user_name()
    with workspace.session(command) as session:
        see_allowed(session, who, "order")
        given = give(session, command, workflow, records or (), at=moment, by=who, step=step)
    many = f"{len(given)} orders" if len(given) != 1 else "1 order"
    since = moment.astimezone(ZoneInfo(workspace.settings.timezone))
    typer.echo(
        f"{many} given: the first evaluation as of {since:%Y-%m-%d %H:%M} or later takes it up "
        "(`--at` gives it for an earlier one, `drumbeat orders` shows what became of it)"
    )
