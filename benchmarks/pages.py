"""Pages of many workflows: what one takes, what it weighs, and what all of them take.

    make demo && python -m benchmarks.pages --workflows 500

Takes a copy of the demo's warehouse and puts as many copies of one of its workflows into the report tables, each with its
newest 200 participants. `page` is drawing and rendering one workflow's page from facts that are read.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.meter import Meter, machine
from pipelines.dashboard import build_dashboard
from pipelines.dashboard.people import MOST, Person, people_of
from pipelines.dashboard.reading import load_report, load_runs
from pipelines.dashboard.site import render
from pipelines.dashboard.workflow_page import with_people, workflow_page
from sql.warehouses.duckdb import DuckDBSession


def main(
    warehouse: Annotated[Path, typer.Option(help="The warehouse of `make demo`.")] = Path("demo/warehouse.duckdb"),
    workflows: Annotated[int, typer.Option(min=1, help="How many copies.")] = 500,
    workflow: Annotated[str, typer.Option(help="Of which of the demo's workflows.")] = "training_invitation",
) -> None:
    """Measure and print."""
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(warehouse, Path(folder) / "copy.duckdb"))
        with DuckDBSession(copy, timezone="America/New_York") as session:
            multiply(session, workflow, workflows)
            shown, weight = draw(session, meter)
            with meter.measure("all"):
                pages = build_dashboard(session, Path(folder) / "pages")
            weights = [page.stat().st_size for page in pages[1:]]
            overview = pages[0].stat().st_size
    one = [spent.wall for spent in meter.spent if spent.name == "page"]
    busy = [spent.cpu for spent in meter.spent if spent.name == "page"]
    everything = meter.of("all")
    typer.echo(f"{machine()}; {workflows} copies of {workflow}")
    typer.echo(
        f"page: {1000 * statistics.median(one):.0f} ms median, {1000 * max(one):.0f} ms at most, "
        f"{1000 * statistics.median(busy):.0f} ms CPU, {weight / 1000:.0f} KB with {shown} participants"
    )
    typer.echo(f"heaviest page of a workflow: {max(weights) / 1000:.0f} KB; the overview: {overview / 1000:.0f} KB")
    typer.echo(f"all {len(pages)} files: {everything.wall:.1f} s wall, {everything.cpu:.1f} s CPU")


def multiply(session: DuckDBSession, workflow: str, copies: int) -> None:
    """Leave as many copies of one workflow in the report tables, and no other."""
    tables = session.rows(
        "SELECT table_name, list(column_name) AS columns FROM duckdb_columns() WHERE schema_name = 'report' "
        "AND database_name = current_database() GROUP BY table_name HAVING list_contains(columns, 'workflow_id') ORDER BY 1"
    )
    values = {"workflow": workflow, "most": MOST}
    session.execute(
        "CREATE TEMP TABLE chosen AS SELECT run_id FROM report.run_fact WHERE workflow_id = $workflow "
        "ORDER BY entered_at DESC, run_id LIMIT $most",
        values,
    )
    for found in tables:
        table, has_runs = found["table_name"], "run_id" in found["columns"]
        chosen = "AND run_id IN (SELECT run_id FROM chosen)" if has_runs else ""
        also = ", run_id || '_' || n AS run_id" if has_runs else ""
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE kept AS FROM report.{table} WHERE workflow_id = $workflow {chosen}",
            {"workflow": workflow},
        )
        session.execute(f"DELETE FROM report.{table}")
        session.execute(
            f"INSERT INTO report.{table} SELECT * EXCLUDE (n) REPLACE (workflow_id || '_' || n AS workflow_id{also}) "
            "FROM range(CAST($copies AS BIGINT)) AS c (n), kept ORDER BY n",
            {"copies": copies},
        )
    session.execute("UPDATE report.workflow_overview SET entered_count = least(entered_count, $most)", {"most": MOST})


def draw(session: DuckDBSession, meter: Meter) -> tuple[int, int]:
    """Render up to 40 pages; returns how many participants are on each, and its bytes."""
    report = load_report(session)
    assert report is not None
    people, weight = list[Person](), 0
    for facts in report.workflows[:40]:
        workflow = facts.headline.workflow_id
        runs = load_runs(session, [workflow], MOST)[workflow]
        with meter.measure("page"):
            people = people_of(runs, facts.headline, facts.steps, report.clock.as_of.date())
            html = render("workflow", with_people(workflow_page(report.clock, facts), people))
        weight = len(html.encode())
    return len(people), weight


if __name__ == "__main__":
    typer.run(main)
