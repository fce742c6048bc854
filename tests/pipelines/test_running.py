"""Running it: apply, snapshot, evaluate, deliver, one at a time and twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.projects import DAY, SETTINGS, START, changed, write_project

from connectors import Action, Batch, open_sink
from definitions import EnvironmentFault, ProblemsFound, Project, UserError, load_project
from definitions.sinks import FileSinkSettings as SinkSettings
from pipelines.apply import apply_project
from pipelines.delivery import deliver
from pipelines.errors import ClockWentBack, NothingApplied, SnapshotRefused
from pipelines.evaluation import evaluate
from pipelines.lease import lease
from pipelines.live import live_project
from pipelines.snapshot import take_snapshot
from pipelines.worlds import RowSource, World
from sql import DuckDBSession

FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
label: name
fields: {account_id: text, name: text, health: text, seats: integer, order: text}
""",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: health = 'poor'}
steps:
  - id: call
    task: {title: "Call {{ account.name }}", due: 2 days}
  - {id: rest, wait: 3 days}
  - id: mark
    update: {health: watched, seats: {expression: seats + 1}}
""",
}


def project(**changes: str) -> Project:
    return changed(FILES, changes)


def care(old: str, new: str) -> Project:
    assert old in FILES["workflows/care.yaml"]
    return project(workflows__care=FILES["workflows/care.yaml"].replace(old, new))


@pytest.fixture
def world():
    with DuckDBSession() as session:
        session.migrate()
        made = World(project(), session)
        made.apply()
        made.set({"account": {"a1": {"name": "Acme", "health": "poor", "seats": 4, "order": "x"}}})
        yield made


def test_the_same_instant_twice_changes_nothing(world: World) -> None:
    first = world.evaluate(START)
    again = evaluate(world.session, START)
    assert (again.made, again.chain_hash) == (False, first.chain_hash)
    assert world.session.count("state.transitions") == 2


def test_an_earlier_instant_is_refused(world: World) -> None:
    world.evaluate(START)
    with pytest.raises(ClockWentBack, match="is before it"):
        evaluate(world.session, START - DAY)
    with pytest.raises(ClockWentBack):
        take_snapshot(world.session, world.project, {"crm": RowSource({})}, START - DAY)


def test_nothing_is_evaluated_before_an_apply_or_a_snapshot() -> None:
    with DuckDBSession() as session:
        session.migrate()
        with pytest.raises(NothingApplied):
            evaluate(session, START)
        apply_project(session, project(), at=START, by="test")
        with pytest.raises(UserError, match="no snapshot"):
            evaluate(session, START)


def test_two_warehouses_with_the_same_inputs_have_the_same_chain(world: World) -> None:
    one = [world.evaluate(START + i * DAY).chain_hash for i in range(5)]
    with DuckDBSession() as session:
        session.migrate()
        other = World(project(), session)
        other.apply()
        other.set(world.rows)
        assert [other.evaluate(START + i * DAY).chain_hash for i in range(5)] == one


def test_a_snapshot_counts_what_it_leaves_out() -> None:
    rows = [
        {"account_id": "a1", "seats": "4"},
        {"account_id": "a1", "seats": "4"},
        {"account_id": None, "seats": "1"},
        {"account_id": "a2", "seats": "many"},
        {"account_id": "a3", "seats": "9.5"},
    ]
    with DuckDBSession() as session:
        session.migrate()
        taken = take_snapshot(session, project(), {"crm": RowSource({"accounts": rows})}, START)
        counts = taken.objects[0]
        found = (counts.record_count, counts.null_key_count, counts.duplicate_count, counts.unreadable_count)
        assert found == (3, 1, 1, 2)
        assert {r["account_id"]: r["seats"] for r in session.rows("SELECT account_id, seats FROM crm.account")} == {
            "a1": 4,
            "a2": None,
            "a3": None,
        }


def test_an_empty_source_is_refused_and_changes_nothing() -> None:
    rows = [{"account_id": f"a{i}", "health": "poor"} for i in range(40)]
    with DuckDBSession() as session:
        session.migrate()
        take_snapshot(session, project(), {"crm": RowSource({"accounts": rows})}, START)
        with pytest.raises(SnapshotRefused, match="40 of 40 account records"):
            take_snapshot(session, project(), {"crm": RowSource({"accounts": []})}, START + DAY)
        assert session.count("crm.account") == 40
        taken = take_snapshot(session, project(), {"crm": RowSource({"accounts": []})}, START + DAY, accept=True)
        assert taken.objects[0].deleted_count == 40


def test_a_new_field_in_the_catalog_changes_nobody(world: World) -> None:
    world.evaluate(START)
    catalog = FILES["catalog/account.yaml"].replace("order: text", "order: text, city: text")
    world.apply(
        project(
            catalog__account=catalog,
            workflows__moved=FILES["workflows/care.yaml"].replace("health = 'poor'", "changed(city)"),
        )
    )
    world.set({"account": {"a1": {"city": "Oslo"}}})
    world.evaluate(START + DAY)
    assert world.observe(START + DAY).entered == ()
    world.set({"account": {"a1": {"city": "Bergen"}}})
    world.evaluate(START + 2 * DAY)
    assert world.observe(START + 2 * DAY).entered == ("moved:a1",)


def test_applying_the_same_folder_again_writes_nothing(world: World) -> None:
    again = apply_project(world.session, project(), at=START, by="test")
    assert (again.written, again.project_id) == (False, 1)


def test_words_keep_the_version_and_logic_starts_a_new_one(world: World) -> None:
    def version() -> int:
        return world.session.rows("SELECT version FROM live.workflows WHERE is_current")[0]["version"]

    world.apply(care("Call {{", "Please call {{"))
    assert version() == 1
    world.apply(care("wait: 3 days", "wait: 4 days"))
    assert version() == 2


def test_a_segment_that_changes_starts_a_new_version_of_the_workflows_that_use_it(world: World) -> None:
    using = FILES["workflows/care.yaml"].replace("health = 'poor'", "segment('ill')")
    world.apply(project(workflows__care=using, segments__ill="object: account\nwhen: health = 'poor'\n"))
    world.apply(project(workflows__care=using, segments__ill="object: account\nwhen: health = 'bad'\n"))
    assert world.session.rows("SELECT version FROM live.workflows WHERE is_current")[0]["version"] == 3


def test_an_action_keeps_the_words_it_was_planned_with(world: World, tmp_path: Path) -> None:
    world.evaluate(START)
    world.apply(care("Call {{", "Please call {{"))
    sinks = {"out": open_sink(SinkSettings(kind="files", path="out"), tmp_path)}
    deliver(world.session, world.project, sinks, START)
    written = [json.loads(line) for line in next((tmp_path / "out").glob("*.jsonl")).read_text().splitlines()]
    assert [row["content"]["title"] for row in written] == ["Call Acme"]


def test_structural_edits_of_an_enabled_workflow_are_refused(world: World) -> None:
    with pytest.raises(ProblemsFound) as caught:
        world.apply(care("  - {id: rest, wait: 3 days}\n", ""))
    assert [p.code for p in caught.value.problems] == ["structural-edit"]
    assert live_project(world.session)[0] == 1


def test_an_enabled_workflow_cannot_become_a_draft_or_change_its_launch(world: World) -> None:
    world.evaluate(START)
    with pytest.raises(ProblemsFound) as caught:
        world.apply(care("state: enabled\nlaunch: everyone", "state: draft\nlaunch: newcomers"))
    assert {p.code for p in caught.value.problems} == {"draft-again", "launch-changed"}


def test_the_file_of_a_live_workflow_cannot_just_vanish(world: World) -> None:
    files = {k: v for k, v in FILES.items() if not k.startswith("workflows/")}
    with pytest.raises(UserError, match="is gone"):
        world.apply(load_project(files))


def test_the_objective_of_the_version_entered_is_watched_on() -> None:
    objective = "objective: {name: Big, when: seats > 10}\nexit: {on_objective: stay}\n"
    with DuckDBSession() as session:
        session.migrate()
        first = FILES["workflows/care.yaml"] + objective
        world = World(project(workflows__care=first), session)
        world.apply()
        world.set({"account": {"a1": {"health": "poor", "seats": 4}}})
        world.evaluate(START)
        world.apply(project(workflows__care=first.replace("seats > 10", "seats > 1000")))
        world.set({"account": {"a1": {"seats": 20}}})
        world.evaluate(START + DAY)
        row = session.rows("SELECT version, flow_version, objective_met_at FROM state.participants")[0]
        assert (row["version"], row["flow_version"], row["objective_met_at"]) == (1, 2, START + DAY)


def test_the_archive_reads_no_dates() -> None:
    waiting = "steps: [{id: renew, wait: {for_date: renews_on}}, {id: mark, update: {health: watched}}]\n"
    workflow = FILES["workflows/care.yaml"].partition("steps:")[0] + waiting
    catalog = FILES["catalog/account.yaml"].replace("order: text", "order: text, renews_on: date")
    with DuckDBSession() as session:
        session.migrate()
        world = World(project(workflows__care=workflow, catalog__account=catalog), session)
        world.apply()
        due = []
        for day, renewal in enumerate(("2026-03-01", "2026-04-01", "2026-05-01")):
            world.set({"account": {"a1": {"health": "poor", "renews_on": renewal}}})
            if day == 2:
                world.order("archive care", START + day * DAY)
            world.evaluate(START + day * DAY)
            due.append(session.rows("SELECT CAST(due_at AS DATE) AS day FROM state.participants")[0]["day"].isoformat())
        assert due == ["2026-03-01", "2026-04-01", "2026-04-01"]


def test_a_passage_that_is_over_and_no_longer_observed_is_kept_apart(world: World) -> None:
    def places() -> list[str]:
        asked = "SELECT '{0} ' || status AS place FROM state.{0}_participants"
        return sorted(row["place"] for table in ("open", "closed") for row in world.session.rows(asked.format(table)))

    for day, expected in ((0, "open active"), (3, "open completed"), (33, "open completed"), (34, "closed completed")):
        world.evaluate(START + day * DAY)
        assert places() == [expected]
    world.set({"account": {"a1": {"health": "good"}}})
    world.evaluate(START + 35 * DAY)
    world.set({"account": {"a1": {"health": "poor"}}})
    world.evaluate(START + 36 * DAY)
    assert places() == ["closed completed", "open active"]
    assert [row["entry_no"] for row in world.session.rows("SELECT entry_no FROM state.participants ORDER BY 1")] == [
        1,
        2,
    ]


def test_delivery_writes_each_action_once(world: World, tmp_path: Path) -> None:
    world.evaluate(START)
    sinks = {"out": open_sink(SinkSettings(kind="files", path="out"), tmp_path)}
    delivered = deliver(world.session, world.project, sinks, START)
    assert [(d.kind, d.action_count) for d in delivered] == [("task", 1)]
    files = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert deliver(world.session, world.project, sinks, START + DAY) == ()
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()} == files
    assert [r["outcome"] for r in world.session.rows("SELECT outcome FROM outbox.attempts")] == ["sent"]


def test_values_are_those_of_the_evaluation_that_planned(world: World, tmp_path: Path) -> None:
    world.evaluate(START)
    world.set({"account": {"a1": {"seats": 7}}})
    world.evaluate(START + 3 * DAY)
    world.set({"account": {"a1": {"seats": 100}}})
    world.evaluate(START + 4 * DAY)
    sinks = {"out": open_sink(SinkSettings(kind="files", path="out"), tmp_path)}
    deliver(world.session, world.project, sinks, START + 4 * DAY)
    rows = [
        json.loads(line) for f in (tmp_path / "out").glob("*-update-*.jsonl") for line in f.read_text().splitlines()
    ]
    assert [row["content"]["fields"] for row in rows] == [{"health": "watched", "seats": 8}]
    tasks = [json.loads(line) for f in (tmp_path / "out").glob("*-task-*.jsonl") for line in f.read_text().splitlines()]
    assert [(t["content"]["title"], t["due_at"]) for t in tasks] == [("Call Acme", "2026-01-07T09:00:00Z")]


def test_an_action_whose_words_cannot_be_made_is_parked_and_the_others_go_on(world: World, tmp_path: Path) -> None:
    world.set({"account": {"a2": {"name": None, "health": "poor"}}})
    world.evaluate(START)
    sinks = {"out": open_sink(SinkSettings(kind="files", path="out"), tmp_path)}
    delivered = deliver(world.session, world.project, sinks, START)
    assert [(d.action_count, d.failed_count) for d in delivered] == [(1, 1)]
    failed = world.session.rows("SELECT record, status_reason FROM outbox.actions WHERE status = 'failed'")
    assert failed == [{"record": "a2", "status_reason": "`account.name` is missing: give it a `default`"}]


def test_a_batch_written_again_leaves_the_same_bytes(tmp_path: Path) -> None:
    action = Action("k1", "w", "s", "account", "=1+1", None, "2026-01-05T09:00:00Z", None, {"title": "ä\u202e<b>"})
    batch = Batch("000001-task-abc", "task", 1, "2026-01-05T09:00:00Z", (action,))
    sink = open_sink(SinkSettings(kind="files", path="out"), tmp_path)
    first = sink.write(batch)
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    for path in (tmp_path / "out").glob("*.manifest.json"):
        path.unlink()  # as if the process died before the manifest
    assert sink.write(batch) == first
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before
    assert sorted(p.suffix for p in (tmp_path / "out").iterdir()) == [".json", ".jsonl", ".parquet"]


def test_a_missing_file_or_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    from connectors.sources.files import FileSource

    (tmp_path / "accounts.csv").write_text("account_id,nme\na1,Acme\n")
    source = FileSource(tmp_path, "csv")
    with pytest.raises(EnvironmentFault, match="did you mean `nme`"):
        source.read("accounts", ["account_id", "name"])
    with pytest.raises(EnvironmentFault, match="did you mean `accounts`"):
        source.read("account", ["account_id"])


def test_the_second_to_ask_for_the_lease_is_told_who_holds_it(tmp_path: Path) -> None:
    import os

    warehouse = tmp_path / "w.duckdb"
    with (
        lease(warehouse, "evaluate"),
        pytest.raises(EnvironmentFault, match=rf"process {os.getpid()} \(`evaluate`\)"),
        lease(warehouse, "deliver"),
    ):
        pass
    with lease(warehouse, "deliver"):
        pass


def test_a_disabled_workflow_gets_new_steps_only_once_everybody_has_left(world: World) -> None:
    world.evaluate(START)
    world.apply(care("state: enabled", "state: disabled"))
    other = care("  - {id: rest, wait: 3 days}\n", "  - {id: pause, wait: 3 days}\n")
    with pytest.raises(ProblemsFound) as caught:
        world.apply(other)
    assert [p.code for p in caught.value.problems] == ["still-inside"]
    world.apply(care("state: enabled", "state: disabled"))
    world.evaluate(START + DAY)
    world.apply(other)
    world.evaluate(START + 2 * DAY)
    assert world.observe(START + 2 * DAY).refused == {"a1": "not_requalified"}


def test_definitions_that_read_more_than_the_snapshot_holds_ask_for_a_new_one(world: World) -> None:
    world.evaluate(START)
    world.apply(
        project(catalog__account=FILES["catalog/account.yaml"].replace("order: text", "order: text, city: text"))
    )
    with pytest.raises(UserError, match=r"has no account\.city"):
        evaluate(world.session, START + DAY)


def test_a_broken_workflow_file_does_not_stop_a_scheduled_run(tmp_path: Path) -> None:
    from pipelines.cycle import run_cycle
    from pipelines.workspace import Workspace

    write_project(tmp_path, FILES)
    (tmp_path / "data" / "accounts.csv").write_text("account_id,name,health,seats,order\na1,Acme,poor,4,x\n")
    with Workspace(tmp_path).session("test", create=True) as session:
        apply_project(session, Workspace(tmp_path).project, at=START, by="test")
        (tmp_path / "workflows" / "care.yaml").write_text("entry: [oops\n")
        assert run_cycle(session, Workspace(tmp_path), START).evaluation.workflows[0].entered_count == 1
