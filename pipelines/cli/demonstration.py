"""The demo: a year of a SaaS company, one evaluation a week, each seeing only what was known at its date."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.apply import apply_project
from pipelines.cli.authoring import copy_starter
from pipelines.cli.demo_customers import answer_invitations
from pipelines.cli.running import make_report, user_name
from pipelines.cycle import deliver_until, finish_cycle, run_cycle
from pipelines.reporting import keep_evidence
from pipelines.workspace import Workspace
from sql import DuckDBSession

FIRST_MONDAY = datetime(2024, 1, 1, 6)  # noqa: DTZ001 - a clock time in the project's timezone


def run_demo(folder: Path, weeks: int) -> None:
    """Make the demo's folder, or go on where it stands; without anything new it says so and changes nothing."""
    console = Console()
    if not (folder / "project.yaml").is_file():
        copy_starter(folder)
    workspace = Workspace(folder)
    with workspace.session("demo", create=True) as session:
        instants = demo_instants(workspace.settings.timezone, weeks)
        last = session.ask("last_evaluation")
        # the demo's clock stands where its last evaluation was; before the first one it is midnight of that day
        clock = last[0]["as_of"] if last else instants[0].replace(hour=0)
        applied = apply_project(session, workspace.project, at=clock, by=user_name())
        finish_cycle(session, workspace)
        due = [instant for instant in instants if not last or instant > last[0]["as_of"]]
        _replay(session, workspace, due, weeks, console)
    if due or applied.written:
        make_report(workspace)
    else:
        console.print(f"nothing changed: {weeks} weeks of 2024 are evaluated and delivered")
    with workspace.session("demo") as session:
        console.print(_workflow_table(session.ask("objectives")))
        console.print(_action_table(session.ask("action_totals")))
    for what, place in (
        ("warehouse", workspace.warehouse),
        ("action batches", folder / "out" / "actions"),
        ("report tables", workspace.out / "report"),
        ("dashboard", workspace.out / "dashboard" / "index.html"),
    ):
        console.print(f"  {what:<15} {place}", highlight=False, soft_wrap=True)


def demo_instants(timezone: str, weeks: int) -> list[datetime]:
    """When the demo evaluates: Mondays at the same clock time in the project's timezone, whatever the season."""
    zone = ZoneInfo(timezone)
    return [(FIRST_MONDAY + timedelta(weeks=week)).replace(tzinfo=zone) for week in range(weeks)]


def replay_week(session: DuckDBSession, workspace: Workspace, as_of: datetime) -> None:
    """What a week of the demo is: last week's messages go out, some customers answer them, one cycle runs, and why newcomers entered is kept."""
    # messages go out within the week, as they would have: an evaluation cancels what was not sent for leavers
    deliver_until(session, workspace, as_of)
    answer_invitations(session, workspace.root)
    run_cycle(session, workspace, as_of)
    keep_evidence(session)


def _replay(session: DuckDBSession, workspace: Workspace, due: list[datetime], weeks: int, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("replaying 2024", total=weeks, completed=weeks - len(due))
        for as_of in due:
            replay_week(session, workspace, as_of)
            progress.update(task, advance=1, description=f"week of {as_of:%d %b %Y}")
    last = session.ask("last_evaluation")
    if last:
        deliver_until(session, workspace, last[0]["as_of"] + timedelta(weeks=1))


def _workflow_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Workflows over 2024", title_justify="left", box=SIMPLE, collapse_padding=True, pad_edge=False)
    table.add_column("workflow", no_wrap=True)
    for name in ("entered", "held out", "inside", "out", "done", "objective met"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        counts = (
            row[key] for key in ("entered_count", "holdout_count", "active_count", "exited_count", "completed_count")
        )
        table.add_row(row["workflow"], *(str(count) for count in counts), _objective(row))
    return table


def _objective(row: dict[str, Any]) -> str:
    """The headline in the report's own terms: of those who entered long enough ago, how many met it in time."""
    if row["objective_name"] is None:
        return "no objective"
    if not row["matured_count"]:
        return "too early"
    return f"{row['met_share']:.0%} ({row['matured_met_count']} of {row['matured_count']})"


def _action_table(actions: list[dict[str, Any]]) -> Table:
    table = Table(title="Actions", title_justify="left", box=SIMPLE, collapse_padding=True, pad_edge=False)
    for name in ("kind", "status", "count"):
        table.add_column(name, justify="right" if name == "count" else "left")
    for row in actions:
        table.add_row(str(row["kind"]), str(row["status"]), str(row["action_count"]))
    return table
