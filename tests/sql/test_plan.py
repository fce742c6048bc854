"""The plan is project-wide: what admits, moves and lets go does not grow with the number of workflows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from definitions import Project, load_project, read_folder
from sql import Plan, compile_plan
from sql.statements import load_statements
from sql.truths.statements import CHUNK

STARTER = Path(__file__).resolve().parents[2] / "definitions" / "starter"
BASE = {
    "project.yaml": "name: many\nsources: {crm: {kind: files, path: data}}\n",
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, health: text, seats: integer, arr: number}
relations: {tickets: {object: ticket, on: account_id}}
""",
    "catalog/ticket.yaml": """
object: ticket
table: crm.tickets
key: ticket_id
fields: {ticket_id: text, account_id: text, priority: text, opened_on: date}
""",
}


def many(count: int) -> Project:
    """A project with so many workflows, each with conditions and aggregates of its own."""
    workflow = """
object: account
state: enabled
launch: everyone
entry:
  when:
    - seats > {n}
    - "count(tickets) filter (where opened_on > today() - interval {n} days) >= 2"
objective: {{name: Grown, when: seats > {m}, measure: arr}}
exit: {{when: arr > {n}}}
steps:
  - {{id: hello, task: {{title: "Hello {{{{ account.health }}}}"}}}}
  - {{id: w, wait: {{until: seats > {n} and arr > {m}, at_most: 3 days}}}}
  - {{id: bye, notify: {{channel: c, text: x}}}}
"""
    files = {f"workflows/w{n:03d}.yaml": workflow.format(n=n, m=n + 1000) for n in range(1, count + 1)}
    return load_project(BASE | files)


def fixed(plan: Plan) -> list[str]:
    names = {s.name for s in load_statements("evaluation")}
    return [s.name for s in plan.statements if s.name in names]


@pytest.fixture(scope="module")
def plans() -> tuple[Plan, Plan]:
    return compile_plan(many(5)), compile_plan(many(200))


def test_the_statements_that_admit_move_and_let_go_are_the_same_for_5_and_200_workflows(
    plans: tuple[Plan, Plan],
) -> None:
    few, lots = plans
    assert fixed(few) == fixed(lots)
    moving = [s for s in lots.statements if s.stage[:2] in ("05", "06", "08", "09", "12")]
    assert len(moving) == len([s for s in few.statements if s.stage[:2] in ("05", "06", "08", "09", "12")]) <= 40


def test_what_asks_the_records_grows_by_chunks_not_by_workflows(plans: tuple[Plan, Plan]) -> None:
    few, lots = plans
    asking = [s for s in lots.statements if s.name not in fixed(lots)]
    # 200 entries and 600 other conditions: two statements a chunk
    assert len(asking) - len([s for s in few.statements if s.name not in fixed(few)]) <= 2 * (800 // CHUNK + 1)


def test_no_chunk_holds_more_expressions_than_are_planned_well(plans: tuple[Plan, Plan]) -> None:
    wide = [
        s
        for s in plans[1].statements
        if re.search(r"_\d+$", s.name) and "TEMP TABLE" in s.sql and "aggregates" not in s.name
    ]
    counts = [len(re.findall(r"AS x\d+", s.sql)) for s in wide]
    assert max(counts) == CHUNK <= 252
    assert sum(counts) >= 800


def test_each_related_table_is_grouped_once(plans: tuple[Plan, Plan]) -> None:
    grouped = [s for s in plans[1].statements if s.name.startswith("aggregates_")]
    assert len(grouped) == 1
    assert grouped[0].sql.count("FROM crm.ticket") == 1


def test_equal_conditions_of_different_workflows_are_judged_once() -> None:
    files = dict(many(1).files)
    files["workflows/again.yaml"] = files["workflows/w001.yaml"]
    one, two = compile_plan(many(1)), compile_plan(load_project(files))
    assert len(two.truths.objects["account"].expressions["inside"]) == len(
        one.truths.objects["account"].expressions["inside"]
    )


def test_every_statement_says_what_it_is_for(plans: tuple[Plan, Plan]) -> None:
    for statement in plans[0].statements:
        assert statement.sentence.endswith("."), statement.name


def test_values_enter_by_parameters_and_literals_of_the_tree_alone() -> None:
    hostile = "x'; DROP TABLE crm.account; --"
    files = BASE | {
        "workflows/w.yaml": "object: account\nstate: draft\nentry: {when: \"health = '"
        + hostile.replace("'", "''")
        + "'\"}\nsteps: []\n"
    }
    text = compile_plan(load_project(files)).text()
    assert "'x''; DROP TABLE crm.account; --'" in text
    assert "x'; DROP" not in text


def test_the_starter_compiles_to_the_same_text_twice() -> None:
    files = read_folder(STARTER)
    assert compile_plan(load_project(files)).text() == compile_plan(load_project(files)).text()
