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
