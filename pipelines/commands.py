"""Operators' orders: rows in the journal, taken up by the next evaluation, which writes down what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from definitions import UserError
from definitions.orders import fault_of
from sql import DuckDBSession
from sql.names import COMMANDS


def give(
    session: DuckDBSession,
    command: str,
    workflow: str,
    records: Sequence[str] = (),
    *,
    at: datetime,
    by: str,
    step: str | None = None,
) -> tuple[str, ...]:
    """Write an order down for a workflow, or for each of some records in it; returns the orders' ids.

    The same order given twice at one instant is one order.
    """
    live = [row["workflow"] for row in session.ask("live_workflows")]
    if (fault := fault_of(command, workflow, bool(records), live)) is not None:
        raise UserError(*fault)
    rows = [_row(command, workflow, record, at, by, step) for record in dict.fromkeys(records)] if records else []
    rows = rows or [_row(command, workflow, None, at, by, step)]
    known = {row["command_id"] for row in session.ask("known_commands", ids=[row["command_id"] for row in rows])}
    number = session.count(COMMANDS)
    new = [row for row in rows if row["command_id"] not in known]
    session.append(COMMANDS, [row | {"given_number": number + i} for i, row in enumerate(new, start=1)])
    session.execute_query("seal_commands")
    return tuple(row["command_id"] for row in rows)


def _row(command: str, workflow: str, record: str | None, at: datetime, by: str, step: str | None) -> dict[str, Any]:
    parts = "|".join((command, workflow, record or "", step or "", at.isoformat()))
    return {
        "command_id": hashlib.md5(parts.encode()).hexdigest()[:20],
        "given_at": at,
        "given_by": by,
        "command": command,
        "workflow": workflow,
        "record": record,
        "step_id": step,
    }
