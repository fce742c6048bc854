"""One cycle: take up what came back, snapshot, evaluate, deliver. What a schedule runs, and what the demo runs 52 times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.delivery import Delivered, deliver
from pipelines.evaluation import Evaluation, evaluate
from pipelines.live import live_project
from pipelines.results import Collected, collect
from pipelines.snapshot import Snapshot, take_snapshot
from pipelines.workspace import Workspace
from sql import DuckDBSession


@dataclass(frozen=True)
class Cycle:
    """What one cycle did."""

    collected: Collected
    snapshot: Snapshot
    evaluation: Evaluation
    delivered: tuple[Delivered, ...]


def run_cycle(session: DuckDBSession, workspace: Workspace, as_of: datetime) -> Cycle:
    """Collect, snapshot, evaluate and deliver as of one instant; each is committed by itself, and again it does nothing."""
    _, project = live_project(session)
    collected = collect(session, workspace.places(), as_of)
    snapshot = take_snapshot(session, project, workspace.sources(), as_of)
    evaluation = evaluate(session, as_of)
    return Cycle(collected, snapshot, evaluation, deliver(session, project, workspace.sinks(), as_of))


def deliver_until(session: DuckDBSession, workspace: Workspace, until: datetime) -> tuple[Delivered, ...]:
    """Deliver what comes due before an instant, day by day: what a replay skips between two evaluations."""
    _, project = live_project(session)
    sinks = workspace.sinks()
    days = [row["day"] for row in session.ask("due_days", until=until)]
    return tuple(made for day in days for made in deliver(session, project, sinks, day, in_time=True))


def finish_cycle(session: DuckDBSession, workspace: Workspace) -> tuple[Delivered, ...]:
    """Deliver what the last evaluation planned, if a run ended before it did; as of that evaluation's own instant."""
    last = session.ask("last_evaluation")
    if not last:
        return ()
    _, project = live_project(session)
    return deliver(session, project, workspace.sinks(), last[0]["as_of"])
