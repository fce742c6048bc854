"""What a database promises: PostgreSQL for real, SQLite as a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.actions import action, batch
from support.databases import emptied, engine_of, postgres

from connectors import Receipt, open_sink
from connectors.sinks.database import DatabaseSink
from definitions import EnvironmentFault
from definitions.sinks import DatabaseSinkSettings

SCHEMA = """
CREATE TABLE crm_tasks (action_id text PRIMARY KEY, kind text, record text, title text NOT NULL, assign text, planned_at timestamp, content text, done boolean DEFAULT false);
CREATE TABLE "odd ""Table; --" (id integer PRIMARY KEY, "Ext Key" varchar(64), "who; drop" text, size integer);
CREATE UNIQUE INDEX ext ON "odd ""Table; --" ("Ext Key");
CREATE TABLE accounts (id text PRIMARY KEY, phase text, seats integer, renews date, seen timestamp, owner_id text, arr numeric(12, 2), vip boolean);
CREATE TABLE twins (id text, phase text);
CREATE TABLE account_tags (account_id text, tag text, PRIMARY KEY (account_id, tag));
CREATE TABLE done (action_id text PRIMARY KEY);
CREATE TABLE loose (action_id text);
INSERT INTO accounts (id, phase) VALUES ('A-1', 'new'), ('A-2', 'new'), ('it''s', 'new');
INSERT INTO twins VALUES ('A-1', 'a'), ('A-1', 'b');
"""
PLACES: dict[str, Any] = {
    "tables": {
        "task": "crm_tasks",
        "call": {
            "table": 'odd "Table; --',
            "key": "Ext Key",
            "columns": {"who; drop": "content.title", "size": "content.size", "id": "content.number"},
        },
    },
    "updates": {"account": {"table": "accounts", "key": "id"}},
    "creates": {"note": {"table": "crm_tasks", "key": "action_id"}},
    "tags": {"account": {"table": "account_tags", "key": "account_id", "tag": "tag"}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


class Database:
    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = engine_of(url)
        with self.engine.begin() as connection:
            for statement in SCHEMA.strip().split(";\n"):
                connection.exec_driver_sql(statement.rstrip(";"))

    def run(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def sink(self, **settings: Any) -> DatabaseSink:
        made = DatabaseSinkSettings(kind="database", url="env:DB", **PLACES | settings)
        sink = open_sink(made, Path(), {"DB": self.url})
        assert isinstance(sink, DatabaseSink)
        return sink


@pytest.fixture(params=["postgres", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path}/crm.sqlite")
    return Database(emptied(request.getfixturevalue("server")))


@pytest.fixture
def pg(server: str) -> Database:
    return Database(emptied(server))


def results(receipt: Receipt) -> list[str]:
    return [outcome.result for outcome in receipt.outcomes]


def test_a_task_is_a_row_with_what_its_columns_are_named_for(database: Database) -> None:
    receipt = database.sink().write(batch("task", action("a1", title="Call 'them'; --", assign="U-1", more=1)))
    assert results(receipt) == ["accepted"]
    found = database.rows("SELECT action_id, kind, record, title, assign, done FROM crm_tasks")
    assert found == [("a1", "task", "A-1", "Call 'them'; --", "U-1", False)]


def test_writing_a_batch_again_changes_nothing_that_people_made_of_it(database: Database) -> None:
    sink, again = database.sink(), batch("task", action("a1", title="Call"), action("a2", title="Write"))
    sink.write(again)
    database.run("UPDATE crm_tasks SET title = 'Called', done = true WHERE action_id = 'a1'")
    assert results(sink.write(again)) == ["accepted", "accepted"]
    found = database.rows("SELECT action_id, title, done FROM crm_tasks ORDER BY 1")
    assert found == [("a1", "Called", True), ("a2", "Write", False)]


def test_names_are_quoted_and_columns_hold_what_the_settings_say(database: Database) -> None:
    receipt = database.sink().write(batch("call", action("a1", title="Ring", size=3, number=7)))
    assert results(receipt) == ["accepted"]
    assert database.rows('SELECT * FROM "odd ""Table; --"') == [(7, "a1", "Ring", 3)]


def test_one_row_that_does_not_fit_stops_itself_alone(database: Database) -> None:
    receipt = database.sink().write(
        batch(
            "task",
            action("a1", title="Call"),
            action("a2"),
            action("a3", title="bad\ud800"),
            action("a4", title="Write"),
        )
    )
    assert results(receipt) == ["accepted", "rejected", "rejected", "accepted"]
    assert database.rows("SELECT action_id FROM crm_tasks ORDER BY 1") == [("a1",), ("a4",)]


def test_fields_of_records_are_set_and_setting_them_twice_is_setting_them_once(database: Database) -> None:
    fields = {
        "phase": "won",
        "seats": 12,
        "renews": "2026-03-20",
        "seen": "2026-01-05T09:00:00Z",
        "arr": "10.50",
        "vip": True,
    }
    sink, changes = database.sink(), batch("update", action("a1", fields=fields))
    assert results(sink.write(changes)) == results(sink.write(changes)) == ["accepted"]
    (found,) = database.rows("SELECT phase, seats, vip, owner_id FROM accounts WHERE id = 'A-1'")
    assert (found[0], found[1], bool(found[2]), found[3]) == ("won", 12, True, None)
    (when,) = database.rows(
        "SELECT CAST(renews AS text), substr(CAST(seen AS text), 1, 16) FROM accounts WHERE id = 'A-1'"
    )
    assert when == ("2026-03-20", "2026-01-05 09:00")
    assert database.rows("SELECT phase FROM accounts WHERE id = 'A-2'") == [("new",)]
    assert results(sink.write(batch("assign", action("a2", fields={"owner_id": "U-1"})))) == ["accepted"]
    assert results(sink.write(batch("update", action("a3", record="it's", fields={"phase": None})))) == ["accepted"]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("A-9", {"phase": "x"}, "no-record"),
    ("A-1' OR '1'='1", {"phase": "x"}, "no-record"),
    ("A-1", {"colour": "red"}, "unknown-column"),
    ("A-1", {"phase = 'x' --": "red"}, "unknown-column"),
    ("A-1", {"id": "A-2"}, "value"),
    ("A-1", {}, "value"),
    ("A-1", {"seats": "many"}, "value"),
    ("A-1", {"seats": 1.5}, "value"),
    ("A-1", {"seats": True}, "value"),
    ("A-1", {"renews": "soon"}, "value"),
    ("A-1", {"seen": "2026-13-01"}, "value"),
    ("A-1", {"vip": "yes"}, "value"),
    ("A-1", {"arr": "much"}, "value"),
]


def test_a_change_that_does_not_fit_says_why_and_stops_no_other(database: Database) -> None:
    wrong = [action(f"a{n}", record, fields=fields) for n, (record, fields, _) in enumerate(WRONG)]
    receipt = database.sink().write(batch("update", *wrong, action("z", "A-2", fields={"phase": "ok"})))
    assert results(receipt) == ["rejected"] * len(WRONG) + ["accepted"]
    assert [outcome.code for outcome in receipt.outcomes[:-1]] == [code for _, _, code in WRONG]
    assert database.rows("SELECT id, phase, seats FROM accounts WHERE phase <> 'new'") == [("A-2", "ok", None)]


def test_a_record_that_is_there_twice_is_not_changed(database: Database) -> None:
    sink = database.sink(updates={"account": {"table": "twins", "key": "id"}})
    receipt = sink.write(batch("update", action("a1", fields={"phase": "x"})))
    assert [outcome.code for outcome in receipt.outcomes] == ["not-one-record"]
    assert database.rows("SELECT phase FROM twins ORDER BY 1") == [("a",), ("b",)]


def test_tags_come_and_go_once(database: Database) -> None:
    sink = database.sink()
    for _ in range(2):
        sink.write(batch("tag", action("a1", tags=["hot", "new"]), action("a2", "A-2", tags=["hot"])))
    assert len(database.rows("SELECT * FROM account_tags")) == 3
    for _ in range(2):
        assert results(sink.write(batch("untag", action("a3", tags=["hot", "gone"])))) == ["accepted"]
    assert database.rows("SELECT * FROM account_tags ORDER BY 1, 2") == [("A-1", "new"), ("A-2", "hot")]


def test_a_new_record_is_made_once(database: Database) -> None:
    sink, made = database.sink(), batch("create", action("a1", object="note", fields={"title": "Hi"}))
    assert results(sink.write(made)) == results(sink.write(made)) == ["accepted"]
    assert database.rows("SELECT action_id, title FROM crm_tasks") == [("a1", "Hi")]


def test_what_no_table_takes_is_refused(database: Database) -> None:
    assert [o.code for o in database.sink().write(batch("sms", action())).outcomes] == ["no-table"]
    other = replace(action(fields={"phase": "x"}), object="contact")
    assert [o.code for o in database.sink().write(batch("update", other)).outcomes] == ["no-table"]


def test_with_a_ledger_a_change_is_made_once_and_can_be_asked_for(database: Database) -> None:
    sink = database.sink(ledger="done")
    one, bad = action("a1", fields={"phase": "won"}), action("a2", fields={"phase": "won", "seats": "many"})
    assert sink.traits.can_be_asked and sink.ask(one) is None
    assert results(sink.write(batch("update", one, bad))) == ["accepted", "rejected"]
    database.run("UPDATE accounts SET phase = 'lost' WHERE id = 'A-1'")
    assert results(sink.write(batch("update", one))) == ["accepted"]
    assert database.rows("SELECT phase FROM accounts WHERE id = 'A-1'") == [("lost",)]
    asked = sink.ask(one)
    assert asked is not None and asked.result == "accepted"
    assert sink.ask(bad) is None


STRANGE: list[dict[str, Any]] = [
    {"tables": {"task": "nowhere"}},
    {"tables": {"task": {"table": "crm_tasks", "key": "id"}}},
    {"tables": {"task": {"table": "loose"}}},
    {"tables": {"task": {"table": "crm_tasks", "columns": {"colour": "kind"}}}},
    {"updates": {"account": {"table": "accounts", "key": "account_id"}}},
    {"tags": {"account": {"table": "account_tags", "key": "account_id", "tag": "account_id"}}},
    {"ledger": "loose"},
    {"ledger": "accounts"},
]


def test_tables_that_are_not_as_needed_are_told_before_anything_is_written(database: Database) -> None:
    for settings in STRANGE:
        with pytest.raises(EnvironmentFault) as caught:
            database.sink(**settings).write(batch("task", action(title="x")))
        assert caught.value.code == "sink-table"


def test_a_database_that_is_not_there_is_later_and_its_password_is_not_shown(tmp_path: Path) -> None:
    settings = DatabaseSinkSettings(kind="database", url="env:DB", timeout=1, **PLACES)
    sink = open_sink(settings, Path(), {"DB": "postgresql://me:hunter2canary@127.0.0.1:1/crm"})
    receipt = sink.write(batch("task", action("a1", title="x"), action("a2", title="y")))
    assert results(receipt) == ["later", "later"]
    asked = open_sink(settings.model_copy(update={"ledger": "done"}), Path(), {"DB": "postgresql://127.0.0.1:1/crm"})
    told = asked.ask(action("a1"))
    assert told is not None and told.result == "unknown"
    assert "hunter2canary" not in f"{receipt!r} {sink!r} {getattr(sink, 'engine', '')!r}"


def test_a_url_that_is_none_is_refused_without_showing_it() -> None:
    for url in ("hunter2canary", "pigeon://hunter2canary", "://"):
        with pytest.raises(EnvironmentFault) as caught:
            open_sink(DatabaseSinkSettings(kind="database", url="env:DB"), Path(), {"DB": url})
        assert caught.value.code == "secret-unusable" and "hunter2" not in str(caught.value)


def test_a_role_that_may_not_write_closes_the_sink(pg: Database) -> None:
    pg.run(
        "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
    )
    try:
        pg.url = pg.url.replace("postgres:@", "reader:@").replace("postgres@", "reader@")
        receipt = pg.sink().write(batch("task", action(title="x")))
        assert results(receipt) == ["later"]
        assert receipt.closed is not None and "42501" in receipt.closed
    finally:
        pg.run("DROP OWNED BY reader; DROP ROLE reader")


def test_a_reply_lost_at_the_commit_is_unknown_and_the_next_try_settles_it(pg: Database) -> None:
    pg.run(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
    )
    pg.run(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON crm_tasks DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()"
    )
    sink, again = pg.sink(), batch("task", action("a1", title="x"), action("a2"))
    assert results(sink.write(again)) == ["unknown", "rejected"]
    pg.run("DROP TRIGGER die ON crm_tasks")
    assert results(sink.write(again)) == ["accepted", "rejected"]
    assert pg.rows("SELECT action_id FROM crm_tasks") == [("a1",)]


def test_a_connection_lost_in_the_middle_undoes_the_batch(pg: Database) -> None:
    pg.run(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF new.title = ''die'' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN new; END'"
    )
    pg.run("CREATE TRIGGER die BEFORE INSERT ON crm_tasks FOR EACH ROW EXECUTE FUNCTION die()")
    receipt = pg.sink().write(
        batch("task", action("a1", title="x"), action("a2", title="die"), action("a3", title="y"))
    )
    assert results(receipt) == ["later", "later", "later"]
    assert pg.rows("SELECT count(*) FROM crm_tasks") == [(0,)]


def test_what_a_database_says_holds_no_values(pg: Database) -> None:
    pg.run("ALTER TABLE crm_tasks ADD CONSTRAINT short CHECK (length(title) < 5)")
    receipt = pg.sink().write(batch("task", action(title="secret canary")))
    assert receipt.outcomes[0].message == "CheckViolation 23514 crm_tasks short"
