"""The library of ready-made workflows holds what it promises, and a workflow can be copied by name."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from definitions import ProblemsFound, UserError, load_project, read_folder
from definitions.library import template_files, templates
from definitions.source import read_source
from definitions.steps import ACTION_KINDS, ActionStep, WaitForDate, WaitStep, walk
from definitions.workflow import Workflow
from pipelines import testing
from pipelines.cli.authoring import copy_template
from pipelines.cli.duplicating import copy_of
from pipelines.cli.main import app
from sql import DuckDBSession

ROOT = Path(__file__).resolve().parents[1]
NAMES = [
    "churn_risk",
    "contract_approval",
    "data_hygiene",
    "event_campaign",
    "expansion",
    "fivetran_hubspot",
    "fivetran_salesforce",
    "health_change_alert",
    "hot_cold_score",
    "lead_assignment",
    "lead_nurture_drip",
    "monthly_usage_notice",
    "nps_follow_up",
    "onboarding",
    "renewal_90",
    "ticket_sla",
    "win_back",
]


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        yield made


def test_the_library_is_whole() -> None:
    assert list(templates()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_template_checks_without_warnings(name: str, tmp_path: Path) -> None:
    copy_template(tmp_path / "mine", name)
    project = load_project(read_folder(tmp_path / "mine"))
    assert project.warnings == ()
    assert project.settings.name == name
    for made in project.catalog.objects.values():
        with (tmp_path / "mine" / "data" / f"{made.table.split('.')[1]}.csv").open(newline="") as file:
            assert next(csv.reader(file)) == list(dict.fromkeys(map(made.column, (made.key, *made.fields))))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_passes_its_own_tests(name: str, session: DuckDBSession) -> None:
    project = load_project(template_files(name))
    tests = list(testing.tests_of(project))
    assert len(tests) >= 2
    assert {workflow for test in tests for workflow in test.project.workflows} == set(project.workflows)
    for test in tests:
        failure = test.run(session)
        assert failure is None, f"{test.title}\n{failure.text()}"


@pytest.mark.parametrize("name", ["starter", "sales_starter"])
def test_every_workflow_of_an_example_is_tested_and_passes(name: str, session: DuckDBSession) -> None:
    project = load_project(read_folder(ROOT / "definitions" / name))
    tests = list(testing.tests_of(project))
    assert all([test.workflow for test in tests].count(workflow) >= 2 for workflow in project.workflows)
    for test in tests:
        failure = test.run(session)
        assert failure is None, f"{test.title}\n{failure.text()}"


@pytest.mark.parametrize("name", NAMES)
def test_a_template_says_what_it_is_for_and_who_answers(name: str) -> None:
    about = templates()[name]
    assert len(about.description) > len(about.first_sentence)
    for workflow in load_project(template_files(name)).workflows.values():
        assert workflow.owner
        assert workflow.description


def test_the_page_of_templates_has_a_line_for_each() -> None:
    lines = (ROOT / "docs" / "templates.md").read_text().splitlines()
    for name, about in templates().items():
        head = f"| [{name}](../definitions/templates/{name}/template.yaml) | {about.first_sentence} | "
        assert any(line.startswith(head) for line in lines), name


@pytest.mark.parametrize("name", NAMES)
def test_the_files_of_a_template_tell_editors_their_schema(name: str) -> None:
    for path, text in template_files(name).items():
        if path.endswith(".yaml"):
            kind = "project" if path == "project.yaml" else path.split("/")[0].removesuffix("s")
            up = "" if path == "project.yaml" else "../"
            assert text.splitlines()[0] == f"# yaml-language-server: $schema={up}.drumbeat/{kind}.schema.json", path


def test_together_the_templates_show_the_language() -> None:
    live = [w for name in NAMES for w in load_project(template_files(name)).workflows.values()]
    steps = [step for workflow in live for step in walk(workflow.steps)]
    kinds = {step.kind for step in steps if isinstance(step, ActionStep)}
    assert kinds == set(ACTION_KINDS)
    assert any(isinstance(step, WaitStep) and isinstance(step.wait, WaitForDate) for step in steps)
    assert {type(step).__name__ for step in steps} == {"ActionStep", "WaitStep", "BranchStep", "SplitStep", "ExitStep"}

    def any_has(key: str) -> bool:
        return any(_written(workflow, key) for workflow in live)

    assert all(any_has(key) for key in ("stage", "each", "schedule", "at_most", "manual"))
    assert any(w.while_inside.enter == "none" for w in live)
    assert all(any(getattr(w, key) for w in live) for key in ("run_once", "recipient", "communication", "goals"))
    assert {w.reentry.after for w in live} == {"requalifying", "unlimited", "never"}


def _written(workflow: Workflow, key: str) -> bool:
    return key in workflow.entry.model_fields_set


def test_a_project_from_a_template_runs_as_it_is(tmp_path: Path) -> None:
    copy_template(tmp_path / "mine", "renewal_90")
    for command in (
        ["apply"],
        ["snapshot", "--as-of", "2026-01-05T09:00"],
        ["evaluate", "--as-of", "2026-01-05T09:00"],
    ):
        line = [sys.executable, "-m", "pipelines.cli.main", *command, "-p", str(tmp_path / "mine")]
        ran = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, timeout=120)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_list_has_a_title_and_a_sentence_for_each() -> None:
    lines = CliRunner().invoke(app, ["templates"]).stdout.splitlines()
    assert [line.split(":")[0] for line in lines[::2]] == NAMES
    assert lines[lines.index("churn_risk: Churn risk") + 1].strip().startswith("Find accounts whose use has halved")
    assert all(line.endswith(".") for line in lines[1::2])


def test_init_names_the_objective_and_the_source(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["init", str(tmp_path / "mine"), "--template", "win_back"])
    assert ran.exit_code == 0
    assert "Win-back, after Close's workflows" in ran.stdout
    assert "objective: A contract that began after the goodbye" in ran.stdout


def test_an_unknown_template_is_refused_with_the_nearest_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no template `renewal`\nhint: did you mean `renewal_90`\?"):
        copy_template(tmp_path / "mine", "renewal")
    assert not (tmp_path / "mine").exists()


def test_an_occupied_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        copy_template(tmp_path, "win_back")


# ---- duplicate


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy_template(tmp_path / "mine", "event_campaign")
    return tmp_path / "mine"


def test_a_copy_is_a_draft_and_otherwise_the_same(project: Path) -> None:
    ran = CliRunner().invoke(app, ["duplicate", "event_campaign", "autumn_fair", "-p", str(project)])
    assert ran.exit_code == 0, ran.output
    first, copied = ((project / "workflows" / f"{n}.yaml").read_text() for n in ("event_campaign", "autumn_fair"))
    assert copied == first.replace("state: enabled", "state: draft")
    assert "# a late guest is invited at once" in copied
    assert load_project(read_folder(project)).warnings == ()


def test_a_copy_for_another_object_tells_what_is_missing_there(project: Path) -> None:
    ran = CliRunner().invoke(app, ["duplicate", "event_campaign", "fair", "--object", "contact", "-p", str(project)])
    assert ran.exit_code == 1
    assert "made `workflows/fair.yaml`: a draft, copied from event_campaign, about contact" in ran.stdout
    assert "workflows/fair.yaml:20:35: unknown-field: `has_attended` is not a field of contact" in ran.stderr
    source, _ = read_source("fair", (project / "workflows" / "fair.yaml").read_text())
    assert source is not None
    assert (source.data["object"], source.data["state"]) == ("contact", "draft")
    with pytest.raises(ProblemsFound):
        load_project(read_folder(project))


def test_problems_that_were_there_before_are_not_told_again(project: Path) -> None:
    (project / "segments").mkdir()
    (project / "segments" / "wrong.yaml").write_text("object: guest\nwhen: nothing_here\n")
    ran = CliRunner().invoke(app, ["duplicate", "event_campaign", "fair", "-p", str(project)])
    assert ran.exit_code == 0, ran.output


@pytest.mark.parametrize(
    ("workflow", "new", "object_", "words"),
    [
        ("event_campain", "fair", None, "did you mean `event_campaign`"),
        ("event_campaign", "event_campaign", None, "there is a workflow `event_campaign` already"),
        ("event_campaign", "Autumn Fair", None, "`Autumn Fair` is not a name"),
        ("event_campaign", "../fair", None, "is not a name"),
        ("event_campaign", "fair", "contacts", "did you mean `contact`"),
    ],
)
def test_wrong_names_are_refused(workflow: str, new: str, object_: str | None, words: str) -> None:
    with pytest.raises(UserError, match=words):
        copy_of(template_files("event_campaign"), workflow, new, object_)


def test_only_the_keys_at_the_top_change_however_they_are_written() -> None:
    text = "state: 'enabled'    # live\nobject:   deal\nsteps:\n  - {id: a, update: {state: enabled, object: deal}}\n"
    copied = copy_of({"workflows/a.yaml": text, "catalog/lead.yaml": ""}, "a", "b", "lead")
    assert (
        copied
        == "state: draft    # live\nobject:   lead\nsteps:\n  - {id: a, update: {state: enabled, object: deal}}\n"
    )


def test_a_workflow_without_a_state_is_a_draft_anyway() -> None:
    text = "# mine\nobject: deal\nsteps: []\n"
    assert copy_of({"workflows/a.yaml": text}, "a", "b") == text
