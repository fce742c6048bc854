"""Of which instant a run is: given in its config by the schedule, else when it started. All its steps share it.

A resource of its own, for Dagster takes a resource's config as a whole: beside the folder, the folder would have to be
given again.
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field


class RunInstant(dg.ConfigurableResource["RunInstant"]):
    """The instant that a run is of."""

    as_of: str | None = Field(
        default=None, description="an instant with its offset, such as 2024-05-06T06:00Z; without it, the run's start"
    )

    def of(self, context: dg.AssetExecutionContext) -> datetime:
        """The instant of the run that a step belongs to, in UTC and whole seconds unless it was given finer."""
        if self.as_of is not None:
            return parse_instant(self.as_of)
        record = context.instance.get_run_record_by_id(context.run.run_id)
        started = record.start_time if record else None
        return datetime.fromtimestamp(started, UTC).replace(microsecond=0) if started else _now()


def parse_instant(written: str) -> datetime:
    """An instant with its offset, in UTC; anything else fails the run.

    >>> parse_instant("2024-05-06T06:00-04:00").isoformat()
    '2024-05-06T10:00:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise dg.Failure(f"`{written}` is not an instant: 2024-05-06T06:00Z is one", allow_retries=False) from error
    if moment.tzinfo is None:
        raise dg.Failure(f"`{written}` has no offset: write `{written}Z` for UTC", allow_retries=False)
    return moment.astimezone(UTC)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
