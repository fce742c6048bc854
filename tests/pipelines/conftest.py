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

from pipelines.apply import apply_project
from pipelines.cli.authoring import copy_starter
from pipelines.cycle import run_cycle
from pipelines.evaluation import broken_invariants
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
            assert broken_invariants(session) == {}, as_of
    return workspace


@pytest.fixture
def demo(demo_warehouse: Workspace) -> Iterator[DuckDBSession]:
    """The demo's warehouse, to read."""
    with DuckDBSession(demo_warehouse.warehouse, timezone="America/New_York", read_only=True) as session:
        yield session


Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def csv() -> Iterator[Ask]:
    """Ask the CSV files: each is a view of its name, and `usage` is feature usage with its contract's account.

    Nothing of the engine is in between. Dates come back as text.
    """
    with duckdb.connect() as files:
        files.execute("SET TimeZone = 'America/New_York'")
        for name in TABLES:
            files.execute(f"CREATE VIEW {name} AS FROM read_csv('{FILES / name}.csv')")
        files.execute(
            "CREATE VIEW usage AS SELECT f.*, s.account_id, s.start_date AS contract_on "
            "FROM feature_usage AS f JOIN subscriptions AS s USING (subscription_id)"
        )
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
