"""The complete round on real parts: out of a CRM's database, through a mailbox and a webhook, and back into the CRM."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.databases import emptied, engine_of, postgres
from support.http import ask, signed
from support.projects import DAY, START, write_project
from support.receivers import Postbox, Receiver, mail_server, receiving

from pipelines.apply import apply_project
from pipelines.cycle import Cycle, run_cycle
from pipelines.evaluation import broken_invariants
from pipelines.results.desk import Keys
from pipelines.results.receiver import listen
from pipelines.verification import verify
from pipelines.workspace import Workspace

HOUR = timedelta(hours=1)
EVENTS, HOOKS = b"e" * 32, b"h" * 32
CRM = """
CREATE TABLE accounts (id integer PRIMARY KEY, name text NOT NULL, phase text, arr numeric(12, 2));
CREATE TABLE contacts (id integer PRIMARY KEY, account_id integer NOT NULL REFERENCES accounts, mail text NOT NULL);
INSERT INTO accounts VALUES (1, 'Ämter & Co', 'new', 1200.50), (2, 'Quiet', 'new', 10), (3, 'Small', 'lost', 1);
INSERT INTO contacts VALUES (10, 1, 'ann@example.com'), (20, 2, 'bob@example.com'), (30, 3, 'cy@example.com');
"""
FILES = {
    "project.yaml": """
name: round
timezone: UTC
sources: {crm: {kind: database, url: env:CRM}}
sinks:
  mail: {kind: smtp, host: localhost, port: MAIL_PORT, security: none, sender: hello@acme.example, timeout: 5}
  hooks: {kind: webhook, allow_hosts: [localhost], allow_http: true, secrets: [env:HOOKS], timeout: 5}
  crm: {kind: database, url: env:CRM, updates: {account: {table: accounts, key: id}}}
routes: {email: mail, webhook: hooks, update: crm}
receiver: {secrets: [env:EVENTS]}
""",
    "catalog/account.yaml": """
object: account
table: crm.accounts
key: id
label: name
fields: {id: integer, name: text, phase: text, arr: number}
relations: {contacts: {object: contact, on: account_id}}
""",
    "catalog/contact.yaml": """
object: contact
table: crm.contacts
key: id
email: mail
fields: {id: integer, account_id: integer, mail: text}
""",
    "messages/hello.md": "Hello **{{ account.name }}**, shall we talk?\n",
    "workflows/talk.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: phase = 'new'}
recipient: {relation: contacts}
communication: {window: {days: mon-sun, from: "00:00", to: "23:59"}}
objective: {name: Talking, when: phase = 'talking'}
exit: {on_objective: stay}
steps:
  - {id: hello, email: {template: messages/hello.md, subject: "A question for {{ account.name }}"}}
  - {id: tell, webhook: {url: "http://localhost:HOOK_PORT/in", body: {account: "{{ account.id }}", arr: {expression: arr}}}}
  - {id: reply, wait: {until: "replied('hello')", at_most: 7 days}}
  - id: way
    branch:
      - {name: Replied, if: "replied('hello')", steps: [{id: mark, update: {phase: talking}}]}
    else: [{id: drop, update: {phase: silent}}]
  - {id: rest, wait: 90 days}
""",
}


@dataclass
class Round:
    """A project folder at work, the CRM it reads and writes, and the servers around it."""

    workspace: Workspace
    crm: str
    box: Postbox
    hooks: Receiver

    def cycle(self, at: datetime) -> Cycle:
        with self.workspace.session("test") as session:
            made = run_cycle(session, self.workspace, at)
            assert broken_invariants(session) == {}
            return made

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self.workspace.session("test") as session:
            return [tuple(row.values()) for row in session.rows(sql)]

    def ask_crm(self, sql: str) -> list[tuple[Any, ...]]:
        with engine_of(self.crm).connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def send(self, event: dict[str, Any], at: datetime) -> int:
        """A provider's event over HTTP to the receiver, as `drumbeat receive` has it at that instant."""
        space = self.workspace
        keys = Keys.of(space.settings.receiver, space.root, {"EVENTS": base64.b64encode(EVENTS).decode()})
        with listen(space.inbox, keys, ("127.0.0.1", 0), lambda: at) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            body = json.dumps(event).encode()
            status, _ = ask(server.server_port, "POST", "/events", body, signed(body, "evt_1", EVENTS, at))
            server.shutdown()
            thread.join()
        return status


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Round]:
    with postgres(tmp_path / "postgres") as server, mail_server() as box, receiving() as hooks:
        url = emptied(server)
        with engine_of(url).begin() as connection:
            for statement in CRM.strip().split(";\n"):
                connection.exec_driver_sql(statement.rstrip(";"))
        monkeypatch.setenv("CRM", url.replace("postgresql+psycopg:", "postgresql:"))
        monkeypatch.setenv("HOOKS", base64.b64encode(HOOKS).decode())
        ports = {"MAIL_PORT": box.port, "HOOK_PORT": hooks.port}
        files = dict(FILES)
        for word, port in ports.items():
            files = {name: written.replace(word, str(port)) for name, written in files.items()}
        folder = tmp_path / "project"
        write_project(folder, files)
        workspace = Workspace(folder)
        with workspace.session("test", create=True) as session:
            apply_project(session, workspace.project, at=START - HOUR, by="tests")
        yield Round(workspace, url, box, hooks)


def test_a_reply_leads_to_a_change_in_the_crm_which_the_next_snapshot_sees(world: Round) -> None:
    entered = world.cycle(START)
    assert [(c.object, c.record_count) for c in entered.snapshot.objects] == [("account", 3), ("contact", 3)]
    assert entered.evaluation.workflows[0].entered_count == 2

    world.cycle(START + HOUR)
    letters = {to[0]: message_from_bytes(raw, policy=policy.default) for _, to, raw in world.box.post}
    assert letters.keys() == {"ann@example.com", "bob@example.com"}
    assert letters["ann@example.com"]["Subject"] == "A question for Ämter & Co"
    html: Any = letters["ann@example.com"].get_body(("html",))
    assert "<strong>Ämter &amp; Co</strong>" in html.get_content()
    told = {json.loads(asked.body)["data"]["content"]["account"]: asked for asked in world.hooks.asked}
    assert told.keys() == {"1", "2"}
    head = told["1"].headers
    moment = datetime.fromtimestamp(int(head["webhook-timestamp"]), UTC)
    assert head | signed(told["1"].body, head["webhook-id"], HOOKS, moment) == head
    assert world.ask("SELECT DISTINCT status FROM outbox.actions") == [("sent",)]

    known_by = str(letters["ann@example.com"]["Message-ID"]).strip("<>").partition("@")[0]
    event = {"result": "replied", "action_id": known_by, "happened_at": (START + 2 * HOUR).isoformat()}
    assert world.send(event, START + 2 * HOUR) == 202
    assert world.ask("SELECT count(*) FROM inbox.results") == [(0,)]

    replied = world.cycle(START + DAY)
    assert replied.collected.result_count == 1
    assert world.ask("SELECT record, step_id, status FROM outbox.actions WHERE kind = 'update'") == [
        ("1", "mark", "sent")
    ]
    assert world.ask_crm("SELECT id, phase FROM accounts ORDER BY id") == [(1, "talking"), (2, "new"), (3, "lost")]
    assert world.ask("SELECT id, phase FROM crm.account ORDER BY id") == [(1, "new"), (2, "new"), (3, "lost")]

    seen = world.cycle(START + 2 * DAY)
    assert [c.updated_count for c in seen.snapshot.objects] == [1, 0]
    assert world.ask("SELECT id, phase FROM crm.account ORDER BY id") == [(1, "talking"), (2, "new"), (3, "lost")]
    met = "SELECT record, objective_met_at IS NOT NULL FROM state.participants ORDER BY record"
    assert world.ask(met) == [("1", True), ("2", False)]

    world.cycle(START + 9 * DAY)
    assert world.ask_crm("SELECT id, phase FROM accounts ORDER BY id")[1] == (2, "silent")
    assert (len(world.box.post), len(world.hooks.asked)) == (2, 2)
    proof = verify(world.workspace.warehouse)
    assert proof.holds, list(proof.lines())
