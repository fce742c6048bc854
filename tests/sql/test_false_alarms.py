"""Looked at every day for half a year: how often a workflow without effect is ever called better or worse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sql import DuckDBSession

LOOKS = """
    WITH customer AS (
        -- three entries a day for 180 days; the outcome counts on the day it is known
        SELECT
            workflow,
            n // 3 AS day,
            draw('arm|' || workflow || '|' || n) < $share AS is_held,
            draw('met|' || workflow || '|' || n) AS chance
        FROM range($workflows) AS w(workflow), range(540) AS c(n)
    ),
    counted AS (
        SELECT
            workflow,
            day,
            COUNT(*) FILTER (WHERE NOT is_held) AS n1,
            COUNT(*) FILTER (WHERE NOT is_held AND chance < $treated) AS x1,
            COUNT(*) FILTER (WHERE is_held) AS n2,
            COUNT(*) FILTER (WHERE is_held AND chance < $held_out) AS x2
        FROM customer
        GROUP BY workflow, day
    ),
    look AS (
        SELECT
            workflow,
            SUM(n1) OVER w AS n1,
            SUM(x1) OVER w AS x1,
            SUM(n2) OVER w AS n2,
            SUM(x2) OVER w AS x2
        FROM counted
        WINDOW w AS (PARTITION BY workflow ORDER BY day)
    ),
    judged AS (
        SELECT
            workflow,
            uplift_verdict(
                ratio_p(n1, n2, $share), 0.0, n1, n2, always_lo(x1, n1, x2, n2, 400), always_hi(x1, n1, x2, n2, 400)
            ) AS verdict,
            newcombe_lo(x1, n1, x2, n2) > 0 OR newcombe_hi(x1, n1, x2, n2) < 0 AS once
        FROM look
    ),
    ever AS (
        SELECT
            workflow,
            BOOL_OR(verdict IN ('better than hold-out', 'worse')) AS alarm,
            BOOL_OR(verdict = 'better than hold-out') AS found,
            BOOL_OR(COALESCE(once, FALSE)) AS once
        FROM judged
        GROUP BY workflow
    )
    SELECT
        COUNT(*) AS workflows,
        AVG(CAST(alarm AS INTEGER)) AS alarms,
        AVG(CAST(found AS INTEGER)) AS found,
        AVG(CAST(once AS INTEGER)) AS once
    FROM ever
"""


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession() as made:
        made.migrate()
        yield made


def ever(session: DuckDBSession, workflows: int, treated: float, held_out: float, share: float) -> dict[str, Any]:
    given = {"workflows": workflows, "treated": treated, "held_out": held_out, "share": share}
    return session.rows(LOOKS, given)[0]


def test_a_workflow_without_effect_is_hardly_ever_called_better_or_worse(session: DuckDBSession) -> None:
    made = ever(session, 2000, treated=0.3, held_out=0.3, share=0.1)
    assert made["workflows"] == 2000
    assert made["alarms"] <= 0.05
    # so would one look's interval at every look: the simulation can tell
    assert made["once"] > 0.2


def test_an_effect_is_found(session: DuckDBSession) -> None:
    assert ever(session, 300, treated=0.45, held_out=0.3, share=0.2)["found"] > 0.5
