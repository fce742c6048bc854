"""From when on things are known: parameters of every statement that judges conditions."""

from __future__ import annotations

from typing import Any

from sql.warehouses.duckdb import DuckDBSession


def known_from(session: DuckDBSession) -> dict[str, Any]:
    """`first_snapshot`: its instant, None before it; `tracked_later`: fields and instants, as DuckDB takes a map."""
    first, later = session.ask("first_snapshot"), session.ask("tracked_later")
    return {
        "first_snapshot": first[0]["as_of"] if first else None,
        "tracked_later": {"key": [row["field"] for row in later], "value": [row["since"] for row in later]},
    }


def judged_by(session: DuckDBSession) -> dict[str, Any]:
    """What the last evaluation judged by: its `as_of`, the snapshot that changes were seen against, and all of the above."""
    last = session.ask("last_evaluation")[0]
    return {"as_of": last["as_of"], "previous_snapshot": last["snapshot_before"], **known_from(session)}
