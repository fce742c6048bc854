"""The pages say what is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sql import DuckDBSession
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
