"""Operators' orders: rows in the journal, taken up by the next evaluation, which writes down what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from definitions import UserError
from definitions.problems import did_you_mean
from sql import DuckDBSession
from sql.names import COMMANDS

Command = Literal[
    "enable", "pause", "resume", "archive", "disable", "enroll", "remove", "retry", "goal-met", "approve", "reject"
]
ALL: tuple[str, ...] = get_args(Command)
OF_WORKFLOWS = ("enable", "pause", "resume", "archive", "disable")
OF_RECORDS = ("pause", "resume", "enroll", "remove", "retry", "goal-met", "approve", "reject")


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
    if workflow not in live:
        raise UserError("unknown-workflow", f"`{workflow}` is not live", did_you_mean(workflow, live))
    if command not in ALL:
        raise UserError("unknown-command", f"`{command}` is not a command", did_you_mean(command, ALL))
    if not records and command not in OF_WORKFLOWS:
        raise UserError("no-record", f"`{command}` needs a record", f"drumbeat {command} {workflow} RECORD")
    if records and command not in OF_RECORDS:
        raise UserError("no-record", f"`{command}` is about the whole workflow", f"drumbeat {command} {workflow}")
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
