"""The curves of time to objective, through the statements of the report, against statsmodels and lifelines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.worlds import workflow_row

from sql import DuckDBSession
from sql.statements import load_statements

Row = dict[str, Any]
REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "stats_reference.json").read_text())
SETS: dict[str, Any] = REFERENCE["sets"]
FREIREICH, CAUSES = SETS["D_freireich_6mp"], SETS["E_crm_two_causes"]
NOW = datetime(2024, 6, 30, 10, tzinfo=UTC)
STATEMENTS = {s.name: s for s in load_statements("reporting")}
CURVES = ("clear_objective_survival", "fill_objective_survival", "clear_objective_time", "fill_objective_time")


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        # what a refresh makes before its tables: the workflows that it is about, and their runs
        made.execute(
            "CREATE TEMP VIEW report_scope AS SELECT workflow AS workflow_id FROM live.workflows UNION SELECT 'w'"
        )
        made.execute("CREATE TEMP VIEW runs AS FROM report.run_fact")
        yield made


def close(wanted: float | None, within: float = REFERENCE["meta"]["tolerance"]["default_abs"]) -> Any:
    return None if wanted is None else pytest.approx(wanted, abs=within, rel=0)


def run_row(number: int, arm: str, duration: int, status: int, entered: date, workflow: str) -> Row:
    instant = datetime(entered.year, entered.month, entered.day, 10, tzinfo=UTC)
    return {
        "workflow_id": workflow,
        "workflow_version": 1,
        "objective_version": "o",
        "as_of": NOW,
        "evaluation_id": 1,
        "run_id": f"{workflow}/{number}",
        "object": "account",
        "customer_id": str(number),
        "arm": arm,
        "entry_no": 1,
        "entry_mode": "rule",
        "entered_at": instant,
        "entered_date": entered,
        "entry_week": entered - timedelta(days=entered.weekday()),
        "status": "active",
        "late": False,
        "stuck": False,
        "d_max_days": 170,
        "maturity_days": 200,
        "matures_at": instant + timedelta(days=200),
        "matured": False,
        "met_at_entry": False,
        "met_in_window": status == 1,
        "duration_days": duration,
        "end_status": status,
    }


def follow(
    session: DuckDBSession,
    ends: Iterable[tuple[int, int]],
    arm: str = "treatment",
    workflow: str = "w",
    entered: date = date(2024, 1, 1),
) -> list[Row]:
    """The curve of runs, each the days it was followed and how that ended; other arms and workflows stay."""
    session.execute("DELETE FROM report.run_fact WHERE workflow_id = $w AND arm = $a", {"w": workflow, "a": arm})
    numbered = enumerate(ends, start=1 if arm == "treatment" else 1001)
    session.append("report.run_fact", [run_row(n, arm, d, s, entered, workflow) for n, (d, s) in numbered])
    for name in CURVES:
        session.run(STATEMENTS[name], {"as_of": NOW, "evaluation_id": 1})
    curve = "FROM report.objective_survival WHERE workflow_id = $w AND arm = $a AND cohort = 'all' ORDER BY day_no"
    return session.rows(curve, {"w": workflow, "a": arm})


def figures(session: DuckDBSession, arm: str = "treatment", workflow: str = "w") -> Row:
    found = "FROM report.objective_time WHERE workflow_id = $w AND arm = $a AND cohort = 'all'"
    return session.rows(found, {"w": workflow, "a": arm})[0]


def agrees(curve: list[Row], wanted: list[Row]) -> None:
    """A curve against one of the reference file's."""
    for point in wanted:
        day = curve[point["t"]]
        assert day["day_no"] == point["t"]
        assert day["at_risk"] == point["at_risk_before"], point
        assert day["s_km"] == close(point["surv"]), point
        assert day["se_km"] == close(point["se_greenwood"]), point
        at_an_end = day["s_km"] in (0, 1)  # no interval there; lifelines repeats the share
        assert day["s_km_lo"] == (None if at_an_end else close(point["surv_lo_loglog"])), point
        assert day["s_km_hi"] == (None if at_an_end else close(point["surv_hi_loglog"])), point


KAPLAN_MEIER = {
    "all end with the objective": SETS["A_edge_counts"]["km_all_events"],
    "nobody ends": SETS["A_edge_counts"]["km_no_events"],
    "treated": FREIREICH["treated"],
    "placebo": FREIREICH["placebo"],
}


@pytest.mark.parametrize("case", KAPLAN_MEIER.values(), ids=KAPLAN_MEIER)
def test_kaplan_meier_with_greenwood(session: DuckDBSession, case: Row) -> None:
    curve = follow(session, zip(case["duration"], case["event"], strict=True))
    agrees(curve, case["km"])
    # where nobody is lost, who met it is who is no longer without it
    assert [day["cif"] for day in curve] == [close(1 - day["s_km"]) for day in curve]
    assert figures(session)["days_to_objective_p50"] == case.get("median", 2 if sum(case["event"]) else None)


@pytest.mark.parametrize("arm", ["treated", "placebo"])
def test_restricted_mean_time(session: DuckDBSession, arm: str) -> None:
    curve = follow(session, zip(FREIREICH[arm]["duration"], FREIREICH[arm]["event"], strict=True))
    assert sum(day["s_km"] for day in curve if day["day_no"] < 20) == close(FREIREICH[arm]["rmst_20"])
    # in treatment the last was followed for 35 days; with placebo nobody was left after 23
    if arm == "treated":
        assert figures(session)["rmst_30"] == close(sum(day["s_km"] for day in curve[:30]))
        assert figures(session)["rmst_60"] is None
    else:
        assert figures(session)["rmst_90"] == close(sum(day["s_km"] for day in curve))


def test_log_rank(session: DuckDBSession) -> None:
    session.append("live.workflows", [workflow_row("leukaemia", objective_version="o", holdout_share=0.5)])
    for arm, group in (("treatment", "treated"), ("holdout", "placebo")):
        ends = zip(FREIREICH[group]["duration"], FREIREICH[group]["event"], strict=True)
        follow(session, ends, arm, "leukaemia")
    for name in ("make_uplift_due", "note_uplift"):
        session.run(STATEMENTS[name], {"as_of": NOW, "evaluation_id": 1})
    row = session.rows("FROM report.uplift WHERE workflow_id = 'leukaemia'")[0]
    assert row["logrank_chi2"] == close(FREIREICH["logrank"]["chi2"])
    assert row["logrank_p"] == close(FREIREICH["logrank"]["p"])


CASES = [(duration, status) for _, _, duration, status in CAUSES["rows"]]


def test_kaplan_meier_counts_the_lost_as_followed_no_longer(session: DuckDBSession) -> None:
    curve = follow(session, CASES)
    agrees(curve, CAUSES["km_lost_as_censored"])
    assert min(day["day_no"] for day in curve if day["s_km"] <= 0.5) == CAUSES["km_median_days"]
    assert figures(session)["rmst_60"] == close(CAUSES["rmst_60"])
    ended = ("met_count", "lost_count", "open_count")
    assert tuple(figures(session)[name] for name in ended) == tuple(CAUSES["counts"].values())


def test_aalen_johansen_with_its_error(session: DuckDBSession) -> None:
    curve = follow(session, CASES)
    for point in CAUSES["aalen_johansen"]:
        day = curve[point["t"]]
        assert day["cif"] == close(point["cif_objective"]), point
        assert day["se_cif"] == close(point["se_objective"]), point
        assert day["cif_lost"] == close(point["cif_lost"]), point
        assert day["cif_lo"] == close(point["cif_lo_loglog"]), point
        assert day["cif_hi"] == close(point["cif_hi_loglog"]), point
    made = figures(session)
    for day_no in (7, 14, 30, 60):
        assert made[f"cif_{day_no}"] == curve[day_no]["cif"]
    assert (made["n_runs"], made["drawn_to_day"]) == (80, max(d["day_no"] for d in curve if d["at_risk"] >= 10))
    # the same runs with the causes exchanged: loss has an error as well
    swapped = follow(session, [(duration, {0: 0, 1: 2, 2: 1}[status]) for duration, status in CASES])
    for point in CAUSES["aalen_johansen"]:
        assert swapped[point["t"]]["cif"] == close(point["cif_lost"]), point
        assert swapped[point["t"]]["se_cif"] == close(point["se_lost"]), point


def test_the_curve_does_not_overstate_as_one_minus_kaplan_meier_does(session: DuckDBSession) -> None:
    curve = follow(session, CASES)
    assert [round(1 - curve[d]["s_km"], 3) for d in (30, 60)] == [0.596, 0.819]
    assert [round(curve[d]["cif"], 3) for d in (30, 60)] == [0.533, 0.686]


def test_quarters_of_entry_have_curves_of_their_own(session: DuckDBSession) -> None:
    follow(session, [(3, 1), (5, 0)])
    session.append("report.run_fact", [run_row(77, "treatment", 4, 1, date(2024, 4, 2), "w")])
    for name in CURVES:
        session.run(STATEMENTS[name], {"as_of": NOW, "evaluation_id": 1})
    found = session.rows(
        "SELECT cohort, n_runs, met_count FROM report.objective_time WHERE workflow_id = 'w' ORDER BY cohort"
    )
    assert [tuple(row.values()) for row in found] == [("2024-Q1", 2, 1), ("2024-Q2", 1, 1), ("all", 3, 2)]


ENDS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2)), min_size=1, max_size=60)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ends=ENDS, chance=st.randoms())
def test_what_holds_for_every_curve(session: DuckDBSession, ends: list[tuple[int, int]], chance: Any) -> None:
    curve = follow(session, ends)
    assert [day["day_no"] for day in curve] == list(range(max(d for d, _ in ends) + 1))
    everybody = 1.0
    for before, day in zip([None, *curve], curve, strict=False):
        left = 0 if before is None else before["d_objective"] + before["d_lost"] + before["censored"]
        assert day["at_risk"] == (len(ends) if before is None else before["at_risk"] - left)
        everybody *= 1 - (day["d_objective"] + day["d_lost"]) / day["at_risk"]
        assert day["cif"] + day["cif_lost"] + everybody == close(1)
        assert day["cif"] <= 1 - day["s_km"] + 1e-9
        assert day["cif"] >= (before["cif"] if before else 0) - 1e-12
        assert math.isfinite(day["se_cif"])
        if day["cif_lo"] is not None:
            assert -1e-9 <= day["cif_lo"] <= day["cif"] + 1e-9 <= day["cif_hi"] + 2e-9 <= 1 + 1e-8
    if all(status != 2 for _, status in ends):
        assert [day["cif"] for day in curve] == [close(1 - day["s_km"]) for day in curve]
    chance.shuffle(ends)
    assert follow(session, ends) == curve
