"""What is shown beside an asset: counts, digests and small tables, under 10 kB however large the project is.

The orchestrator keeps metadata about three times over for every run, so the rest is left to the report tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from pipelines.delivery import Delivered
from pipelines.evaluation import Evaluation, WorkflowCounts
from pipelines.snapshot import ObjectCounts, Snapshot

Metadata = Mapping[str, dg.MetadataValue]

MOST_BYTES = 6_000
"""A table's share of the 10 kB."""


def snapshot_metadata(taken: Snapshot, counts: ObjectCounts) -> Metadata:
    """One object's counts in a snapshot."""
    return {
        "dagster/row_count": dg.MetadataValue.int(counts.record_count),
        "created": dg.MetadataValue.int(counts.created_count),
        "updated": dg.MetadataValue.int(counts.updated_count),
        "deleted": dg.MetadataValue.int(counts.deleted_count),
        "as_of": _instant(taken.as_of),
        "snapshot": dg.MetadataValue.int(taken.snapshot_id),
        "new": dg.MetadataValue.bool(taken.taken),
    }


def evaluation_metadata(made: Evaluation, live: Mapping[str, Any]) -> Metadata:
    """An evaluation's counts, a line for each workflow, and the digest of what was live."""
    return {
        "as_of": _instant(made.as_of),
        "evaluation": dg.MetadataValue.int(made.evaluation_id),
        "new": dg.MetadataValue.bool(made.made),
        "entered": dg.MetadataValue.int(sum(w.entered_count for w in made.workflows)),
        "inside": dg.MetadataValue.int(sum(w.inside_count for w in made.workflows)),
        "planned": dg.MetadataValue.int(sum(w.planned_count for w in made.workflows)),
        "seconds": dg.MetadataValue.float(round(float(sum(made.seconds.values())), 3)),
        "workflows": dg.MetadataValue.md(workflow_table(made.workflows)),
        "definitions_digest": dg.MetadataValue.text(live["fingerprint"]),
    }


def applied_metadata(live: Mapping[str, Any]) -> Metadata:
    """What is live; its digest is the folder's when the folder says the same."""
    return {
        "digest": dg.MetadataValue.text(live["fingerprint"]),
        "number": dg.MetadataValue.int(live["project_id"]),
        "applied_by": dg.MetadataValue.text(live["applied_by"]),
        "applied_at": _instant(live["applied_at"]),
    }


def delivery_metadata(batches: Sequence[Delivered]) -> Metadata:
    """What was handed to the sinks, batch by batch; locations count from the project's folder."""
    lines = (
        (b.sink, b.kind, b.action_count, b.failed_count, b.later_count, b.uncertain_count, b.closed or "")
        for b in batches
    )
    return {
        "actions": dg.MetadataValue.int(sum(batch.action_count for batch in batches)),
        "failed": dg.MetadataValue.int(sum(batch.failed_count for batch in batches)),
        "uncertain": dg.MetadataValue.int(sum(batch.uncertain_count for batch in batches)),
        "delivered": dg.MetadataValue.md(
            markdown_table(("sink", "kind", "sent", "failed", "later", "uncertain", "stopped"), lines)
        ),
    }


def report_metadata(
    tables: Sequence[tuple[str, int]],
    headlines: Sequence[Mapping[str, Any]],
    trends: Mapping[str, Sequence[float | None]],
    alerts: Sequence[Mapping[str, Any]],
) -> Metadata:
    """Each workflow's headline with its trend of twelve weeks, what needs attention, and how long the tables are."""
    lines = (
        (h["workflow_id"], h["state"], _headline(h), sparkline(trends.get(h["workflow_id"], ()))) for h in headlines
    )
    noticed = ((a["workflow_id"], a["severity"], a["text"]) for a in alerts)
    return {
        "workflows": dg.MetadataValue.md(markdown_table(("workflow", "state", "objective met", "12 weeks"), lines)),
        "alerts": dg.MetadataValue.md(markdown_table(("workflow", "severity", "what"), noticed)),
        "attention": dg.MetadataValue.int(len(alerts)),
        "tables": dg.MetadataValue.md(markdown_table(("table", "rows"), tables)),
    }


def _headline(row: Mapping[str, Any]) -> str:
    if row["objective_name"] is None:
        return "no objective"
    if not row["matured_count"]:
        return "too early"
    share = f"{row['met_share']:.0%} ({row['matured_met_count']} of {row['matured_count']})"
    return f"{share}, {row['met_lo']:.0%} to {row['met_hi']:.0%}"


def sparkline(shares: Iterable[float | None]) -> str:
    """Shares from 0 to 1 as a line of bars; a dot where there was nothing to divide.

    >>> sparkline([None, 0.0, 0.5, 1.0])
    '·▁▅█'
    """
    return "".join("·" if share is None else "▁▂▃▄▅▆▇█"[min(int(share * 8), 7)] for share in shares)


def workflow_table(workflows: Iterable[WorkflowCounts]) -> str:
    """A line for each workflow, the busiest first."""
    names = [f.name for f in fields(WorkflowCounts)]
    busiest = sorted(workflows, key=lambda w: (-w.entered_count - w.left_count - w.planned_count, w.workflow))
    lines = ([getattr(w, name) for name in names] for w in busiest)
    return markdown_table([name.removesuffix("_count") for name in names], lines)


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A Markdown table; lines beyond `MOST_BYTES` are counted, not shown.

    >>> print(markdown_table(("kind", "actions"), [("task", 3)]))
    | kind | actions |
    | --- | --- |
    | task | 3 |
    """
    shown = [_line(header), _line(["---"] * len(header))]
    size, left_out = 0, 0
    for line in map(_line, lines):
        size += len(line.encode()) + 1
        if size <= MOST_BYTES:
            shown.append(line)
        else:
            left_out += 1
    rest = [f"\n{left_out} more lines are in the warehouse."] if left_out else []
    return "\n".join(shown + rest)


def _instant(moment: datetime) -> dg.MetadataValue:
    return dg.MetadataValue.text(moment.astimezone(UTC).isoformat())


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
