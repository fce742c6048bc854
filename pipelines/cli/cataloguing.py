"""`drumbeat catalog`: what there is to write definitions about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.authoring import Folder

app = typer.Typer(help="The catalog: which tables and columns definitions may speak of.", no_args_is_help=True)


@app.command()
def pull(
    source: Annotated[str | None, typer.Argument(help="A source of project.yaml; all of them without it.")] = None,
    project: Folder = Path(),
    table: Annotated[list[str] | None, typer.Option(help="Only this table; may be given several times.")] = None,
    force: Annotated[bool, typer.Option(help="Write over files that are there.")] = False,
) -> None:
    """Write catalog files from a live source: types, keys and relations. What is guessed is marked as such."""
    from pipelines.pulling import pull_catalog
    from pipelines.workspace import Workspace

    pulled = pull_catalog(Workspace(project), source, table or (), force=force)
    for path in pulled.written:
        typer.echo(f"wrote {path}")
    for path in pulled.kept:
        typer.echo(f"kept {path} (`--force` writes over it)")
    for words in pulled.left_out:
        typer.echo(f"left out {words}")
    if not pulled.written:
        typer.echo("nothing written")
