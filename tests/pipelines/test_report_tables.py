"""Each report table against numbers worked out by hand, on the world of `support.worlds`.

Of the runs under the objective `new`, a1 to a4 and a7 entered in the first days of May and are matured on 30 June. a1 met the
objective nine days after its end, a2 by leaving on it, a3 too late, a4 never, a7 before it came; a6 met it and is too young.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from math import sqrt
from typing import Any

import pytest
from support.projects import DAY, SETTINGS, START
from support.worlds import TODAY, Passage, add_passages, at, rescue_world

from definitions import load_project
from pipelines.reporting import headlines_of, refresh_reports
from pipelines.worlds import World
from sql.warehouses.duckdb import DuckDBSession

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rescue() -> Iterator[DuckDBSession]:
    """The world and its report; tests only read it."""
    with DuckDBSession(None, timezone="America/New_York") as made:
        rescue_world(made, measure_value=1)
        refresh_reports(made)
        yield made


def asked(session: DuckDBSession, table: str, *columns: str, where: str = "TRUE", order: str = "ALL") -> list[Any]:
    """Columns of the rows of `rescue` under its new objective; a list of values for one column, of tuples for several."""
    sql = f"SELECT {', '.join(columns)} FROM report.{table} WHERE workflow_id = 'rescue' AND {where} ORDER BY {order}"
    rows = [tuple(row.values()) for row in session.rows(sql)]
    return [row[0] for row in rows] if len(columns) == 1 else rows


NEW = "objective_version = 'new'"


def test_a_run_is_in_one_class(rescue: DuckDBSession) -> None:
    found = asked(rescue, "run_fact", "run_id", "state_class", where=NEW)
    assert dict(found) == {
        "rescue/a1/1": "exited_met_after",
        "rescue/a2/1": "exited_met_inside",
        "rescue/a3/1": "exited_not_met",
        "rescue/a4/1": "exited_not_met",
        "rescue/a5/1": "active_not_met",
        "rescue/a6/1": "exited_met_inside",
        "rescue/a7/1": "met_at_entry",
        "rescue/a1/2": "active_not_met",
        "rescue/b1/1": "exited_met_inside",
        "rescue/b2/1": "exited_not_met",
        "rescue/b3/1": "active_not_met",
    }


def test_values_are_those_last_seen_by_each_instant(rescue: DuckDBSession) -> None:
    columns = ("customer_id", "value_entry", "value_exit", "value_exit30", "value_h", "still_met_exit30")
    found = asked(
        rescue, "run_fact", *columns, where=f"{NEW} AND entry_no = 1 AND customer_id IN ('a1', 'a3', 'a6', 'b1')"
    )
    assert found == [
        ("a1", 1.5, 1.5, 42.0, 42.0, True),
        ("a3", 1.5, 1.5, 1.5, 1.5, False),  # 42 came on 20 June, eight days after both instants
        ("a6", 1.5, 42.0, None, None, None),  # out on 4 June: 30 days after it are to come
        ("b1", 1.5, None, None, 42.0, None),  # the hold-out has no exit
    ]


def test_classes_of_a_day_sum_to_all_who_had_entered(rescue: DuckDBSession) -> None:
    def classes(day: date) -> dict[str, tuple[int, int]]:
        rows = asked(
            rescue,
            "participant_breakdown",
            "state_class",
            "run_count",
            "customer_count",
            where=f"{NEW} AND arm = 'treatment' AND date = DATE '{day}'",
        )
        return {name: (runs, customers) for name, runs, customers in rows}

    assert classes(TODAY) == {
        "met_at_entry": (1, 1),
        "active_not_met": (2, 2),
        "exited_met_inside": (2, 2),
        "exited_met_after": (1, 1),
        "exited_not_met": (2, 2),
    }
    # a1, a3 and a4 were out and watched; a1 met it five days later
    assert classes(date(2024, 5, 15)) == {
        "met_at_entry": (1, 1),
        "exited_watching": (3, 3),
        "exited_met_inside": (1, 1),
    }
    entered = rescue.rows("SELECT workflow_id, objective_version, arm, date, entered_cum FROM report.objective_daily")
    sums = rescue.rows(
        "SELECT workflow_id, objective_version, arm, date, CAST(SUM(run_count) AS BIGINT) AS n FROM report.participant_breakdown GROUP BY ALL"
    )
    summed = {tuple(list(row.values())[:4]): row["n"] for row in sums}
    assert summed == {tuple(list(row.values())[:4]): row["entered_cum"] for row in entered}


def test_customers_of_two_runs_in_one_class_count_once(session: DuckDBSession) -> None:
    ended = Passage("e1", date(2024, 3, 1), date(2024, 3, 5), "exit_condition")
    again = Passage("e1", date(2024, 4, 1), date(2024, 4, 5), "exit_condition", entry_no=2)
    rescue_world(session, [ended, again])
    refresh_reports(session)
    where = f"state_class = 'exited_not_met' AND date = DATE '{TODAY}'"
    assert asked(session, "participant_breakdown", "run_count", "customer_count", where=where) == [(2, 1)]


def test_who_is_gone_or_in_error_has_a_class_of_its_own(session: DuckDBSession) -> None:
    rescue_world(
        session, [Passage("e1", date(2024, 6, 1), date(2024, 6, 5), "record_deleted"), Passage("e2", date(2024, 6, 1))]
    )
    session.execute("UPDATE state.open_participants SET status = 'error', halted_at = arrived_at WHERE record = 'e2'")
    refresh_reports(session)
    assert asked(session, "run_fact", "customer_id", "state_class") == [("e1", "lost"), ("e2", "error")]


def test_impact_is_of_the_same_runs_at_both_ends(rescue: DuckDBSession) -> None:
    rows = rescue.rows("FROM report.objective_impact WHERE objective_version = 'new' ORDER BY arm, pair")
    pairs = {(r["arm"], r["pair"]): r for r in rows}
    assert set(pairs) == {
        ("holdout", "entry_h"),
        *(("treatment", pair) for pair in ("entry_exit", "entry_exit30", "exit_exit30", "entry_h")),
    }
    # a1 to a4: 1.5 each at entry; at the exit a2 has 42, thirty days later a1 too
    first = pairs["treatment", "entry_exit"]
    assert (first["n_pairs"], first["mean_from"], first["mean_to"]) == (4, 1.5, 11.625)
    assert (first["mean_diff"], first["change_share"]) == (10.125, 6.75)
    # differences 0, 40.5, 0, 0: sd 20.25, and t of three degrees of freedom is 3.182446
    assert first["diff_lo"] == pytest.approx(10.125 - 3.182446305284 * 20.25 / sqrt(4))
    assert first["diff_hi"] == pytest.approx(10.125 + 3.182446305284 * 20.25 / sqrt(4))
    assert pairs["treatment", "entry_exit30"]["mean_to"] == 21.75
    assert pairs["holdout", "entry_h"]["mean_diff"] == 20.25


def test_the_curve_is_what_was_seen_by_each_day(rescue: DuckDBSession) -> None:
    columns = ("day_no", "n_observed", "value_mean", "met_share", "met_cum_share")
    where = f"{NEW} AND arm = 'treatment' AND anchor = 'exit' AND day_no IN (-11, -10, -5, -1, 0, 8, 9, 30, 31)"
    assert asked(rescue, "post_exit_curve", *columns, where=where) == [
        (-10, 2, 1.5, 0.0, 0.0),  # a1 and a3 were inside for ten days, a2 and a4 for five
        (-5, 4, 1.5, 0.0, 0.0),
        (-1, 4, 1.5, 0.0, 0.0),
        (0, 4, 11.625, 0.25, 0.25),
        (8, 4, 11.625, 0.25, 0.25),
        (9, 4, 21.75, 0.5, 0.5),
        (30, 4, 21.75, 0.5, 0.5),
    ]
    held = f"{NEW} AND arm = 'holdout'"
    assert set(asked(rescue, "post_exit_curve", "anchor", where=held)) == {"entry"}
    assert asked(rescue, "post_exit_curve", "met_share", where=f"{held} AND day_no IN (38, 39)", order="day_no") == [
        0,
        0.5,
    ]


def test_days_tell_the_level_of_the_measure(rescue: DuckDBSession) -> None:
    where = f"{NEW} AND arm = 'treatment' AND date = DATE '{TODAY}'"
    assert asked(rescue, "objective_daily", "value_mean", "null_share", "n_eff", where=where) == [(1.5, 0.0, 4.0)]


def test_a_missing_measure_is_counted(session: DuckDBSession) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 20)), Passage("e2", date(2024, 6, 20))], measure_value=1)
    session.execute("UPDATE state.observations SET measure = NULL WHERE participant_id = 'rescue/e2/1'")
    refresh_reports(session)
    where = f"date = DATE '{TODAY}'"
    assert asked(session, "objective_daily", "value_mean", "null_share", where=where) == [(1.5, 0.5)]
    assert asked(session, "alert", "rule", "value", "threshold") == [("measure_missing", 0.5, 0.05)]


def test_runs_of_one_customer_weigh_less_than_runs_of_several(session: DuckDBSession) -> None:
    met = [
        Passage("e1", date(2024, 4, d), date(2024, 4, d + 2), "objective", met=date(2024, 4, d + 2), entry_no=d)
        for d in (1, 5)
    ]
    rescue_world(session, [*met, Passage("e2", date(2024, 4, 1), date(2024, 4, 11))])
    refresh_reports(session)
    # p = 2/3; sums of y - p by customer are 2/3 and -2/3, so V = 2/1 * (8/9) / 9 and n_eff = p (1 - p) / V
    found = asked(session, "objective_daily", "met_share", "n_eff", where=f"date = DATE '{TODAY}'")
    assert found == [(pytest.approx(2 / 3), pytest.approx(1.125))]


def test_answers_sum_to_all_who_met_it(rescue: DuckDBSession) -> None:
    columns = ("step_id", "completed_count", "last_touch_count", "any_after_count", "any_after_share")
    rows = asked(rescue, "responded_by_step", *columns, where=NEW)
    assert rows == [
        ("before_any", 7, 0, 3, 3 / 7),
        ("book", 0, 0, 0, None),  # planned, and never handed over: nothing to answer to
        ("finish", 0, 0, 0, None),
        ("hello", 7, 3, 3, 3 / 7),
    ]


def test_an_answer_counts_at_the_last_step_done_before_it(session: DuckDBSession) -> None:
    rescue_world(session)
    session.execute("UPDATE outbox.actions SET status = 'sent' WHERE step_id = 'book'")
    refresh_reports(session)
    columns = ("step_id", "completed_count", "last_touch_count", "any_after_count")
    rows = asked(session, "responded_by_step", *columns, where=NEW)
    # a1 was greeted on 1 May and booked on the 11th, and met it on the 20th
    assert rows == [("before_any", 7, 0, 3), ("book", 1, 1, 1), ("finish", 0, 0, 0), ("hello", 7, 2, 3)]
    assert asked(session, "responded_by_step", "branch_path", where=f"{NEW} AND step_id = 'book'") == ["reply: Yes"]


def test_an_action_done_at_the_instant_of_the_answer_did_not_cause_it(session: DuckDBSession) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 1), met=date(2024, 6, 4))])
    session.execute("UPDATE outbox.actions SET status_at = TIMESTAMPTZ '2024-06-04 10:00:00+00'")
    refresh_reports(session)
    found = asked(session, "responded_by_step", "step_id", "last_touch_count", where="last_touch_count > 0")
    assert found == [("before_any", 1)]


def test_arms_tell_what_became_of_those_who_took_them(rescue: DuckDBSession) -> None:
    columns = ("branch_label", "run_count", "matured_count", "met_count", "met_share", "cif_30")
    assert asked(rescue, "branch_outcome", *columns, where=NEW) == [
        ("Yes", 2, 1, 1, 1.0, 1.0),  # a1 met it on day 19; a7 had met it at entry
        ("else", 1, 1, 0, 0.0, 0.0),
    ]


def test_actions_are_told_one_by_one_and_by_day(rescue: DuckDBSession) -> None:
    columns = ("step_id", "status", "result", "sent_at", "attempt")
    found = asked(rescue, "action_log", *columns, where="run_id = 'rescue/a1/1'", order="planned_at, step_id")
    assert found == [
        ("hello", "sent", "sent", at(date(2024, 5, 1)), 0),
        ("book", "planned", "planned", None, 0),
        ("finish", "planned", "planned", None, 0),
    ]
    daily = asked(
        rescue, "action_daily", "step_id", "planned_count", "sent_count", "open_count", where="date = DATE '2024-05-01'"
    )
    assert daily == [("hello", 2, 2, 0)]


def test_what_is_to_come_is_planned_or_behind_a_wait(rescue: DuckDBSession) -> None:
    columns = ("certainty", "run_id", "step_id", "action_type", "date")
    found = asked(rescue, "upcoming", *columns, where="certainty <> 'planned'")
    # the wait of both ends at a branch: which action follows depends on it
    assert found == [
        ("possible", "rescue/a1/2", "pause", "one of several", date(2024, 7, 5)),
        ("possible", "rescue/a5/1", "pause", "one of several", TODAY),
    ]
    assert len(asked(rescue, "upcoming", "run_id", where="certainty = 'planned'")) == 7


def test_an_action_behind_a_wait_without_a_choice_is_expected(session: DuckDBSession) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 25))])
    session.execute("DELETE FROM live.hops WHERE hop_id = 3")
    refresh_reports(session)
    assert asked(session, "upcoming", "certainty", "step_id", "action_type") == [("expected", "book", "task")]


def test_queues_hold_what_waits_and_what_failed(session: DuckDBSession) -> None:
    rescue_world(session)
    session.execute("UPDATE outbox.actions SET status = 'awaiting_approval' WHERE action_id = 'rescue/a1/1/book'")
    session.execute("UPDATE outbox.actions SET status = 'uncertain' WHERE action_id = 'rescue/a3/1/finish'")
    session.append(
        "outbox.attempts",
        [
            {"action_id": "rescue/a3/1/finish", "attempt": n, "batch_id": "b", "attempted_at": at(TODAY), "outcome": "uncertain",
             "message": words, "sink": "crm", "code": code}
            for n, words, code in ((1, "busy", "503"), (2, "no answer", None))
        ],
    )  # fmt: skip
    refresh_reports(session)
    assert asked(session, "waiting", "action_id", "waiting_days", "label") == [
        ("rescue/a1/1/book", 50, "task: Book {{ account.name }}")
    ]
    columns = ("action_id", "status", "attempt", "target", "code", "message")
    assert asked(session, "failed", *columns) == [("rescue/a3/1/finish", "uncertain", 2, "crm", None, "no answer")]


def test_figures_have_their_numerator_and_denominator(rescue: DuckDBSession) -> None:
    rows = asked(rescue, "metric_value", "metric_id", "numerator", "denominator", "value", where="arm = 'treatment'")
    found = {name: tuple(rest) for name, *rest in rows}
    assert found["met_share"] == (2, 4, 0.5)
    assert found["met_so_far_share"] == (3, 7, pytest.approx(3 / 7))
    assert found["still_met_share"] == (2, 2, 1)
    # Close: a2 and a6 left on the objective, a1, a3 and a7 reached the end; a4 left otherwise and is in neither
    assert found["goal_met_close_share"] == (2, 5, 0.4)
    assert found["avg_days_to_objective_close"] == (27, 3, 9)
    assert found["value_at_exit"] == (None, None, 11.625)
    assert found["late"] == (None, None, 0)


def test_nothing_out_of_nothing_is_no_figure(rescue: DuckDBSession) -> None:
    rows = rescue.rows(
        "SELECT metric_id, value, denominator FROM report.metric_value WHERE workflow_id = 'quiet' AND metric_id LIKE '%share'"
    )
    assert {(r["value"], r["denominator"]) for r in rows} == {(None, 0.0)}
    assert len(rows) == 5


def test_every_figure_is_in_the_dictionary(rescue: DuckDBSession) -> None:
    unknown = "SELECT DISTINCT metric_id FROM report.metric_value EXCEPT SELECT metric_id FROM report.metric_dictionary"
    assert rescue.rows(unknown) == []
    ids = rescue.rows("SELECT metric_id FROM report.metric_dictionary")
    assert len(ids) == len({row["metric_id"] for row in ids})


def test_versions_and_their_time(session: DuckDBSession) -> None:
    rescue_world(session, applied_at=at(date(2024, 4, 20)))
    refresh_reports(session)
    columns = ("version", "status", "field", "operator", "operand", "maturity_days", "valid_from", "valid_to")
    april = at(date(2024, 4, 20))
    assert asked(session, "workflow_dim", *columns) == [
        (1, "superseded", None, None, None, 40, at(date(2024, 3, 1)), april),
        (2, "enabled", "usage", ">", "40", 40, april, None),
    ]
    steps = asked(session, "step_dim", "step_id", "branch_path", "x", "y", where="version = 2", order="order_no")
    assert steps == [
        ("hello", "", 0, 1),
        ("pause", "", 0, 2),
        ("reply", "", 0, 3),
        ("book", "reply: Yes", 1, 4),
        ("finish", "", 0, 5),
    ]


def test_the_report_says_what_it_is_about(rescue: DuckDBSession) -> None:
    row = rescue.rows("FROM report.report_meta")[0]
    assert (row["as_of"], row["evaluation_id"], row["reporting_zone"]) == (at(TODAY), 30, "America/New_York")
    assert (row["week_start"], row["post_exit_days"], row["project"]) == ("monday", 30, "by_hand")


def test_a_skipped_action_is_counted_at_its_step(session: DuckDBSession) -> None:
    rescue_world(session)
    session.execute(
        "UPDATE outbox.actions SET status = 'dropped', status_reason = 'no_recipient' WHERE action_id = 'rescue/a1/1/book'"
    )
    refresh_reports(session)
    assert asked(session, "step_funnel", "skipped_count", where=f"{NEW} AND step_id IN ('book', 'finish')") == [0, 1]
    assert asked(session, "action_log", "result", "reason_code", where="action_id = 'rescue/a1/1/book'") == [
        ("skipped", "no_recipient")
    ]


def test_an_overlap_of_entry_and_objective_is_noticed(session: DuckDBSession) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 20), met_at_entry=True), Passage("e2", date(2024, 6, 20))])
    refresh_reports(session)
    assert asked(session, "alert", "rule", "severity", "value") == [("met_at_entry", "warn", 0.5)]


def test_a_failure_of_today_is_noticed(session: DuckDBSession) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 30)), Passage("e2", date(2024, 6, 20))])
    session.execute("UPDATE outbox.actions SET status = 'failed'")
    refresh_reports(session)
    assert asked(session, "alert", "rule", "text") == [("action_failed", "1 action failed in the last 24 hours")]


def test_a_fallen_rate_is_noticed(session: DuckDBSession) -> None:
    # who entered 12 to 5 weeks before the last maturity met it, who came in the last four weeks did not
    fine = [
        Passage(f"f{n}", date(2024, 3, 12 + n % 7), date(2024, 3, 20), "objective", met=date(2024, 3, 20))
        for n in range(14)
    ]
    bad = [Passage(f"b{n}", date(2024, 5, 1 + n % 7), date(2024, 5, 11)) for n in range(14)]
    rescue_world(session, [*fine, *bad])
    refresh_reports(session)
    assert asked(session, "alert", "rule", "value", "threshold", where="rule = 'rate_drop'") == [
        ("rate_drop", 0.0, 1.0)
    ]
    words, trends, alerts = headlines_of(session)
    assert (words[0]["workflow_id"], words[0]["matured_count"]) == ("rescue", 28)
    assert len(trends["rescue"]) == 12
    assert "rate_drop" in {alert["rule"] for alert in alerts}


def test_an_old_snapshot_is_noticed(session: DuckDBSession) -> None:
    rescue_world(session, [])
    old = [{"snapshot_id": 30, "as_of": at(date(2024, 6, 15)), "project_id": 1}]
    session.append("journal.snapshots", old)
    refresh_reports(session)
    found = session.rows("SELECT workflow_id, rule, value, threshold FROM report.alert")
    # 15 days; two evaluations before the last one it was 16 June
    assert [tuple(row.values()) for row in found] == [("(project)", "source_old", 15 * 24.0, 14 * 24.0)]


FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
label: name
fields: {account_id: text, name: text, health: text, tier: text, owner_id: text, region: text}
report: {owner: owner_id, plan: tier, segment: region}
""",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
reentry: {after: requalifying, wait: 30 days}
entry: {when: [health = 'poor', tier <> 'free']}
exit: {when: health = 'good'}
steps:
  - {id: call, task: {title: Call, assign: owner_id}}
  - {id: rest, wait: 10 days}
""",
}


@pytest.fixture
def played() -> Iterator[tuple[World, DuckDBSession]]:
    with DuckDBSession() as session:
        session.migrate()
        world = World(
            load_project(
                {**FILES, "workflows/care.yaml": FILES["workflows/care.yaml"].replace(", assign: owner_id", "")}
            ),
            session,
        )
        world.apply()
        yield world, session


def test_attributes_are_those_of_the_entry_for_ever(played: tuple[World, DuckDBSession]) -> None:
    world, session = played
    world.set(
        {"account": {"a1": {"name": "Ann", "health": "poor", "tier": "gold", "owner_id": "u1", "region": "north"}}}
    )
    world.evaluate(START)
    world.set({"account": {"a1": {"name": "Anna", "tier": "basic", "owner_id": "u2", "region": "south"}}})
    world.evaluate(START + DAY)
    refresh_reports(session)
    columns = "customer_name, owner_at_entry, plan_at_entry, segment_at_entry"
    found = session.rows(f"SELECT {columns} FROM report.run_fact")
    assert [tuple(row.values()) for row in found] == [("Anna", "u1", "gold", "north")]


def test_a_name_that_changes_changes_the_report(played: tuple[World, DuckDBSession]) -> None:
    world, session = played
    world.set({"account": {"a1": {"name": "Ann", "health": "poor", "tier": "gold"}}})
    world.evaluate(START)
    refresh_reports(session)
    world.set({"account": {"a1": {"name": "Anna"}}})
    world.evaluate(START + DAY / 24)
    refresh_reports(session)
    assert session.rows("SELECT DISTINCT customer_name FROM report.participant_timeline") == [{"customer_name": "Anna"}]


def test_a_trace_holds_the_condition_and_the_fields_it_names(played: tuple[World, DuckDBSession]) -> None:
    world, session = played
    world.set({"account": {"a1": {"name": "Ann", "health": "poor", "tier": "gold", "owner_id": "u1"}}})
    world.evaluate(START)
    refresh_reports(session)
    row = session.rows("SELECT why_trace FROM report.participant_timeline WHERE kind = 'entered'")[0]
    trace = json.loads(row["why_trace"])
    assert trace["condition"] == ["health = 'poor'", "tier <> 'free'"]
    assert trace["record"] == {"health": "poor", "tier": "gold"}


def test_gates_are_counted_by_what_they_refuse(played: tuple[World, DuckDBSession]) -> None:
    world, session = played
    world.set({"account": {k: {"health": "poor", "tier": "gold"} for k in ("a1", "a2")}})
    world.evaluate(START)
    world.set({"account": {"a1": {"health": "good"}, "a3": {"health": "poor", "tier": "gold"}}})
    world.evaluate(START + DAY)
    world.set({"account": {"a1": {"health": "poor"}, "a4": {"health": "good", "tier": "gold"}}})
    world.evaluate(START + 2 * DAY)
    refresh_reports(session)
    row = session.rows("FROM report.entry_preview")[0]
    # a1 is out and waits 30 days, a2 and a3 are inside, a4 does not qualify
    counts = ("evaluated_count", "matched_count", "would_enter_count", "blocked_reentry_count", "already_inside_count")
    assert tuple(row[name] for name in counts) == (4, 3, 0, 1, 2)
    assert json.loads(row["blocked_by"])["waiting_after_exit"] == 1
    blocked = session.rows(
        "SELECT customer_id, reason_code FROM report.participant_timeline WHERE kind = 're_entry_blocked'"
    )
    assert blocked == [{"customer_id": "a1", "reason_code": "waiting_after_exit"}]


def test_a_record_that_goes_after_the_exit_is_lost_then(played: tuple[World, DuckDBSession]) -> None:
    world, session = played
    world.set({"account": {k: {"health": "poor", "tier": "gold"} for k in ("a1", "a2", "a3")}})
    world.evaluate(START)
    world.set({"account": {"a1": {"health": "good"}}})
    world.evaluate(START + DAY)
    refresh_reports(session)
    world.set({"account": {"a1": None}})
    world.evaluate(START + DAY + DAY / 24)
    refresh_reports(session)
    kinds = session.rows(
        "SELECT kind FROM report.participant_timeline WHERE customer_id = 'a1' ORDER BY seq DESC LIMIT 2"
    )
    assert [row["kind"] for row in kinds] == ["lost", "exited"]


def test_resting_runs_are_those_that_entered_and_have_not_left(rescue: DuckDBSession) -> None:
    here = rescue.rows(
        "SELECT CAST(SUM(here_count) AS BIGINT) AS n FROM report.step_funnel WHERE workflow_id = 'rescue'"
    )
    inside = rescue.rows(
        "SELECT COUNT(*) AS n FROM report.run_fact WHERE workflow_id = 'rescue' AND arm = 'treatment' AND exited_at IS NULL"
    )
    assert here == inside == [{"n": 2}]


def test_exits_sum_to_all_who_are_out(rescue: DuckDBSession) -> None:
    exits = rescue.rows(
        "SELECT arm, CAST(SUM(exit_count) AS BIGINT) AS n FROM report.exit_reasons GROUP BY arm ORDER BY arm"
    )
    out = rescue.rows(
        "SELECT arm, COUNT(*) AS n FROM report.run_fact WHERE exited_at IS NOT NULL GROUP BY arm ORDER BY arm"
    )
    assert exits == out


def test_a_run_added_later_is_in_every_table(session: DuckDBSession) -> None:
    rescue_world(session)
    refresh_reports(session)
    add_passages(session, [Passage("z1", date(2024, 5, 1), date(2024, 5, 11))])
    refresh_reports(session)
    assert asked(session, "run_fact", "run_id", where="customer_id = 'z1'") == ["rescue/z1/1"]
    assert asked(session, "action_log", "step_id", where="customer_id = 'z1'") == ["book", "finish", "hello"]
    assert asked(session, "branch_outcome", "run_count", where=f"{NEW} AND branch_label = 'Yes'") == [3]


def test_who_is_paused_or_in_error_is_in_no_completed_rate(session: DuckDBSession) -> None:
    ended = [
        Passage("e1", date(2024, 6, 1), date(2024, 6, 4), "objective", met=date(2024, 6, 4)),
        Passage("e2", date(2024, 6, 1), date(2024, 6, 11)),
    ]
    met = [Passage(name, date(2024, 6, 1), met=date(2024, 6, 3)) for name in ("e3", "e4")]
    rescue_world(session, [*ended, *met])
    session.execute("UPDATE state.open_participants SET status = 'paused', halted_at = arrived_at WHERE record = 'e3'")
    session.execute("UPDATE state.open_participants SET status = 'error', halted_at = arrived_at WHERE record = 'e4'")
    refresh_reports(session)
    where = "metric_id = 'goal_met_close_share'"
    assert asked(session, "metric_value", "numerator", "denominator", where=where) == [(1, 2)]


def test_the_bottleneck_is_where_runs_stay_longest(rescue: DuckDBSession) -> None:
    longest = (
        "SELECT ARG_MAX(step_id, median_stay_days) AS step FROM report.step_funnel WHERE objective_version = 'new'"
    )
    assert rescue.rows(longest) == [{"step": "pause"}]
