"""Report tables against numbers worked out by hand on the world of `support.worlds`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars
import pytest
from support.worlds import RESCUED, TODAY, Passage, add_passages, at, rescue_world

from pipelines.reporting import publish_reports, refresh_reports
from sql.published import ORDER
from sql.warehouses.duckdb import DuckDBSession

Row = dict[str, Any]
TABLES = (
    "run_fact",
    "workflow_overview",
    "objective_daily",
    "step_funnel",
    "step_edge",
    "exit_reasons",
    "participant_timeline",
    "objective_survival",
    "objective_time",
    "objective_by_cohort",
    "uplift",
)


def headline(session: DuckDBSession, workflow: str = "rescue") -> Row:
    return session.rows("FROM report.workflow_overview WHERE workflow_id = $w", {"w": workflow})[0]


def on(session: DuckDBSession, day: date, arm: str = "treatment", objective: str = "new") -> Row:
    asked = {"d": day, "a": arm, "o": objective}
    sql = (
        "FROM report.objective_daily WHERE workflow_id = 'rescue' AND date = $d AND arm = $a AND objective_version = $o"
    )
    return session.rows(sql, asked)[0]


def picked(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_counts_are_of_all_versions_and_both_arms(rescue: DuckDBSession) -> None:
    row = headline(rescue)
    assert picked(row, "entered_count", "holdout_count", "customer_count") == (12, 3, 11)
    assert picked(row, "active_count", "exited_count", "completed_count") == (2, 7, 4)
    assert row["entered_count"] == row["holdout_count"] + row["active_count"] + row["exited_count"]


def test_the_rate_is_of_matured_runs_of_the_current_objective(rescue: DuckDBSession) -> None:
    row = headline(rescue)
    # a1 to a4 entered 40 days ago or more; a1 and a2 met inside the window, a3 after it, a4 never
    assert picked(row, "matured_count", "matured_met_count", "met_share") == (4, 2, 0.5)
    assert (row["met_lo"], row["met_hi"]) == (pytest.approx(0.150039, abs=1e-6), pytest.approx(0.849961, abs=1e-6))
    assert picked(row, "d_max_days", "maturity_days") == (10, 40)


def test_met_so_far_is_kept_apart_from_the_rate(rescue: DuckDBSession) -> None:
    row = headline(rescue)
    assert picked(row, "met_so_far_count", "observed_count", "met_at_entry_count") == (3, 7, 1)
    assert row["met_so_far_share"] == pytest.approx(3 / 7)


def test_the_comparison_is_of_customers_within_a_fixed_horizon(rescue: DuckDBSession) -> None:
    # a7 met it at entry and is out; the second run of a1 does not count; b1 met it on day 39 of 40, long after its place was up
    assert picked(headline(rescue), "h_days", "n_treat", "x_treat", "n_hold", "x_hold") == (40, 4, 2, 2, 1)


def test_met_early_does_not_count_early(session: DuckDBSession) -> None:
    early = Passage("e1", date(2024, 6, 20), date(2024, 6, 22), "objective", met=date(2024, 6, 22))
    rescue_world(session, [early])
    refresh_reports(session)
    assert picked(headline(session), "n_treat", "x_treat", "matured_count", "met_so_far_count") == (0, 0, 0, 1)


@pytest.mark.parametrize("left", [None, date(2024, 5, 6), date(2024, 6, 29)])
def test_an_exit_never_changes_who_is_matured(session: DuckDBSession, left: date | None) -> None:
    rescue_world(session, [Passage("e1", date(2024, 5, 21), left), Passage("e2", date(2024, 5, 22), left)])
    refresh_reports(session)
    found = session.rows("SELECT customer_id FROM report.run_fact WHERE workflow_id = 'rescue' AND matured")
    assert found == [{"customer_id": "e1"}]  # exactly 40 days ago; e2 is a day short


def test_a_workflow_without_runs_has_no_share(rescue: DuckDBSession) -> None:
    row = headline(rescue, "quiet")
    assert picked(row, "state", "entered_count", "matured_count") == ("draft", 0, 0)
    assert picked(row, "met_share", "met_lo", "met_hi", "met_so_far_share") == (None,) * 4


def test_actions_are_counted_by_what_became_of_them(rescue: DuckDBSession) -> None:
    # 9 runs were greeted (sent); of the 4 that reached the end 3 got a task and 4 a notice (planned)
    row = headline(rescue)
    assert picked(row, "actions_planned_count", "actions_sent_count", "actions_failed_count") == (16, 9, 0)


def test_days_add_up_to_the_headline(rescue: DuckDBSession) -> None:
    row = on(rescue, TODAY)
    assert picked(row, "entered_cum", "met_cum", "active_count") == (8, 3, 2)
    assert picked(row, "matured_count", "matured_met_count", "met_share") == (4, 2, 0.5)
    assert on(rescue, TODAY, "holdout")["matured_met_count"] == 1


def test_a_day_knows_only_what_was_known_that_day(rescue: DuckDBSession) -> None:
    assert picked(on(rescue, date(2024, 6, 9)), "matured_count", "met_share") == (0, None)
    # on 10 June a1 and a2 mature, both met; a3 matures on the 11th, a4 on the 12th
    assert picked(on(rescue, date(2024, 6, 10)), "matured_count", "matured_met_count") == (2, 2)
    assert picked(on(rescue, date(2024, 6, 11)), "matured_count", "matured_met_count") == (3, 2)
    assert picked(on(rescue, date(2024, 5, 6)), "exited_count", "first_met_count", "active_count") == (1, 1, 4)


def test_a_changed_objective_starts_a_new_series(rescue: DuckDBSession) -> None:
    row = on(rescue, TODAY, objective="old")
    assert picked(row, "entered_cum", "matured_count", "matured_met_count") == (1, 1, 1)


def test_a_level_counts_who_is_inside_with_the_objective_true(session: DuckDBSession) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 1), date(2024, 6, 11), met=date(2024, 6, 4))])
    refresh_reports(session)
    levels = [on(session, date(2024, 6, d))["met_active_count"] for d in (3, 4, 10, 11)]
    assert levels == [0, 1, 1, 0]


def test_everyone_who_reached_a_step_is_here_moved_on_or_left(rescue: DuckDBSession) -> None:
    rows = rescue.rows("FROM report.step_funnel WHERE workflow_id = 'rescue' AND objective_version = 'new'")
    funnel = {r["step_id"]: picked(r, "reached_count", "here_count", "left_count", "completed_count") for r in rows}
    assert funnel == {
        "hello": (8, 0, 0, 8),
        "pause": (8, 2, 3, 3),
        "reply": (3, 0, 0, 3),
        "book": (2, 0, 0, 2),
        "finish": (3, 0, 0, 3),
    }


def test_shares_of_a_step_are_of_runs_that_had_the_time(rescue: DuckDBSession) -> None:
    row = rescue.rows("FROM report.step_funnel WHERE step_id = 'pause' AND objective_version = 'new'")[0]
    # six entered at least ten days before; of those who are not here any more three moved on and three left
    assert picked(row, "eligible_count", "eligible_reached_count", "reach_share", "pass_share") == (7, 7, 1.0, 0.5)
    assert picked(row, "median_stay_days", "p90_stay_days") == (5, 10)


def test_edges_out_and_left_and_here_are_all_who_reached(rescue: DuckDBSession) -> None:
    edges = rescue.rows("FROM report.step_edge WHERE objective_version = 'new' ORDER BY from_step_id, branch_label")
    ways = {picked(e, "from_step_id", "branch_label", "to_step_id"): e["run_count"] for e in edges}
    assert ways == {
        ("(entry)", None, "hello"): 8,
        ("hello", None, "pause"): 8,
        ("pause", None, "reply"): 3,
        ("reply", "Yes", "book"): 2,
        ("reply", "else", "finish"): 1,
        ("book", None, "finish"): 2,
        ("finish", None, "(end)"): 3,
    }
    for step in rescue.rows("FROM report.step_funnel WHERE objective_version = 'new'"):
        out = sum(n for (start, _, _), n in ways.items() if start == step["step_id"])
        assert out + step["left_count"] + step["here_count"] == step["reached_count"]


def test_exits_name_their_reason_and_when_the_objective_was_met(rescue: DuckDBSession) -> None:
    rows = rescue.rows(
        "FROM report.exit_reasons WHERE arm = 'treatment' AND objective_version = 'new' ORDER BY exit_count DESC, reason_code"
    )
    assert sum(r["exit_count"] for r in rows) == 6
    assert sum(r["exit_share"] for r in rows) == pytest.approx(1)
    by_reason = {(r["reason_code"], r["step_id"], r["entry_week"].isoformat()): r for r in rows}
    end = by_reason["reached_end", "finish", "2024-04-29"]
    # a1 met it nine days after its end, a3 too late, a7 before it came
    assert picked(end, "exit_count", "met_before_count", "met_after_count", "median_days_in") == (3, 0, 1, 10)
    assert by_reason["exit_override", "pause", "2024-04-29"]["reason_name"] == "exit_condition"


def test_a_timeline_tells_why_it_came_and_why_it_left(rescue: DuckDBSession) -> None:
    rows = rescue.rows("FROM report.participant_timeline WHERE run_id = 'rescue/a1/1' ORDER BY seq")
    assert [(r["date"].isoformat(), r["kind"], r["why_text"]) for r in rows] == [
        ("2024-05-01", "entered", "entered: the entry condition came true"),
        ("2024-05-01", "action", "sent the email “Hello [there]”"),
        ("2024-05-01", "step_in", "waits at “pause” until 11 May 2024"),
        ("2024-05-11", "step_out", "“pause” was over"),
        ("2024-05-11", "step_in", "took “Yes” at “reply”"),
        ("2024-05-11", "action", "planned the task “Book …”"),
        ("2024-05-11", "action", "planned the notification “finish”"),
        ("2024-05-11", "exited", "reached the end"),
        ("2024-05-20", "objective_met", "objective met"),
    ]
    assert [r["value"] for r in rows if r["kind"] == "objective_met"] == [42.0]


def test_a_held_out_run_would_have_entered(rescue: DuckDBSession) -> None:
    rows = rescue.rows("FROM report.participant_timeline WHERE run_id = 'rescue/b1/1' ORDER BY seq")
    assert [r["kind"] for r in rows] == ["would_enter", "exited", "objective_met"]
    assert "only watched" in rows[0]["why_text"]


def test_who_rests_past_the_limit_is_late_then_stuck(session: DuckDBSession) -> None:
    # due on 12 June; two evaluations before the last is 16 June, seven days later 19 June
    rescue_world(session, [Passage("e1", date(2024, 6, 2)), Passage("e2", date(2024, 6, 13))])
    refresh_reports(session)
    assert picked(headline(session), "late_count", "stuck_count") == (1, 1)


def test_without_an_evaluation_there_is_no_report(session: DuckDBSession) -> None:
    session.migrate()
    refresh_reports(session)
    assert [session.count(f"report.{table}") for table in TABLES] == [0] * len(TABLES)


def test_a_second_refresh_changes_nothing(rescue: DuckDBSession) -> None:
    before = [rescue.rows(f"FROM report.{table} ORDER BY ALL") for table in TABLES]
    refresh_reports(rescue)
    assert [rescue.rows(f"FROM report.{table} ORDER BY ALL") for table in TABLES] == before


def test_a_report_follows_the_state(session: DuckDBSession) -> None:
    rescue_world(session)
    refresh_reports(session)
    add_passages(session, [Passage("z1", date(2024, 6, 29))])
    refresh_reports(session)
    assert headline(session)["entered_count"] == len(RESCUED) + 1
    assert headline(session)["newest_entered_at"] == at(date(2024, 6, 29))


def test_every_table_is_published_once_and_whole(rescue: DuckDBSession, tmp_path: Path) -> None:
    *paths, whole = publish_reports(rescue, tmp_path / "reports")
    assert [p.name for p in paths] == [f"{table}.parquet" for table in ORDER]
    assert sorted(p.name for p in (tmp_path / "reports").iterdir()) == sorted(p.name for p in (*paths, whole))
    kept_back = {"made_from", "run_made_from", "entry_seen", "entry_evidence"}
    assert {f"report.{t}" for t in (*ORDER, *kept_back)} == {t for t in rescue.columns() if t.startswith("report.")}
    with DuckDBSession(whole, read_only=True) as copy:
        for path in paths:
            rows = rescue.count(f"report.{path.stem}")
            assert (polars.read_parquet(path).height, copy.count(path.stem)) == (rows, rows)
        silent = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL"
        assert copy.rows(silent) == []


def test_two_publications_are_the_same_bytes(rescue: DuckDBSession, tmp_path: Path) -> None:
    first, second = (publish_reports(rescue, tmp_path / name)[:-1] for name in ("one", "two"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_every_column_of_the_report_is_explained(rescue: DuckDBSession) -> None:
    silent = "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'report' AND comment IS NULL"
    assert rescue.rows(silent) == []
