"""Commands around delivery: deliver, stop everything, and say what became of actions of which nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from definitions.errors import UserError
from pipelines.cli.authoring import Folder
from pipelines.cli.running import AsOf, read_instant, workspace_of

if TYPE_CHECKING:
    from pipelines.delivery import Delivered


def deliver(project: Folder = Path(), now: AsOf = None) -> None:
    """Hand planned actions whose time has come to their sinks."""
    from pipelines.cli.receiving import say_collected
    from pipelines.delivery import deliver as run_delivery
    from pipelines.delivery import stop_file
    from pipelines.live import live_project
    from pipelines.results import collect

    workspace = workspace_of(project)
    with workspace.session("deliver") as session:
        _, live = live_project(session)
        stop = stop_file(session)
        if stop is not None and stop.exists():
            raise UserError("stopped", "delivery is stopped: nothing was sent", "`drumbeat stop --off` lets it go on")
        at = read_instant(now, workspace)
        say_collected(collect(session, workspace.places(tables=False), at))
        made = run_delivery(session, live, workspace.sinks(), at)
    if not made:
        typer.echo("nothing to do: no action is due")
    for one in made:
        typer.echo(_line(one))


def _line(made: Delivered) -> str:
    counts = {"sent": made.action_count, "failed": made.failed_count}
    counts |= {"to be tried again": made.later_count, "uncertain": made.uncertain_count}
    said = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    where = f": {', '.join(made.locations)}" if made.locations else ""
    closed = f"; stopped: {made.closed}" if made.closed else ""
    return f"  {made.kind} to {made.sink}: {said}{where}{closed}"


def stop(
    project: Folder = Path(), off: Annotated[bool, typer.Option("--off", help="Let delivery go on.")] = False
) -> None:
    """Stop all delivery at once, also one that is running; evaluations go on."""
    path = workspace_of(project).stop_file
    if off:
        path.unlink(missing_ok=True)
        typer.echo("delivery may go on")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    typer.echo("delivery is stopped: what is on its way arrives, nothing else leaves; `drumbeat stop --off` ends it")


def uncertain(project: Folder = Path()) -> None:
    """Actions of which nobody knows whether they were done."""
    with workspace_of(project).session("list the uncertain") as session:
        rows = session.ask("uncertain")
    for row in rows:
        whom = f" to {row['recipient']}" if row["recipient"] else ""
        name = f"{row['workflow']}/{row['step_id']}"
        typer.echo(f"  {row['action_id']}  {row['kind']} of {name} for {row['record']}{whom}: {row['status_reason']}")
    typer.echo(f"{len(rows)} uncertain" + ("; `drumbeat resolve ID delivered` or `again` decides" if rows else ""))


def resolve(action: str, outcome: Literal["delivered", "again"], project: Folder = Path()) -> None:
    """Say what became of an uncertain action: it was delivered, or it is to be tried again."""
    from pipelines.delivery.ledger import Ledger

    with workspace_of(project).session("resolve") as session:
        if action not in {row["action_id"] for row in session.ask("uncertain")}:
            raise UserError(
                "unknown-action", f"no uncertain action is named `{action}`", "`drumbeat uncertain` lists them"
            )
        Ledger(session, datetime.now(UTC)).resolve(action, outcome == "delivered")
    typer.echo(f"{action} {'is sent' if outcome == 'delivered' else 'will be tried again'}")
