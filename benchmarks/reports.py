"""Report tables over the demo's year: what the refresh after each of its last evaluations takes.

    python -m benchmarks.reports --evaluations 20

Replays 2024 as `drumbeat demo` does, in a folder of its own, and refreshes the report after every evaluation, as a schedule
would; the last ones are told. `full` is a refresh at the end that makes every row anew. `--statements` lists what takes most.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.meter import Meter, MeteredSession, Ran, machine
from pipelines.apply import apply_project
from pipelines.cli.authoring import copy_starter
from pipelines.cli.demonstration import demo_instants, replay_week
from pipelines.reporting import publish_reports, refresh_reports
from pipelines.workspace import Workspace


def main(
    evaluations: Annotated[int, typer.Option(min=1, max=52, help="How many of the last refreshes are told.")] = 20,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How many weeks are replayed.")] = 52,
    statements: Annotated[int, typer.Option(min=0, help="How many of the costliest statements are told.")] = 0,
) -> None:
    """Measure and print."""
    meter, ran = Meter(), list[Ran]()
    with tempfile.TemporaryDirectory() as folder:
        copy_starter(Path(folder) / "demo")
        workspace = Workspace(Path(folder) / "demo")
        instants = demo_instants(workspace.settings.timezone, weeks)
        with workspace.session("benchmark", create=True) as session:
            apply_project(session, workspace.project, at=instants[0].replace(hour=0), by="benchmark")
        for as_of in instants:
            with workspace.session("benchmark") as session:
                replay_week(session, workspace, as_of)
            ran += _refresh(workspace, meter, f"refresh {as_of:%Y-%m-%d}")
        _refresh(workspace, meter, "again")
        _refresh(workspace, meter, "full", full=True)
        with workspace.session("benchmark") as session:
            with meter.measure("publish"):
                publish_reports(session, Path(folder) / "out")
            runs = session.count("report.run_fact")
    _tell(meter, evaluations, runs)
    _tell_statements(ran, evaluations, statements)


def _refresh(workspace: Workspace, meter: Meter, during: str, *, full: bool = False) -> list[Ran]:
    """Refresh in a session of its own, as a scheduled run does; opening and closing it are not counted."""
    with MeteredSession(workspace.warehouse, timezone=workspace.settings.timezone) as session:
        session.during = during
        with meter.measure(during.split()[0]):
            refresh_reports(session, full=full)
        return session.ran


def _tell(meter: Meter, evaluations: int, runs: int) -> None:
    told = [spent for spent in meter.spent if spent.name == "refresh"][-evaluations:]
    walls, cpus = [s.wall for s in told], [s.cpu for s in told]
    typer.echo(f"{machine()}; {runs} runs at the end")
    typer.echo(
        f"refresh after an evaluation, median of the last {len(told)}: {statistics.median(walls):.2f} s wall, {statistics.median(cpus):.2f} s CPU"
    )
    typer.echo(f"the slowest: {max(walls):.2f} s wall, {max(cpus):.2f} s CPU")
    for name in ("again", "full", "publish"):
        spent = meter.of(name)
        typer.echo(f"{name}: {spent.wall:.2f} s wall, {spent.cpu:.2f} s CPU")


def _tell_statements(statements: list[Ran], evaluations: int, most: int) -> None:
    """The statements that took most of the refreshes told, by their CPU milliseconds a refresh."""
    told = list(dict.fromkeys(ran.during for ran in statements))[-evaluations:]
    spent: dict[str, float] = defaultdict(float)
    for ran in statements:
        if ran.during in told:
            spent[ran.name] += 1000 * ran.cpu / len(told)
    for name, cpu in sorted(spent.items(), key=lambda item: -item[1])[:most]:
        typer.echo(f"{cpu:8.1f} ms CPU  {name}")


if __name__ == "__main__":
    typer.run(main)
