"""What numpy puts together of related rows, block by block, is what the engine puts together."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from support.projects import SETTINGS, START

from definitions import load_project
from pipelines.evaluation import Execution
from pipelines.worlds import World
from sql import DuckDBSession
from sql.truths.bits import rows

LATELY = "opened_at >= now() - interval 3 days"
BEFORE = "opened_at < now() - interval 3 days and opened_at >= now() - interval 6 days"
CONDITIONS = [
    f"count(tickets) filter (where {LATELY}) >= 2",
    f"count(tickets) filter (where {BEFORE}) >= 2",
    f"count(tickets) filter (where kind = 'bug' and {LATELY}) > count(tickets) filter (where kind = 'bug' and {BEFORE})",
    f"sum(tickets.minutes) filter (where {LATELY}) < 0.8 * sum(tickets.minutes) filter (where {BEFORE})",
    f"sum(tickets.minutes) filter (where kind = 'bug' and {LATELY}) > 40",
    "sum(tickets.minutes) filter (where kind = 'bug' and opened_at <= now() - interval 6 days) > 40",
    f"sum(tickets.hours) filter (where {LATELY}) > 9.5",
    f"sum(tickets.hours) filter (where {BEFORE}) > 9.5",
    f"avg(tickets.minutes) filter (where {LATELY}) > 33.3",
    f"avg(tickets.minutes) filter (where {BEFORE}) > 33.3",
    "count(tickets) filter (where days_since(opened_at) < 3) >= 3",
    "count(tickets) filter (where days_since(opened_at) >= 4) >= 3",
    "count(distinct tickets.kind) filter (where minutes > 20) = 2",
    "count(distinct tickets.minutes) > 4",
    "min(tickets.minutes) < 5",
    "max(tickets.hours) > 4.5",
    "max(tickets.opened_at) < now() - interval 2 days",
    "seats > 2 * spare",
    "spare * 0.5 >= seats",
    "joined_on < left_on",
    "name > 'm'",
]
FILES = {
    "project.yaml": SETTINGS.replace("UTC", "Europe/Berlin"),
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, name: text, seats: integer, spare: integer, joined_on: date, left_on: date}
relations: {tickets: {object: ticket, on: account_id}}
""",
    "catalog/ticket.yaml": """
object: ticket
table: crm.tickets
key: ticket_id
fields: {ticket_id: text, account_id: text, kind: text, opened_at: timestamp, hours: number, minutes: integer}
""",
} | {
    f"workflows/w{number}.yaml": f"""
object: account
state: enabled
launch: everyone
entry: {{when: "{condition}"}}
objective: {{name: Named, when: name = 'x'}}
steps: [{{id: t, task: {{title: x}}}}]
"""
    for number, condition in enumerate(CONDITIONS)
}


def drawn(rng: Random) -> dict[str, dict[str, dict[str, Any]]]:
    """Accounts of several blocks, and tickets of which some lack this or that, and some have no account."""

    def some(value: Any) -> Any:
        return None if rng.random() < 0.15 else value

    accounts = {
        f"a{n:02}": {
            "name": some(rng.choice("fmx")),
            "seats": some(rng.randrange(9)),
            "spare": some(rng.randrange(9)),
            "joined_on": some(f"2026-01-0{rng.randrange(1, 5)}"),
            "left_on": some(f"2026-01-0{rng.randrange(1, 5)}"),
        }
        for n in range(37)
    }
    tickets = {
        f"t{n:03}": {
            "account_id": some(f"a{rng.randrange(40):02}"),
            "kind": some(rng.choice(["bug", "wish", "question"])),
            "opened_at": some((START - timedelta(hours=rng.randrange(200))).isoformat()),
            "hours": some(rng.randrange(600) / 100),
            "minutes": some(rng.randrange(60)),
        }
        for n in range(260)
    }
    return {"account": accounts, "ticket": tickets}


def true_of(execution: Execution, given: dict[str, dict[str, dict[str, Any]]]) -> dict[str, set[str]]:
    """The records for which each condition holds."""
    with DuckDBSession(timezone="Europe/Berlin") as session:
        session.migrate()
        world = World(load_project(FILES), session, execution=execution)
        world.apply()
        world.set(given)
        world.evaluate(START)
        found: dict[str, set[str]] = {condition: set() for condition in CONDITIONS}
        for row in session.rows("SELECT subject, record FROM state.episodes WHERE subject LIKE 'entry:w%'"):
            found[CONDITIONS[int(row["subject"].removeprefix("entry:w"))]].add(row["record"])
        return found


@pytest.mark.parametrize("block", [8, 16, 1 << 16])
def test_blocks_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", block)
    given = drawn(Random(block))
    found = true_of("bitmaps", given)
    assert found == true_of("sql", given)
    assert all(0 < len(records) < 37 for records in found.values()), {c: len(r) for c, r in found.items()}


def test_what_a_real_number_does_not_hold_is_summed_by_the_engine() -> None:
    given = drawn(Random(1))
    for ticket in given["ticket"].values():
        ticket["hours"] = 9_007_199_254_740_993  # one more than real numbers tell apart
    found = true_of("bitmaps", given)
    assert found == true_of("sql", given)
    assert found[CONDITIONS[6]]
