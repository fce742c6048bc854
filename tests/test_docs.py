"""The pages say what is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cases import run_case
from support.pages import Block, models_in, read_page

from definitions import ProjectSettings, load_project, read_folder
from definitions.library import Template
from definitions.values import Model
from definitions.vocabulary import known_names
from pipelines import testing
from pipelines.cli.main import app
from pipelines.evaluation import prepare
from pipelines.sources import source_of
from pipelines.worlds import World
from sql import DuckDBSession, compile_plan
from sql import names as table_names
from sql.migrations.page import table_page

ROOT = Path(__file__).resolve().parents[1]
PAGE = read_page(ROOT / "docs" / "language.md")
SINKS = read_page(ROOT / "docs" / "sinks.md")
RESULTS = read_page(ROOT / "docs" / "results.md")
SOURCES = read_page(ROOT / "docs" / "sources.md")


def test_the_page_of_tables_is_made_from_the_migrations() -> None:
    assert (ROOT / "docs" / "tables.md").read_text() == table_page()


def test_every_table_and_column_of_ours_carries_a_comment() -> None:
    with DuckDBSession() as session:
        session.migrate()
        bare = session.rows(
            "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
            "WHERE schema_name IN ('live', 'journal', 'state', 'outbox', 'report') AND comment IS NULL AND table_name <> 'migrations'"
        )
        tables = session.rows("SELECT schema_name || '.' || table_name AS name, comment FROM duckdb_tables()")
        assert bare == []
        assert [t["name"] for t in tables if not t["comment"] and t["name"] != "journal.migrations"] == []


def test_every_name_of_a_table_is_there() -> None:
    known = {v for k, v in vars(table_names).items() if k.isupper() and isinstance(v, str) and "." in v}
    with DuckDBSession() as session:
        session.migrate()
        assert known <= set(session.columns())


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_function_of_the_vocabulary_is_on_the_language_page() -> None:
    page = (ROOT / "docs" / "language.md").read_text()
    missing = [name for name in sorted(known_names()) if not re.search(rf"\b{name}\b", page)]
    assert missing == []


def test_the_files_of_the_language_page_are_a_project_without_problems() -> None:
    project = PAGE.load()
    assert project.warnings == ()
    assert compile_plan(project).statements


@pytest.mark.parametrize("block", PAGE.fragments, ids=str)
def test_a_fragment_of_the_language_page_fits_its_file(block: Block) -> None:
    assert PAGE.load(block).warnings == ()


def settings_of(block: Block) -> ProjectSettings:
    project = load_project({"project.yaml": f"name: mine\n{block.text}"})
    assert project.warnings == ()
    return project.settings


@pytest.mark.parametrize("block", SINKS.blocks, ids=str)
def test_a_block_of_the_page_of_sinks_is_read(block: Block) -> None:
    assert (block.role, block.path) == ("fragment", "project.yaml")
    assert settings_of(block).sinks


def test_the_block_of_the_page_of_results_is_read() -> None:
    (block,) = RESULTS.blocks
    text = f"name: mine\nsources: {{crm: {{kind: files, path: data}}}}\n{block.text}"
    project = load_project({"project.yaml": text})
    assert project.warnings == () and len(project.settings.results) == 2


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        prepare(made)
        yield made


@pytest.mark.parametrize("block", PAGE.tests, ids=str)
def test_a_test_block_of_the_language_page_decides_what_it_says(block: Block, session: DuckDBSession) -> None:
    with session.rehearsal():
        run_case(PAGE.case(block), lambda project: World(project, session))


def test_the_workflow_tests_of_the_language_page_pass(session: DuckDBSession) -> None:
    failures = [test.run(session) for test in testing.tests_of(PAGE.load())]
    assert failures and [failure.text() for failure in failures if failure] == []


def test_every_yaml_block_of_the_language_page_is_executed() -> None:
    assert [str(block) for block in PAGE.blocks if block.language == "yaml" and block.role == "unknown"] == []
    assert sum(block.role != "world" for block in PAGE.blocks) >= 40


def test_the_files_of_the_page_of_sources_are_a_project_without_problems() -> None:
    assert SOURCES.load().warnings == ()
    assert [str(block) for block in SOURCES.blocks if block.role == "unknown"] == []


@pytest.mark.parametrize("block", SOURCES.fragments, ids=str)
def test_a_block_of_the_page_of_sources_fits_and_its_kind_can_be_opened(block: Block, tmp_path: Path) -> None:
    project = SOURCES.load(block)
    assert project.warnings == ()
    for settings in project.settings.sources.values():
        source_of(settings, tmp_path).close()


def test_every_key_of_every_model_stands_in_an_executed_block() -> None:
    shown = [*PAGE.models(), *SOURCES.models(), *(m for block in SINKS.blocks for m in models_in(settings_of(block)))]
    used = {(type(model), name) for model in shown for name in model.model_fields_set}
    models = _descendants(Model) - {Template}  # the library's own file: docs/templates.md tells of it
    known = {(model, name) for model in models for name in model.model_fields}
    missing = [f"{model.__name__}.{model.model_fields[name].alias or name}" for model, name in known - used]
    assert sorted(missing) == []


def test_every_function_stands_in_an_executed_block() -> None:
    text = "\n".join(text for block in PAGE.blocks for text in block.texts())
    assert [name for name in sorted(known_names()) if not re.search(rf"\b{name}\s*\(", text)] == []


def test_every_reason_of_the_evaluator_is_on_the_language_page() -> None:
    sources = [ROOT / "sql" / "evaluation" / name for name in ("06_leave.sql", "07_admit.sql", "07_once.sql")]
    reasons = {found for path in sources for found in re.findall(r"THEN '([a-z_]+)'", path.read_text())}
    reasons -= {
        "asks_twice",
        "goal",
        "condition",
        "workflow_",
        "holdout",
        "treatment",
        "done",
        "refused",
        "enrolled",
        "goal_met",
        "exited",
    }
    page = (ROOT / "docs" / "language.md").read_text()
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in page] == []


def test_every_command_is_in_the_readme() -> None:
    page = (ROOT / "README.md").read_text()
    commands = [command.name for command in app.registered_commands]
    assert [name for name in commands if not re.search(rf"^drumbeat {name}\b", page, re.MULTILINE)] == []


def test_the_sql_of_the_readme_is_what_compile_prints() -> None:
    text = compile_plan(load_project(read_folder(ROOT / "definitions" / "starter"))).text()
    shown = re.findall(r"^```sql\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    place = 0
    for piece in re.split(r"^ *\.\.\.\n|^\n", "\n".join(shown), flags=re.MULTILINE):
        place = text.find(piece, place)
        assert place >= 0, piece


def _descendants(model: type[Model]) -> set[type[Model]]:
    return {found for child in model.__subclasses__() for found in (child, *_descendants(child))}


def test_every_code_is_on_the_page_of_errors() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    listed = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", page))
    assert _codes() - listed == set()


def _codes() -> set[str]:
    """Every code in the source: the text arguments of what makes problems, faults and errors."""
    makers = {"Problem", "Fault", "fault", "report", "TemplateFault", "Unresolved"}
    roots = {"UserError", "EnvironmentFault", "WarehouseBusy", "__init__"}
    found: set[str] = set()
    for path in (p for room in ("definitions", "sql", "connectors", "pipelines") for p in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                if name in makers | roots and texts and re.fullmatch(r"[a-z]+(-[a-z]+)*", texts[0]):
                    found.add(texts[0])
    return found - {"problems-found"}
