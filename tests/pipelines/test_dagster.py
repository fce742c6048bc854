"""Dagster over the same functions: what depends on what, what a run shows, what stops a delivery and what does not."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars
import pytest

from definitions import Project, load_project, read_folder
from definitions.catalog import Catalog, CatalogObject
from pipelines.apply import apply_project
from pipelines.dagster.build import build_definitions
from pipelines.dagster.checks import object_result
from pipelines.dagster.code_location import defs, project_root
from pipelines.dagster.folder import POOL, ProjectFolder
from pipelines.dagster.instant import RunInstant, parse_instant
from pipelines.dagster.keys import ACTIONS, EVALUATION, TABLES, object_key
from pipelines.dagster.metadata import workflow_table
from pipelines.dagster.schedules import AD_HOC, build_delivery_schedule, build_schedule, run_config
from pipelines.dagster.sensors import build_definitions_changed
from pipelines.evaluation import WorkflowCounts
from pipelines.lease import lease
from pipelines.snapshot import ObjectCounts
from pipelines.workspace import Workspace
from sql import DuckDBSession
from sql.statements import load_statements

CHECKOUT = Path(__file__).parents[2]
STARTER = CHECKOUT / "definitions" / "starter"
MONDAY = datetime(2024, 3, 4, 11, tzinfo=UTC)
CONFIG = run_config(MONDAY.isoformat())
OBJECTS = (
    "account",
    "churn_event",
    "contact",
    "feature_usage",
    "subscription",
    "support_ticket",
    "training_booking",
    "user",
)
PROJECT = load_project(read_folder(STARTER))


@dataclass(frozen=True)
class Cycle:
    """One run of the whole job, and the folder that it left."""

    root: Path
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cycle]:
    root = tmp_path_factory.mktemp("dagster") / "project"
    apply_starter(root)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Cycle(root, run(root, instance))


@pytest.fixture
def copied(first: Cycle, tmp_path: Path) -> Path:
    """The folder after the first cycle, to do with as a test likes."""
    return Path(shutil.copytree(first.root, tmp_path / "project"))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def apply_starter(root: Path) -> None:
    shutil.copytree(STARTER, root)
    workspace = Workspace(root)
    with workspace.session("test", create=True) as session:
        apply_project(session, workspace.project, at=datetime(2024, 1, 1, tzinfo=UTC), by="test")


def run(
    root: Path, instance: dg.DagsterInstance, *only: dg.AssetKey, config: Mapping[str, object] = CONFIG
) -> dg.ExecuteInProcessResult:
    made = build_definitions(PROJECT, root)
    job = made.resolve_implicit_global_asset_job_def() if only else made.resolve_job_def("cycle")
    return job.execute_in_process(
        run_config=config, instance=instance, asset_selection=list(only) or None, raise_on_error=False
    )


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """What was materialised, in order, with its metadata."""
    found = [e.step_materialization_data.materialization for e in result.all_events if e.is_step_materialization]
    return {m.asset_key.to_user_string(): {name: v.value for name, v in m.metadata.items()} for m in found}


def data_versions(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The versions of what has one of our own: the snapshot's number and the evaluation's chain."""
    found = [e.step_materialization_data.materialization for e in result.all_events if e.is_step_materialization]
    ours = [m for m in found if m.tags and "dagster/data_version_is_user_provided" in m.tags]
    return {m.asset_key.to_user_string(): (m.tags or {})["dagster/data_version"] for m in ours}


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The steps that failed, and what they said."""
    events = [e for e in result.all_events if e.is_step_failure]
    return {str(e.step_key): str(e.step_failure_data.error_display_string) for e in events}


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    return {(c.asset_key.to_user_string(), c.check_name): c.passed for c in result.get_asset_check_evaluations()}


def contents(root: Path) -> dict[str, Any]:
    """Every row of what is kept, and every byte of what was handed out; each DuckDB file has an identity of its own."""
    with DuckDBSession(root / "warehouse.duckdb") as session:
        tables = [name for name in session.columns() if not name.startswith("report.")]
        rows = {name: sorted(map(repr, session.rows(f"FROM {name}"))) for name in tables}
    files = (path for path in sorted((root / "out").rglob("*")) if path.is_file() and path.suffix != ".duckdb")
    return rows | {str(path): path.read_bytes() for path in files}


def break_an_invariant(root: Path) -> None:
    """Make the actions wait again, and an active participant wait for nothing."""
    with DuckDBSession(root / "warehouse.duckdb") as session:
        session.execute("UPDATE outbox.actions SET status = 'planned'")
        session.execute("UPDATE state.open_participants SET due_at = NULL WHERE status = 'active'")


# what there is


def test_the_definitions_load_and_hold_together(tmp_path: Path) -> None:
    dg.Definitions.validate_loadable(build_definitions(PROJECT, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_lineage_runs_from_the_crm_to_actions_and_to_the_dashboard(tmp_path: Path) -> None:
    graph = build_definitions(PROJECT, tmp_path).resolve_asset_graph()
    lineage = {
        node.key.to_user_string(): sorted(key.to_user_string() for key in node.parent_keys)
        for node in graph.asset_nodes
    }
    assert lineage == {
        **{f"crm/{name}": [] for name in OBJECTS},
        "definitions/folder": [],
        "definitions/applied": ["definitions/folder"],
        "evaluation": [*(f"crm/{name}" for name in OBJECTS), "definitions/applied"],
        "outbox/planned": ["evaluation"],
        "outbox/actions": ["outbox/planned"],
        "report/tables": ["evaluation"],
        "dashboard": ["report/tables"],
    }


def test_every_step_is_in_the_pool_of_the_one_writer(tmp_path: Path) -> None:
    made = build_definitions(PROJECT, tmp_path)
    steps = {node.name: node.definition.pools for node in made.resolve_job_def("cycle").nodes}
    assert len(steps) == 7
    assert set(map(frozenset, steps.values())) == {frozenset([POOL])}


def test_workflows_are_rows_and_not_assets(tmp_path: Path) -> None:
    one = replace(PROJECT, workflows=dict(list(PROJECT.workflows.items())[:1]))
    graphs = [build_definitions(project, tmp_path).resolve_asset_graph() for project in (PROJECT, one)]
    assert len({frozenset(graph.get_all_asset_keys()) for graph in graphs}) == 1


def test_the_schedule_waits_to_be_turned_on_and_the_sensor_does_not(tmp_path: Path) -> None:
    made = build_definitions(PROJECT, tmp_path)
    schedule, sensor = made.resolve_schedule_def("cycle_schedule"), made.resolve_sensor_def("definitions_changed")
    assert (schedule.cron_schedule, schedule.execution_timezone) == (PROJECT.settings.schedule, "UTC")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


# one cycle


def test_a_cycle_does_everything_once_and_reports_last(first: Cycle) -> None:
    assert first.result.success
    assert list(materialized(first.result)) == [
        *(f"crm/{name}" for name in OBJECTS),
        "evaluation",
        "outbox/planned",
        "outbox/actions",
        "report/tables",
        "dashboard",
    ]


def test_a_cycle_shows_how_many_records_came(first: Cycle) -> None:
    shown = materialized(first.result)
    with DuckDBSession(first.root / "warehouse.duckdb") as session:
        for name in OBJECTS:
            counts = shown[f"crm/{name}"]
            assert counts["dagster/row_count"] == counts["created"] == session.count(f"crm.{name}") > 0
            assert (counts["updated"], counts["deleted"], counts["new"]) == (0, 0, True)
            assert counts["as_of"] == "2024-03-04T11:00:00+00:00"


def test_a_cycle_shows_a_line_for_each_workflow_and_what_was_live(first: Cycle) -> None:
    shown = materialized(first.result)["evaluation"]
    lines = shown["workflows"].splitlines()
    assert lines[0].startswith("| workflow | qualifying | entered | heldout |")
    assert {line.split(" | ")[0].removeprefix("| ") for line in lines[2:]} == set(PROJECT.workflows)
    assert shown["as_of"] == "2024-03-04T11:00:00+00:00"
    observed = [e.asset_observation_data.asset_observation for e in first.result.all_events if e.is_asset_observation]
    with DuckDBSession(first.root / "warehouse.duckdb") as session:
        live = session.ask("live_project")[0]
    assert [o.metadata["digest"].value for o in observed] == [live["fingerprint"]] == [shown["definitions_digest"]]


def test_a_cycle_delivers_what_it_planned_and_the_report_knows(first: Cycle) -> None:
    shown = materialized(first.result)
    delivered = shown["outbox/actions"]["actions"]
    # messages wait for their windows; everything else goes out at once
    with DuckDBSession(first.root / "warehouse.duckdb") as session:
        later = session.rows("SELECT COUNT(*) AS n FROM outbox.actions WHERE status = 'planned'")[0]["n"]
    assert delivered + later == shown["evaluation"]["planned"] == shown["outbox/planned"]["waiting"]
    assert min(delivered, later) > 0
    overview = polars.read_parquet(first.root / "out" / "report" / "workflow_overview.parquet")
    assert overview["actions_sent_count"].sum() == delivered
    assert (first.root / "out" / "dashboard" / "index.html").is_file()


def test_a_cycle_shows_each_headline_and_its_trend(first: Cycle) -> None:
    shown = materialized(first.result)["report/tables"]
    lines = shown["workflows"].splitlines()
    assert lines[0] == "| workflow | state | objective met | 12 weeks |"
    assert {line.split(" | ")[0].removeprefix("| ") for line in lines[2:]} == set(PROJECT.workflows)
    assert all("| too early |" in line for line in lines[2:])
    assert "| run_fact |" in shown["tables"]
    with DuckDBSession(first.root / "out" / "report" / "report.duckdb", read_only=True) as report:
        assert report.count("run_fact") == materialized(first.result)["evaluation"]["entered"]


def test_a_cycle_checks_every_object_and_every_invariant(first: Cycle) -> None:
    names = [statement.name for statement in load_statements("invariants")]
    expected = [(f"crm/{name}", "sanity") for name in OBJECTS] + [("evaluation", name) for name in names]
    assert checks(first.result) == dict.fromkeys([*expected, ("outbox/planned", "invariants_hold")], True)


def test_the_same_instant_again_changes_nothing(first: Cycle, copied: Path, instance: dg.DagsterInstance) -> None:
    before = contents(copied)
    again = run(copied, instance)
    assert again.success
    assert contents(copied) == before
    shown = materialized(again)
    assert (shown["evaluation"]["new"], shown["crm/account"]["new"]) == (False, False)
    assert shown["outbox/actions"]["actions"] == 0
    assert data_versions(again) == data_versions(first.result)


def test_an_earlier_instant_fails_at_once_and_says_why(copied: Path, instance: dg.DagsterInstance) -> None:
    result = run(copied, instance, config=run_config("2024-03-04T10:00Z"))
    assert "the last snapshot is of" in failures(result)["snapshot"]
    assert materialized(result) == {}


# what stops a delivery


def test_a_broken_invariant_stops_delivery_and_the_report_still_comes(
    copied: Path, instance: dg.DagsterInstance
) -> None:
    break_an_invariant(copied)
    shutil.rmtree(copied / "out")
    result = run(copied, instance)
    found = checks(result)
    assert {key for key, passed in found.items() if not passed} == {
        ("evaluation", "waiting_for_something"),
        ("outbox/planned", "invariants_hold"),
    }
    assert not result.success
    assert "outbox/actions" not in materialized(result)
    assert not (copied / "out" / "actions").exists()
    assert list(materialized(result))[-2:] == ["report/tables", "dashboard"]
    assert (copied / "out" / "dashboard" / "index.html").is_file()


def test_delivery_by_itself_looks_at_the_invariants_first(copied: Path, instance: dg.DagsterInstance) -> None:
    break_an_invariant(copied)
    shutil.rmtree(copied / "out")
    result = run(copied, instance, ACTIONS)
    assert "nothing was delivered, broken: waiting_for_something" in failures(result)["outbox__actions"]
    assert not (copied / "out" / "actions").exists()


def test_a_failed_check_of_an_object_stops_nothing(tmp_path: Path) -> None:
    counts = ObjectCounts("account", 3, 3, 0, 0, null_key_count=0, duplicate_count=1, unreadable_count=0)
    odd, empty = object_result("account", counts), object_result("account", replace(counts, record_count=0))
    assert (odd.passed, odd.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (empty.passed, empty.severity) == (False, dg.AssetCheckSeverity.ERROR)
    made = build_definitions(PROJECT, tmp_path).resolve_asset_graph()
    blocking = [key.name for key in made.asset_check_keys if made.get(key).blocking]
    assert blocking == ["invariants_hold"]


def test_an_object_that_is_not_live_yet_is_a_warning(copied: Path, instance: dg.DagsterInstance) -> None:
    lead = CatalogObject.model_validate({"object": "lead", "table": "crm.leads", "key": "id", "fields": {"id": "text"}})
    drafted = replace(PROJECT, catalog=Catalog({**PROJECT.catalog.objects, "lead": lead}))
    made = build_definitions(drafted, copied).resolve_implicit_global_asset_job_def()
    keys = [object_key(name) for name in (*OBJECTS, "lead")]
    result = made.execute_in_process(run_config=CONFIG, instance=instance, asset_selection=keys, raise_on_error=False)
    assert result.success
    assert checks(result)["crm/lead", "sanity"] is False


# the folder and the instant


def test_a_held_lease_is_tried_again_later(copied: Path) -> None:
    folder = ProjectFolder(root=str(copied), wait_seconds=0)
    with (
        lease(copied / "warehouse.duckdb", "somebody else"),
        pytest.raises(dg.RetryRequested) as caught,
        folder.session(folder.workspace, "test"),
    ):
        pass
    assert "somebody else" in str(caught.value.__cause__)
    assert (caught.value.max_retries, caught.value.seconds_to_wait) == (3, 30)


def test_without_a_warehouse_a_run_says_what_to_do_and_makes_none(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    root = Path(shutil.copytree(STARTER, tmp_path / "project"))
    assert "run `drumbeat apply` first" in failures(run(root, instance, TABLES))["report__tables"]
    assert not list(root.glob("warehouse*"))


def test_without_an_instant_a_run_is_of_its_start(copied: Path, instance: dg.DagsterInstance) -> None:
    result = run(copied, instance, EVALUATION, config={})
    record = instance.get_run_record_by_id(result.run_id)
    assert record is not None
    assert record.start_time is not None
    expected = datetime.fromtimestamp(int(record.start_time), UTC)
    assert materialized(result)["evaluation"]["as_of"] == expected.isoformat()


@pytest.mark.parametrize("written", ["2024-05-06T06:00", "yesterday"])
def test_an_instant_needs_its_offset(written: str) -> None:
    with pytest.raises(dg.Failure, match="2024-05-06T06:00Z"):
        parse_instant(written)
    assert RunInstant(as_of="2024-05-06T06:00Z").as_of is not None


def test_a_table_of_many_workflows_stays_small() -> None:
    many = [WorkflowCounts(f"workflow_{n:03}", 1, n, 0, 0, 0, 0, 0, 0) for n in range(300)]
    table = workflow_table(many)
    assert len(table.encode()) < 7_000
    assert "| workflow_299 | 1 | 299 |" in table
    assert table.endswith("more lines are in the warehouse.")


# the schedule


def schedule_tick(
    instance: dg.DagsterInstance, build: Callable[[str], dg.ScheduleDefinition] = build_schedule
) -> dg.ScheduleExecutionData:
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=MONDAY)
    return build("0 * * * *").evaluate_tick(context)


def add_run(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus) -> str:
    return instance.add_run(dg.DagsterRun(job_name=job, run_id=str(uuid.uuid4()), status=status)).run_id


def test_a_scheduled_run_is_of_its_scheduled_time() -> None:
    with dg.instance_for_test() as instance:
        add_run(instance, "cycle", dg.DagsterRunStatus.SUCCESS)
        add_run(instance, "of_somebody_else", dg.DagsterRunStatus.STARTED)
        requests = schedule_tick(instance).run_requests
    assert requests is not None
    (request,) = requests
    assert (request.run_key, request.run_config) == ("2024-03-04T11:00:00+00:00", CONFIG)
    assert request.tags["drumbeat/as_of"] == "2024-03-04T11:00:00+00:00"


@pytest.mark.parametrize(
    ("job", "status"), [("cycle", dg.DagsterRunStatus.STARTED), (AD_HOC, dg.DagsterRunStatus.NOT_STARTED)]
)
def test_a_time_is_skipped_while_a_run_is_at_work(job: str, status: dg.DagsterRunStatus) -> None:
    with dg.instance_for_test() as instance:
        active = add_run(instance, job, status)
        tick = schedule_tick(instance)
    assert tick.run_requests == []
    assert tick.skip_message == f"run {active[:8]} is still at work"


def test_a_delivery_gives_way_to_a_cycle_and_a_cycle_to_no_delivery() -> None:
    for job in ("cycle", "delivery"):
        with dg.instance_for_test() as instance:
            active = add_run(instance, job, dg.DagsterRunStatus.STARTED)
            tick = schedule_tick(instance, build_delivery_schedule)
            assert tick.skip_message == f"run {active[:8]} is still at work"
    with dg.instance_for_test() as instance:
        add_run(instance, "delivery", dg.DagsterRunStatus.STARTED)
        assert schedule_tick(instance).run_requests


def crons(project: Project, root: Path) -> dict[str, object]:
    made = build_definitions(project, root).schedules or ()
    return {schedule.name: schedule.cron_schedule for schedule in made if isinstance(schedule, dg.ScheduleDefinition)}


def test_deliveries_run_often_where_messages_are_sent_and_as_the_project_says(tmp_path: Path) -> None:
    files = read_folder(STARTER)
    said = files | {"project.yaml": files["project.yaml"] + 'delivery_schedule: "*/5 8-18 * * *"\n'}
    silent = replace(
        PROJECT, workflows={n: w for n, w in PROJECT.workflows.items() if "email:" not in files[f"workflows/{n}.yaml"]}
    )
    assert crons(PROJECT, tmp_path)["delivery_schedule"] == "*/15 * * * *"
    assert crons(load_project(said), tmp_path)["delivery_schedule"] == "*/5 8-18 * * *"
    assert silent.workflows and [*crons(silent, tmp_path)] == ["cycle_schedule"]


def test_the_delivery_job_only_delivers(copied: Path, instance: dg.DagsterInstance) -> None:
    later = run_config("2024-03-05T11:00:00+00:00")
    made = build_definitions(PROJECT, copied).resolve_job_def("delivery")
    assert made.tags["drumbeat/lane"] == "cycle"
    result = made.execute_in_process(run_config=later, instance=instance)
    assert [*materialized(result)] == ["outbox/actions"]


# the sensor


def look(root: Path, cursor: str | None) -> dg.SensorResult | dg.SkipReason:
    sensor = build_definitions_changed(root)
    return sensor(dg.build_sensor_context(cursor=cursor))


def test_a_folder_seen_for_the_first_time_is_noted_and_starts_nothing(first: Cycle) -> None:
    seen = look(first.root, None)
    assert isinstance(seen, dg.SensorResult)
    assert (seen.run_requests, seen.skip_reason) == ([], dg.SkipReason("the definitions are seen for the first time"))
    with DuckDBSession(first.root / "warehouse.duckdb") as session:
        assert seen.cursor == session.ask("live_project")[0]["fingerprint"]


def test_an_unchanged_folder_is_passed_over(first: Cycle) -> None:
    seen = look(first.root, None)
    assert isinstance(seen, dg.SensorResult)
    assert look(first.root, seen.cursor) == dg.SkipReason("the definitions are unchanged")


def test_a_changed_folder_is_noted_with_its_problems(copied: Path) -> None:
    before = look(copied, None)
    path = copied / "workflows" / "renewal.yaml"
    path.write_text(path.read_text() + "\nnonsense: true\n")
    assert isinstance(before, dg.SensorResult)
    after = look(copied, before.cursor)
    assert isinstance(after, dg.SensorResult)
    (event,) = after.asset_events
    shown = {name: value.value for name, value in event.metadata.items()}
    assert (after.run_requests, after.cursor == before.cursor) == ([], False)
    assert (shown["digest"], shown["workflows"], shown["valid"]) == (after.cursor, len(PROJECT.workflows), False)
    assert "unknown-key" in str(shown["problems"])


def test_a_folder_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    seen = look(tmp_path / "gone", "anything")
    assert isinstance(seen, dg.SkipReason)
    assert "holds no project.yaml" in str(seen.skip_message)


# where it is loaded and kept


def test_the_project_is_the_named_one_then_the_demo_then_the_example(tmp_path: Path) -> None:
    assert (project_root({}, tmp_path) / "project.yaml").read_text() == (STARTER / "project.yaml").read_text()
    shutil.copytree(STARTER, tmp_path / "demo")
    assert project_root({}, tmp_path) == tmp_path / "demo"
    assert project_root({"DRUMBEAT_PROJECT": "mine"}, tmp_path) == tmp_path / "mine"


def test_a_workflow_that_does_not_load_leaves_the_lineage_up(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copied / "workflows" / "renewal.yaml").write_text("nonsense: true\n")
    monkeypatch.setenv("DRUMBEAT_PROJECT", str(copied))
    assert object_key("account") in defs().resolve_asset_graph().get_all_asset_keys()


def test_an_instance_in_the_checkout_keeps_its_files_under_dot_dagster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(CHECKOUT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        add_run(instance, "cycle", dg.DagsterRunStatus.SUCCESS)
        assert not instance.telemetry_enabled
        assert instance.global_op_concurrency_default_limit == 1
        assert instance.run_monitoring_max_runtime_seconds == 3600
        places = [instance.storage_directory(), instance.schedules_directory(), instance.root_directory]
    assert all(Path(place).parts[0] == ".dagster" for place in places)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dagster", "dagster.yaml"]
