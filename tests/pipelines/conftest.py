"""The demo's year, replayed once for all tests that read it, and the bundled CSV files to check it against."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from support.worlds import rescue_world

from pipelines.apply import apply_project
from pipelines.cli.authoring import copy_starter
from pipelines.cli.demo_customers import answer_invitations
from pipelines.cycle import deliver_until, run_cycle
from pipelines.evaluation import broken_invariants
from pipelines.reporting import keep_evidence, refresh_reports
from pipelines.workspace import Workspace
from sql import DuckDBSession

FILES = Path(__file__).resolve().parents[2] / "definitions" / "starter" / "data" / "ravenstack"
TABLES = (
    "accounts_with_owner",
    "churn_events",
    "contacts",
    "feature_usage",
    "subscriptions",
    "support_tickets",
    "users",
)


@pytest.fixture(scope="session")
def demo_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A folder in which the 52 weeks of 2024 are evaluated and delivered, and the invariants held after each.

    It is shared: read it, with a session that is read-only, and change nothing.
    """
    folder = tmp_path_factory.mktemp("demo") / "demo"
    copy_starter(folder)
    workspace = Workspace(folder)
    zone = ZoneInfo("America/New_York")
    with workspace.session("tests", create=True) as session:
        apply_project(session, workspace.project, at=datetime(2024, 1, 1, tzinfo=UTC), by="tests")
        for week in range(52):
            as_of = (datetime(2024, 1, 1, 6) + timedelta(weeks=week)).replace(tzinfo=zone)  # noqa: DTZ001
            run_cycle(session, workspace, as_of)
            keep_evidence(session)
            deliver_until(session, workspace, as_of + timedelta(weeks=1))
            answer_invitations(session, folder)
            assert broken_invariants(session) == {}, as_of
    return workspace


@pytest.fixture
def session() -> Iterator[DuckDBSession]:
    """A warehouse in memory; what a test of reports needs it puts there."""
    with DuckDBSession(None, timezone="America/New_York") as made:
        yield made


@pytest.fixture(scope="module")
def rescue() -> Iterator[DuckDBSession]:
    """The world and its report; tests only read it."""
    with DuckDBSession(None, timezone="America/New_York") as made:
        rescue_world(made)
        refresh_reports(made)
        yield made


@pytest.fixture
def demo(demo_warehouse: Workspace) -> Iterator[DuckDBSession]:
    """The demo's warehouse, to read."""
    with DuckDBSession(demo_warehouse.warehouse, timezone="America/New_York", read_only=True) as session:
        yield session


VIEWS = (
    "usage AS SELECT f.*, s.account_id, s.start_date AS contract_on "
    "FROM feature_usage AS f JOIN subscriptions AS s USING (subscription_id)",
    "monday AS SELECT CAST(unnest(range(DATE '2024-01-01', DATE '2024-12-24', INTERVAL 7 DAY)) AS DATE) AS d",
    # every account on every Monday of the demo, by what could be known then
    """
    weekly AS WITH contracts AS (
        SELECT d, account_id, max(start_date) AS signed_on,
            count(*) FILTER (WHERE NOT is_trial AND runs) AS paid, count(*) FILTER (WHERE is_trial AND runs) AS trials,
            coalesce(sum(mrr_amount) FILTER (WHERE runs), 0) AS mrr,
            count(*) FILTER (WHERE annual AND runs AND d - start_date BETWEEN 305 AND 335) AS turning_one,
            count(*) FILTER (WHERE annual AND d - start_date < 60) AS just_signed
        FROM (
            SELECT *, end_date IS NULL OR end_date > d AS runs, billing_frequency = 'annual' AND NOT is_trial AS annual
            FROM monday JOIN subscriptions ON start_date <= d
        ) GROUP BY d, account_id
    ),
    goodbyes AS (
        SELECT d, account_id, max(churn_date) AS left_on FROM monday JOIN churn_events ON churn_date <= d GROUP BY ALL
    ),
    tickets AS (
        SELECT d, account_id, bool_or(priority = 'urgent' OR escalation_flag) AS serious
        FROM monday JOIN support_tickets ON submitted_at <= d AND d - submitted_at < 7 GROUP BY d, account_id
    ),
    used AS (
        SELECT d, account_id, count(DISTINCT feature_name) AS features
        FROM monday JOIN usage ON usage_date <= d AND d - usage_date < 56 AND contract_on <= d GROUP BY d, account_id
    )
    SELECT d, account_id, signup_date, signed_on, left_on, mrr, turning_one, just_signed, coalesce(paid, 0) AS paid,
        coalesce(trials, 0) AS trials, coalesce(serious, FALSE) AS serious, coalesce(features, 0) AS features,
        coalesce(d - left_on < 180 AND (signed_on IS NULL OR signed_on <= left_on), FALSE) AS churned
    FROM monday JOIN accounts_with_owner ON signup_date <= d
    LEFT JOIN contracts USING (d, account_id) LEFT JOIN goodbyes USING (d, account_id)
    LEFT JOIN tickets USING (d, account_id) LEFT JOIN used USING (d, account_id)
    """,
)
"""Views on the files: usage with its contract, the demo's Mondays, and the weeks of accounts."""

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def csv() -> Iterator[Ask]:
    """Ask the CSV files: each is a table of its name, and `VIEWS` are there. Nothing of the engine is in between.

    Dates come back as text.
    """
    with duckdb.connect() as files:
        files.execute("SET TimeZone = 'America/New_York'")
        for name in TABLES:
            files.execute(f"CREATE TABLE {name} AS FROM read_csv('{FILES / name}.csv')")
        for view in VIEWS:
            files.execute(f"CREATE VIEW {view}")
        yield lambda sql: [_plain(row) for row in files.execute(sql).fetchall()]


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(str(value) if hasattr(value, "isoformat") else value for value in row)


class Story:
    """What the warehouse tells of a record's first passage through a workflow."""

    def __init__(self, session: DuckDBSession, workflow: str, record: str) -> None:
        self._ask = lambda sql: session.rows(sql, {"workflow": workflow, "record": record})

    @property
    def passage(self) -> dict[str, Any]:
        """The participant; instants are local, to the minute."""
        sql = """
            SELECT participant_id, arm, status, exit_reason, recipient, met_at_entry,
                strftime(entered_at, '%Y-%m-%d %H:%M') AS entered, strftime(left_at, '%Y-%m-%d %H:%M') AS "left",
                strftime(objective_met_at, '%Y-%m-%d %H:%M') AS met,
                strftime(watched_until, '%Y-%m-%d %H:%M') AS watched
            FROM state.participants
            WHERE workflow = $workflow AND record = $record AND entry_no = 1
        """
        return self._ask(sql)[0]

    @property
    def path(self) -> list[str]:
        """The transitions, a line each: when, what, why, which steps and arms, where to, until when."""
        sql = """
            SELECT strftime(t.happened_at, '%m-%d ') || t.kind || coalesce(' (' || t.reason || ')', '')
                || coalesce(': ' || (
                    SELECT string_agg(h.step_id || coalesce('=' || h.arm, ''), ', ' ORDER BY h.position)
                    FROM live.hop_path AS h WHERE h.hop_id = t.hop_id
                ), '')
                || CASE t.kind WHEN 'moved' THEN ' -> ' || t.to_step ELSE '' END
                || coalesce(strftime(t.due_at, ' until %m-%d'), '') AS line
            FROM state.transitions AS t
            JOIN state.participants AS p ON p.participant_id = t.participant_id
            WHERE p.workflow = $workflow AND p.record = $record AND p.entry_no = 1
            ORDER BY t.evaluation_id, t.sequence
        """
        return [row["line"] for row in self._ask(sql)]

    @property
    def actions(self) -> dict[str, dict[str, Any]]:
        """The values that each action carries, by its day and step, in the order of the flow."""
        sql = """
            SELECT strftime(a.planned_at, '%m-%d ') || a.step_id AS occasion, a.values AS carried
            FROM outbox.actions AS a
            JOIN state.participants AS p ON p.participant_id = a.participant_id
            JOIN live.steps AS s ON s.workflow = a.workflow AND s.version = a.version AND s.step_id = a.step_id
            WHERE p.workflow = $workflow AND p.record = $record AND p.entry_no = 1
            ORDER BY a.planned_at, s.position
        """
        return {row["occasion"]: json.loads(row["carried"]) for row in self._ask(sql)}

    @property
    def refusals(self) -> list[tuple[str | None, ...]]:
        """Why the record was not admitted, until when the gate is shut, since when and until when it was so."""
        sql = """
            SELECT reason, strftime(until_at, '%Y-%m-%d %H:%M') AS until, strftime(refused_from, '%m-%d') AS since,
                strftime(refused_to, '%m-%d') AS ended
            FROM state.refusals WHERE workflow = $workflow AND record = $record ORDER BY refused_from
        """
        return [tuple(row.values()) for row in self._ask(sql)]


@pytest.fixture
def story(demo: DuckDBSession) -> Callable[[str, str], Story]:
    """`story(workflow, record)`."""
    return lambda workflow, record: Story(demo, workflow, record)
