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
    forget: Annotated[bool, typer.Option(help="With --keep: drop the kept records that it stands for.")] = False,
) -> None:
    """Prove the warehouse: make everything again from the inputs that were kept, and compare every row and hash."""
    from pipelines.errors import NotProved
    from pipelines.starts import forget_records
    from pipelines.verification import Asked
    from pipelines.verification import verify as prove

    workspace = workspace_of(project)
    bounds = [b if b is None or b.isdigit() else read_instant(b, workspace) for b in (from_, to)]
    started = time.perf_counter()
    columns = (TextColumn("making again"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with workspace.held("verify") as path:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=None)
            asked = Asked(*bounds, keep=keep)
            proof = prove(path, asked, lambda done, of: progress.update(task, completed=done, total=of))
        if not proof.holds:
            raise NotProved(tuple(proof.lines()))
        if proof.kept is not None and forget:
            forget_records(path)
    seconds = time.perf_counter() - started
    if proof.table_count:
        typer.echo(
            f"proved: evaluations {proof.first} to {proof.last} come out as they did; "
            f"{proof.row_count} rows of {proof.table_count} tables compared in {seconds:.0f} s"
        )
    else:
        typer.echo("nothing is proved: what the evaluations so far were made from is not kept")
    if proof.kept is not None:
        typer.echo(f"later proofs can begin with the start {proof.kept}")
