"""Why somebody entered, leaf by leaf, as the evaluation saw it: fields, computed fields, related rows and segments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.projects import DAY, SETTINGS, START

from definitions import load_project
from pipelines.dashboard import build_dashboard
from pipelines.reporting import keep_evidence, refresh_reports
from pipelines.worlds import World
from sql.warehouses.duckdb import DuckDBSession

FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
label: name
fields: {account_id: text, name: text, tier: text, usage: integer, usage_before: integer}
relations: {tickets: {object: ticket, on: account_id}}
computed:
  usage_lost: usage_before - usage
""",
    "catalog/ticket.yaml": """
object: ticket
table: crm.tickets
key: ticket_id
fields: {ticket_id: text, account_id: text, priority: text}
""",
    "segments/gone.yaml": "{object: account, when: [usage = 0]}",
    "segments/large.yaml": "{object: account, when: {any: [tier = 'gold', tier = 'silver']}}",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry:
  when:
    - usage_lost >= 10
    - segment('large')
    - any: [exists(tickets) filter (where priority = 'urgent'), usage_before > 1000]
    - none: [segment('gone')]
steps:
  - {id: call, task: {title: Call}}
  - {id: rest, wait: 10 days}
""",
}
TOLD: list[tuple[str, bool, dict[str, Any]]] = [
    ("usage_lost >= 10", True, {"usage_lost": 25}),
    ("tier = 'gold'", True, {"tier": "gold"}),
    (
        "exists(tickets) filter (where priority = 'urgent')",
        True,
        {"count(tickets) filter (where priority = 'urgent')": 2},
    ),
    ("segment('gone')", False, {}),
]


@pytest.fixture
def world() -> Iterator[World]:
    with DuckDBSession() as session:
        session.migrate()
        made = World(load_project(FILES), session)
        made.apply()
        tickets = {f"t{n}": {"account_id": "a1", "priority": "urgent"} for n in (1, 2)}
        account = {"name": "Ann", "tier": "gold", "usage": 5, "usage_before": 30}
        made.set({"account": {"a1": account}, "ticket": tickets})
        made.evaluate(START)
        yield made


def trace(session: DuckDBSession, record: str = "a1") -> dict[str, Any]:
    asked = "SELECT why_trace FROM report.participant_timeline WHERE kind = 'entered' AND customer_id = $record"
    return json.loads(session.rows(asked, {"record": record})[0]["why_trace"])


def told(session: DuckDBSession) -> list[tuple[str, bool, dict[str, Any]]]:
    return [
        (leaf["leaf"], leaf["holds"], {seen["what"]: seen["value"] for seen in leaf["saw"]})
        for leaf in trace(session)["leaves"]
    ]


def test_the_leaves_that_held_are_kept_with_what_they_saw(world: World) -> None:
    refresh_reports(world.session)
    assert told(world.session) == TOLD


def test_what_was_seen_at_entry_stays_whatever_the_record_becomes(world: World) -> None:
    refresh_reports(world.session)
    world.set({"account": {"a1": {"tier": "free", "usage": 29}}})
    world.evaluate(START + DAY)
    refresh_reports(world.session, full=True)
    assert told(world.session) == TOLD


def test_a_replay_keeps_evidence_without_a_report(world: World) -> None:
    keep_evidence(world.session)
    world.set({"account": {"a1": {"usage": 29}}})
    world.evaluate(START + DAY)
    refresh_reports(world.session)
    assert told(world.session) == TOLD


def test_who_entered_before_a_newer_snapshot_has_the_record_s_own_fields_alone(world: World) -> None:
    world.set({"account": {"a1": {"usage": 29}}})
    world.evaluate(START + DAY)
    refresh_reports(world.session)
    assert trace(world.session)["leaves"] is None
    assert trace(world.session)["record"] == {"usage_before": 30}


def test_a_page_says_each_leaf_with_its_value(world: World, tmp_path: Path) -> None:
    refresh_reports(world.session)
    build_dashboard(world.session, tmp_path)
    page = (tmp_path / "care.html").read_text(encoding="utf-8")
    assert (
        "entered, because usage_lost &gt;= 10: 25; tier = 'gold'; exists(tickets) filter (where priority = 'urgent'): 2; not segment('gone')<li>"
        in page
    )


def test_nothing_of_the_looking_remains(world: World) -> None:
    before = world.session.rows("SELECT table_name FROM duckdb_tables() WHERE temporary ORDER BY 1")
    keep_evidence(world.session)
    after = world.session.rows("SELECT table_name FROM duckdb_tables() WHERE temporary ORDER BY 1")
    assert after == before
