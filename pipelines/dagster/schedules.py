"""The schedules: one cycle at each of the project's times, in UTC, deliveries between them, and never two runs at once.

A time that comes while a cycle is at work is skipped, not queued: the next evaluation sees everything anyway. After a
standstill one cycle runs, for the last time that was missed. A delivery gives way to cycles and other deliveries, and a
cycle only waits until one has ended.
"""

# dagster names `PathLike` without its argument in these signatures
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from datetime import UTC
from typing import Any

import dagster as dg

from definitions import Project
from definitions.steps import MESSAGE_KINDS, ActionStep, walk
from pipelines.dagster.keys import ACTIONS

AS_OF_TAG = "drumbeat/as_of"
LANE_TAG = "drumbeat/lane"
"""`dagster.yaml` lets one run of each lane go at a time."""

OFTEN = "*/15 * * * *"
"""Windows of messages have minutes: what is due does not wait for the next evaluation."""

AD_HOC = "__ASSET_JOB"
"""Where Dagster runs assets that somebody materialises by hand."""

ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

cycle = dg.define_asset_job(
    "cycle",
    dg.AssetSelection.all(),
    description="Snapshot, evaluate, check, deliver, report.",
    tags={LANE_TAG: "cycle"},
)


delivery = dg.define_asset_job(
    "delivery",
    dg.AssetSelection.assets(ACTIONS),
    description="Deliver what is due. It looks at the invariants first.",
    tags={LANE_TAG: "cycle"},
)


def build_schedule(cron: str) -> dg.ScheduleDefinition:
    """The schedule of the cycle. It is off until somebody turns it on, for it delivers."""
    return _schedule(cycle, cron, (cycle.name, AD_HOC))


def build_delivery_schedule(cron: str) -> dg.ScheduleDefinition:
    """The schedule of deliveries between evaluations. It is off until somebody turns it on, too."""
    return _schedule(delivery, cron, (cycle.name, delivery.name, AD_HOC))


def delivery_cron(project: Project) -> str | None:
    """When deliveries run: as project.yaml says, else often where a workflow sends messages. One that does not load may."""
    steps = (step for workflow in project.workflows.values() for step in walk(workflow.steps))
    sends = any(isinstance(step, ActionStep) and step.kind in MESSAGE_KINDS for step in steps)
    return project.settings.delivery_schedule or (OFTEN if sends or not project.workflows else None)


def _schedule(job: Any, cron: str, others: tuple[str, ...]) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"One {job.name} as of the scheduled time, unless one is still at work.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        active = active_run(context.instance, others)
        if active is not None:
            return dg.SkipReason(f"run {active[:8]} is still at work")
        as_of = context.scheduled_execution_time.astimezone(UTC).isoformat()
        return dg.RunRequest(run_key=as_of, run_config=run_config(as_of), tags={AS_OF_TAG: as_of})

    return schedule


def run_config(as_of: str) -> dict[str, object]:
    """The run config that makes a cycle one of an instant."""
    return {"resources": {"instant": {"config": {"as_of": as_of}}}}


def active_run(instance: dg.DagsterInstance, jobs: tuple[str, ...]) -> str | None:
    """A run of some jobs that is queued or at work, by a schedule or by hand."""
    for job in jobs:
        records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ACTIVE), limit=1)
        if records:
            return records[0].dagster_run.run_id
    return None
