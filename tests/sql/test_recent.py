"""Which related rows are recent enough to matter."""

from __future__ import annotations

import pytest
from sqlglot import exp, parse_one

from sql.truths.recent import recent

WEEK, DAY = "t.at >= now() - INTERVAL '7' DAY", "CAST(t.at AS DATE) >= today() - 28"


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ([WEEK], WEEK),
        ([f"{WEEK} AND t.kind = 'bug'", WEEK], WEEK),
        (["t.at BETWEEN a() AND b()"], "t.at >= a()"),
        (["t.at > a()", "t.kind = 'bug' AND (t.at >= b())"], "t.at >= LEAST(a(), b())"),
        ([DAY], "t.at >= CAST(today() - 28 AS TIMESTAMPTZ) - INTERVAL '1' DAY"),
        ([WEEK, None], None),
        ([WEEK, "t.kind = 'bug'"], None),
        ([f"{WEEK} OR t.kind = 'bug'"], None),
        ([WEEK, "t.closed >= a()"], None),
        (["t.at >= r.joined"], None),
        (["t.at < a()"], None),
        ([], None),
    ],
)
def test_rows_that_no_filter_lets_pass_are_not_read(filters: list[str | None], rows: str | None) -> None:
    found = recent(_read(text) if text is not None else None for text in filters)
    assert found == (_read(rows) if rows is not None else None)


def _read(text: str) -> exp.Expr:
    return parse_one(text, dialect="duckdb")
