"""Is what a source gave like what it gave before? Where it is not, the snapshot is refused and nothing is changed.

That most records would be gone is seen where they are compared; here are too many rows, rows without keys, and standstill.

The measure is the median of the last whole reads. Who accepts a snapshot that differs from it is not asked again: it must
also differ from the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from definitions.catalog import Catalog
from pipelines.errors import SourceOdd, SourceStale
from sql import DuckDBSession
from sql.incoming import newest_query

READS = 3
"""Whole reads that there must have been."""
FEW = 20
"""Rows below which nothing is said."""
MOST, MANY = 2.0, 1_000
"""Too many are more than so often the usual number, and so many more: small tables double easily."""
KEYLESS = 0.01
"""What the share of rows without a key may grow by."""


class Counts(Protocol):
    """What a snapshot found of one object."""

    @property
    def object(self) -> str: ...
    @property
    def row_count(self) -> int: ...
    @property
    def null_key_count(self) -> int: ...
    @property
    def is_partial(self) -> bool: ...


def see_quality(session: DuckDBSession, catalog: Catalog, found: Iterable[Counts], as_of: datetime) -> None:
    """Look at every object that was read; raises `SourceOdd` or `SourceStale`."""
    usual = {row["object"]: row for row in session.ask("usual_counts")}
    for counts in found:
        if not counts.is_partial and counts.object in usual:
            _see_rows(counts, usual[counts.object])
        _see_fresh(session, catalog, counts.object, as_of)


def _see_rows(counts: Counts, usual: Mapping[str, Any]) -> None:
    if usual["read_count"] < READS or usual["usual_rows"] < FEW:
        return
    before = max(usual["usual_rows"], usual["last_rows"])
    if counts.row_count > before * MOST and counts.row_count - before >= MANY:
        raise SourceOdd(counts.object, f"{counts.row_count:,} rows came, {usual['usual_rows']:,.0f} are usual")
    share = counts.null_key_count / max(counts.row_count, 1)
    if counts.null_key_count >= FEW and share > max(usual["usual_keyless"], usual["last_keyless"]) + KEYLESS:
        raise SourceOdd(
            counts.object, f"{counts.null_key_count:,} of {counts.row_count:,} rows have no key, most had one before"
        )


def _see_fresh(session: DuckDBSession, catalog: Catalog, name: str, as_of: datetime) -> None:
    spec = catalog[name]
    if spec.fresh_within is None or spec.updated_at is None:
        return
    newest = session.rows(newest_query(name, spec.updated_at), {"as_of": as_of})[0]["newest"]
    if newest is not None and as_of - newest > spec.fresh_within.fixed:
        raise SourceStale(name, newest, spec.fresh_within.text)
