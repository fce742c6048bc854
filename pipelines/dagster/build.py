"""A project and its folder -> Dagster's definitions. Pure: it reads no file and opens no warehouse."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from definitions import Project
from pipelines.dagster.assets import build_assets
from pipelines.dagster.checks import build_invariants
from pipelines.dagster.folder import ProjectFolder
from pipelines.dagster.instant import RunInstant
from pipelines.dagster.schedules import build_delivery_schedule, build_schedule, cycle, delivery, delivery_cron
from pipelines.dagster.sensors import build_definitions_changed


def build_definitions(project: Project, root: Path) -> dg.Definitions:
    """Assets, checks, the jobs, their schedules and the sensor of one project."""
    often = delivery_cron(project)
    return dg.Definitions(
        assets=build_assets(project),
        asset_checks=[build_invariants()],
        jobs=[cycle, delivery],
        schedules=[
            build_schedule(project.settings.schedule),
            *([build_delivery_schedule(often)] if often is not None else []),
        ],
        sensors=[build_definitions_changed(root)],
        resources={"folder": ProjectFolder(root=str(root)), "instant": RunInstant()},
        # one writer: steps are serial anyway, and each process of its own would cost five seconds of imports
        executor=dg.in_process_executor,
    )
