"""Catalog files from a live source: what constraints say, what is guessed and says so, and that nothing is written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connectors.sources.database import database
from connectors.sources.files import FileSource
from definitions import load_project, read_folder
from pipelines.cli.main import app
from pipelines.pulling import catalog_files

STARTER = Path(__file__).resolve().parents[2] / "definitions" / "starter" / "data" / "ravenstack"
HEAD = "# yaml-language-server: $schema=../.drumbeat/catalog.schema.json\n"


def body(text: str) -> str:
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD).split("\n", 1)[1]


def test_a_database_is_believed_where_it_has_constraints(postgres: Any) -> None:
    postgres("CREATE TYPE stage AS ENUM ('new', 'on', 'won')")
    postgres('CREATE TABLE companies (company_no bigint PRIMARY KEY, name text, tags text[], "Créé le" date)')
    postgres(
        "CREATE TABLE deals (id uuid PRIMARY KEY, customer bigint REFERENCES companies, stage stage, "
        "amount numeric(12,2), modified_at timestamptz, deleted_at timestamp)"
    )
    source = database("env:CRM")
    files, left_out = catalog_files("crm", source.facts())
    source.close()
    assert left_out == []
    assert body(files["catalog/deal.yaml"]) == (
        "object: deal\n"
        "table: crm.deals\n"
        "key: id\n"
        "updated_at: modified_at      # guessed from its name\n"
        "deleted_at: deleted_at      # guessed from its name\n"
        "fields:\n"
        "  id: text\n"
        "  customer: integer\n"
        '  stage: {type: text, values: [new, "on", won]}\n'
        "  amount: number\n"
        "  modified_at: timestamp\n"
        "  deleted_at: timestamp\n"
        "relations:\n"
        "  company: {object: company, key: customer}\n"
    )
    assert body(files["catalog/company.yaml"]) == (
        "object: company\n"
        "table: crm.companies\n"
        "key: company_no\n"
        "label: name      # guessed from its name\n"
        "fields:\n"
        "  company_no: integer\n"
        "  name: text\n"
        "  tags: list\n"
        '  cr_le: {type: date, column: "Créé le"}\n'
        "relations:\n"
        "  deals: {object: deal, on: customer}\n"
    )


def test_files_are_guessed_from_their_rows_and_say_so(tmp_path: Path) -> None:
    (tmp_path / "Accounts.csv").write_text(
        "Id,Name,IsDeleted,ZIP,Owner Id\n" + "".join(f"a{n},N,FALSE,0123{n},u1\n" for n in (1, 2))
    )
    (tmp_path / "users.csv").write_text("user_id,email\nu1,a@example.com\n")
    (tmp_path / "visits.csv").write_text(
        "visitor,account_id,kind,seen\n" + "x,a1,web,2026-01-05 9:00\n" * 9 + "x,a1,app,\n" * 9
    )
    files, left_out = catalog_files("crm", FileSource(tmp_path, "csv").facts())
    assert left_out == ["crm.visits: no column is a key"]
    assert body(files["catalog/account.yaml"]) == (
        "object: account\n"
        "table: crm.Accounts\n"
        "key: id      # guessed from its name\n"
        "label: name      # guessed from its name\n"
        "deleted_at: is_deleted      # guessed from its name\n"
        "fields:\n"
        "  id: {type: text, column: Id}      # guessed from its name\n"
        "  name: {type: text, column: Name}      # guessed from 2 values\n"
        "  is_deleted: {type: boolean, column: IsDeleted}      # guessed from 2 values\n"
        "  zip: {type: text, column: ZIP}      # guessed from 2 values\n"
        "  owner_id: {type: text, column: Owner Id}      # guessed from its name\n"
        "relations:\n"
        "  owner: {object: user, key: owner_id}      # guessed from its name\n"
    )


def test_a_pulled_catalog_is_a_project_without_problems(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(f"name: mine\nsources: {{crm: {{kind: files, path: {STARTER}}}}}\n")
    ran = CliRunner().invoke(app, ["catalog", "pull", "-p", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    catalog = load_project(read_folder(tmp_path)).catalog.objects
    assert {"account", "contact", "subscription", "support_ticket", "user"} <= set(catalog)
    assert catalog["subscription"].fields["billing_frequency"].values == ("annual", "monthly")
    assert catalog["account"].relations["subscriptions"].on == "account_id"


def test_what_is_there_is_kept_unless_it_is_forced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "deals.csv").write_text("id\nd1\n")
    (tmp_path / "data" / "users.csv").write_text("id\nu1\n")
    (tmp_path / "project.yaml").write_text("name: mine\nsources: {crm: {kind: files, path: data}}\n")
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "deal.yaml").write_text("mine")
    first = CliRunner().invoke(app, ["catalog", "pull", "crm", "-p", str(tmp_path)])
    deal, user = (tmp_path / "catalog" / f"{name}.yaml" for name in ("deal", "user"))
    assert first.stdout == f"wrote {user}\nkept {deal} (`--force` writes over it)\n"
    assert deal.read_text() == "mine"
    forced = CliRunner().invoke(app, ["catalog", "pull", "crm", "--table", "deals", "--force", "-p", str(tmp_path)])
    assert forced.stdout == f"wrote {deal}\n"
    assert deal.read_text().startswith(HEAD)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["cmr"], "`cmr` is not a source"), (["crm", "--table", "deal"], "`crm` has no table `deal`")],
)
def test_a_wrong_name_is_told_with_the_nearest(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "deals.csv").write_text("id\nd1\n")
    (tmp_path / "project.yaml").write_text("name: mine\nsources: {crm: {kind: files, path: .}}\n")
    ran = CliRunner().invoke(app, ["catalog", "pull", *arguments, "-p", str(tmp_path)])
    assert message in str(ran.exception)
    assert "did you mean" in str(ran.exception)


def test_tables_of_a_pattern_are_found_by_their_place_in_it(tmp_path: Path) -> None:
    for path in ("landed/deals/2026-01-05.csv", "landed/deals/2026-01-06.csv", "landed/users/2026-01-05.csv"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("id\n1\n")
    assert FileSource(tmp_path / "landed/{table}/*.csv", "csv").tables() == ["deals", "users"]
    assert FileSource(tmp_path / "landed/deals/2026-01-05.csv", "csv").tables() == ["2026-01-05"]
