"""Commands for those who run evaluations: apply, snapshot, evaluate, deliver, report, status, demo."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from definitions.errors import UserError
from pipelines.cli.authoring import Folder

if TYPE_CHECKING:
    from pipelines.workspace import Workspace

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="The instant, such as 2024-05-06T06:00 (the project's timezone unless an offset is given). Now without it.",
    ),
]


def apply(
    project: Folder = Path(),
    by: Annotated[str | None, typer.Option(help="Who applies.")] = None,
    accept: Annotated[bool, typer.Option(help="Apply even when a guard of project.yaml is exceeded.")] = False,
    as_of: AsOf = None,
) -> None:
    """Make the folder live: the evaluator reads only what was applied. `--as-of` is the evaluation that guards judge."""
    from pipelines.apply import apply_project
    from pipelines.guards import apply_guarded
    from pipelines.instants import next_instant
    from pipelines.roles import see_allowed

    workspace = workspace_of(project)
    at, who = datetime.now(UTC), by or user_name()
    with workspace.session("apply", create=True) as session:
        see_allowed(session, who, "apply", workspace.project)
        if accept:
            applied = apply_project(session, workspace.project, at=at, by=who)
        else:
            first = read_instant(as_of, workspace) if as_of else next_instant(session, at)
            applied = apply_guarded(session, workspace.project, at=at, by=who, as_of=first)
    if not applied.written:
        typer.echo("nothing changed: this is what is live already")
        return
    words = {"new": "new", "logic": "new version", "words": "unchanged logic", "gone": "no longer live"}
    for name, change in applied.changes.items():
        typer.echo(f"  {name}: {words[change]}")
    typer.echo(f"applied as number {applied.project_id}")


def user_name() -> str:
    """Who runs this; containers may have a number without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def snapshot(
    project: Folder = Path(),
    as_of: AsOf = None,
    accept: Annotated[bool, typer.Option(help="Believe it even when much is gone.")] = False,
    whole: Annotated[bool, typer.Option(help="Read whole tables, also where only what changed would be read.")] = False,
) -> None:
    """Read the CRM tables into the warehouse, and what changed since the last time."""
    from pipelines.cli.receiving import say_collected
    from pipelines.cli.snapshot_text import progress, snapshot_lines
    from pipelines.live import live_project
    from pipelines.results import collect
    from pipelines.snapshot import take_snapshot

    workspace = workspace_of(project)
    with workspace.session("snapshot") as session:
        _, live = live_project(session)
        instant = read_instant(as_of, workspace)
        say_collected(collect(session, workspace.places(), instant))
        with progress() as tell:
            taken = take_snapshot(session, live, workspace.sources(), instant, accept=accept, whole=whole, tell=tell)
    for line in snapshot_lines(taken):
        typer.echo(line)


def evaluate(project: Folder = Path(), as_of: AsOf = None) -> None:
    """Evaluate all live workflows as of an instant, in one transaction."""
    from pipelines.cli.receiving import say_collected
    from pipelines.evaluation import evaluate as run_evaluation
    from pipelines.results import collect

    workspace = workspace_of(project)
    at = read_instant(as_of, workspace)
    with workspace.session("evaluate") as session:
        say_collected(collect(session, workspace.places(tables=False), at))
        made = run_evaluation(session, at)
    if not made.made:
        typer.echo(f"nothing to do: {made.as_of.isoformat()} was evaluated already")
        return
    for counts in made.workflows:
        held = f" ({counts.heldout_count} held out)" if counts.heldout_count else ""
        moves = f"{counts.entered_count} entered{held}, {counts.left_count} left, {counts.completed_count} completed"
        typer.echo(
            f"  {counts.workflow}: {moves}, {counts.inside_count} inside, {counts.planned_count} actions planned"
        )
    typer.echo(f"evaluation {made.evaluation_id} in {sum(made.seconds.values()):.2f} s")


def report(
    project: Folder = Path(),
    full: Annotated[bool, typer.Option(help="Make every row anew, not only what can have changed.")] = False,
    mail: Annotated[
        Path | None,
        typer.Option(help="Also write the headlines as a mail into this file (.eml); it names no participant."),
    ] = None,
) -> None:
    """Make the report tables, their copies for other programs and the dashboard."""
    workspace = workspace_of(project)
    pages = make_report(workspace, full=full, mail=mail)
    if not pages:
        typer.echo("nothing to report yet: there is no evaluation")
        return
    typer.echo(f"{len(pages)} pages: {workspace.out / 'dashboard' / 'index.html'}")
    typer.echo(f"tables: {workspace.out / 'report' / 'report.duckdb'}, and a Parquet file of each beside it")
    if mail is not None:
        typer.echo(f"mail: {mail}")


def make_report(workspace: Workspace, *, full: bool = False, mail: Path | None = None) -> list[Path]:
    """Report tables, their copies and the dashboard; returns the pages."""
    from pipelines.dashboard import build_dashboard, write_mail
    from pipelines.reporting import publish_reports, refresh_reports

    with workspace.session("report") as session:
        refresh_reports(session, full=full)
        publish_reports(session, workspace.out / "report")
        if mail is not None:
            write_mail(session, mail)
        return build_dashboard(session, workspace.out / "dashboard")


def status(project: Folder = Path()) -> None:
    """What is live, what was evaluated last, and how many are where."""
    workspace = workspace_of(project)
    with workspace.session("status") as session:
        live, snapshots = session.ask("live_project"), session.ask("last_snapshot")
        evaluations, totals, actions = (
            session.ask("last_evaluation"),
            session.ask("totals"),
            session.ask("action_totals"),
        )
    if not live:
        typer.echo("no definitions are live: run `drumbeat apply`")
        return
    typer.echo(
        f"{live[0]['name']}: apply {live[0]['project_id']} by {live[0]['applied_by']}, {live[0]['applied_at']:%Y-%m-%d %H:%M}"
    )
    for what, rows in (("snapshot", snapshots), ("evaluation", evaluations)):
        typer.echo(f"last {what}: {rows[0]['as_of'].isoformat() if rows else 'none yet'}")
    for row in totals:
        inside = f"{row['inside_count']} inside, {row['entered_count']} entered, {row['met_count']} met the objective"
        typer.echo(f"  {row['workflow']} ({row['state']}): {inside}")
    for row in actions:
        typer.echo(f"  {row['kind']} {row['status']}: {row['action_count']}")


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo lives.")] = Path("demo"),
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How many weeks of 2024 to replay.")] = 52,
) -> None:
    """Replay 2024 on the bundled example: 52 weekly evaluations over real data."""
    from pipelines.cli.demonstration import run_demo

    run_demo(folder, weeks)


def workspace_of(folder: Path) -> Workspace:
    """The project in a folder."""
    from pipelines.workspace import Workspace

    return Workspace(folder)


def read_instant(written: str | None, workspace: Workspace) -> datetime:
    """An instant as written, in the project's timezone unless it has an offset; now without one."""
    zone = ZoneInfo(workspace.settings.timezone)
    if written is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise UserError("instant", f"`{written}` is not an instant", "write it as 2024-05-06T06:00") from error
    if moment.tzinfo is not None:
        return moment
    # by way of UTC: what no clock shows, in the hour that is left out, becomes what clocks show then
    return moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
