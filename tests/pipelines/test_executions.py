"""Four executions of one meaning: in SQL or as bits, of everybody or only of what may differ. They write the same rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.projects import DAY, SETTINGS, START

from definitions import load_project
from pipelines.evaluation import MANY, Evaluation, Execution, Increments, evaluate
from pipelines.worlds import World
from sql import DuckDBSession

FILES = {
    "project.yaml": SETTINGS.replace("UTC", "Europe/Berlin"),
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, health: text, seats: integer, arr: number, seen_at: timestamp}
relations: {tickets: {object: ticket, on: account_id}, replies: {through: tickets.replies}}
""",
    "catalog/ticket.yaml": """
object: ticket
table: crm.tickets
key: ticket_id
fields: {ticket_id: text, account_id: text, priority: text, opened_at: timestamp, hours: number}
relations: {replies: {object: reply, on: ticket_id}}
""",
    "catalog/reply.yaml": """
object: reply
table: crm.replies
key: reply_id
fields: {reply_id: text, ticket_id: text, author: text}
""",
    "workflows/talk.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: "count(distinct replies.author) >= 2 or changed_to(health, 'at_risk') or (seats > 3.5 and seats < 4.5)"}
objective: {name: Warned, when: health = 'at_risk'}
exit: {on_objective: stay}
steps:
  - id: b
    branch: [{name: warned, if: health = 'at_risk', steps: [{id: t, task: {title: x}}]}]
""",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
reentry: {after: unlimited, wait: 1 hour}
entry:
  when:
    any:
      - count(tickets) filter (where priority = 'high' and opened_at > now() - interval 90 minutes) >= 1
      - all: ["health in ('poor', 'at_risk')", not (arr > 100)]
exit: {when: sum(tickets.hours) > 9.5}
objective: {name: Seen, when: seen_at > now() - interval 30 minutes, measure: arr}
steps:
  - {id: soon, task: {title: "{{ account.health | default('unknown') }}"}}
  - {id: w, wait: 45 minutes}
  - id: b
    branch:
      - {name: quiet, if: count(tickets) = 0, steps: [{id: hush, notify: {channel: c, text: x}}]}
    else: [{id: call, task: {title: x}}]
""",
}


def history(increments: Increments, execution: Execution) -> list[Evaluation]:
    with DuckDBSession(timezone="Europe/Berlin", threads=1) as session:
        session.migrate(documented=False)
        world = World(load_project(FILES), session, increments=increments, execution=execution)
        world.apply()
        world.set(
            {
                "account": {
                    f"a{n}": {"health": [None, "good", "poor"][n % 3], "seats": n, "arr": [None, 150.5, 50][n % 3]}
                    for n in range(9)
                },
                "ticket": {
                    "t1": {"account_id": "a1", "priority": "high", "opened_at": "2026-01-05 08:30:00+00", "hours": 4}
                },
            }
        )
        made = [world.evaluate(START)]
        replies = {f"r{n}": {"ticket_id": "t3", "author": "ab"[n]} for n in range(2)}
        moved = {"t1": {"account_id": "a4"}, "t2": {"account_id": "a2", "hours": 9.6}, "t3": {"account_id": "a6"}}
        world.set({"ticket": moved, "reply": replies, "account": {"a0": {"health": "at_risk"}}})
        made.append(world.evaluate(START + timedelta(minutes=10)))
        world.set({"ticket": {"t3": {"account_id": "a7"}}})
        made.append(world.evaluate(START + timedelta(minutes=75)))
        world.set({"account": {"a5": None, "a1": {"seen_at": "2026-01-05 10:20:00+00"}}, "ticket": {"t2": None}})
        made.append(world.evaluate(START + timedelta(minutes=90)))
        made.append(world.evaluate(START + timedelta(minutes=100)))
        made.append(world.evaluate(START + timedelta(minutes=130)))
        made.append(world.evaluate(START + DAY))
        assert not world.broken()
        return made


@pytest.fixture(scope="module")
def plain() -> list[Evaluation]:
    """What is written where everybody is judged in SQL."""
    made = history("never", "sql")
    assert sum(count.entered_count + count.left_count for one in made for count in one.workflows) > 5
    return made


@pytest.mark.parametrize(("increments", "execution"), [("always", "sql"), ("never", "bitmaps"), ("always", "bitmaps")])
def test_all_executions_write_the_same(increments: Increments, execution: Execution, plain: list[Evaluation]) -> None:
    made = history(increments, execution)
    assert [one.chain_hash for one in made] == [one.chain_hash for one in plain]


@pytest.mark.parametrize("execution", ["sql", "bitmaps"])
def test_an_increment_looks_at_those_alone_that_may_differ(execution: Execution) -> None:
    with DuckDBSession(timezone="Europe/Berlin") as session:
        session.migrate()
        alone = {name: text for name, text in FILES.items() if "talk" not in name}  # which asks what changed last time
        world = World(load_project(alone), session, increments="always", execution=execution)
        world.apply()
        world.set({"account": {f"a{n}": {"health": "good"} for n in range(20)}, "ticket": {"t": {"account_id": "a3"}}})
        assert not world.evaluate(START).is_increment
        world.set({"account": {"a7": {"seats": 1}}, "ticket": {"t": {"account_id": "a4"}}})
        assert world.evaluate(START + timedelta(minutes=1)).is_increment
        affected = {row["record"] for row in session.rows("SELECT record FROM affected WHERE object = 'account'")}
        assert affected == {"a3", "a4", "a7"}
        assert evaluate(session, START + timedelta(minutes=2), increments="always", execution=execution).is_increment
        assert session.count("affected") == 0


def test_whatever_is_new_about_all_records_is_judged_for_all() -> None:
    with DuckDBSession(timezone="Europe/Berlin") as session:
        session.migrate()
        world = World(load_project(FILES), session, increments="always")
        world.apply()
        world.set({"account": {"a1": {"health": "poor"}}})
        world.evaluate(START)
        world.apply(
            load_project({**FILES, "workflows/care.yaml": FILES["workflows/care.yaml"].replace("> 100", "> 90")})
        )
        assert not world.evaluate(START + timedelta(minutes=1)).is_increment
        world.order("pause care", START + timedelta(minutes=2))
        assert not world.evaluate(START + timedelta(minutes=3)).is_increment
        assert world.evaluate(START + timedelta(minutes=4)).is_increment


def test_few_records_are_judged_in_sql_and_many_as_bits() -> None:
    with DuckDBSession(timezone="Europe/Berlin") as session:
        session.migrate()
        world = World(load_project(FILES), session)
        world.apply()
        world.set({"account": {"a1": {"health": "good"}}})
        world.evaluate(START)
        assert not session.has_rows("(SELECT 1 FROM duckdb_tables() WHERE table_name = 'ordinals_account')")
        session.execute("UPDATE journal.snapshot_objects SET record_count = $n", {"n": MANY})
        assert evaluate(session, START + timedelta(minutes=1)).is_increment
        assert session.has_rows("(SELECT 1 FROM duckdb_tables() WHERE table_name = 'ordinals_account')")
