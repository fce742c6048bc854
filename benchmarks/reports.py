"""Report tables over the demo's year: what the refresh after each of its last evaluations takes.

    python -m benchmarks.reports --evaluations 20

Replays 2024 in a folder of its own and refreshes the report after every evaluation, as a schedule would; the last ones are
told. `full` is a refresh at the end that makes every row anew.
"""

from __future__ import annotations

import statistics
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from benchmarks.meter import Meter, machine
from pipelines.apply import apply_project
from pipelines.cli.authoring import copy_starter
from pipelines.cycle import deliver_until, run_cycle
from pipelines.reporting import publish_reports, refresh_reports
from pipelines.workspace import Workspace

FIRST = datetime(2024, 1, 1, 6)  # noqa: DTZ001 - a clock time in the project's zone


def main(
    evaluations: Annotated[int, typer.Option(min=1, max=52, help="How many of the last refreshes are told.")] = 20,
    weeks: Annotated[int, typer.Option(min=1, max=52, help="How many weeks are replayed.")] = 52,
) -> None:
    """Measure and print."""
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        copy_starter(Path(folder) / "demo")
        workspace = Workspace(Path(folder) / "demo")
        zone = ZoneInfo(workspace.settings.timezone)
        with workspace.session("benchmark", create=True) as session:
            apply_project(session, workspace.project, at=datetime(2024, 1, 1, tzinfo=UTC), by="benchmark")
            for week in range(weeks):
                as_of = (FIRST + timedelta(weeks=week)).replace(tzinfo=zone)
                run_cycle(session, workspace, as_of)
                with meter.measure("refresh"):
                    refresh_reports(session)
                deliver_until(session, workspace, as_of + timedelta(weeks=1))
            with meter.measure("again"):
                refresh_reports(session)
            with meter.measure("full"):
                refresh_reports(session, full=True)
            with meter.measure("publish"):
                publish_reports(session, Path(folder) / "out")
            runs = session.count("report.run_fact")
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


if __name__ == "__main__":
    typer.run(main)
