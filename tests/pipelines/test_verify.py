"""The replay proof: a warehouse is made again from what was kept, and a byte changed anywhere is found and named."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import open_sink
from definitions import Project, UserError, load_project
from definitions.sinks import FileSinkSettings as SinkSettings
from pipelines.apply import apply_project
from pipelines.delivery import deliver
from pipelines.evaluation import evaluate
from pipelines.live import live_project
from pipelines.places import journal_of_file
from pipelines.snapshot import take_snapshot
from pipelines.starts import forget_records, starts_of
from pipelines.verification import Asked, Proof, verify
from pipelines.worlds import Rows, RowSource, World
from sql import DuckDBSession
from sql.comparison import KEYS
from sql.names import RESULTS, SUPPRESSIONS

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ACCOUNT = """
object: account
table: crm.accounts
key: account_id
label: name
merged_into: merged_to
updated_at: touched
fields:
  account_id: text
  name: text
  health: text
  seats: number
  order: text
  merged_to: text
  touched: timestamp
  tags: list
  left_on: {type: date, known_from: left_on}
  main_id: text
relations: {main: {object: contact, key: main_id}}
"""
FILES = {
    "project.yaml": """
name: proved
timezone: America/New_York
sources: {crm: {kind: files, path: data}}
sinks: {out: {kind: files, path: out}}
routes: {default: out}
""",
    "catalog/account.yaml": ACCOUNT,
    "catalog/contact.yaml": """
object: contact
table: crm.contacts
key: contact_id
phones: [phone]
fields: {contact_id: integer, name: text, phone: text, email: text}
""",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
recipient: {relation: main}
entry: {when: "health = 'poor' or was_ever(health, 'poor')"}
reentry: {after: requalifying}
holdout: 20%
objective: {name: Well, when: health = 'good', measure: seats}
exit: {when: left_on is not null}
steps:
  - id: call
    task: {title: "Call {{ account.name }}", due: 2 days}
  - id: hello
    email: {template: messages/hello.md, subject: "Hello {{ account.name }}"}
  - {id: rest, wait: 2 days}
  - id: again
    email: {template: messages/hello.md, subject: Hello again}
    approval: required
  - {id: more, wait: 1 day}
  - {id: other, enroll: {workflow: follow}}
""",
    "workflows/follow.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: seats > 1000}
steps:
  - {id: rest, wait: 3 days}
  - id: mark
    update: {seats: {expression: seats + 0.1}}
""",
    "messages/hello.md": "Hello {{ recipient.name }}",
}
GIVEN: Rows = {
    "account": {
        f"a{i}": {
            "account_id": f"a{i}",
            "name": f"Company {i}",
            "health": "poor" if i % 3 else "good",
            "seats": i + 0.1,
            "order": "x'|\"" if i else None,
            "touched": "2026-01-01 08:00:00+02",
            "tags": ["a", "b c"],
            "left_on": "2026-01-08" if i == 4 else None,
            "main_id": str(i % 5),
        }
        for i in range(12)
    },
    "contact": {
        str(i): {"contact_id": i, "name": f"Person {i}", "phone": f"+1213555010{i}", "email": f"p{i}@example.com"}
        for i in range(5)
    },
}


def project(**changes: str) -> Project:
    return load_project({**FILES, **{name.replace("__", "/") + ".yaml": text for name, text in changes.items()}})


def go_on(path: Path) -> None:
    """One more evaluation, after what none had seen."""
    with DuckDBSession(path, threads=1) as session:
        life = Life(session)
        _, life.world.project = live_project(session)
        life.world.set({"account": {"a3": {"account_id": "a3", "name": "Company 3", "health": "good", "main_id": "2"}}})
        life.happens("hello", "replied", 6.4)
        life.day(7)
        life.deliver(7.5)


class Torn(Exception):
    """What a crash is to a transaction."""


class Life:
    """A warehouse in a file and what happens to it: rows, applies, orders, results, deliveries."""

    def __init__(self, session: DuckDBSession) -> None:
        assert session.path is not None
        self.session = session
        self.world = World(project(), session)
        self.sink = open_sink(SinkSettings(kind="files", path="out"), session.path.parent)

    def apply(self, made: Project, day: int) -> None:
        self.world.project = made
        self.session.set_timezone("America/New_York")
        apply_project(self.session, made, at=START + day * DAY, by="ann")

    def snapshot(self, day: float) -> None:
        objects = self.world.project.catalog.objects
        tables = {spec.table.split(".")[1]: list(self.world.rows.get(n, {}).values()) for n, spec in objects.items()}
        take_snapshot(self.session, self.world.project, {"crm": RowSource(tables)}, START + day * DAY, accept=True)

    def day(self, day: float) -> None:
        """A snapshot and an evaluation, and both once more."""
        self.snapshot(day)
        evaluate(self.session, START + day * DAY)
        self.snapshot(day)
        assert not evaluate(self.session, START + day * DAY).made

    def torn(self, day: float) -> None:
        """A snapshot and an evaluation that come to nothing."""
        with pytest.raises(Torn), self.session.transaction():
            self.snapshot(day)
            evaluate(self.session, START + day * DAY)
            raise Torn

    def torn_delivery(self, day: float) -> None:
        """A delivery that a sink took, and the note of it is lost."""
        with pytest.raises(Torn), self.session.transaction():
            self.deliver(day)
            raise Torn

    def deliver(self, day: float) -> None:
        deliver(self.session, self.world.project, {"out": self.sink}, START + day * DAY)

    def killed_delivery(self, day: float, point: str) -> None:
        """A delivery that dies at a point; what it committed stays."""

        def die(at: str) -> None:
            if at == point:
                raise Torn

        with pytest.raises(Torn):
            deliver(self.session, self.world.project, {"out": self.sink}, START + day * DAY, crash_point=die)

    def order(self, order: str, day: float) -> None:
        self.world.order(order, START + day * DAY)

    def action(self, step: str) -> str:
        rows = self.session.rows(
            "SELECT action_id FROM outbox.actions WHERE step_id = $step ORDER BY 1", {"step": step}
        )
        return rows[0]["action_id"]

    def happens(self, step: str, result: str, day: float) -> None:
        at = START + day * DAY
        row = {"action_id": self.action(step), "result": result, "happened_at": at, "received_at": at}
        self.session.append(RESULTS, [row])


def live_through(session: DuckDBSession) -> None:
    """Six evaluations with everything that can come from outside."""
    life = Life(session)
    life.apply(project(), 0)
    life.world.set(GIVEN)
    life.day(0)
    life.torn_delivery(0.5)
    life.deliver(0.5)
    life.world.set({"account": {"a1": {"health": "good"}, "a2": None, "a5": {"merged_to": "a6"}}})
    life.order("pause care a7", 0.6)
    life.session.append(
        SUPPRESSIONS, [{"object": "contact", "recipient": "3", "since": START + DAY / 2, "reason": "bounced"}]
    )
    life.snapshot(0.8)  # one that no evaluation reads
    life.day(1)
    # a new field and another type: what is there now begins without a change
    wider = ACCOUNT.replace("order: text", "order: text\n  region: text").replace("seats: number", "seats: integer")
    life.world.set({"account": {f"a{i}": {"region": "EU", "seats": i} for i in (0, 1, 3, 4, 6)}})
    life.world.set({"account": {"a9": {"seats": "many"}}})
    life.apply(project(catalog__account=wider), 1)
    life.day(2)
    life.happens("call", "completed", 2.1)
    life.deliver(2.5)
    life.order("approve care a8", 2.6)
    life.order("resume care a7", 2.6)
    life.apply(
        project(
            catalog__account=wider,
            workflows__care=FILES["workflows/care.yaml"].replace("2 days}\n  - id: again", "1 day}\n  - id: again"),
        ),
        3,
    )
    life.torn(3)
    life.day(3)
    life.day(4)
    life.deliver(4.5)
    life.world.set({"account": {"a0": {"health": "poor"}, "a2": {"name": "Back", "health": "poor", "main_id": "1"}}})
    life.world.set({"account": {"a4": {"merged_to": "a6"}, "a5": {"merged_to": "a1"}}})
    life.day(5)
    life.world.set({"account": {"a4": {"merged_to": None}, "a5": {"merged_to": "a3"}}})
    # what no evaluation has seen
    life.deliver(5.5)
    life.order("remove care a0", 5.6)
    life.snapshot(5.8)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verify") / "warehouse.duckdb"
    with DuckDBSession(path, threads=1) as session:
        session.migrate()
        live_through(session)
    return path


@pytest.fixture
def copy(lived: Path, tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    shutil.copy(lived, path)
    shutil.copytree(journal_of_file(lived), journal_of_file(path))
    return path


def plant(path: Path, *statements: str) -> None:
    with DuckDBSession(path) as session:
        for sql in statements:
            session.execute(sql)


def lines(proof: Proof) -> str:
    return "\n".join(proof.lines())


def test_a_life_is_proved(lived: Path) -> None:
    proof = verify(lived, threads=1)
    assert proof.holds, lines(proof)
    assert (proof.first, proof.last, proof.made_count) == (1, 6, 6)


def test_the_life_has_everything_that_can_be_kept(lived: Path) -> None:
    with DuckDBSession(lived, read_only=True) as session:
        for table in ("state.transitions", "outbox.attempts", "inbox.results", "crm.merges", "state.suppressions"):
            assert session.count(table), table
        kinds = {row["kind"] for row in session.rows("SELECT DISTINCT kind FROM inputs.records")}
        assert kinds == {"created", "updated", "deleted", "filled", "merged", "left_out"}
        assert session.rows("SELECT 1 FROM journal.commands WHERE given_by LIKE '(step) %'")
        assert session.count("journal.snapshots") == 8


def test_every_table_is_compared() -> None:
    with DuckDBSession() as session:
        session.migrate()
        made = {name for name in session.columns() if name.split(".")[0] not in ("main", "report")}
    assert set(KEYS) == made - {
        "journal.migrations",
        "state.participants",  # a view of two that are
        "inputs.records",
        "outbox.journal",
        "journal.quarantine",
        "inbox.aside",
        "inbox.positions",
    }


DECIDED = {
    "state.transitions reason": "UPDATE {t} SET reason = 'x' WHERE kind = 'entered' AND participant_id = (SELECT MIN(participant_id) FROM {t})",
    "state.open_participants step_id": "UPDATE {t} SET step_id = 'x' WHERE participant_id = (SELECT MIN(participant_id) FROM {t})",
    "state.episodes matched_to": "UPDATE {t} SET matched_to = now() WHERE record = 'a3' OR record = 'a7'",
    "state.phone_zones zones": "UPDATE {t} SET zones = '[]' WHERE number = (SELECT MIN(number) FROM {t})",
    "outbox.actions values": "UPDATE {t} SET \"values\" = replace(\"values\", 'Company 7', 'Company 8')",
    "outbox.actions status": "UPDATE {t} SET status = 'planned' WHERE action_id = (SELECT MIN(action_id) FROM {t} WHERE status = 'sent')",
    "journal.workflow_counts inside_count": "UPDATE {t} SET inside_count = inside_count + 1 WHERE evaluation_id = 3 AND workflow = 'care'",
    "journal.evaluations entered_count": "UPDATE {t} SET entered_count = 99 WHERE evaluation_id = 2",
    "journal.commands outcome": "UPDATE {t} SET outcome = 'refused' WHERE command = 'pause'",
    "journal.snapshot_objects unreadable_count": "UPDATE {t} SET unreadable_count = 0",
    "live.hops wait_days": "UPDATE {t} SET wait_days = wait_days + 1 WHERE version = 1",
    "live.contents body": "UPDATE {t} SET body = replace(body, 'Call', 'Cell')",
    "live.projects timezone": "UPDATE {t} SET timezone = 'UTC' WHERE project_id = 2",
    "crm.account name": "UPDATE {t} SET name = 'company 3' WHERE account_id = 'a3'",
    "crm.contact phone": "UPDATE {t} SET phone = phone || '1' WHERE contact_id = 2",
    "crm.merges survivor": "UPDATE {t} SET survivor = 'a7'",
    "history.account health": "UPDATE {t} SET health = 'fair' WHERE account_id = 'a3'",
}
"""What evaluations, snapshots and applies wrote: a table and a column, and how to change it."""


def test_whatever_was_decided_and_is_changed_is_found_and_named(copy: Path) -> None:
    plant(copy, *(sql.format(t=place.split()[0]) for place, sql in DECIDED.items()))
    proof = verify(copy, threads=1)
    assert proof.unmade == ()
    assert {f"{f.table} {f.column}" for f in proof.findings} == set(DECIDED)
    assert "every evaluation comes out as it did: what differs was changed afterwards" in proof.lines()
    name = next(f for f in proof.findings if f.table == "crm.account")
    assert name.text == "crm.account [account_id `a3`] name: expected `Company 3`, found `company 3`"


def test_rows_too_many_or_too_few_and_another_chain_are_named(copy: Path) -> None:
    plant(
        copy,
        "DELETE FROM state.transitions WHERE kind = 'entered' AND evaluation_id = 5",
        "INSERT INTO state.entry_values VALUES ('p', 1, '2')",
        "UPDATE journal.evaluations SET chain_hash = md5('x') WHERE evaluation_id = 4",
    )
    proof = verify(copy, threads=1)
    assert [one.evaluation_id for one in proof.unmade] == [4]
    assert "evaluation 4 of 2026-01-08" in lines(proof)
    assert {(f.table, f.column, f.expected, f.found) for f in proof.findings} == {
        ("state.transitions", None, "a row", "none"),
        ("state.entry_values", None, "no row", "a row"),
    }


GIVEN_IN = {
    "inputs.records [snapshot 1, account, a3, created] (fields)": "UPDATE {t} SET fields = replace(fields, 'Company 3', 'company 3') WHERE kind = 'created'",
    "inputs.records [snapshot 2]:": "DELETE FROM {t} WHERE snapshot_id = 2 AND kind = 'deleted'",
    "journal.commands [": "UPDATE {t} SET record = 'a8' WHERE command = 'pause'",
    "inbox.results [": "UPDATE {t} SET result = 'opened'",
    "state.suppressions [contact, 3]": "UPDATE {t} SET reason = 'asked'",
    "outbox.attempts [": "UPDATE {t} SET message = 'x' WHERE action_id = (SELECT MIN(action_id) FROM {t})",
    "outbox.batches [": "UPDATE {t} SET checksum = '1' || checksum[2:] WHERE batch_id = (SELECT MIN(batch_id) FROM {t})",
    "outbox.attempts [seen by evaluation 2]": "DELETE FROM {t} WHERE seen_by = 2 AND action_id = (SELECT MAX(action_id) FROM {t} WHERE seen_by = 2)",
    "live.projects [project_id 2] files": "UPDATE {t} SET files = replace(files, 'region', 'regiom') WHERE project_id = 2",
    "live.projects [project_id 1] (files, applied_at": "UPDATE {t} SET applied_by = 'bob' WHERE project_id = 1",
    "journal.snapshots [snapshot_id 4]": "UPDATE {t} SET as_of = as_of + INTERVAL 1 SECOND WHERE snapshot_id = 4",
    "journal.evaluations [evaluation_id 3] (as_of": "UPDATE {t} SET as_of = as_of + INTERVAL 1 SECOND WHERE evaluation_id = 3",
}
"""What came from outside: where a finding must be, and how to change it. An order that nobody took up yet is sealed too."""


def test_whatever_came_from_outside_and_is_changed_is_found_and_named(copy: Path) -> None:
    plant(copy, *(sql.format(t=place.split()[0]) for place, sql in GIVEN_IN.items()))
    proof = verify(copy, threads=1)
    assert proof.made_count == 0
    assert [place for place in GIVEN_IN if not any(line.startswith(place) for line in proof.lines())] == []


def test_an_input_changed_together_with_its_seal_is_found_by_the_hash_of_them_all(copy: Path) -> None:
    plant(
        copy,
        "UPDATE state.suppressions SET reason = 'asked', seal = seal_of_suppression(object, recipient, since, 'asked')",
        "UPDATE inputs.records SET fields = '{}', seal = seal_of_record(snapshot_id, object, record, kind, '{}') "
        "WHERE snapshot_id = 1 AND record = 'a3'",
    )
    assert [(f.table, f.key) for f in verify(copy, threads=1).findings] == [
        ("state.suppressions", "seen by evaluation 2"),
        ("journal.snapshots", "snapshot_id 1"),
    ]


def test_evaluations_that_are_not_asked_for_are_not_compared(copy: Path) -> None:
    plant(
        copy,
        "UPDATE journal.workflow_counts SET inside_count = 99 WHERE evaluation_id IN (1, 2, 4)",
        "UPDATE crm.account SET name = 'x' WHERE account_id = 'a3'",
    )
    proof = verify(copy, Asked("2", START + 2.5 * DAY), threads=1)
    assert (proof.first, proof.last, proof.made_count) == (2, 3, 3)
    assert [(f.key, f.column) for f in proof.findings] == [
        ("evaluation_id `2`, workflow `care`", "inside_count"),
        ("evaluation_id `2`, workflow `follow`", "inside_count"),
    ]
    with pytest.raises(UserError, match="there is no evaluation from `99`"):
        verify(copy, Asked("99"))


def test_a_warehouse_from_before_inputs_were_kept_says_so(copy: Path) -> None:
    plant(copy, "UPDATE journal.snapshots SET kept_count = NULL, chain_hash = NULL WHERE snapshot_id <= 3")
    with pytest.raises(UserError, match="what evaluations 1 to 2 were made from is not kept"):
        verify(copy, threads=1)


def test_a_warehouse_without_evaluations_has_nothing_to_prove(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with DuckDBSession(path) as session:
        session.migrate()
    with pytest.raises(UserError, match="no evaluation to verify"):
        verify(path)


def test_a_proof_can_begin_where_another_one_ended(copy: Path) -> None:
    proof = verify(copy, Asked(keep=True), threads=1)
    assert proof.holds, lines(proof)
    assert starts_of(copy) == {6: proof.kept}
    forget_records(copy)
    go_on(copy)
    proof = verify(copy, threads=1)
    assert proof.holds, lines(proof)
    assert (proof.first, proof.last, proof.made_count) == (7, 7, 1)
    with pytest.raises(UserError, match="what evaluations 1 to 6 were made from is not kept"):
        verify(copy, Asked("3"))


def test_a_start_that_was_changed_is_refused(copy: Path) -> None:
    forget_records(copy)
    kept = verify(copy, Asked(keep=True)).kept
    assert kept is not None
    plant(kept, "UPDATE crm.account SET name = 'x'")
    with pytest.raises(UserError, match="is not what was written"):
        verify(copy)


def test_a_warehouse_from_before_inputs_were_kept_can_be_proved_from_a_start(copy: Path) -> None:
    plant(copy, "UPDATE journal.snapshots SET kept_count = NULL, chain_hash = NULL", "DELETE FROM inputs.records")
    assert verify(copy, Asked(keep=True)).table_count == 0
    go_on(copy)
    proof = verify(copy, threads=1)
    assert proof.holds, lines(proof)
    assert proof.made_count == 1


@pytest.mark.parametrize("point", ["claimed", "attempt journalled", "result journalled", "noted"])
def test_an_evaluation_after_a_delivery_that_died_is_proved(point: str, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with DuckDBSession(path, threads=1) as session:
        session.migrate()
        life = Life(session)
        life.apply(project(), 0)
        life.world.set(GIVEN)
        life.day(0)
        life.killed_delivery(0.5, point)
        # whoever leaves now keeps what may have been sent
        life.world.set({"account": {"a1": None, "a2": None, "a7": None}})
        life.day(1)
        life.deliver(1.5)
        life.day(2)
    proof = verify(path, threads=1)
    assert proof.holds, lines(proof)
