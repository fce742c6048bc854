"""Sources of dlt: a REST API that pages, tells to slow down and fails, and resources of a project's own."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.projects import DAY, SETTINGS, START
from support.rest_crm import Api, serve

from connectors import Since, Source, open_source
from definitions import EnvironmentFault, load_project
from definitions.connections import DltSourceSettings
from pipelines.pulling import catalog_files
from pipelines.snapshot import take_snapshot
from sql import DuckDBSession

TICKET = """
object: ticket
table: crm.tickets
key: ticket_id
updated_at: moved
incremental: {}
fields: {ticket_id: {type: integer, column: id}, owner_id: {type: text, column: owner__id}, moved: timestamp}
"""


def source(path: str, **arguments: Any) -> Any:
    return open_source(DltSourceSettings(kind="dlt", source=path, arguments=arguments), Path())


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    """dlt leaves connections to the garbage collector, which may say so in the midst of another test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("CRM_TOKEN", "s3cret")
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.01")
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "3")
    rows = [{"id": n, "owner": {"id": f"u{n}"}, "moved": f"2026-01-0{n}T09:00:00+00:00"} for n in range(1, 6)]
    with serve(Api(rows)) as made:
        yield made


def keys(found: Source, since: Since | None = None) -> list[str | None]:
    return [row["id"] for row in found.read("tickets", ["id"], since).read_all().to_pylist()]


def test_all_pages_are_read_past_failures_and_requests_to_slow_down(api: Api) -> None:
    api.answers = [(200, {}), (429, {"Retry-After": "1"}), (503, {})]
    assert keys(source("support.rest_crm.tables", base_url=api.url, token="env:CRM_TOKEN")) == ["1", "2", "3", "4", "5"]
    assert api.tokens == {"Bearer s3cret"}
    assert [path.partition("?")[2] for path in api.asked] == ["", "page=1", "page=1", "page=1", "page=2"]


def test_a_function_with_since_is_told_from_when_on(api: Api) -> None:
    since = Since("moved", datetime(2026, 1, 4, 9, tzinfo=UTC))
    assert keys(source("support.rest_crm.tables", base_url=api.url), since) == ["4", "5"]


def test_a_snapshot_reads_an_api_and_then_what_changed(api: Api) -> None:
    project = load_project({"project.yaml": SETTINGS, "catalog/ticket.yaml": TICKET})
    crm = {"crm": source("support.rest_crm.tables", base_url=api.url)}
    with DuckDBSession() as session:
        session.migrate()
        first = take_snapshot(session, project, crm, START + DAY).objects[0]
        api.rows[4]["owner"] = {"id": "u9"}
        second = take_snapshot(session, project, crm, START + 2 * DAY).objects[0]
        assert (first.row_count, second.row_count, second.updated_count) == (5, 1, 1)
        owners = session.rows("SELECT ticket_id, owner_id FROM crm.ticket ORDER BY ticket_id DESC LIMIT 2")
        assert [tuple(row.values()) for row in owners] == [(5, "u9"), (4, "u4")]


def test_an_api_that_fails_for_good_changes_nothing(api: Api) -> None:
    project = load_project({"project.yaml": SETTINGS, "catalog/ticket.yaml": TICKET})
    crm = {"crm": source("support.rest_crm.tables", base_url=api.url)}
    with DuckDBSession() as session:
        session.migrate()
        api.always = 500
        with pytest.raises(EnvironmentFault, match=r"`crm.tickets` could not be read to its end: .*500") as caught:
            take_snapshot(session, project, crm, START)
        assert caught.value.code == "source-broken"
        assert session.count("journal.snapshots") == 0
        assert len(api.asked) == 3


def test_names_and_values_follow_dlt() -> None:
    made = source("support.rest_crm.one_resource", rows=1)
    columns = ["ticket_id", "owner__id", "tags", "is_open", "hours", "nowhere"]
    found = made.read("tickets", columns).read_all().to_pylist()[0]
    assert list(found.values()) == ["0", "u0", '["a", "b, c"]', "true", "0.5", None]


def test_a_catalog_is_pulled_from_first_rows() -> None:
    files, _ = catalog_files("crm", source("support.rest_crm.one_resource", rows=3000).facts())
    assert files["catalog/ticket.yaml"].endswith(
        "key: ticket_id      # guessed from its name\n"
        "fields:\n"
        "  ticket_id: integer\n"
        "  owner_id: {type: text, column: owner__id}      # guessed from its name\n"
        "  tags: list\n"
        "  is_open: boolean\n"
        "  hours: number\n"
    )


def test_a_module_may_lie_in_the_projects_folder(tmp_path: Path) -> None:
    (tmp_path / "own_crm_api.py").write_text("from support.rest_crm import one_resource\n")
    settings = DltSourceSettings(kind="dlt", source="own_crm_api.one_resource", arguments={"rows": 2})
    assert open_source(settings, tmp_path).read("tickets", ["ticket_id"]).read_all().num_rows == 2


@pytest.mark.parametrize("path", ["support.rest_crm.tabels", "support.rest_crn.tables", "tables"])
def test_a_function_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(EnvironmentFault, match=f"`{path}` cannot be imported"):
        source(path).read("tickets", ["id"])


def test_a_resource_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(EnvironmentFault, match=r"no resource `ticket`\nhint: did you mean `tickets`"):
        source("support.rest_crm.one_resource", rows=1).read("ticket", ["id"])
