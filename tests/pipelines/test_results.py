"""What came back: taken up once, from wherever it lies, judged by its own time; nothing of it is lost."""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from support.http import ask, signed
from support.projects import DAY, SETTINGS, START, changed, write_project

from connectors import Action, Batch, Outcome, Receipt, Traits
from connectors.unsubscribing import token_for
from definitions.results import ResultSource
from pipelines.apply import apply_project
from pipelines.cli import receiving as cli
from pipelines.cycle import deliver_until, run_cycle
from pipelines.delivery import deliver
from pipelines.evaluation import broken_invariants
from pipelines.places import inbox_of
from pipelines.results import Collected, Places, collect
from pipelines.results.desk import Keys
from pipelines.results.inbox import Arrived, Inbox, read_line
from pipelines.results.receiver import listen
from pipelines.verification import verify
from pipelines.workspace import Workspace
from pipelines.worlds import RowSource, World
from sql import DuckDBSession

FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: account_id
fields: {account_id: text, name: text, main_id: text}
relations: {main: {object: contact, key: main_id}}
""",
    "catalog/contact.yaml": """
object: contact
table: crm.contacts
key: contact_id
email: mail
fields: {contact_id: text, mail: text}
""",
    "messages/hello.md": "Hello {{ account.name }}\n",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
recipient: {relation: main}
communication: {window: [{days: mon-sun, from: "00:00", to: "23:59"}]}
steps:
  - id: hello
    email: {template: messages/hello.md, subject: "Hello {{ account.name }}"}
  - {id: wait, wait: {until: "replied('hello')", at_most: 3 days}}
  - id: way
    branch:
      - {name: Talks, if: "replied('hello')", steps: [{id: thank, notify: {channel: team, text: thanks}}]}
    else: [{id: again, email: {template: messages/hello.md, subject: Again}}]
  - {id: rest, wait: 90 days}
""",
}


class Quiet:
    """A sink that takes all and names it; or of which nobody knows what it did."""

    traits = Traits(batch_size=10)

    def __init__(self, unknown: Sequence[str] = ()) -> None:
        self.unknown = unknown

    def write(self, batch: Batch) -> Receipt:
        made = [
            Outcome(a.action_id, "unknown" if a.record in self.unknown else "accepted", provider_id=f"p-{a.action_id}")
            for a in batch.actions
        ]
        return Receipt("there", "checksum", tuple(made))

    def ask(self, action: Action) -> Outcome | None:
        return None

    def close(self) -> None: ...


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three accounts with a contact each, whose emails were sent."""
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        made = World(changed(FILES, {}), session)
        made.apply()
        made.set({"account": {f"a{i}": {"name": f"Name {i}", "main_id": f"c{i}"} for i in range(3)}})
        made.set({"contact": {f"c{i}": {"mail": f"c{i}@example.com"} for i in range(3)}})
        made.evaluate(START)
        send(made)
        yield made


def send(world: World, at: datetime = START + timedelta(hours=1), unknown: Sequence[str] = ()) -> None:
    deliver(world.session, world.project, {"out": Quiet(unknown)}, at)


def hello(world: World, record: str = "a0", step: str = "hello") -> str:
    return next(r["action_id"] for r in world.session.ask("action_of", workflow="care", record=record, step=step))


def arrive(world: World, *events: Mapping[str, Any], at: datetime = START + timedelta(hours=2)) -> None:
    """Put events into the inbox, as a receiver does."""
    assert world.session.path is not None
    Inbox(inbox_of(world.session.path)).add([Arrived("webhook", event, at) for event in events])


def event(action_id: str, result: str, event_id: str = "e1", **more: Any) -> dict[str, Any]:
    at = (START + timedelta(hours=1, minutes=30)).isoformat()
    return {"event_id": event_id, "result": result, "action_id": action_id, "happened_at": at} | more


def take(world: World, at: datetime = START + timedelta(hours=2), **places: Any) -> Collected:
    root = world.session.path.parent if world.session.path else Path()
    return collect(world.session, Places(root, "UTC", **places), at)


def results(world: World) -> list[tuple[str, str]]:
    rows = world.session.rows("SELECT action_id, result FROM inbox.results ORDER BY ALL")
    return [(row["action_id"], row["result"]) for row in rows]


def suppressed(world: World) -> list[tuple[str, str, str]]:
    rows = world.session.rows("SELECT object, recipient, reason FROM state.suppressions ORDER BY ALL")
    return [(row["object"], row["recipient"], row["reason"]) for row in rows]


def status(world: World, action_id: str) -> str:
    return world.session.rows("SELECT status FROM outbox.actions WHERE action_id = $id", {"id": action_id})[0]["status"]


def proved(world: World, tmp_path: Path) -> list[str]:
    assert world.session.path is not None
    copy = tmp_path / "copy.duckdb"
    world.session.execute(f"ATTACH '{copy}' AS copied")
    world.session.execute("COPY FROM DATABASE w TO copied")
    world.session.execute("DETACH copied")
    proof = verify(copy)
    return [] if proof.holds else list(proof.lines())


def test_what_lies_in_the_inbox_becomes_a_result_once(world: World) -> None:
    arrive(world, event(hello(world), "replied"))
    assert take(world).result_count == 1
    arrive(world, event(hello(world), "replied"))
    assert take(world) == Collected()
    assert results(world) == [(hello(world), "replied")]


def test_a_reply_takes_its_branch_at_the_next_evaluation(world: World, tmp_path: Path) -> None:
    arrive(world, event(hello(world), "replied"))
    take(world)
    world.evaluate(START + DAY)
    assert world.observe(START + DAY).actions == ("a0/thank",)
    assert proved(world, tmp_path) == []


def test_a_result_that_comes_late_counts_by_its_own_time(world: World) -> None:
    happens = (START + 2 * DAY).isoformat()
    arrive(world, event(hello(world), "replied", happened_at=happens), at=START + 9 * DAY)
    take(world, START + DAY)
    world.evaluate(START + DAY)
    assert world.observe(START + DAY).actions == ()
    world.evaluate(START + 2 * DAY)
    assert world.observe(START + 2 * DAY).actions == ("a0/thank",)


def test_an_action_is_found_by_the_providers_name_for_it(world: World) -> None:
    arrive(world, event("", "opened", provider_id=f"p-{hello(world)}"), event("", "opened", "e2", provider_id="p-?"))
    found = take(world)
    assert (found.result_count, found.unknown_count) == (1, 1)
    assert results(world) == [(hello(world), "opened")]


def test_what_is_about_an_unknown_action_makes_no_result_until_the_action_is_known(world: World) -> None:
    again = "p-" + hello(world, "a1")
    world.session.execute("UPDATE outbox.attempts SET provider_id = NULL, seal = NULL")
    arrive(world, event("", "opened", provider_id=again), event("nobody", "opened", "e2"))
    assert take(world).unknown_count == 2
    assert (results(world), world.session.count("inbox.aside")) == ([], 2)
    world.session.execute("UPDATE outbox.attempts SET provider_id = 'p-' || action_id, seal = NULL")
    assert take(world).result_count == 1
    assert results(world) == [(hello(world, "a1"), "opened")]
    assert world.session.count("inbox.aside") == 1
    assert take(world, START + 40 * DAY) == Collected()


@pytest.mark.parametrize(
    ("result", "bounce", "reason"),
    [
        ("unsubscribed", None, "unsubscribed"),
        ("complained", None, "complained"),
        ("bounced", "hard", "hard_bounce"),
        ("bounced", "soft", None),
        ("bounced", None, None),
        ("opened", None, None),
    ],
)
def test_who_wants_no_more_or_cannot_be_reached_is_suppressed_at_once(
    world: World, result: str, bounce: str | None, reason: str | None
) -> None:
    arrive(world, event(hello(world), result, bounce=bounce), event(hello(world), result, "e2", bounce=bounce))
    found = take(world)
    assert suppressed(world) == ([("contact", "c0", reason)] if reason else [])
    assert found.suppressed == ((f"contact c0: {reason}",) if reason else ())
    arrive(world, event(hello(world), result, "e3", bounce=bounce))
    take(world)
    assert len(suppressed(world)) == bool(reason)


def test_a_suppressed_recipient_gets_nothing_more(world: World, tmp_path: Path) -> None:
    arrive(world, event(hello(world), "unsubscribed"))
    take(world)
    world.evaluate(START + 3 * DAY)
    seen = world.observe(START + 3 * DAY)
    assert seen.dropped == {"a0/again": "suppressed"}
    assert {*seen.sends} == {"a1/again", "a2/again"}
    assert proved(world, tmp_path) == []


def test_who_unsubscribes_after_the_plan_and_before_the_sending_gets_nothing(world: World) -> None:
    world.evaluate(START + 3 * DAY)
    arrive(world, event(hello(world), "unsubscribed"))
    take(world)
    send(world, START + 3 * DAY + timedelta(hours=15))
    found = {record: status(world, hello(world, record, "again")) for record in ("a0", "a1", "a2")}
    assert found == {"a0": "dropped", "a1": "sent", "a2": "sent"}


@pytest.mark.parametrize(("result", "follows"), [("unsubscribed", "dropped"), ("opened", "sent")])
def test_what_an_address_wants_holds_for_every_record_that_has_it(world: World, result: str, follows: str) -> None:
    world.set({"contact": {"c1": {"mail": "C0@Example.com "}}})
    world.evaluate(START + 3 * DAY)
    arrive(world, event(hello(world), result))
    take(world)
    send(world, START + 3 * DAY + timedelta(hours=15))
    found = {record: status(world, hello(world, record, "again")) for record in ("a0", "a1", "a2")}
    assert found == {"a0": follows, "a1": follows, "a2": "sent"}


def test_what_one_of_several_recipients_wants_says_nothing_of_the_address_that_was_written_to(world: World) -> None:
    world.set({"contact": {"c1": {"mail": "c0@example.com"}}})
    world.evaluate(START + 3 * DAY)
    arrive(world, event(hello(world), "unsubscribed", recipient="c2"))
    take(world)
    send(world, START + 3 * DAY + timedelta(hours=15))
    found = {record: status(world, hello(world, record, "again")) for record in ("a0", "a1", "a2")}
    assert found == {"a0": "sent", "a1": "sent", "a2": "dropped"}


@pytest.mark.parametrize(
    ("results", "follows"),
    [(["delivered"], "sent"), (["opened"], "sent"), (["dropped"], "dropped"), (["dropped", "delivered"], "sent")],
)
def test_an_event_says_what_became_of_an_uncertain_action(tmp_path: Path, results: Sequence[str], follows: str) -> None:
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        world = World(changed(FILES, {}), session)
        world.apply()
        world.set({"account": {"a0": {"name": "x", "main_id": "c0"}}, "contact": {"c0": {"mail": "c0@example.com"}}})
        world.evaluate(START)
        send(world, unknown=["a0"])
        assert status(world, hello(world)) == "uncertain"
        arrive(world, *(event(hello(world), result, f"e{i}") for i, result in enumerate(results)))
        assert take(world).settled == (hello(world),)
        assert status(world, hello(world)) == follows
        world.evaluate(START + DAY)
        assert broken_invariants(session) == {}
        assert proved(world, tmp_path) == []


def test_damaged_lines_are_put_aside_with_their_place_and_the_others_go_on(world: World) -> None:
    arrive(world, event(hello(world), "opened"))
    assert world.session.path is not None
    day = next(inbox_of(world.session.path).glob("*.jsonl"))
    with day.open("ab") as file:
        file.write(b"not json\n" + b'{"source": 1}\n' + b"\xff\xfe\n" + b'{"torn": ')
    found = take(world)
    assert (found.result_count, len(found.malformed)) == (1, 3)
    assert all(line.startswith(f"w.duckdb.inbox/{day.name}:") for line in found.malformed)
    arrive(world, event(hello(world), "clicked", "e2"))
    assert take(world).result_count == 1
    assert {result for _, result in results(world)} == {"opened", "clicked"}
    assert world.session.count("inbox.aside") == 3


@pytest.mark.parametrize("length", [0, 1, 65_535, 65_536, 200_000])
def test_a_torn_line_of_any_length_counts_as_not_written(tmp_path: Path, length: int) -> None:
    inbox, path = Inbox(tmp_path), tmp_path / f"{START:%Y-%m-%d}.jsonl"
    inbox.add([Arrived("webhook", event("a", "opened", "e1"), START)])
    with path.open("ab") as file:
        file.write(b"x" * length)
    inbox.add([Arrived("webhook", event("a", "opened", "e2"), START)])
    assert [read_line(line).fields["event_id"] for line in path.read_bytes().splitlines()] == ["e1", "e2"]
    path.write_bytes(b"x" * length)
    inbox.add([Arrived("webhook", event("a", "opened", "e3"), START)])
    assert [read_line(line).fields["event_id"] for line in path.read_bytes().splitlines()] == ["e3"]


def test_what_is_just_being_written_is_read_when_it_is_on_disk(world: World) -> None:
    arrive(world, event(hello(world), "opened", "e1"))
    assert world.session.path is not None
    with next(inbox_of(world.session.path).glob("*.jsonl")).open("ab") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)  # as a receiver does until its lines are synced
        reader = threading.Thread(target=lambda: found.append(take(world).result_count))
        found: list[int] = []
        reader.start()
        reader.join(0.3)
        assert reader.is_alive() and found == []
    reader.join(10)
    assert found == [1]


def test_a_folder_may_be_named_like_the_inbox(world: World, tmp_path: Path) -> None:
    for folder in ("inbox", "webhook"):
        (tmp_path / folder).mkdir()
        line = json.dumps(event(hello(world), "opened")) + "\n"
        (tmp_path / folder / f"{START:%Y-%m-%d}.jsonl").write_text(line)
    arrive(world, event(hello(world), "opened"))
    assert take(world, results=[ResultSource(folder="inbox"), ResultSource(folder="webhook/")]).result_count == 3


def test_a_folder_of_files_is_read_and_read_on(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "back"
    folder.mkdir()
    listed = ResultSource(folder="back", map={"event_id": "id"}, words={"open": "opened", "sent": "nothing"})
    lines = [{"id": i, "result": word, "action_id": hello(world), "happened_at": "2026-01-05 10:30"} for i, word in
             enumerate(["open", "sent", "strange"])]  # fmt: skip
    (folder / "a.jsonl").write_text("\n".join(json.dumps(line) for line in lines[:2]))
    rows = "id,result,action_id,happened_at,more\n3,replied,{0},2026-01-05T10:00:00Z,x\n4,replied,{0},soon,x\n"
    (folder / "b.csv").write_text(rows.format(hello(world)))
    found = take(world, results=[listed])
    assert (found.result_count, found.malformed) == (
        2,
        ("back/b.csv:3: `happened_at` is not an instant such as 2026-01-05T09:00:00Z",),
    )
    with (folder / "a.jsonl").open("a") as file:
        file.write("\n" + json.dumps(lines[2]) + "\n" + json.dumps(lines[0] | {"id": 9}) + "\n")
    found = take(world, results=[listed])
    assert (found.result_count, len(found.malformed)) == (1, 1)
    assert take(world, results=[listed]) == Collected()


def test_a_table_of_events_is_read_for_what_is_ours(world: World) -> None:
    columns = {"event_id": "nr", "result": "kind", "action_id": "custom", "happened_at": "at"}
    listed = ResultSource(source="crm", table="events", map=columns)  # pyright: ignore[reportArgumentType]
    row = {"nr": "1", "kind": "opened", "custom": hello(world), "at": "2026-01-05 10:00:00"}
    rows = [row, row, row | {"nr": "2", "custom": "of somebody else"}, row | {"nr": "3", "kind": "seen"}]
    source = RowSource({"events": rows})
    found = take(world, results=[listed], sources={"crm": source})
    assert (found.result_count, found.foreign_count, len(found.malformed)) == (1, 1, 1)
    assert found.malformed[0].startswith("crm.events 3: `seen` is no result")
    found = take(world, results=[listed], sources={"crm": source})
    assert (found.result_count, world.session.count("inbox.results")) == (0, 1)


def test_a_restored_warehouse_reads_the_inbox_again(world: World) -> None:
    arrive(world, event(hello(world), "unsubscribed"), event("nobody", "opened", "e2"))
    assert (take(world).unknown_count, take(world).unknown_count) == (1, 0)
    for table in ("inbox.results", "inbox.aside", "inbox.positions", "state.suppressions"):
        world.session.execute(f"DELETE FROM {table}")
    found = take(world)
    assert (found.result_count, found.unknown_count, len(suppressed(world))) == (1, 1, 1)


def test_results_that_another_program_wrote_keep_the_seals_that_they_had(world: World) -> None:
    values = "'a1', 'opened', NULL, NULL, TIMESTAMPTZ '2026-01-05 09:00:00+00', TIMESTAMPTZ '2026-01-05 10:00:00+00'"
    before = "['a1', 'opened', NULL, NULL, '1767603600000000', '1767607200000000']"
    found = world.session.rows(
        f"SELECT seal_of_result({values}, NULL, NULL, NULL) AS now, md5_number_lower(CAST(to_json({before}) AS VARCHAR)) AS before, "
        f"seal_of_result({values}, 'webhook', 'e1', NULL) AS other"
    )[0]
    assert found["now"] == found["before"] != found["other"]


def test_a_whole_round_over_http(tmp_path: Path) -> None:
    write_project(tmp_path, FILES)
    (tmp_path / "data" / "accounts.csv").write_text("account_id,name,main_id\na0,Zero,c0\na1,One,c1\n")
    (tmp_path / "data" / "contacts.csv").write_text("contact_id,mail\nc0,c0@example.com\nc1,c1@example.com\n")
    workspace, now = Workspace(tmp_path), [START + timedelta(hours=2)]
    with workspace.session("test", create=True) as session:
        apply_project(session, workspace.project, at=START, by="test")
        run_cycle(session, workspace, START)
        deliver_until(session, workspace, START + timedelta(hours=2))
        sent = {a["record"]: a["action_id"] for a in session.rows("SELECT * FROM outbox.actions WHERE status = 'sent'")}
    secret, link = b"n" * 32, SecretStr("a secret for unsubscribing")
    with listen(workspace.inbox, Keys((secret,), (link,)), ("127.0.0.1", 0), lambda: now[0]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        reply = json.dumps(event(sent["a0"], "replied")).encode()
        assert ask(server.server_port, "POST", "/events", reply, signed(reply, "m1", secret, now[0]))[0] == 202
        leave = f"/unsubscribe/{token_for(sent['a1'], link)}"
        assert ask(server.server_port, "POST", leave, b"List-Unsubscribe=One-Click")[0] == 200
        with workspace.session("test") as session:  # the receiver goes on and holds nothing
            made = run_cycle(session, workspace, START + DAY)
            assert made.collected.result_count == 2 and made.collected.suppressed == ("contact c1: unsubscribed",)
            run_cycle(session, workspace, START + 3 * DAY)
            found = {(a["record"], a["step_id"]): (a["status"], a["status_reason"]) for a in
                     session.rows("SELECT * FROM outbox.actions WHERE step_id <> 'hello'")}  # fmt: skip
        server.shutdown()
        thread.join()
    assert found == {("a0", "thank"): ("sent", None), ("a1", "again"): ("dropped", "suppressed")}
    assert verify(workspace.warehouse).holds


def test_collect_says_what_it_took_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_project(tmp_path, FILES)
    workspace = Workspace(tmp_path)
    with workspace.session("test", create=True) as session:
        apply_project(session, workspace.project, at=START, by="test")
    cli.collect(tmp_path)
    assert capsys.readouterr().out == "nothing new came back\n"
    Inbox(workspace.inbox).add([Arrived("webhook", event("nobody", "opened"), datetime.now(UTC))])
    with next(workspace.inbox.glob("*.jsonl")).open("a") as file:
        file.write("{}\n")
    cli.collect(tmp_path, aside=True)
    said = capsys.readouterr().out
    assert "1 of actions that are not known, 1 put aside" in said
    assert "unknown-action, no action has this id" in said and "malformed, the line is not what a receiver" in said


def test_nothing_is_taken_up_when_the_commit_fails(world: World) -> None:
    arrive(world, event(hello(world), "opened"))
    with world.session.rehearsal():
        assert take(world).result_count == 1
    assert results(world) == []
    assert take(world).result_count == 1
