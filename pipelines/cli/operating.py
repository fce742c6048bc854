"""Commands for those who run workflows: orders that the next evaluation takes up."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

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


def enable(workflow: Name, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """Let a disabled, paused or archived workflow take entries again."""
    _give("enable", workflow, [], project, by, at)


def disable(workflow: Name, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """End all passages of a workflow and take no entries."""
    _give("disable", workflow, [], project, by, at)


def archive(workflow: Name, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """Freeze a workflow and everybody inside; on return the current waits count as over."""
    _give("archive", workflow, [], project, by, at)


def pause(workflow: Name, records: Records = None, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """Pause a workflow's entries, or some records inside, which keep their remaining wait."""
    _give("pause", workflow, records, project, by, at)


def resume(workflow: Name, records: Records = None, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """Take a pause back."""
    _give("resume", workflow, records, project, by, at)


def enroll(
    workflow: Name,
    records: Records = None,
    file: File = None,
    project: Folder = Path(),
    by: By = None,
    at: At = None,
) -> None:
    """Let records enter whatever the conditions say; every other rule holds."""
    _give("enroll", workflow, [*(records or []), *_lines(file)], project, by, at)


def remove(workflow: Name, records: Records = None, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """End the passages of some records."""
    _give("remove", workflow, records, project, by, at)


def retry(workflow: Name, records: Records = None, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """Try again for records in error."""
    _give("retry", workflow, records, project, by, at)


def goal_met(workflow: Name, records: Records = None, project: Folder = Path(), by: By = None, at: At = None) -> None:
    """Mark records as having reached the goal."""
    _give("goal-met", workflow, records, project, by, at)


def approve(
    workflow: Name,
    records: Records = None,
    step: Step = None,
    project: Folder = Path(),
    by: By = None,
    at: At = None,
) -> None:
    """Approve what waits for approval."""
    _give("approve", workflow, records, project, by, at, step)


def reject(
    workflow: Name,
    records: Records = None,
    step: Step = None,
    project: Folder = Path(),
    by: By = None,
    at: At = None,
) -> None:
    """Reject what waits for approval."""
    _give("reject", workflow, records, project, by, at, step)


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
    typer.echo(f"{many} given: the next evaluation takes it up (`drumbeat orders` shows what became of it)")
