"""A refresh makes anew only what can have changed: after every evaluation of random histories it says what a full one says."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.soak.engines import optimised
from support.soak.histories import Story
from support.soak.playing import begin, play_moment
from support.soak.worlds import draw_world
from support.worlds import TODAY, Passage, add_passages, at, rescue_world

from pipelines.reporting import publish_reports, refresh_reports
from sql.published import ORDER
from sql.warehouses.duckdb import DuckDBSession

Tables = dict[str, list[tuple[Any, ...]]]
STAMPS = {"report_meta": ("built_at", "build_ms")}
"""What a clock wrote."""


def tables(session: DuckDBSession) -> Tables:
    """Every row of every table, in order; numbers to nine digits, since sums depend on the order they were made in."""
    found: Tables = {}
    for table in (*ORDER, "entry_seen", "entry_evidence"):
        rows = session.rows(f"FROM report.{table}")
        left_out = STAMPS.get(table, ())
        plain = [tuple(_plain(v) for k, v in row.items() if k not in left_out) for row in rows]
        found[table] = sorted(plain, key=str)
    return found


def _plain(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


@pytest.mark.parametrize("seed", [4, 9, 17, 31])
def test_a_refresh_says_what_a_full_one_says(seed: int) -> None:
    rng = Random(seed)
    world, project, _ = draw_world(rng)
    story = Story(rng, world, 14)
    given = story.given()
    with contextlib.ExitStack() as stack:
        seats = [stack.enter_context(stack.enter_context(optimised())(project)) for _ in range(2)]
        sessions = [seat.inspect for seat in seats]
        begin(seats, given)
        left_alone, whole = 0, Tables()
        for moment in story.moments():
            observed, accepted = play_moment(seats, moment)
            if moment.world is not None and not accepted:
                moment.world = None
            story.saw(observed, moment)
            one, other = sessions
            assert one is not None
            assert other is not None
            refresh_reports(one)
            refresh_reports(other, full=True)
            left_alone += len(scope(other)) - len(scope(one))
            partial, whole = tables(one), tables(other)
            different = {t: (partial[t], whole[t]) for t in whole if partial[t] != whole[t]}
            assert different == {}, moment.at
            refresh_reports(one)
            assert tables(one) == partial
        assert whole["run_fact"]
        assert left_alone > 0


def scope(session: DuckDBSession) -> set[str]:
    """The workflows that the last refresh made anew."""
    return {row["workflow_id"] for row in session.rows("FROM report_scope")}


def test_only_the_workflow_that_changed_is_made_anew(session: DuckDBSession) -> None:
    rescue_world(session)
    refresh_reports(session)
    assert scope(session) == {"rescue", "quiet", "fresh"}
    refresh_reports(session)
    assert scope(session) == set()
    session.execute("UPDATE outbox.actions SET status = 'failed' WHERE action_id = 'rescue/a1/1/finish'")
    refresh_reports(session)
    assert scope(session) == {"rescue"}
    assert session.rows("SELECT status FROM report.action_log WHERE action_id = 'rescue/a1/1/finish'") == [
        {"status": "failed"}
    ]


def test_rows_that_stay_are_about_the_new_evaluation(session: DuckDBSession) -> None:
    rescue_world(session)
    refresh_reports(session)
    session.execute("UPDATE journal.evaluations SET as_of = as_of + INTERVAL 1 HOUR WHERE evaluation_id = 30")
    session.execute(
        "INSERT INTO journal.evaluations BY NAME SELECT * REPLACE (31 AS evaluation_id) FROM journal.evaluations WHERE evaluation_id = 30"
    )
    refresh_reports(session)
    assert scope(session) == set()
    dated = "SELECT DISTINCT evaluation_id, as_of FROM report.run_fact"
    assert session.rows(dated) == [{"evaluation_id": 31, "as_of": datetime(2024, 6, 30, 11, tzinfo=UTC)}]


def test_another_program_reads_the_copy_while_this_one_writes(tmp_path: Path) -> None:
    asked = """
import duckdb, json, sys
with duckdb.connect(sys.argv[1], read_only=True) as report:
    runs = report.sql("SELECT COUNT(*) FROM report.run_fact").fetchall()[0][0]
    words = report.sql("SELECT comment FROM duckdb_columns() WHERE table_name = 'run_fact' AND column_name = 'run_id'").fetchall()[0][0]
    print(json.dumps([runs, words]))
try:
    duckdb.connect(sys.argv[2], read_only=True)
except duckdb.IOException:
    print("the warehouse is locked")
"""
    with DuckDBSession(tmp_path / "warehouse.duckdb", timezone="America/New_York") as session:
        rescue_world(session)
        refresh_reports(session)
        publish_reports(session, tmp_path / "report")
        with session.transaction():
            add_passages(session, [Passage("z1", date(2024, 6, 29))])
            arguments = [str(tmp_path / "report" / "report.duckdb"), str(session.path)]
            made = subprocess.run([sys.executable, "-c", asked, *arguments], capture_output=True, text=True, check=True)
        first, second = made.stdout.splitlines()
        assert json.loads(first) == [13, "the participant"]
        assert second == "the warehouse is locked"
        refresh_reports(session)
        publish_reports(session, tmp_path / "report")
        assert sorted(p.suffix for p in (tmp_path / "report").iterdir() if p.suffix != ".parquet") == [".duckdb"]


def test_a_figure_is_remembered_only_when_it_changes(session: DuckDBSession) -> None:
    rescue_world(session)
    refresh_reports(session)
    before = session.count("report.objective_history")
    refresh_reports(session, full=True)
    assert session.count("report.objective_history") == before
    add_passages(session, [Passage("z1", date(2024, 5, 4), date(2024, 5, 14))])
    refresh_reports(session)
    asked = "SELECT value, numerator, denominator FROM report.objective_history WHERE workflow_id = 'rescue' AND arm = 'treatment' AND metric_id = 'met_share'"
    found = [tuple(row.values()) for row in session.rows(asked)]
    assert found == [(0.5, 2.0, 4.0), (0.4, 2.0, 5.0)]
    untouched = "SELECT COUNT(*) AS n FROM report.objective_history WHERE workflow_id = 'rescue' AND metric_id = 'impact_exit_exit30'"
    assert session.rows(untouched) == [{"n": 2}]


def test_an_alert_begins_lasts_and_is_cleared(session: DuckDBSession) -> None:
    rescue_world(session, [Passage("e1", date(2024, 6, 2))])
    refresh_reports(session)
    asked = "SELECT first_seen_at, last_seen_at, cleared_at, value FROM report.alert WHERE rule = 'stuck' ORDER BY first_seen_at"
    now = at(TODAY)
    assert [tuple(row.values()) for row in session.rows(asked)] == [(now, now, None, 1.0)]
    _evaluated(session, 31, datetime(2024, 7, 1, 10, tzinfo=UTC))
    refresh_reports(session)
    later = datetime(2024, 7, 1, 10, tzinfo=UTC)
    assert [tuple(row.values()) for row in session.rows(asked)] == [(now, later, None, 1.0)]
    session.execute("UPDATE state.open_participants SET due_at = due_at + INTERVAL 60 DAY")
    _evaluated(session, 32, datetime(2024, 7, 2, 10, tzinfo=UTC))
    refresh_reports(session)
    cleared = datetime(2024, 7, 2, 10, tzinfo=UTC)
    assert [tuple(row.values()) for row in session.rows(asked)] == [(now, later, cleared, 1.0)]
    session.execute("UPDATE state.open_participants SET due_at = due_at - INTERVAL 60 DAY")
    _evaluated(session, 33, datetime(2024, 7, 3, 10, tzinfo=UTC))
    refresh_reports(session)
    assert [row["cleared_at"] for row in session.rows(asked)] == [cleared, None]


def _evaluated(session: DuckDBSession, number: int, as_of: datetime) -> None:
    sql = "INSERT INTO journal.evaluations BY NAME SELECT * REPLACE ($n AS evaluation_id, $at AS as_of) FROM journal.evaluations WHERE evaluation_id = 30"
    session.execute(sql, {"n": number, "at": as_of})
