"""Commands around what comes back: receive events by HTTP, and take up what lies in the inbox."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.authoring import Folder
from pipelines.cli.running import AsOf, read_instant, workspace_of

if TYPE_CHECKING:
    from pipelines.results import Collected

SHOWN = 20
"""Lines of a kind that are shown at most."""


def receive(
    project: Folder = Path(),
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8750,
    host: Annotated[str, typer.Option(help="The address to listen on. Behind it stands a proxy that speaks TLS.")] = (
        "127.0.0.1"
    ),
) -> None:
    """Take events of providers and one-click unsubscribes by HTTP, into the inbox beside the warehouse."""
    from pipelines.results.receiver import Keys, listen

    workspace = workspace_of(project)
    keys = Keys.of(workspace.settings.receiver, workspace.root, os.environ)
    with listen(workspace.inbox, keys, (host, port), lambda: datetime.now(UTC)) as server:
        typer.echo(f"listening on http://{host}:{server.server_port}; events go to {workspace.inbox}")
        server.until_ended()


def collect(
    project: Folder = Path(),
    as_of: AsOf = None,
    aside: Annotated[bool, typer.Option("--aside", help="List what was put aside, the latest first.")] = False,
) -> None:
    """Take up what came back: from the inbox, and from the folders and tables that project.yaml names."""
    from pipelines.results import collect as run_collect

    workspace = workspace_of(project)
    with workspace.session("collect") as session:
        found = run_collect(session, workspace.places(), read_instant(as_of, workspace))
        lying = session.ask("aside_rows", limit=SHOWN) if aside else []
    say_collected(found)
    for row in lying:
        typer.echo(f"  {row['received_at']:%Y-%m-%d %H:%M} {row['place']}: {row['reason']}, {row['message']}")
    if not (found.result_count or found.unknown_count or found.malformed):
        typer.echo("nothing new came back")


def say_collected(found: Collected) -> None:
    """What was taken up; nothing where there was nothing."""
    counts = {"results": found.result_count, "of actions that are not known": found.unknown_count}
    counts |= {"put aside": len(found.malformed)}
    if any(counts.values()):
        typer.echo("  came back: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n))
    _list("suppressed", found.suppressed)
    _list("no longer uncertain", found.settled)
    _list("put aside", found.malformed)


def _list(what: str, lines: tuple[str, ...]) -> None:
    for line in lines[:SHOWN]:
        typer.echo(f"  {what}: {line}")
    if len(lines) > SHOWN:
        typer.echo(f"  and {len(lines) - SHOWN} more")
