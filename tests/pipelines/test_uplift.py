"""The comparison with the hold-out, weeks of entry and losses, worked out by hand on the world of `support.worlds`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from support.projects import SETTINGS
from support.worlds import LAST, TODAY, Passage, add_passages, at, rescue_world

from pipelines.reporting import refresh_reports
from sql.warehouses.duckdb import DuckDBSession

Row = dict[str, Any]
LONG_AGO = date(2024, 4, 15)
CATALOG = """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, tier: text, area: text}
report: {plan: tier, segment: area}
"""


def picked(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def shown(session: DuckDBSession) -> list[Row]:
    return session.rows("FROM report.uplift WHERE workflow_id = 'rescue' ORDER BY objective_version, date")


def newest(session: DuckDBSession, passages: Iterable[Passage], **different: Any) -> Row:
    """The one row of a world with other passages."""
    rescue_world(session, passages, **different)
    refresh_reports(session)
    (row,) = shown(session)
    return row


def next_day(session: DuckDBSession) -> None:
    """One more evaluation, a day later, and its report."""
    session.execute(
        "INSERT INTO journal.evaluations "
        "SELECT * REPLACE (evaluation_id + 1 AS evaluation_id, as_of + to_days(1) AS as_of) "
        "FROM journal.evaluations ORDER BY evaluation_id DESC LIMIT 1"
    )
    refresh_reports(session)


def group(arm: str, size: int, met: int, entered: date = LONG_AGO, version: int = 2) -> list[Passage]:
    """So many customers, the first of whom met the objective after two days."""
    return [
        Passage(
            f"{arm} {version}/{n}",
            entered,
            entered + timedelta(days=10),
            met=entered + timedelta(days=2) if n < met else None,
            arm=arm,
            version=version,
        )
        for n in range(size)
    ]


def test_customers_are_compared_by_their_first_run(rescue: DuckDBSession) -> None:
    (row,) = shown(rescue)
    assert picked(row, "objective_version", "date", "h_days") == ("new", TODAY, 40)
    # a7 met it at entry; a5, a6 and b3 entered too lately; the second run of a1 does not count
    assert picked(row, "n_treat", "x_treat", "n_hold", "x_hold") == (4, 2, 2, 1)
    assert picked(row, "assigned_treat_count", "assigned_hold_count", "holdout_share") == (7, 3, 0.2)
    assert picked(row, "diff_points", "verdict", "holdout_leak_count", "n_star") == (0.0, "too few to say", 0, 400)
    assert row["more_needed"] == 90  # 18 held out, who are one in five
    assert row["av_lo_points"] < row["one_look_lo_points"] < 0 < row["one_look_hi_points"] < row["av_hi_points"]


def test_the_headline_has_what_was_shown(rescue: DuckDBSession) -> None:
    row = rescue.rows("FROM report.workflow_overview WHERE workflow_id = 'rescue'")[0]
    (uplift,) = shown(rescue)
    assert picked(row, "verdict", "uplift_points", "more_needed") == ("too few to say", 0.0, 90)
    assert picked(row, "uplift_lo_points", "uplift_hi_points") == picked(uplift, "av_lo_points", "av_hi_points")
    # 19, 5 and 3 days, and four who have not met it: a quarter by day 5, half by day 19
    assert picked(row, "days_to_objective_p25", "days_to_objective_p50", "days_to_objective_p75") == (5, 19, None)
    quiet = rescue.rows("FROM report.workflow_overview WHERE workflow_id = 'quiet'")[0]
    assert picked(quiet, "verdict", "uplift_points", "n_treat", "days_to_objective_p50") == (None, None, 0, None)


def test_several_runs_of_a_customer_widen_the_headline(session: DuckDBSession) -> None:
    again = [
        Passage(p.record, LONG_AGO + timedelta(days=20), LONG_AGO + timedelta(days=30), met=p.met and p.met + timedelta(days=20), entry_no=2)
        for p in group("treatment", 10, 5)
    ]  # fmt: skip
    rescue_world(session, [*group("treatment", 10, 5), *again])
    refresh_reports(session)
    row = session.rows("FROM report.workflow_overview WHERE workflow_id = 'rescue'")[0]
    assert picked(row, "matured_count", "matured_met_count", "matured_customer_count") == (20, 10, 10)
    assert row["n_eff"] == pytest.approx(9)  # both runs of each ended alike: p(1-p) / V, V = 10/9 * 10 / 400
    assert row["met_hi"] - row["met_lo"] > 0.5


@pytest.mark.parametrize(
    ("treated", "held_out", "verdict"),
    [
        ((120, 100), (30, 5), "better than hold-out"),
        ((120, 20), (30, 25), "worse"),
        ((120, 60), (30, 14), "not clear yet"),
        ((120, 119), (19, 1), "too few to say"),
        ((120, 100), (80, 5), "not comparable"),  # four in ten are held out where it should be two
    ],
)
def test_the_verdict_in_words(
    session: DuckDBSession, treated: tuple[int, int], held_out: tuple[int, int], verdict: str
) -> None:
    row = newest(session, [*group("treatment", *treated), *group("holdout", *held_out)])
    assert picked(row, "n_treat", "x_treat", "n_hold", "x_hold") == (*treated, *held_out)
    assert row["verdict"] == verdict
    assert (row["more_needed"] is None) == (verdict not in ("too few to say", "not clear yet"))


def test_a_hold_out_that_enters_anyway_spoils_the_comparison(session: DuckDBSession) -> None:
    world = [*group("treatment", 120, 100), *group("holdout", 30, 5)]
    leaked = Passage("holdout 2/0", LONG_AGO + timedelta(days=20), arm="treatment", entry_no=2)
    row = newest(session, [*world, leaked])
    assert picked(row, "holdout_leak_count", "verdict", "n_hold") == (1, "not comparable", 30)


def test_who_enters_after_the_horizon_spoils_nothing(session: DuckDBSession) -> None:
    world = [*group("treatment", 120, 100), *group("holdout", 30, 5)]
    later = Passage("holdout 2/0", LONG_AGO + timedelta(days=40), arm="treatment", entry_no=2)
    assert picked(newest(session, [*world, later]), "holdout_leak_count", "verdict") == (0, "better than hold-out")


def test_the_workflow_says_at_how_many_customers_it_decides_and_that_stays(session: DuckDBSession) -> None:
    planned: Row = {
        "object": "account",
        "entry": {"when": "health = 'poor'"},
        "objective": {"decide_at": "120"},
        "steps": [],
    }
    rescue_world(session, definition=planned)
    refresh_reports(session)
    assert [row["n_star"] for row in shown(session)] == [120]
    named = session.rows(
        "SELECT decision_n FROM report.workflow_dim WHERE workflow_id = 'rescue' ORDER BY version DESC"
    )
    assert named[0]["decision_n"] == 120
    later = json.dumps(planned | {"objective": {"decide_at": "500"}})
    session.execute("UPDATE live.workflows SET definition = $later WHERE workflow = 'rescue'", {"later": later})
    next_day(session)
    refresh_reports(session)
    assert [row["n_star"] for row in shown(session)] == [120, 120]


def test_what_was_shown_stays(session: DuckDBSession) -> None:
    rescue_world(session)
    refresh_reports(session)
    before = shown(session)
    add_passages(session, [*group("treatment", 120, 100), *group("holdout", 30, 5)])
    refresh_reports(session)
    assert shown(session) == before  # the day has its row
    next_day(session)
    first, second = shown(session)
    assert [first] == before
    assert picked(second, "date", "evaluation_id") == (TODAY + timedelta(days=1), LAST + 1)
    assert picked(second, "n_treat", "verdict") == (124, "better than hold-out")
    headline = session.rows("FROM report.workflow_overview WHERE workflow_id = 'rescue'")[0]
    assert picked(headline, "n_treat", "verdict") == (124, "better than hold-out")


def test_met_early_does_not_count_early(session: DuckDBSession) -> None:
    """Who met it on day 2 is counted on day 40 like everybody who entered with it."""
    entered = TODAY - timedelta(days=39)
    rescue_world(session, [*group("treatment", 5, 4, entered), *group("holdout", 2, 1, entered)])
    refresh_reports(session)
    next_day(session)
    days = [picked(row, "n_treat", "x_treat", "n_hold", "x_hold") for row in shown(session)]
    assert days == [(0, 0, 0, 0), (5, 4, 2, 1)]


@pytest.mark.parametrize("left", [None, LONG_AGO, LONG_AGO + timedelta(days=45)])
def test_an_exit_changes_nobody_s_outcome(session: DuckDBSession, left: date | None) -> None:
    late = LONG_AGO + timedelta(days=39)
    row = newest(
        session, [Passage("e1", LONG_AGO, left, met=late), Passage("e2", LONG_AGO, left, met=late, arm="holdout")]
    )
    assert picked(row, "n_treat", "x_treat", "n_hold", "x_hold") == (1, 1, 1, 1)


def test_the_horizon_stays_as_it_was_when_the_hold_out_began(session: DuckDBSession) -> None:
    rescue_world(session, [], longest_stay_days=20.0)
    session.execute("UPDATE live.workflows SET objective_version = 'new' WHERE workflow = 'rescue'")
    began = date(2024, 4, 1)
    add_passages(session, [Passage("e0", began, version=1), Passage("e1", LONG_AGO, met=LONG_AGO + timedelta(days=45))])
    refresh_reports(session)
    (row,) = shown(session)
    assert picked(row, "h_days", "n_treat", "x_treat") == (40, 2, 0)  # the second version matures after 50 days


def test_versions_without_a_hold_out_are_not_compared(session: DuckDBSession) -> None:
    rescue_world(session, [])
    session.execute("UPDATE live.workflows SET objective_version = 'new' WHERE workflow = 'rescue'")
    session.execute("UPDATE live.workflows SET holdout_share = 0 WHERE workflow = 'rescue' AND version = 1")
    before = group("treatment", 50, 40, version=1)
    # a customer of the time before may be held out later: that draw counts
    again = Passage("treatment 1/0", LONG_AGO + timedelta(days=20), arm="holdout", entry_no=2)
    add_passages(session, [*before, again, *group("treatment", 4, 1)])
    refresh_reports(session)
    (row,) = shown(session)
    assert picked(row, "n_treat", "x_treat", "n_hold", "x_hold") == (4, 1, 1, 0)
    assert picked(row, "assigned_treat_count", "assigned_hold_count") == (4, 1)


def test_without_a_hold_out_there_is_no_verdict(session: DuckDBSession) -> None:
    rescue_world(session, holdout_share=0.0)
    refresh_reports(session)
    assert shown(session) == []
    row = session.rows("FROM report.workflow_overview WHERE workflow_id = 'rescue'")[0]
    assert picked(row, "verdict", "uplift_points", "n_treat", "n_hold") == (None, None, 0, 0)


def test_a_hold_out_that_nobody_met_yet_is_too_few(session: DuckDBSession) -> None:
    row = newest(session, [])
    assert picked(row, "n_treat", "n_hold", "diff_points", "av_lo_points", "srm_p") == (0, 0, None, None, None)
    assert picked(row, "verdict", "more_needed", "h_days") == ("too few to say", 100, 40)


def endings(session: DuckDBSession) -> dict[str, tuple[int, int]]:
    found = session.rows("SELECT run_id, duration_days, end_status FROM report.run_fact WHERE workflow_id = 'rescue'")
    return {row["run_id"].removeprefix("rescue/"): picked(row, "duration_days", "end_status") for row in found}


def test_a_run_is_followed_to_the_objective_or_until_it_matures(rescue: DuckDBSession) -> None:
    assert endings(rescue) == {
        "a1/1": (19, 1),
        "a2/1": (5, 1),
        "a3/1": (40, 0),  # met it on day 49, when nobody was asked any more
        "a4/1": (40, 0),  # an exit ends nothing
        "a5/1": (10, 0),
        "a6/1": (3, 1),
        "a7/1": (None, None),  # met at entry
        "a1/2": (5, 0),
        "b1/1": (39, 1),
        "b2/1": (40, 0),
        "b3/1": (10, 0),
        "c1/1": (4, 1),
    }


def test_a_record_that_is_gone_is_lost_inside_and_after(session: DuckDBSession) -> None:
    entered = date(2024, 6, 3)
    rescue_world(
        session,
        [
            Passage("e1", entered, date(2024, 6, 10), "record_deleted"),
            Passage("e2", entered, date(2024, 6, 5), "exit_condition"),
            Passage("e3", entered, date(2024, 6, 5), "objective", met=date(2024, 6, 5)),
            Passage("e4", LONG_AGO, date(2024, 4, 20)),  # gone after it had matured
            Passage("e5", entered, date(2024, 6, 8), "merged"),
        ],
    )
    session.append("journal.snapshots", [{"snapshot_id": 30, "as_of": at(date(2024, 6, 15))}])
    gone = {"snapshot_id": 30, "object": "account", "kind": "deleted", "fields": None, "seal": 1}
    session.append("inputs.records", [{"record": record, **gone} for record in ("e2", "e3", "e4")])
    refresh_reports(session)
    assert endings(session) == {"e1/1": (7, 2), "e2/1": (12, 2), "e3/1": (2, 1), "e4/1": (40, 0), "e5/1": (5, 2)}
    lost = session.rows("SELECT customer_id, lost_at FROM report.run_fact WHERE lost_at IS NOT NULL ORDER BY ALL")
    gone_on = {"e1": date(2024, 6, 10), "e5": date(2024, 6, 8)} | dict.fromkeys(("e2", "e3", "e4"), date(2024, 6, 15))
    assert {row["customer_id"]: row["lost_at"] for row in lost} == {key: at(day) for key, day in gone_on.items()}
    curve = session.rows(
        "FROM report.objective_survival WHERE workflow_id = 'rescue' AND cohort = 'all' ORDER BY day_no"
    )
    assert (curve[40]["cif"], curve[40]["cif_lost"]) == (pytest.approx(0.2), pytest.approx(0.6))


def weeks(session: DuckDBSession, arm: str = "treatment") -> dict[tuple[str, int], tuple[Any, ...]]:
    rows = session.rows(
        "FROM report.objective_by_cohort WHERE workflow_id = 'rescue' AND objective_version = 'new' AND arm = $arm",
        {"arm": arm},
    )
    counts = ("n_runs", "met_count", "complete", "met_share")
    return {(r["entry_week"].isoformat(), r["day_no"]): picked(r, *counts) for r in rows}


def test_a_week_of_entry_is_judged_once_all_of_it_was_followed_that_long(rescue: DuckDBSession) -> None:
    found = weeks(rescue)
    # a1 to a4, entered from 1 to 3 May; runs are watched for 40 days
    first = {day: row for (week, day), row in found.items() if week == "2024-04-29"}
    assert first == {7: (4, 1, True, 0.25), 14: (4, 1, True, 0.25), 30: (4, 2, True, 0.5), 40: (4, 2, True, 0.5)}
    assert found["2024-05-27", 14] == (1, 1, True, 1.0)
    assert found["2024-05-27", 30] == (1, 1, False, None)  # until 3 July
    assert weeks(rescue, "holdout")["2024-04-29", 40] == (2, 1, True, 0.5)


def test_weeks_are_told_apart_by_what_a_record_was_at_entry(session: DuckDBSession) -> None:
    rescue_world(session)
    refresh_reports(session)
    told = "FROM report.objective_by_cohort WHERE objective_version = 'new' AND arm = 'treatment' AND day_no = 40 AND entry_week = '2024-04-29'"
    assert session.rows(f"SELECT segment, n_runs {told}") == [{"segment": "all", "n_runs": 4}]
    session.append(
        "report.entry_seen",
        [
            {"run_id": f"rescue/a{n}/1", "fields": {"tier": plan, "area": "north"}, "named": {}}
            for n, plan in ((1, "Pro"), (2, "Pro"), (3, "Basic"))
        ],
    )
    files = {"project.yaml": SETTINGS, "catalog/account.yaml": CATALOG}
    session.execute("UPDATE live.projects SET files = $files", {"files": json.dumps(files)})
    refresh_reports(session, full=True)
    found = session.rows(f"SELECT segment, n_runs, met_count {told} ORDER BY segment")
    # a1 met it on day 19, a2 on day 5, a3 on day 49; a4 has no fields that tell it apart
    assert [tuple(row.values()) for row in found] == [
        ("all", 4, 2),
        ("plan: Basic", 1, 0),
        ("plan: Pro", 2, 2),
        ("segment: north", 3, 2),
    ]


def test_the_last_day_of_the_week_decides_when_it_is_complete(session: DuckDBSession) -> None:
    # the week of 10 June ends on the 16th; seven days later, at midnight of the 24th, it is complete
    rescue_world(session, [Passage("e1", date(2024, 6, 10)), Passage("e2", date(2024, 6, 17))])
    refresh_reports(session)
    assert weeks(session) == {
        **{("2024-06-10", day): (1, 0, day == 7, 0.0 if day == 7 else None) for day in (7, 14, 30, 40)},
        **{("2024-06-17", day): (1, 0, False, None) for day in (7, 14, 30, 40)},
    }


def test_a_week_is_never_complete_beyond_the_time_that_its_runs_were_watched(session: DuckDBSession) -> None:
    rescue_world(session, [], longest_stay_days=20.0)
    session.execute("UPDATE live.workflows SET objective_version = 'new' WHERE workflow = 'rescue'")
    add_passages(session, [Passage("e1", LONG_AGO, version=1), Passage("e2", LONG_AGO + timedelta(days=7))])
    refresh_reports(session)
    found = weeks(session)
    assert (found["2024-04-15", 50][2], found["2024-04-15", 30][2], found["2024-04-22", 50][2]) == (False, True, True)
