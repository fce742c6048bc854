"""Explanations of one record: facts checked by hand, and the sentences that are made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.projects import DAY, SETTINGS, START, write_project
from typer.testing import CliRunner

from definitions import UserError, load_project
from pipelines.cli.explain_text import explain_lines
from pipelines.cli.main import app
from pipelines.cli.sentences import exit_reason, refusal, what_comes, where_it_stands
from pipelines.explanation import Explanation, Gate, explain
from pipelines.inspection import Judged, Seen
from pipelines.snapshot import take_snapshot
from pipelines.workspace import Workspace
from pipelines.worlds import RowSource, World
from sql import DuckDBSession

ZONE = ZoneInfo("UTC")
FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
label: name
fields: {account_id: text, name: text, health: text, seats: integer, plan: text, renewed: boolean}
relations:
  tickets: {object: ticket, on: account_id}
computed:
  half_seats: seats / 2
""",
    "catalog/ticket.yaml": """
object: ticket
table: crm.tickets
key: ticket_id
fields: {ticket_id: text, account_id: text, priority: text}
""",
    "segments/busy.yaml": "object: account\nwhen: count(tickets) filter (where priority = 'urgent') >= 2\n",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry:
  when:
    - health = 'poor'
    - any: [half_seats > 3, segment('busy')]
    - none: [plan = 'Free']
reentry: {after: requalifying, wait: 30 days}
objective: {name: Renewed, when: renewed}
exit: {when: seats = 0}
steps:
  - id: call
    task: {title: Call, due: 2 days}
  - id: rest
    wait: 7 days
  - id: size
    branch:
      - name: Large
        if: seats >= 100
        steps:
          - id: visit
            task: {title: Visit}
    else:
      - id: write
        notify: {channel: "#care", text: Write}
  - id: calm
    wait: {until: health = 'good', at_most: 7 days, otherwise: exit}
  - id: close
    update: {plan: Saved}
""",
}
A1 = {"name": "Acme", "health": "poor", "seats": 8, "plan": "Pro", "renewed": False}
TICKETS = {f"t{i}": {"account_id": "a1", "priority": "urgent" if i < 3 else "low"} for i in range(5)}


@pytest.fixture
def world() -> Iterator[World]:
    with DuckDBSession() as session:
        session.migrate()
        made = World(load_project(FILES), session)
        made.apply()
        made.set({"account": {"a1": A1}, "ticket": TICKETS})
        yield made


def sentence(world: World, record: str = "a1") -> str:
    return where_it_stands(explain(world.session, "care", record), ZONE)


def account(world: World, **fields: Any) -> None:
    world.set({"account": {"a1": fields}})


def test_every_leaf_has_its_truth_and_the_values_it_saw(world: World) -> None:
    account(world, plan=None)
    world.evaluate(START)
    found = explain(world.session, "care", "a1")
    health = Judged("leaf", "health = 'poor'", "true", (Seen("health", "poor"),))
    seats = Judged("leaf", "half_seats > 3", "true", (Seen("half_seats", 4.0),))
    urgent = "count(tickets) filter (where priority = 'urgent')"
    tickets = Judged("leaf", f"{urgent} >= 2", "true", (Seen(urgent, 3),))
    busy = Judged("segment", "segment('busy')", "true", parts=(tickets,))
    free = Judged("leaf", "plan = 'Free'", "unknown", (Seen("plan", None),))
    some, none = Judged("any", "", "true", parts=(seats, busy)), Judged("none", "", "true", parts=(free,))
    assert found.entry == Judged("all", "", "true", parts=(health, some, none))
    assert found.exit == Judged("leaf", "seats = 0", "false", (Seen("seats", 8),))
    assert found.objective == Judged("leaf", "renewed", "false", (Seen("renewed", False),))


def test_values_are_the_records_own(world: World) -> None:
    world.set({"account": {"a2": {**A1, "name": "Bolt", "seats": 2}}, "ticket": {"t9": {"account_id": "a2"}}})
    world.evaluate(START)
    found = explain(world.session, "care", "a2")
    assert found.entry is not None
    seats, busy = found.entry.parts[1].parts
    assert (seats.truth, seats.values) == ("false", (Seen("half_seats", 1.0),))
    assert busy.parts[0].values[0].value == 0
    assert sentence(world, "a2") == (
        "Bolt did not enter: it does not qualify: `half_seats > 3` is false (half_seats = 1); `segment('busy')` is false."
    )


def test_related_rows_are_explained_one_by_one(world: World) -> None:
    rows = {
        "workflows/care.yaml": FILES["workflows/care.yaml"].replace(
            "entry:\n", "entry:\n  each: {relation: tickets, where: priority <> 'low'}\n"
        )
    }
    world.apply(load_project(FILES | rows))
    world.set(
        {
            "account": {"a2": {**A1, "name": "Bolt"}, "a3": {**A1, "name": "Cord"}},
            "ticket": {"t8": {"account_id": "a2", "priority": "high"}},
        }
    )
    world.evaluate(START)
    with pytest.raises(UserError) as found:
        explain(world.session, "care", "a1")
    assert (found.value.code, found.value.hint) == ("several-rows", "explain `a1+t0` or `a1+t1` or `a1+t2`")
    one = explain(world.session, "care", "a1+t1")
    assert (one.record, one.label, one.gate.standing, len(one.passages)) == ("a1+t1", "Acme", "inside", 1)
    assert [action.step for move in one.passages[0].moves for action in move.actions] == ["call"]
    # where there is but one, the row may be left out
    assert explain(world.session, "care", "a2").record == "a2+t8"
    assert sentence(world, "a3") == "Cord did not enter: it qualifies, but no related row is one that `each` takes."
    assert sentence(world, "a1+t4") == "Acme did not enter: it qualifies, but `t4` is not one that `each` takes."
    world.set({"ticket": {"t8": {"priority": "low"}, "t1": None}, "account": {"a1": {"renewed": True}}})
    world.evaluate(START + DAY)
    assert explain(world.session, "care", "a1+t1").gate.standing == "out"
    assert explain(world.session, "care", "a2+t8").gate.qualifies_since is None


def test_a_group_of_none_is_blamed_for_what_holds(world: World) -> None:
    account(world, plan="Free")
    world.evaluate(START)
    assert sentence(world) == "Acme did not enter: it does not qualify: `plan = 'Free'` is true (plan = Free)."


def test_who_is_inside_is_told_with_the_path_and_what_comes(world: World) -> None:
    world.evaluate(START)
    assert list(explain_lines(explain(world.session, "care", "a1"), ZONE)) == [
        "Acme (a1) in care, as of 5 January 2026 at 09:00",
        "",
        "Acme is inside since 5 January 2026 at 09:00: it began to qualify on 5 January 2026 and no gate kept it out.",
        "It qualifies since 5 January 2026.",
        "On 12 January 2026 at 09:00 it goes on from `rest` (wait 7 days); as things stand: `size` takes else, "
        "then notify: write, then it rests at `calm`.",
        "",
        "entry",
        "  true   all of",
        "  true     health = 'poor'                                             health = poor",
        "  true     any of",
        "  true       half_seats > 3                                            half_seats = 4",
        "  true       segment('busy')",
        "  true         count(tickets) filter (where priority = 'urgent') >= 2  count(tickets) filter (...) = 3",
        "  true     none of",
        "  false      plan = 'Free'                                             plan = Pro",
        "",
        "exit",
        "  false  seats = 0  seats = 8",
        "",
        "objective",
        "  false  renewed  renewed = false",
        "",
        "at size / Large",
        "  false  seats >= 100  seats = 8",
        "",
        "at calm",
        "  false  health = 'good'  health = poor",
        "",
        "path",
        "  5 January 2026 at 09:00  entered",
        "  5 January 2026 at 09:00  went on",
        "                           task `call`: planned on 5 January 2026, due on 7 January 2026",
        "                           rests at `rest` until 12 January 2026 at 09:00",
    ]


def test_what_comes_follows_what_holds_now(world: World) -> None:
    world.evaluate(START)
    account(world, seats=120)
    world.evaluate(START + 7 * DAY)
    found = explain(world.session, "care", "a1")
    passed = found.passages[0].moves[-1].passed
    assert [(p.step, p.arm) for p in passed] == [("size", "Large"), ("visit", None)]
    assert found.next is not None
    assert what_comes(found.next, ZONE) == (
        "On 19 January 2026 at 09:00 at the latest it goes on from `calm` (wait at most 7 days), sooner when its condition "
        "is met; as things stand: it leaves (timed out)."
    )
    account(world, health="good")
    take_snapshot(world.session, world.project, _sources(world), START + 8 * DAY)
    found = explain(world.session, "care", "a1")
    assert found.newer_snapshot and found.next is not None and found.next.ready
    assert what_comes(found.next, ZONE) == (
        "At the next evaluation it goes on from `calm`: update: close, then it reaches the end."
    )


def test_who_finishes_older_steps_is_explained_by_them(world: World) -> None:
    world.evaluate(START)
    edit = {
        "exit: {when: seats = 0}": "exit: {when: seats = 1}\non_structural_change: finish_old",
        "when: renewed": "when: seats > 500",
    }
    edit |= {"  - id: rest\n    wait: 7 days\n": "  - id: other\n    wait: 2 days\n"}
    text = FILES["workflows/care.yaml"]
    for old, new in edit.items():
        text = text.replace(old, new)
    world.apply(load_project(FILES | {"workflows/care.yaml": text}))
    world.set({"account": {"a2": A1 | {"name": "Beta", "seats": 120}}})
    world.evaluate(START + DAY)
    old, new = explain(world.session, "care", "a1"), explain(world.session, "care", "a2")
    assert (old.older_steps, new.older_steps) == (1, None)
    assert old.next is not None and new.next is not None
    assert (old.next.place, old.next.due, [p.step for p in old.next.steps]) == (
        "rest",
        START + 7 * DAY,
        ["size", "write"],
    )
    assert (new.next.place, new.next.due, [p.step for p in new.next.steps]) == (
        "other",
        START + 3 * DAY,
        ["size", "visit"],
    )
    conditions = [(e.exit.text, e.objective.text) for e in (old, new) if e.exit is not None and e.objective is not None]
    assert conditions == [("seats = 0", "renewed"), ("seats = 1", "seats > 500")]
    lines = list(explain_lines(old, ZONE))
    assert "It finishes the steps of version 1, which an edit has replaced for others." in lines


def _sources(world: World) -> dict[str, Any]:
    specs = world.project.catalog.objects.items()
    return {
        "crm": RowSource({spec.table.split(".")[1]: list(world.rows.get(name, {}).values()) for name, spec in specs})
    }


def test_the_wait_after_an_exit_tells_days_gone_days_required_and_the_day_it_ends(world: World) -> None:
    world.evaluate(START)
    account(world, seats=0)
    world.evaluate(START + DAY)
    assert sentence(world) == "Acme did not enter: it has not stopped qualifying since it left on 6 January 2026."
    account(world, seats=8, health="good")
    world.evaluate(START + 2 * DAY)
    account(world, health="poor")
    world.evaluate(START + 21 * DAY)
    assert sentence(world) == (
        "Acme did not enter: it left 20 days ago and 30 are required; it can enter on 5 February 2026."
    )


def test_the_gates_of_a_second_time_have_their_sentences(world: World) -> None:
    world.evaluate(START)
    account(world, seats=0)
    world.evaluate(START + DAY)
    world.evaluate(START + 2 * DAY)
    assert sentence(world) == "Acme did not enter: it has not stopped qualifying since it left on 6 January 2026."
    never = FILES["workflows/care.yaml"].replace("{after: requalifying, wait: 30 days}", "{after: never}")
    world.apply(load_project({**FILES, "workflows/care.yaml": never}))
    world.evaluate(START + 3 * DAY)
    assert sentence(world) == "Acme did not enter: it entered on 5 January 2026, and nobody enters twice."


def test_who_meets_the_objective_or_the_exit_condition_already_is_told_so(world: World) -> None:
    account(world, renewed=True)
    world.evaluate(START)
    assert sentence(world) == "Acme did not enter: it meets the objective already."
    account(world, seats=0)
    world.evaluate(START + DAY)
    assert sentence(world) == "Acme did not enter: it meets the exit condition already."


def test_who_is_out_is_told_how_it_ended_and_what_is_missing_now(world: World) -> None:
    world.evaluate(START)
    account(world, health="good")
    world.evaluate(START + 7 * DAY)
    assert sentence(world) == (
        "Acme is out since 12 January 2026 at 09:00: it reached the end. "
        "Now it does not qualify: `health = 'poor'` is false (health = good)."
    )


def test_a_newcomer_gate_names_the_first_enabling(world: World) -> None:
    text = FILES["workflows/care.yaml"].replace("launch: everyone", "launch: newcomers")
    world.apply(load_project({**FILES, "workflows/other.yaml": text}))
    world.evaluate(START)
    found = explain(world.session, "other", "a1")
    assert where_it_stands(found, ZONE) == (
        "Acme did not enter: it qualified already when the workflow was first enabled on 5 January 2026, "
        "and only newcomers enter."
    )


def test_a_workflow_that_is_not_enabled_says_so(world: World) -> None:
    world.apply(
        load_project({**FILES, "workflows/care.yaml": FILES["workflows/care.yaml"].replace("enabled", "paused")})
    )
    world.evaluate(START)
    assert sentence(world) == "Acme cannot enter: the workflow is paused."


def test_a_deleted_record_keeps_its_path(world: World) -> None:
    world.evaluate(START)
    world.set({"account": {"a1": None, "a2": A1}})
    world.evaluate(START + DAY)
    found = explain(world.session, "care", "a1")
    assert found.entry is None
    assert found.gate.standing == "gone"
    assert list(explain_lines(found, ZONE))[-1] == "  6 January 2026 at 09:00  left: its record was deleted"


def test_a_held_out_participant_is_only_watched(world: World) -> None:
    held = FILES["workflows/care.yaml"].replace("launch: everyone", "launch: everyone\nholdout: 100%")
    world.apply(load_project({**FILES, "workflows/care.yaml": held}))
    world.evaluate(START)
    found = explain(world.session, "care", "a1")
    assert "one of the control group" in where_it_stands(found, ZONE)
    assert found.next is not None
    assert what_comes(found.next, ZONE) == "It is watched until 19 January 2026 at 09:00."


def test_a_change_is_shown_with_what_was_before(world: World) -> None:
    text = FILES["workflows/care.yaml"].replace("health = 'poor'\n", "changed_to(health, 'poor')\n")
    world.apply(load_project({**FILES, "workflows/care.yaml": text}))
    account(world, health="good")
    world.evaluate(START)
    account(world, health="poor")
    world.evaluate(START + DAY)
    found = explain(world.session, "care", "a1")
    assert found.entry is not None
    assert found.entry.parts[0] == Judged(
        "leaf", "changed_to(health, 'poor')", "true", (Seen("health", "poor"), Seen("previous health", "good"))
    )
    assert found.gate.standing == "inside"


def test_a_condition_that_lasts_is_shown_with_since_when(world: World) -> None:
    text = FILES["workflows/care.yaml"].replace("health = 'poor'\n", "held_for(health = 'poor', interval 3 days)\n")
    world.apply(load_project({**FILES, "workflows/care.yaml": text}))
    for day in range(3):
        world.evaluate(START + day * DAY)
    found = explain(world.session, "care", "a1")
    assert found.entry is not None
    seen = (Seen("health", "poor"), Seen("held since", "2026-01-05 09:00:00+00"))
    assert found.entry.parts[0] == Judged("leaf", "held_for(health = 'poor', interval 3 days)", "false", seen)


def test_an_explanation_changes_nothing(world: World) -> None:
    world.evaluate(START)
    before = {table: world.session.count(table) for table in world.session.columns() if not table.startswith("main.")}
    explain(world.session, "care", "a1")
    after = {table: world.session.count(table) for table in world.session.columns() if not table.startswith("main.")}
    assert after == before


@pytest.mark.parametrize(
    ("workflow", "record", "code", "hint"),
    [
        ("cares", "a1", "unknown-workflow", "did you mean `care`?"),
        ("care", "a12", "unknown-record", "did you mean `a1`?"),
        ("care", "Acme", "unknown-record", "did you mean `a1`?"),
        ("care", "zzz", "unknown-record", None),
    ],
)
def test_an_unknown_name_names_the_nearest(
    world: World, workflow: str, record: str, code: str, hint: str | None
) -> None:
    world.evaluate(START)
    with pytest.raises(UserError) as caught:
        explain(world.session, workflow, record)
    assert (caught.value.code, caught.value.hint) == (code, hint)


def test_without_an_evaluation_there_is_nothing_to_explain(world: World) -> None:
    with pytest.raises(UserError, match="no evaluation") as caught:
        explain(world.session, "care", "a1")
    assert caught.value.code == "not-evaluated"


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (Gate("refused", "locked", detail="win_back"), "it is inside `win_back`, which locks this workflow"),
        (Gate("refused", "no_meetings_left", detail="3 of 3"), "no meetings left (3 of 3)"),
        (
            Gate("refused", "waiting_after_exit", last_left=START - timedelta(hours=3), until=START + timedelta(hours=1), required="4 hours"),
            "it left 3 hours ago and 4 hours are required; it can enter on 5 January 2026 at 10:00",
        ),
        (
            Gate("refused", "waiting_after_exit", last_left=START - 10 * DAY, until=START + 21 * DAY, required="1 month"),
            "it left 10 days ago and 1 month is required; it can enter on 26 January 2026",
        ),
    ],
)  # fmt: skip
def test_a_reason_has_its_sentence_or_is_told_by_its_code(gate: Gate, expected: str) -> None:
    assert refusal(gate, START, ZONE) == expected


def test_an_exit_has_its_words_or_is_told_by_its_code() -> None:
    assert (exit_reason("merged"), exit_reason("too_small")) == ("its record was merged into another", "too small")


def test_the_example_of_the_design(world: World) -> None:
    world.evaluate(START)
    gate = Gate(
        "refused",
        "waiting_after_exit",
        last_left=datetime(2026, 2, 11, 9, tzinfo=UTC),
        until=datetime(2026, 5, 12, 9, tzinfo=UTC),
        required="90 days",
    )
    found: Explanation = replace(
        explain(world.session, "care", "a1"), gate=gate, as_of=datetime(2026, 3, 28, 9, tzinfo=UTC)
    )
    assert where_it_stands(found, ZONE) == (
        "Acme did not enter: it left 45 days ago and 90 are required; it can enter on 12 May 2026."
    )


def test_every_participant_of_the_demo_can_be_explained(demo_warehouse: Workspace) -> None:
    """Every kind of end of every workflow, in words and as data; and the state tables say the same."""
    session = DuckDBSession(demo_warehouse.warehouse, timezone="America/New_York", read_only=True)
    zone = ZoneInfo("America/New_York")
    with session:
        kinds = session.rows(
            "SELECT workflow, MIN(record) AS record FROM state.participants GROUP BY workflow, status, exit_reason"
        )
        kinds += session.rows("SELECT workflow, MIN(record) AS record FROM state.refusals GROUP BY workflow, reason")
        assert len(kinds) > 25
        for row in kinds:
            found = explain(session, row["workflow"], row["record"])
            text = "\n".join(explain_lines(found, zone))
            assert "None" not in text, text
            inside = session.rows(
                "SELECT COUNT(*) AS n FROM state.participants WHERE workflow = $workflow AND record = $record AND left_at IS NULL",
                row,
            )
            assert (found.gate.standing == "inside") == bool(inside[0]["n"])
            qualifies = found.gate.qualifies_since is not None
            assert found.entry is None or (found.entry.truth == "true") == qualifies, row


def test_the_command_line_explains_in_words_and_as_data(tmp_path: Path) -> None:
    write_project(tmp_path, FILES)
    header = "account_id,name,health,seats,plan,renewed\n"
    (tmp_path / "data/accounts.csv").write_text(header + "a1,Acme,poor,8,Pro,false\n")
    (tmp_path / "data/tickets.csv").write_text("ticket_id,account_id,priority\n")
    where = ("-p", str(tmp_path))
    for words in (("apply",), ("snapshot", "--as-of", "2026-01-05T09:00"), ("evaluate", "--as-of", "2026-01-05T09:00")):
        assert CliRunner().invoke(app, [*words, *where]).exit_code == 0
    told = CliRunner().invoke(app, ["explain", "care", "a1", *where])
    assert "Acme is inside since 5 January 2026 at 09:00" in told.output
    data = json.loads(CliRunner().invoke(app, ["explain", "care", "a1", *where, "--json"]).output)
    assert data["gate"]["standing"] == "inside"
    assert data["next"]["due"] == "2026-01-12T09:00:00Z"
