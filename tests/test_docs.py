"""The pages say what is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from definitions import load_project
from definitions.vocabulary import known_names
from sql import DuckDBSession, compile_plan
from sql import names as table_names
from sql.migrations.page import table_page

ROOT = Path(__file__).resolve().parents[1]


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


def test_the_examples_of_the_language_page_are_a_project_without_problems() -> None:
    page = (ROOT / "docs" / "language.md").read_text()
    files = {m[1]: m[2] for m in re.finditer(r"```yaml\n# (\S+)\n(.*?)```", page, re.DOTALL)}
    assert set(files) == {
        "project.yaml",
        "catalog/account.yaml",
        "segments/in_trouble.yaml",
        "workflows/renewal_90.yaml",
    }
    head = "object: {0}\ntable: crm.{0}s\nkey: {0}_id\n"
    fields = {
        "ticket": "{ticket_id: text, account_id: text, priority: text, opened_on: date, hours: number}",
        "contact": "{contact_id: text, account_id: text, role: text, first_name: text, last_seen_at: timestamp}",
        "user": "{user_id: text, name: text}",
    }
    files |= {f"catalog/{name}.yaml": head.format(name) + f"fields: {spec}\n" for name, spec in fields.items()}
    project = load_project(files | {"messages/hello.md": "Hello {{ recipient.first_name }}"})
    assert project.warnings == ()
    assert compile_plan(project).statements


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
