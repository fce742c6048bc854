"""The objective is watched on after the end, and a late success counts as one."""

from __future__ import annotations

from support.projects import DAY, SETTINGS, START

from definitions import load_project
from pipelines.reporting import refresh_reports
from pipelines.testing import World
from sql import DuckDBSession

FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, health: text, utilization: number, left: boolean}
""",
    "workflows/use.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: health = 'poor'}
objective: {name: Used, when: utilization > 40}
exit: {when: left}
steps:
  - {id: call, task: {title: Call}}
  - {id: rest, wait: 90 days}
""",
}


def test_an_objective_met_within_thirty_days_after_the_exit_is_met() -> None:
    """Out at 38 on day 5; one is at 45 on day 20 after it, the other a day too late."""
    with DuckDBSession() as session:
        session.migrate()
        world = World(load_project(FILES), session)
        world.apply()
        world.set({"account": {k: {"health": "poor", "utilization": 30} for k in ("a1", "a2")}})
        world.evaluate(START)
        world.set({"account": {k: {"health": "good", "utilization": 38, "left": "true"} for k in ("a1", "a2")}})
        world.evaluate(START + 5 * DAY)
        world.set({"account": {"a1": {"utilization": 45}}})
        world.evaluate(START + 25 * DAY)
        world.set({"account": {"a2": {"utilization": 45}}})
        world.evaluate(START + 36 * DAY)
        world.evaluate(START + 200 * DAY)
        refresh_reports(session)
        found = session.rows("SELECT * FROM report.run_fact ORDER BY customer_id")
        assert [(r["customer_id"], r["met_in_window"]) for r in found] == [("a1", True), ("a2", False)]
        assert {r["exited_at"] for r in found} == {START + 5 * DAY}
        assert found[0]["first_met_at"] - found[0]["entered_at"] == 25 * DAY
