"""The schedule: one cycle at each of the project's times, in UTC, and never two at once.

A time that comes while a cycle is at work is skipped, not queued: the next evaluation sees everything anyway. After a
standstill one cycle runs, for the last time that was missed.
"""

# dagster names `PathLike` without its argument in these signatures
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from datetime import UTC

import dagster as dg

AS_OF_TAG = "drumbeat/as_of"
LANE_TAG = "drumbeat/lane"
"""`dagster.yaml` lets one run of each lane go at a time."""

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


def build_schedule(cron: str) -> dg.ScheduleDefinition:
    """The schedule of the cycle. It is off until somebody turns it on, for it delivers."""

    @dg.schedule(
        name="cycle_schedule",
        job=cycle,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="One cycle as of the scheduled time, unless one is still at work.",
    )
    def cycle_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        active = active_run(context.instance)
        if active is not None:
            return dg.SkipReason(f"run {active[:8]} is still at work")
        as_of = context.scheduled_execution_time.astimezone(UTC).isoformat()
        return dg.RunRequest(run_key=as_of, run_config=run_config(as_of), tags={AS_OF_TAG: as_of})

    return cycle_schedule


def run_config(as_of: str) -> dict[str, object]:
    """The run config that makes a cycle one of an instant."""
    return {"resources": {"instant": {"config": {"as_of": as_of}}}}


def active_run(instance: dg.DagsterInstance) -> str | None:
    """A run of ours that is queued or at work, by the schedule or by hand."""
    for job in (cycle.name, AD_HOC):
        records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=ACTIVE), limit=1)
        if records:
            return records[0].dagster_run.run_id
    return None
