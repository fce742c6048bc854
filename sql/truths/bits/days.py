"""Local days of instants. The engine knows timezones, but takes longer over one instant than over fetching ten.

Whatever offset a zone has, and wherever its clocks change: if an hour's quarter begins and ends on the same local day, all of
it is of that day. So the engine is asked for both ends of every quarter that has instants, and for each instant of the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray
from sqlglot import exp

from sql.truths.bits.values import FETCHED, Values
from sql.warehouses.duckdb import DuckDBSession

pa: Any = pyarrow
QUARTER = 900_000_000
"""Microseconds."""
MOST = 1 << 22
"""Quarters, a hundred years of them, that are looked through."""


def instant_in(tree: exp.Expr) -> exp.Expr | None:
    """What `CAST(... AS DATE)` takes the day of."""
    return tree.this if isinstance(tree, exp.Cast) and tree.to.this == exp.DataType.Type.DATE else None


def local_days(session: DuckDBSession, instants: Values) -> Values:
    """The days of instants in the session's timezone."""
    known = instants.known
    values = instants.values if known is None else instants.values[known]
    days = _days_of(session, values)
    if known is not None:
        there, days = days, np.zeros(len(known), np.int32)
        days[known] = there
    return Values("day", days, known)


def _days_of(session: DuckDBSession, instants: NDArray[np.int64]) -> NDArray[np.int32]:
    if not len(instants):
        return np.zeros(0, np.int32)
    quarters = instants // QUARTER
    first = int(quarters.min())
    span = int(quarters.max()) - first + 1
    if span > MOST:
        return _asked(session, instants)
    quarters -= first
    there = np.zeros(span, np.bool_)
    there[quarters] = True
    found = np.flatnonzero(there)
    if 2 * len(found) > len(instants):
        return _asked(session, instants)
    starts = (found + first) * QUARTER
    begins, ends = np.split(_asked(session, np.concatenate([starts, starts + QUARTER - 1])), 2)
    of = np.zeros(span, np.int32)
    of[found] = begins
    days = of[quarters]
    there[found] = begins != ends
    if there.any():
        one_by_one = np.flatnonzero(there[quarters])
        days[one_by_one] = _asked(session, instants[one_by_one])
    return days


def _asked(session: DuckDBSession, instants: NDArray[np.int64]) -> NDArray[np.int32]:
    """The days as the engine tells them."""
    table = pa.table({"place": np.arange(len(instants)), "instant": instants})
    day = FETCHED["day"].format("CAST(make_timestamptz(instant) AS DATE)")
    with session.reading("instants", table):
        return session.arrow(f"SELECT {day} AS day FROM instants ORDER BY place")["day"].to_numpy()
