"""What a truth depends on: paths to other records, boundaries of the clock, days, and what has no boundary."""

from __future__ import annotations

import pytest

from definitions import load_project
from sql import compile_plan
from sql.truths.affected import reach_of_object
from sql.truths.reach import Reach
from sql.truths.scans import full_scans

FILES = {
    "project.yaml": "name: t\nsources: {crm: {kind: files, path: data}}\n",
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, owner_id: text, seats: integer, renews_on: date, seen_at: timestamp, starts_at: timestamp}
relations:
  owner: {object: user, key: owner_id}
  tickets: {object: ticket, on: account_id}
  replies: {through: tickets.replies}
""",
    "catalog/user.yaml": "object: user\ntable: crm.users\nkey: user_id\nfields: {user_id: text, team: text}\n",
    "catalog/ticket.yaml": """
object: ticket
table: crm.tickets
key: ticket_id
fields: {ticket_id: text, account_id: text, priority: text, opened_at: timestamp}
relations: {replies: {object: reply, on: ticket_id}}
""",
    "catalog/reply.yaml": """
object: reply
table: crm.replies
key: reply_id
fields: {reply_id: text, ticket_id: text, sent_at: timestamp}
""",
}


def reach(condition: str) -> Reach:
    workflow = f'object: account\nstate: enabled\nlaunch: everyone\nentry: {{when: "{condition}"}}\nsteps: [{{id: n, notify: {{channel: c, text: x}}}}]\n'
    return reach_of_object(compile_plan(load_project(FILES | {"workflows/w.yaml": workflow})).truths, "account")


def ends(found: Reach) -> list[str]:
    return sorted(".".join(hop.target for hop in path) for path in found.paths.values())


@pytest.mark.parametrize(
    ("condition", "paths"),
    [
        ("seats > 3", []),
        ("owner.team = 'cs'", ["user"]),
        ("count(tickets) filter (where priority = 'high') > 1", ["ticket"]),
        ("count(replies) > 2", ["ticket", "ticket.reply"]),
        ("count(tickets) filter (where count(replies) > 2) = 1", ["ticket", "ticket.reply"]),
    ],
)
def test_a_condition_reaches_every_table_on_its_way(condition: str, paths: list[str]) -> None:
    found = reach(condition)
    assert ends(found) == paths
    assert not (found.crossings or found.by_day or found.looks_back or found.everyone)


@pytest.mark.parametrize(
    ("condition", "sides"),
    [
        ("seen_at > now() - interval 7 days", ["r.seen_at"]),
        ("now() < seen_at", ["r.seen_at"]),
        ("now() between seen_at and starts_at", ["r.seen_at", "r.starts_at"]),
        ("count(tickets) filter (where opened_at > now() - interval 1 hour) > 0", ["t.opened_at"]),
        ("max(tickets.opened_at) < now() - interval 14 days", ["t.opened_at"]),
        ("changed(seats, within => interval 3 days)", ["t.changed_at"]),
        ("held_for(seats > 3, interval 3 days)", ["matched_from"]),
    ],
)
def test_a_comparison_with_the_clock_has_a_boundary(condition: str, sides: list[str]) -> None:
    found = reach(condition)
    said = sorted(crossing.side.sql("duckdb") for crossing in found.crossings.values())
    assert len(said) == len(sides)
    assert all(side in text for side, text in zip(sides, said, strict=True))
    assert not (found.by_day or found.everyone)


@pytest.mark.parametrize(
    "condition",
    [
        "renews_on <= today() + interval 30 days",
        "days_since(seen_at) > 7",
        "date_trunc('month', now()) <= seen_at",
        "anniversary(renews_on) = today()",
    ],
)
def test_local_days_change_at_midnight_alone(condition: str) -> None:
    found = reach(condition)
    assert found.by_day
    assert not (found.crossings or found.everyone)


@pytest.mark.parametrize("condition", ["changed(seats)", "created()", "updated()", "crossed_above(seats, 5)"])
def test_what_changed_last_time_is_looked_at_again(condition: str) -> None:
    assert reach(condition).looks_back


@pytest.mark.parametrize("condition", ["extract(hour from now()) < 12", "coalesce(seen_at, now()) > starts_at"])
def test_what_has_no_boundary_is_judged_for_everyone_and_says_so(condition: str) -> None:
    found = reach(condition)
    assert found.everyone
    workflow = f'object: account\nstate: enabled\nlaunch: everyone\nentry: {{when: "{condition}"}}\nsteps: [{{id: n, notify: {{channel: c, text: x}}}}]\n'
    plan = compile_plan(load_project(FILES | {"workflows/w.yaml": workflow}))
    assert [name for name in plan.truths.objects if reach_of_object(plan.truths, name).everyone] == ["account"]
    assert "no boundary" in next(part.sentence for part in plan.parts(True, False) if part.name == "reached_account")


@pytest.mark.parametrize(
    ("condition", "is_for_all"),
    [
        ("seen_at < now() - interval 2 hours", False),
        ("renews_on < today() or days_since(seen_at) > 3", False),
        ("min(tickets.opened_at) < now() - interval 2 hours", False),
        ("entered_at < now() and seats > 3", False),
        ("extract(hour from now()) < 12", True),
        ("seen_at + (now() - starts_at) > now()", True),
        ("count(tickets) filter (where extract(hour from now()) = extract(hour from opened_at)) > 1", True),
    ],
)
def test_what_has_to_be_judged_for_everyone_is_warned_of_where_it_is_written(condition: str, is_for_all: bool) -> None:
    workflow = f"""object: account
state: enabled
launch: everyone
entry: {{when: segment('s')}}
steps:
  - id: b
    branch: [{{name: One, if: "{condition}", steps: [{{id: n, notify: {{channel: c, text: x}}}}]}}]
"""
    segment = f'object: account\nwhen: "{"seats > 1" if "entered_at" in condition else condition}"\n'
    found = full_scans(load_project(FILES | {"workflows/w.yaml": workflow, "segments/s.yaml": segment}))
    places = [(p.code, p.span.file, p.span.line) for p in found]
    assert places == [("full-scan", "segments/s.yaml", 2), ("full-scan", "workflows/w.yaml", 7)] * is_for_all
    assert all(p.span.source_line[p.span.column - 1 :].startswith("now()") for p in found)
