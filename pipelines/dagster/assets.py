"""The assets: CRM objects and definitions -> evaluation -> planned -> delivered, and evaluation -> report -> dashboard.

All CRM objects are committed by one snapshot, so they are one step that yields an asset an object. All workflows are
one asset: they are rows in the warehouse, and nothing here goes stale when a file changes. The report hangs on the
evaluation alone, so that a check that stops delivery never hides what is wrong.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from definitions import Project
from pipelines.dagster.checks import object_check, object_result
from pipelines.dagster.folder import POOL, ProjectFolder
from pipelines.dagster.instant import RunInstant
from pipelines.dagster.keys import ACTIONS, APPLIED, DASHBOARD, EVALUATION, FOLDER, PLANNED, TABLES, object_key
from pipelines.dagster.metadata import (
    applied_metadata,
    delivery_metadata,
    evaluation_metadata,
    markdown_table,
    report_metadata,
    snapshot_metadata,
)
from pipelines.dashboard import build_dashboard
from pipelines.delivery import deliver
from pipelines.evaluation import broken_invariants, evaluate
from pipelines.live import live_project
from pipelines.reporting import headlines_of, publish_reports, refresh_reports
from pipelines.results import collect
from pipelines.snapshot import take_snapshot

LATER = {"dagster/priority": "-1"}
"""Of the steps that may run, the report comes last: then it shows what was delivered, and still does not wait for it."""

definition_specs = [
    dg.AssetSpec(FOLDER, group_name="definitions", kinds={"yaml"}, description="The definition files as they stand."),
    dg.AssetSpec(
        APPLIED,
        deps=[FOLDER],
        group_name="definitions",
        kinds={"duckdb"},
        description="What is live: the files as they were applied last (`drumbeat apply`). Evaluations read only this.",
    ),
]


def build_assets(project: Project) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of a project, in the order in which they run."""
    objects = list(project.catalog.objects)
    return [
        *definition_specs,
        build_snapshot(project),
        build_evaluation(objects),
        planned,
        actions,
        tables,
        dashboard,
    ]


def build_snapshot(project: Project) -> dg.AssetsDefinition:
    """The asset of every CRM object, all made by one step."""
    objects = project.catalog.objects
    specs = [
        dg.AssetSpec(object_key(name), group_name="crm", kinds={"duckdb"}, description=f"Records of `{spec.table}`.")
        for name, spec in objects.items()
    ]

    @dg.multi_asset(name="snapshot", specs=specs, check_specs=[object_check(name) for name in objects], pool=POOL)
    def snapshot(
        context: dg.AssetExecutionContext, folder: ProjectFolder, instant: RunInstant
    ) -> Iterator[dg.MaterializeResult[Any]]:
        """Take up what came back, then read the CRM tables and what changed; all objects are committed together."""
        workspace = folder.workspace
        with folder.session(workspace, "snapshot") as session:
            _, live = live_project(session)
            context.log.info(str(collect(session, workspace.places(), instant.of(context))))
            taken = take_snapshot(session, live, workspace.sources(), instant.of(context))
        found = {counts.object: counts for counts in taken.objects}
        for name in objects:
            counts = found.get(name)
            yield dg.MaterializeResult(
                asset_key=object_key(name),
                metadata=snapshot_metadata(taken, counts) if counts else {},
                check_results=[object_result(name, counts)],
                data_version=dg.DataVersion(str(taken.snapshot_id)),
            )

    return snapshot


def build_evaluation(objects: list[str]) -> dg.AssetsDefinition:
    """The asset of all workflows."""

    @dg.asset(
        key=EVALUATION,
        deps=[*map(object_key, objects), APPLIED],
        group_name="evaluation",
        kinds={"duckdb"},
        pool=POOL,
    )
    def evaluation(
        context: dg.AssetExecutionContext, folder: ProjectFolder, instant: RunInstant
    ) -> dg.MaterializeResult[Any]:
        """All live workflows as of one instant, in one transaction: who enters, moves, leaves, and what is planned."""
        with folder.session(folder.workspace, "evaluate") as session:
            made = evaluate(session, instant.of(context))
            live = session.ask("live_project")[0]
        context.log_event(dg.AssetObservation(APPLIED, metadata=applied_metadata(live)))
        return dg.MaterializeResult(
            metadata=evaluation_metadata(made, live), data_version=dg.DataVersion(made.chain_hash)
        )

    return evaluation


@dg.asset(key=PLANNED, deps=[EVALUATION], group_name="outbox", kinds={"duckdb"}, pool=POOL)
def planned(folder: ProjectFolder) -> dg.MaterializeResult[Any]:
    """The outbox before delivery. The check on it, that all invariants hold, is what delivery waits for."""
    with folder.session(folder.workspace, "count the outbox") as session:
        rows = session.ask("action_totals")
    lines = [(row["kind"], row["status"], row["action_count"]) for row in rows]
    waiting = sum(count for _, status, count in lines if status == "planned")
    return dg.MaterializeResult(
        metadata={
            "waiting": dg.MetadataValue.int(waiting),
            "outbox": dg.MetadataValue.md(markdown_table(("kind", "status", "actions"), lines)),
        }
    )


@dg.asset(key=ACTIONS, deps=[PLANNED], group_name="outbox", kinds={"json"}, pool=POOL)
def actions(context: dg.AssetExecutionContext, folder: ProjectFolder, instant: RunInstant) -> dg.MaterializeResult[Any]:
    """Planned actions that are due, handed to their sinks. Run by itself it looks at the invariants first, too."""
    workspace = folder.workspace
    with folder.session(workspace, "deliver") as session:
        broken = broken_invariants(session)
        if broken:
            raise dg.Failure(f"nothing was delivered, broken: {', '.join(broken)}", allow_retries=False)
        _, live = live_project(session)
        collect(session, workspace.places(tables=False), instant.of(context))
        batches = deliver(session, live, workspace.sinks(), instant.of(context))
    return dg.MaterializeResult(metadata=delivery_metadata(batches))


@dg.asset(key=TABLES, deps=[EVALUATION], group_name="report", kinds={"duckdb", "parquet"}, pool=POOL, op_tags=LATER)
def tables(folder: ProjectFolder) -> dg.MaterializeResult[Any]:
    """The report tables of the last evaluation, and their copies under `out/report`: Parquet, and one DuckDB file."""
    workspace = folder.workspace
    with folder.session(workspace, "report") as session:
        refresh_reports(session)
        paths = publish_reports(session, workspace.out / "report")
        lines = [(path.stem, session.count(f"report.{path.stem}")) for path in paths if path.suffix == ".parquet"]
        headlines, trends, alerts = headlines_of(session)
    return dg.MaterializeResult(metadata=report_metadata(lines, headlines, trends, alerts))


@dg.asset(key=DASHBOARD, deps=[TABLES], group_name="report", kinds={"html"}, pool=POOL, op_tags=LATER)
def dashboard(folder: ProjectFolder) -> dg.MaterializeResult[Any]:
    """The dashboard: static pages of the report tables under `out/dashboard`."""
    workspace = folder.workspace
    with folder.session(workspace, "dashboard") as session:
        pages = build_dashboard(session, workspace.out / "dashboard")
    metadata: dict[str, dg.MetadataValue] = {"pages": dg.MetadataValue.int(len(pages))}
    if pages:
        metadata["index"] = dg.PathMetadataValue(pages[0])
    return dg.MaterializeResult(metadata=metadata)
