"""Looking before leaping: plan, guards and preview, which say what would happen and leave no trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.projects import DAY, SETTINGS, START, changed, write_project
from typer.testing import CliRunner

from definitions import Project, UserError, load_project
from definitions.differences import Changed, Difference, compare_projects
from pipelines.apply import apply_project
from pipelines.cli.authoring import copy_starter
from pipelines.cli.main import app
from pipelines.cli.plan_text import plan_lines
from pipelines.cli.preview_text import preview_lines
from pipelines.errors import GuardExceeded
from pipelines.evaluation import evaluate
from pipelines.guards import apply_guarded
from pipelines.inspection import Counted
from pipelines.planning import Effects, make_plan, rehearse
from pipelines.previewing import Labelled, make_preview
from pipelines.snapshot import take_snapshot
from pipelines.workspace import Workspace
from pipelines.worlds import World
from sql import DuckDBSession
from sql.errors import StatementFailed

ZONE = ZoneInfo("UTC")
FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
label: name
fields: {account_id: text, name: text, health: text, seats: integer, owner_id: text}
relations:
  owner: {object: user, key: owner_id}
  contacts: {object: contact, on: account_id}
""",
    "catalog/user.yaml": "object: user\ntable: crm.users\nkey: user_id\nfields: {user_id: text}\n",
    "catalog/contact.yaml": """
object: contact
table: crm.contacts
key: contact_id
fields: {contact_id: text, account_id: text}
""",
    "segments/big.yaml": "object: account\nwhen: seats >= 10\n",
    "messages/hello.md": "Hello\nGoodbye\n",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry:
  when:
    - health = 'poor'
    - any: [seats > 3, segment('big')]
reentry: {after: requalifying, wait: 3 days}
recipient: {relation: contacts}
steps:
  - id: call
    task: {title: "Call {{ account.name }}", assign: owner, due: 2 days}
  - {id: rest, wait: 3 days}
  - id: hello
    email: {template: messages/hello.md, subject: Hello}
  - id: bye
    email: {template: messages/hello.md, subject: Bye}
""",
}
ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "account": {
        "a1": {"name": "Acme", "health": "poor", "seats": 4, "owner_id": "u1"},
        "a2": {"name": "Bolt", "health": "poor", "seats": 2, "owner_id": "u1"},
        "a3": {"name": "Cord", "health": "good", "seats": 12, "owner_id": "u2"},
        "a4": {"name": "Dune", "health": "poor", "seats": None, "owner_id": "u2"},
        "a5": {"name": "Echo", "health": None, "seats": 30, "owner_id": "u1"},
        "a6": {"name": "Fern", "health": "poor", "seats": 11, "owner_id": "u1"},
    },
    "contact": {"c1": {"account_id": "a1"}, "c6": {"account_id": "a6"}},
}


def project(**changes: str) -> Project:
    return changed(FILES, changes)


def care(*edits: tuple[str, str], **changes: str) -> Project:
    text = FILES["workflows/care.yaml"]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return project(workflows__care=text, **changes)


def guarded(guards: str) -> Project:
    return project(project=FILES["project.yaml"] + f"guards: {guards}\n")


def contents(session: DuckDBSession) -> dict[str, tuple[int, int]]:
    """Rows and their hash, of every table that stays."""
    found: dict[str, tuple[int, int]] = {}
    for table in session.columns():
        if not table.startswith("main."):
            sql = f"SELECT COUNT(*) AS n, COALESCE(SUM(CAST(hash(t) AS HUGEINT)), 0) AS h FROM {table} AS t"
            (row,) = session.rows(sql)
            found[table] = (row["n"], row["h"])
    return found


@pytest.fixture
def world() -> Iterator[World]:
    with DuckDBSession() as session:
        session.migrate()
        made = World(project(), session)
        made.set(ROWS)
        yield made


@pytest.fixture
def live(world: World) -> World:
    """Applied, snapshot taken and evaluated once: a1 and a6 are inside."""
    world.apply()
    world.evaluate(START)
    return world


def test_nothing_of_a_rehearsal_remains(live: World) -> None:
    before = contents(live.session)
    with live.session.rehearsal():
        apply_project(live.session, care(("3 days}\n  - id: hello", "1 days}\n  - id: hello")), at=START, by="test")
        evaluate(live.session, START + 2 * DAY)
        assert contents(live.session) != before
    assert contents(live.session) == before


def test_a_rehearsal_that_fails_leaves_nothing_either(live: World) -> None:
    before = contents(live.session)
    with pytest.raises(RuntimeError), live.session.rehearsal():
        evaluate(live.session, START + DAY)
        raise RuntimeError
    assert contents(live.session) == before
    assert evaluate(live.session, START + DAY).made


def test_a_rehearsal_sets_the_timezone_back(live: World) -> None:
    elsewhere = project(project=FILES["project.yaml"].replace("UTC", "Asia/Tokyo"))
    rehearse(live.session, elsewhere, START + DAY, 1)
    assert live.session.rows("SELECT current_setting('TimeZone') AS zone") == [{"zone": "UTC"}]


def test_a_transaction_inside_another_joins_it() -> None:
    with DuckDBSession() as session:
        session.execute("CREATE TABLE t (n INTEGER)")
        with pytest.raises(RuntimeError), session.transaction():
            with session.transaction():
                session.execute("INSERT INTO t VALUES (1)")
            raise RuntimeError
        assert session.count("t") == 0
        with session.transaction(), session.transaction():
            session.execute("INSERT INTO t VALUES (1)")
        assert session.count("t") == 1


def test_half_of_a_joined_transaction_is_never_committed() -> None:
    with DuckDBSession() as session:
        session.execute("CREATE TABLE t (n INTEGER)")
        with pytest.raises(StatementFailed, match="nothing is committed"), session.transaction():
            try:
                with session.transaction():
                    session.execute("INSERT INTO t VALUES (1)")
                    raise RuntimeError
            except RuntimeError:
                session.execute("INSERT INTO t VALUES (2)")
        assert session.count("t") == 0


def test_a_rehearsal_inside_a_transaction_is_refused() -> None:
    with DuckDBSession() as session, session.transaction(), pytest.raises(StatementFailed), session.rehearsal():
        pass


def test_spaces_capitals_and_quotes_are_no_difference() -> None:
    same = care(
        ("health = 'poor'", "\"health  =  'poor'\""), ("[seats > 3, segment('big')]", "[seats>3, SEGMENT('big')]")
    )
    assert compare_projects(project(), same) == ()


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([("state: enabled", "state: paused")], [Difference("state", "enabled", "paused")]),
        ([("health = 'poor'", "health = 'bad'")], [Difference("entry", "health = 'poor'", "health = 'bad'")]),
        ([("    - health = 'poor'\n", "")], [Difference("entry", "health = 'poor'", None)]),
        ([("seats > 3, ", "seats > 3, seats = 1, ")], [Difference("entry", None, "  seats = 1")]),
        ([("rest, wait: 3 days", "rest, wait: 1 week")], [Difference("step rest", "wait: 3 days", "wait: 1 week")]),
        ([("wait: 3 days}\nrec", "wait: 4 days}\nrec")], [Difference("reentry", "wait: 3 days", "wait: 4 days")]),
        ([("Call {{", "Ring {{")], [Difference("step call", "task.title: Call {{ account.name }}", "task.title: Ring {{ account.name }}")]),
        ([("id: rest", "id: pause")], [Difference("step pause", None, "wait: 3 days"), Difference("step rest", "wait: 3 days", None)]),
        ([("launch: everyone", "launch: everyone\nholdout: 10%")], [Difference("holdout", "0%", "10%")]),
    ],
)  # fmt: skip
def test_a_difference_is_told_by_its_part_old_and_new(edits: list[tuple[str, str]], expected: list[Difference]) -> None:
    changed = compare_projects(project(), care(*edits))
    assert changed == (Changed("workflow", "care", "changed", tuple(expected)),)


def test_steps_that_change_places_have_not_come_or_gone() -> None:
    text = (
        FILES["workflows/care.yaml"]
        .replace("id: hello", "id: x")
        .replace("id: bye", "id: hello")
        .replace("id: x", "id: bye")
    )
    text = (
        text.replace("subject: Hello", "subject: x")
        .replace("subject: Bye", "subject: Hello")
        .replace("subject: x", "subject: Bye")
    )
    (changed,) = compare_projects(project(), project(workflows__care=text))
    assert changed.differences == (Difference("order of steps", "call, rest, hello, bye", "call, rest, bye, hello"),)


def test_a_message_a_segment_and_a_field_that_change_are_told_where_they_stand() -> None:
    files = {
        **FILES,
        "messages/hello.md": "Hello\nFarewell\n",
        "segments/big.yaml": "object: account\nwhen: seats >= 20\n",
    }
    files["catalog/account.yaml"] = FILES["catalog/account.yaml"].replace("seats: integer", "seats: number")
    changed = compare_projects(project(), load_project(files))
    words = (
        Difference("step hello", "text: Goodbye", "text: Farewell"),
        Difference("step bye", "text: Goodbye", "text: Farewell"),
    )
    assert changed == (
        Changed("workflow", "care", "changed", words),
        Changed("segment", "big", "changed", (Difference("when", "seats >= 10", "seats >= 20"),)),
        Changed("object", "account", "changed", (Difference("fields", "seats.type: integer", "seats.type: number"),)),
    )


def test_journeys_calendars_limits_and_windows_that_change_are_told_as_written() -> None:
    def made(days: str, day: str, rate: int, close: str) -> Project:
        files = dict(FILES)
        files["project.yaml"] += f"limits: {{sender: {{at_most: {rate} per day}}}}\n"
        stage = f"{{name: Start, when: health = 'good', duration: {days}}}"
        files["journeys/life.yaml"] = f"object: account\nstages: [{stage}]\n"
        files["calendars/closed.yaml"] = f"dates: [{day}]\n"
        files["workflows/care.yaml"] += f'communication: {{window: {{days: sat, from: "09:00", to: "{close}"}}}}\n'
        return load_project(files)

    changed = compare_projects(made("1 day", "2026-07-03", 5, "12:00"), made("2 days", "2026-07-04", 6, "13:00"))
    assert [(c.kind, d.old, d.new) for c in changed for d in c.differences] == [
        ("workflow", "window: sat 09:00 to 12:00", "window: sat 09:00 to 13:00"),
        ("journey", "duration: 1 day", "duration: 2 days"),
        ("calendar", "date: 2026-07-03", "date: 2026-07-04"),
        ("project", "sender.at_most: 5 per day", "sender.at_most: 6 per day"),
    ]


def test_each_workflow_is_tagged_by_what_kind_of_change_it_is(live: World) -> None:
    def tags(after: Project) -> dict[str, tuple[str, ...]]:
        return dict(make_plan(live.session, after, START + DAY, 0).tags)

    text = FILES["workflows/care.yaml"]
    assert tags(project()) == {}
    assert tags(care(("Call {{", "Ring {{"))) == {"care": ("words",)}
    assert tags(care(("state: enabled", "state: paused"))) == {"care": ("state",)}
    assert tags(care(("state: enabled", "state: paused"), ("rest, wait: 3", "rest, wait: 4"))) == {
        "care": ("logic", "state")
    }
    assert tags(project(segments__big="object: account\nwhen: seats >= 20\n")) == {"care": ("logic",)}
    assert tags(project(workflows__other=text)) == {"other": ("new",)}
    gone = {name: text for name, text in FILES.items() if not name.startswith("workflows")}
    assert tags(load_project(gone)) == {"care": ("gone",)}


def test_a_shared_definition_that_changes_is_named_where_it_works(live: World) -> None:
    around = "object: account\nwhen: segment('big')\n"
    live.apply(care(("segment('big')", "segment('around')"), segments__around=around))
    edited = {"segments__around": around, "segments__big": "object: account\nwhen: seats >= 20\n"}
    planned = make_plan(live.session, care(("segment('big')", "segment('around')"), **edited), START + DAY, 0)
    assert planned.through == {"care": ("big",)}
    assert list(plan_lines(planned, ZONE))[:6] == [
        "1 workflow changed",
        "  care: logic",
        "    through segment big, see below",
        "shared",
        "  segment big",
        "    when  seats >= 10 -> seats >= 20",
    ]


def test_a_plan_counts_what_the_next_evaluation_and_the_coming_days_cause(world: World) -> None:
    world.apply(care(("state: enabled", "state: draft")))
    world.evaluate(START)
    planned = make_plan(world.session, project(), START + DAY, 3)
    assert planned.rehearsal is not None
    # a1 and a6 qualify; three days later each gets both emails and is through
    assert planned.rehearsal.next == {"care": Effects(entered=2, actions={"task": 2})}
    assert planned.rehearsal.coming == {"care": Effects(entered=2, completed=2, actions={"task": 2, "email": 4})}
    assert list(plan_lines(planned, ZONE)) == [
        "1 workflow changed",
        "  care: state",
        "    state  draft -> enabled",
        "",
        "the next evaluation, 6 January 2026 at 09:00, and 3 days with it (one evaluation a day over the present records)",
        "                   next  3 days",
        "  care",
        "    entries           2       2",
        "    completed         -       2",
        "    email actions     -       4",
        "    task actions      2       2",
    ]


def test_a_plan_without_a_snapshot_tells_the_differences_only(world: World) -> None:
    before = contents(world.session)
    planned = make_plan(world.session, world.project, START, 30)
    lines = list(plan_lines(planned, ZONE))
    assert "  care: new" in lines
    assert lines[-1] == "what would happen is not known: there is no snapshot yet, so nothing can be counted"
    assert contents(world.session) == before


def test_a_plan_of_fields_that_no_snapshot_holds_tells_the_differences_only(live: World) -> None:
    wider = FILES["catalog/account.yaml"].replace("seats: integer", "seats: integer, city: text")
    planned = make_plan(live.session, project(catalog__account=wider), START + DAY, 30)
    assert planned.rehearsal is None
    assert planned.why_not is not None and "has no account.city" in planned.why_not
    following = care(("health = 'poor'", "changed_to(health, 'poor')"))
    planned = make_plan(live.session, following, START + DAY, 30)
    assert planned.why_not is not None and "has no account.health" in planned.why_not


def test_a_plan_that_apply_would_refuse_says_why(live: World) -> None:
    planned = make_plan(live.session, care(("id: rest", "id: pause")), START + DAY, 30)
    assert planned.tags == {"care": ("logic",)}
    assert planned.refusal is not None and "structural-edit" in str(planned.refusal)


def test_what_was_evaluated_cannot_be_planned(live: World) -> None:
    with pytest.raises(UserError, match="is not after it") as caught:
        make_plan(live.session, live.project, START, 30)
    assert caught.value.code == "already-evaluated"


def test_a_plan_comes_true_on_the_starter(tmp_path: Path) -> None:
    """Week after week, with edits between: what was planned is what apply and evaluate then do, in every count."""
    copy_starter(tmp_path / "p")
    zone = ZoneInfo("America/New_York")
    win_back, expansion = tmp_path / "p/workflows/win_back.yaml", tmp_path / "p/workflows/expansion.yaml"
    edits = {
        1: (win_back, "interval 60 days", "interval 90 days"),
        2: (expansion, "state: enabled", "state: paused"),
        3: (win_back, "wait: 180 days", "wait: 7 days"),
        4: (expansion, "state: paused", "state: disabled"),
    }
    seen = 0
    with Workspace(tmp_path / "p").session("test", create=True) as session:
        for week in range(5):
            as_of = (datetime(2024, 3, 4, 6) + timedelta(weeks=week)).replace(tzinfo=zone)  # noqa: DTZ001
            if week in edits:
                path, old, new = edits[week]
                assert old in path.read_text()
                path.write_text(path.read_text().replace(old, new))
            workspace = Workspace(tmp_path / "p")
            take_snapshot(session, workspace.project, workspace.sources(), as_of)
            days = 2 if week == 4 else 0
            before = contents(session)
            planned = rehearse(session, workspace.project, as_of, days)
            assert contents(session) == before, as_of
            apply_project(session, workspace.project, at=as_of, by="test")
            made = evaluate(session, as_of)
            assert planned.next == _happened(session, as_of, as_of)
            counted = {c.workflow: (c.entered_count, c.completed_count, c.planned_count) for c in made.workflows}
            for name, (entered, completed, actions) in counted.items():
                effects = planned.next.get(name, Effects())
                assert (effects.entered, effects.completed) == (entered, completed)
                assert sum(effects.actions.values()) + sum(effects.dropped.values()) == actions
            seen += sum(effects.entered for effects in planned.next.values())
        for day in range(1, 3):
            last = as_of + day * DAY
            evaluate(session, last)
        assert planned.coming == _happened(session, as_of, last)
    assert seen > 50


def _happened(session: DuckDBSession, first: datetime, last: datetime) -> dict[str, Effects]:
    """The effects of all evaluations from one to another, counted by hand from the tables."""
    parameters = {"first": first, "last": last}

    def rows(sql: str) -> list[dict[str, Any]]:
        return session.rows(sql, parameters)

    found: dict[str, dict[str, Any]] = {}

    def note(workflow: str, key: str, detail: str | None = None) -> None:
        effects = found.setdefault(workflow, {})
        if detail is None:
            effects[key] = effects.get(key, 0) + 1
        else:
            inner = effects.setdefault(key, {})
            inner[detail] = inner.get(detail, 0) + 1

    for row in rows("SELECT workflow, arm FROM state.participants WHERE entered_at BETWEEN $first AND $last"):
        note(row["workflow"], "entered")
        if row["arm"] == "holdout":
            note(row["workflow"], "held_out")
    for row in rows(
        "SELECT workflow, status, exit_reason FROM state.participants WHERE left_at BETWEEN $first AND $last"
    ):
        exited = row["status"] == "exited"
        note(row["workflow"], "exited" if exited else "completed", row["exit_reason"] if exited else None)
    for row in rows("SELECT workflow, reason FROM state.refusals WHERE refused_from BETWEEN $first AND $last"):
        note(row["workflow"], "refused", row["reason"])
    for row in rows("SELECT workflow, kind, status FROM outbox.actions WHERE planned_at BETWEEN $first AND $last"):
        note(row["workflow"], "dropped" if row["status"] == "dropped" else "actions", row["kind"])
    return {workflow: Effects(**effects) for workflow, effects in found.items()}


@pytest.mark.parametrize(
    ("guards", "expected"),
    [
        ("{entries: 1}", "guard `entries`: 2 records would enter `care`; the limit is 1"),
        ("{share: 20%}", "guard `share`: 33.3% of 6 records would enter `care`; the limit is 20%"),
        ("{per_owner: 1}", "guard `per_owner`: 2 actions for user u1, most by `care`; the limit is 1"),
    ],
)
def test_a_guard_refuses_an_apply_that_would_cause_too_much(world: World, guards: str, expected: str) -> None:
    world.apply(care(("state: enabled", "state: draft")))
    world.evaluate(START)
    before = contents(world.session)
    with pytest.raises(GuardExceeded) as caught:
        apply_guarded(world.session, guarded(guards), at=START, by="test", as_of=START + DAY)
    assert caught.value.findings == (expected,)
    assert caught.value.code == "guard-exceeded"
    assert contents(world.session) == before


def test_a_guard_at_its_limit_lets_pass(world: World) -> None:
    world.apply(care(("state: enabled", "state: draft")))
    world.evaluate(START)
    everything = guarded("{entries: 2, share: 34%, per_owner: 2, per_recipient: 1}")
    assert apply_guarded(world.session, everything, at=START, by="test", as_of=START + DAY).written


def test_messages_to_one_recipient_are_guarded(live: World) -> None:
    # on day 3 both emails go to c1 and to c6
    as_of = START + 3 * DAY
    with pytest.raises(GuardExceeded, match="2 messages to c6, most by `care`; the limit is 1|2 messages to c1"):
        apply_guarded(live.session, guarded("{per_recipient: 1}"), at=START, by="test", as_of=as_of)
    assert apply_guarded(live.session, guarded("{per_recipient: 2}"), at=START, by="test", as_of=as_of).written


def test_guards_that_cannot_be_judged_refuse(live: World) -> None:
    wider = FILES["catalog/account.yaml"].replace("seats: integer", "seats: integer, city: text")
    both = replace(guarded("{entries: 1}"), files={})
    files = {**FILES, "catalog/account.yaml": wider, "project.yaml": FILES["project.yaml"] + "guards: {entries: 1}\n"}
    assert both.settings.guards.entries == 1
    with pytest.raises(UserError) as caught:
        apply_guarded(live.session, load_project(files), at=START, by="test", as_of=START + DAY)
    assert caught.value.code == "guards-unjudged"


def test_what_is_live_already_is_not_guarded(world: World) -> None:
    strict = guarded("{entries: 0}")
    world.apply(strict)
    world.evaluate(START)
    assert not apply_guarded(world.session, strict, at=START, by="test", as_of=START + DAY).written


def test_a_preview_counts_every_leaf_in_the_shape_of_the_tree(world: World) -> None:
    world.apply(care(("state: enabled", "state: draft")))
    world.evaluate(START)
    before = contents(world.session)
    preview = make_preview(world.session, project(), "care", START + DAY)
    big = Counted("segment", "segment('big')", 3, 2, 1, (Counted("leaf", "seats >= 10", 3, 2, 1),))
    some = Counted("any", "", 4, 2, 0, (Counted("leaf", "seats > 3", 4, 1, 1), big))
    expected = Counted("all", "", 2, 4, 0, (Counted("leaf", "health = 'poor'", 4, 1, 1), some))
    # within a segment a leaf has its edge already: a4's missing seats make the segment false
    segment = replace(big, false=3, unknown=0)
    some = replace(some, parts=(some.parts[0], segment))
    assert preview.entry == replace(expected, parts=(expected.parts[0], some))
    assert preview.outcome is not None
    assert preview.outcome.first == (Labelled("a1", "Acme"), Labelled("a6", "Fern"))
    assert (preview.outcome.entered, preview.outcome.inside, preview.outcome.refused) == (2, 0, ())
    assert contents(world.session) == before


def _parts(counted: Counted) -> Iterator[Counted]:
    yield counted
    for part in counted.parts:
        yield from _parts(part)


def test_the_matching_count_is_the_number_admitted_if_launched_then(tmp_path: Path) -> None:
    """S276, for every workflow of the starter over a real snapshot: no gates, everybody may enter."""
    copy_starter(tmp_path / "p")
    plain = {name: _without_gates(path) for path in (tmp_path / "p/workflows").glob("*.yaml") if (name := path.stem)}
    files = {**Workspace(tmp_path / "p").project.files, **{f"workflows/{n}.yaml": t for n, t in plain.items()}}
    bare = load_project(files)
    as_of = datetime(2024, 3, 4, 11, tzinfo=UTC)
    counts: dict[str, int] = {}
    with DuckDBSession(timezone="America/New_York") as session:
        session.migrate()
        take_snapshot(session, bare, Workspace(tmp_path / "p").sources(), as_of)
        for name, workflow in sorted(bare.workflows.items()):
            records = session.count(f"crm.{workflow.object}")
            preview = make_preview(session, bare, name, as_of)
            assert all(part.true + part.false + part.unknown == records for part in _parts(preview.entry)), name
            counts[name] = preview.entry.true
        apply_project(session, bare, at=as_of, by="test")
        made = evaluate(session, as_of)
    assert {c.workflow: c.entered_count for c in made.workflows} == counts
    assert sorted(counts.values()) == [0, 0, 0, 0, 1, 2, 3, 6, 6, 124]


def _without_gates(path: Path) -> str:
    """The workflow's entry alone, with one task."""
    import yaml

    data = yaml.safe_load(path.read_text())
    kept = {
        "object": data["object"],
        "state": "enabled",
        "launch": "everyone",
        "entry": {"when": data["entry"]["when"]},
    }
    return yaml.safe_dump(kept | {"steps": [{"id": "only", "task": {"title": "x"}}]}, width=1000)


def test_a_preview_tells_who_is_inside_and_which_gate_keeps_whom(live: World) -> None:
    live.set({"account": {"a6": {"health": "good"}, "a4": {"seats": 5}}})
    live.evaluate(START + DAY)
    # a6 began anew to qualify while it is inside; a1 is inside by its first spell; a4 entered a day later
    live.set({"account": {"a6": {"health": "poor"}, "a2": {"seats": 9}}})
    take_snapshot(live.session, live.project, _sources(live), START + 2 * DAY)
    preview = make_preview(live.session, live.project, "care", START + 2 * DAY)
    outcome = preview.outcome
    assert outcome is not None
    assert (preview.entry.true, outcome.entered, outcome.inside) == (4, 1, 2)
    assert [(k.reason, k.count, k.first) for k in outcome.refused] == [("already_inside", 1, (Labelled("a6", "Fern"),))]
    assert list(preview_lines(preview, ZONE))[-4:] == [
        "4 account records qualify",
        "  1  would enter: Bolt (a2)",
        "  2  are inside since this spell of qualifying",
        "  1  are inside since an earlier spell: Fern (a6)",
    ]


def test_a_preview_of_related_rows_counts_rows_and_names_them(world: World) -> None:
    rows = care(("entry:\n", "entry:\n  each: {relation: contacts, where: contact_id <> 'c3'}\n"))
    world.set({"contact": {"c2": {"account_id": "a1"}, "c3": {"account_id": "a6"}}})
    world.apply(rows)
    world.set({"contact": {"c6": None}})
    world.evaluate(START)
    world.set({"contact": {"c4": {"account_id": "a1"}}})
    take_snapshot(world.session, rows, _sources(world), START + DAY)
    preview = make_preview(world.session, rows, "care", START + DAY)
    assert list(preview_lines(preview, ZONE))[-4:] == [
        "2 account records qualify",
        "  1  would enter: Acme (a1+c4)",
        "  1  have no related row that `each` takes",
        "  2  are inside since this spell of qualifying",
    ]


def _sources(world: World) -> dict[str, Any]:
    from pipelines.worlds import RowSource

    specs = world.project.catalog.objects.items()
    return {
        "crm": RowSource({spec.table.split(".")[1]: list(world.rows.get(name, {}).values()) for name, spec in specs})
    }


def test_a_draft_is_previewed_as_if_it_were_enabled(world: World) -> None:
    draft = care(("state: enabled", "state: draft"), ("launch: everyone\n", ""))
    world.apply(draft)
    world.evaluate(START)
    preview = make_preview(world.session, draft, "care", START + DAY)
    assert preview.outcome is not None and preview.outcome.entered == 2


def test_a_preview_of_an_unknown_workflow_names_the_nearest(live: World) -> None:
    with pytest.raises(UserError, match="did you mean `care`") as caught:
        make_preview(live.session, live.project, "core", START + DAY)
    assert caught.value.code == "unknown-workflow"


def test_a_preview_of_an_edit_that_apply_refuses_still_counts(live: World) -> None:
    preview = make_preview(live.session, care(("id: rest", "id: pause")), "care", START + DAY)
    assert (preview.entry.true, preview.outcome) == (2, None)
    assert preview.refusal is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path, FILES)
    (tmp_path / "data/accounts.csv").write_text(
        "account_id,name,health,seats,owner_id\na1,Acme,poor,4,u1\na2,Bolt,poor,9,u1\n"
    )
    (tmp_path / "data/users.csv").write_text("user_id\nu1\n")
    (tmp_path / "data/contacts.csv").write_text("contact_id,account_id\nc1,a1\n")
    return tmp_path


def _run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(words))
    if code:
        assert isinstance(result.exception, UserError), result.output
        return result.output + str(result.exception)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def test_the_command_line_plans_refuses_accepts_and_previews(folder: Path) -> None:
    where = ("-p", str(folder))
    assert "no snapshot yet" in _run("plan", *where)
    assert not (folder / "warehouse.duckdb").exists()
    _run("apply", *where)
    _run("snapshot", *where, "--as-of", "2026-01-05T09:00")
    assert _run("plan", *where, "--as-of", "2026-01-05T09:00", "--days", "0").splitlines() == [
        "nothing changes: the folder is what is live",
        "",
        "the next evaluation, 5 January 2026 at 09:00",
        "                  next",
        "  care",
        "    entries          2",
        "    task actions     2",
    ]
    (folder / "project.yaml").write_text(FILES["project.yaml"] + "guards: {entries: 1}\n")
    assert "apply would be refused: guard `entries`" in _run(
        "plan", *where, "--as-of", "2026-01-05T09:00", "--days", "0"
    )
    refused = _run("apply", *where, "--as-of", "2026-01-05T09:00", code=1)
    assert "2 records would enter `care`; the limit is 1\nhint: `drumbeat plan` shows" in refused
    assert "applied as number 2" in _run("apply", *where, "--accept")
    found = json.loads(_run("preview", "care", *where, "--as-of", "2026-01-05T09:00", "--json"))
    assert (found["entry"]["true"], found["outcome"]["entered"]) == (2, 2)
    planned = json.loads(_run("plan", *where, "--as-of", "2026-01-05T09:00", "--days", "2", "--json"))
    assert planned["rehearsal"]["next"]["care"]["actions"] == {"task": 2}
    (folder / "workflows/care.yaml").unlink()
    gone = CliRunner().invoke(app, ["plan", *where, "--as-of", "2026-01-05T09:00", "--json"])
    assert isinstance(gone.exception, UserError)
    assert json.loads(gone.stdout)["refusal"]["code"] == "live-workflow-gone"
