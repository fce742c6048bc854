"""Which instants can be rehearsed: time only goes forward, also in a rehearsal."""

from __future__ import annotations

from datetime import datetime, timedelta

from definitions import UserError
from sql import DuckDBSession


def next_instant(session: DuckDBSession, now: datetime) -> datetime:
    """The earliest instant from `now` on that can be evaluated: after the last evaluation, not before the snapshot."""
    last, snapshot = session.ask("last_evaluation"), session.ask("last_snapshot")
    instants = [now, *(row["as_of"] + timedelta(seconds=1) for row in last), *(row["as_of"] for row in snapshot)]
    return max(instants)


def refuse_evaluated(session: DuckDBSession, as_of: datetime) -> None:
    """What was evaluated, or lies before it, cannot be rehearsed."""
    last = session.ask("last_evaluation")
    if last and as_of <= last[0]["as_of"]:
        message = f"the last evaluation is of {last[0]['as_of'].isoformat()}: {as_of.isoformat()} is not after it"
        raise UserError("already-evaluated", message, "name a later instant, or none")
