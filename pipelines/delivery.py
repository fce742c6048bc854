"""Deliver what is planned and due: render, hand each batch to its sink, note the outcome.

A batch's name and bytes depend on its actions alone. Dying between the sink and the note means that the same batch is
written again and comes out the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from connectors import Action, Batch, Sink
from definitions import Project, UserError
from pipelines.messages import RenderFailed, render_content
from sql import DuckDBSession
from sql.names import BATCHES


@dataclass(frozen=True)
class Delivered:
    """One batch that a sink took, and how many of its actions could not be rendered."""

    batch: str
    kind: str
    location: str
    action_count: int
    failed_count: int


def deliver(
    session: DuckDBSession, project: Project, sinks: Mapping[str, Sink], now: datetime
) -> tuple[Delivered, ...]:
    """Deliver every planned action whose time has come, batch by batch; each batch is committed by itself."""
    rows = session.ask("deliverable", now=now)
    return tuple(
        _deliver_batch(session, _sink(project, sinks, kind), list(group), now)
        for (_, kind), group in groupby(rows, key=lambda row: (row["evaluation_id"], row["kind"]))
    )


def _sink(project: Project, sinks: Mapping[str, Sink], kind: str) -> tuple[str, Sink]:
    routes = project.settings.routes
    name = routes.get(kind) or routes.get("default")
    if name is None:
        raise UserError(
            "no-route", f"no sink takes actions of kind `{kind}`", "add it, or `default`, to `routes` in project.yaml"
        )
    return name, sinks[name]


def _deliver_batch(
    session: DuckDBSession, sink: tuple[str, Sink], rows: list[dict[str, Any]], now: datetime
) -> Delivered:
    outcomes = [(row, *_rendered(row)) for row in rows]
    actions = tuple(action for _, action, _ in outcomes if action is not None)
    first = rows[0]
    # other actions of the same evaluation and kind, delivered at another time, get a name of their own
    keys = hashlib.sha256("".join(row["action_id"] for row in rows).encode()).hexdigest()
    name = f"{first['evaluation_id']:06d}-{first['kind']}-{keys[:8]}"
    batch = Batch(name, first["kind"], first["evaluation_id"], _instant(first["planned_at"]), actions)
    receipt = sink[1].write(batch) if actions else None
    with session.transaction():
        session.load_rows("delivered", list(_notes(outcomes, name)))
        session.execute_query("note_attempts", now=now)
        session.execute_query("mark_actions", now=now)
        if receipt is not None:
            row = {"batch_id": name, "sink": sink[0], "kind": batch.kind, "evaluation_id": batch.evaluation_id}
            row |= {
                "action_count": len(actions),
                "checksum": receipt.checksum,
                "location": receipt.location,
                "written_at": now,
            }
            session.append(BATCHES, [row])
            session.execute_query("seal_batches")
    return Delivered(name, batch.kind, receipt.location if receipt else "", len(actions), len(rows) - len(actions))


def _notes(outcomes: list[tuple[dict[str, Any], Action | None, str | None]], batch: str) -> Iterator[dict[str, Any]]:
    for row, action, message in outcomes:
        outcome = "sent" if action is not None else "failed"
        yield {"action_id": row["action_id"], "batch_id": batch, "outcome": outcome, "message": message}


def _rendered(row: dict[str, Any]) -> tuple[Action | None, str | None]:
    try:
        content = render_content(json.loads(row["body"]), json.loads(row["found"]))
    except RenderFailed as error:
        return None, str(error)
    due = row["due_at"]
    action = Action(
        action_id=row["action_id"],
        workflow=row["workflow"],
        step_id=row["step_id"],
        object=row["object"],
        record=row["record"],
        recipient=row["recipient"],
        planned_at=_instant(row["planned_at"]),
        due_at=_instant(due) if due is not None else None,
        content=content,
    )
    return action, None


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
