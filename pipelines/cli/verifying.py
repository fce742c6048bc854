"""`drumbeat verify`: make every evaluation again from what was kept, and compare every row."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.cli.authoring import Folder
from pipelines.cli.running import read_instant, workspace_of


def verify(
    project: Folder = Path(),
    from_: Annotated[
        str | None, typer.Option("--from", help="Compare from this evaluation on: a number or an instant.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Make evaluations again up to this one.")] = None,
    keep: Annotated[bool, typer.Option(help="Keep a start: later proofs can begin after this one.")] = False,
) -> None:
    """Prove the warehouse: make everything again from the inputs that were kept, and compare every row and hash."""
    from definitions.errors import UserError
    from pipelines.errors import NotProved
    from pipelines.verification import Asked, start_unproved
    from pipelines.verification import verify as prove

    workspace = workspace_of(project)
    bounds = [b if b is None or b.isdigit() else read_instant(b, workspace) for b in (from_, to)]
    started = time.perf_counter()
    columns = (TextColumn("making again"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with workspace.held("verify") as path, Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        try:
            asked = Asked(*bounds, keep=keep)
            proof = prove(path, asked, lambda done, of: progress.update(task, completed=done, total=of))
        except UserError as error:
            if error.code != "inputs-not-kept" or not keep:
                raise
            typer.echo(f"nothing is proved: {error.message}")
            typer.echo(f"later evaluations can be, from the start {start_unproved(path)}")
            return
    if not proof.holds:
        raise NotProved(tuple(proof.lines()))
    typer.echo(
        f"proved: evaluations {proof.first} to {proof.last} come out as they did; "
        f"{proof.row_count} rows of {proof.table_count} tables compared in {time.perf_counter() - started:.0f} s"
    )
    if proof.kept is not None:
        typer.echo(f"later proofs can begin with the start {proof.kept}")
