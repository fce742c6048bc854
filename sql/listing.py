"""A table of events as a source gives it -> its columns under the names that they have here, all as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

LISTED = "incoming_events"
"""The rows of a table of events, while they are read."""


def listing_query(columns: Mapping[str, str], parts: Sequence[str]) -> str:
    """Make the temporary table of listed events. `columns` says which column holds a part; a part without one is missing.

    >>> print(listing_query({"event_id": "id"}, ("event_id", "value")).replace(chr(10), " "))
    CREATE OR REPLACE TEMPORARY TABLE listed_events AS SELECT   CAST("id" AS TEXT) AS event_id,   CAST(NULL AS TEXT) AS value FROM incoming_events
    """
    chosen = [
        exp.cast(exp.column(columns[part], quoted=True) if part in columns else exp.null(), "text").as_(part)
        for part in parts
    ]
    rows = exp.select(*chosen).from_(LISTED).sql("duckdb", pretty=True)
    return f"CREATE OR REPLACE TEMPORARY TABLE listed_events AS\n{rows}"
