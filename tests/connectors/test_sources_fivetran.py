"""The templates for how Fivetran lands HubSpot and Salesforce, on tables that it landed."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.sources.files import FileSource
from pipelines.apply import apply_project
from pipelines.cli.authoring import copy_template
from pipelines.evaluation import evaluate
from pipelines.snapshot import ObjectCounts, take_snapshot
from pipelines.workspace import Workspace

DATA = Path(__file__).resolve().parents[1] / "data"


HUBSPOT = {
    "deal": {
        "deal_id": "d1",
        "property_closedate": "2021-02-01 00:00:00",
        "owner_id": "44023296",
        "is_deleted": "false",
    },
    "ticket": {"id": "t1", "property_createdate": "2021-02-27 09:00:00", "is_deleted": "FALSE"},
}
SALESFORCE = {
    "lead": {"id": "l1", "name": "Ann", "created_date": "2018-12-10 09:00:00", "is_converted": "FALSE"},
    "opportunity": {"id": "o1", "name": "Acme", "is_won": "true", "close_date": "2018-12-19 00:00:00"},
}
"""A row of each table for each workflow: what was landed holds none that they look for."""


@pytest.mark.parametrize(
    ("name", "as_of", "more", "records", "entered"),
    [
        (
            "fivetran_hubspot",
            datetime(2021, 3, 1, tzinfo=UTC),
            HUBSPOT,
            # two of 71 stages are deleted
            {"company": 24, "contact": 22, "deal": 45, "deal_stage": 69, "ticket": 26, "user": 100},
            {"first_reply": 1, "overdue_deal": 1},
        ),
        (
            "fivetran_salesforce",
            datetime(2018, 12, 20, tzinfo=UTC),
            SALESFORCE,
            # all but one of ten accounts, all of ten opportunities and half of ten users are deleted
            {"account": 1, "contact": 4, "lead": 2, "opportunity": 1, "task": 10, "user": 5},
            {"untouched_lead": 1, "won_handover": 1},
        ),
    ],
)
def test_a_template_reads_and_evaluates_what_fivetran_lands(
    name: str,
    as_of: datetime,
    more: dict[str, dict[str, str]],
    records: dict[str, int],
    entered: dict[str, int],
    tmp_path: Path,
) -> None:
    found, made = run(name, as_of, more, tmp_path)
    assert {counts.object: counts.record_count for counts in found} == records
    assert {counts.object: counts.unreadable_count for counts in found if counts.unreadable_count} == {}
    assert made == entered


def add(path: Path, row: dict[str, str]) -> None:
    with path.open(newline="") as file:
        names = next(csv.reader(file))
    text = path.read_text()
    with path.open("a", newline="") as file:
        file.write("" if text.endswith("\n") else "\n")
        csv.DictWriter(file, names).writerow(row)


def run(
    name: str, as_of: datetime, more: dict[str, dict[str, str]], folder: Path
) -> tuple[tuple[ObjectCounts, ...], dict[str, int]]:
    copy_template(folder / "mine", name)
    for path in (DATA / name).glob("*.csv"):
        shutil.copy(path, folder / "mine" / "data")
    for table, row in more.items():
        add(folder / "mine" / "data" / f"{table}.csv", row)
    workspace = Workspace(folder / "mine")
    # whoever is inside from the start says more here than newcomers only
    for workflow in (folder / "mine" / "workflows").iterdir():
        workflow.write_text(workflow.read_text().replace("launch: newcomers", "launch: everyone"))
    with workspace.session("tests", create=True) as session:
        apply_project(session, workspace.project, at=as_of, by="tests")
        found = take_snapshot(session, workspace.project, workspace.sources(), as_of).objects
        made = evaluate(session, as_of)
        return found, {counts.workflow: counts.entered_count for counts in made.workflows}


@pytest.mark.parametrize("name", ["fivetran_hubspot", "fivetran_salesforce"])
def test_a_template_asks_for_columns_that_are_there(name: str, tmp_path: Path) -> None:
    copy_template(tmp_path / "mine", name)
    for made in Workspace(tmp_path / "mine").project.catalog.objects.values():
        table = made.table.split(".")[1]
        with (DATA / name / f"{table}.csv").open(newline="") as file:
            assert {made.column(field) for field in (made.key, *made.fields)} <= set(next(csv.reader(file))), table
        assert FileSource(DATA / name, "csv").read(table, [made.column(made.key)]).num_rows > 0
