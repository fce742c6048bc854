"""Sinks and the dispatcher together: what is planned leaves once, over real connections."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.projects import PEOPLE, START
from support.receivers import Answer, Postbox, Receiver, mail_server, receiving

from connectors import Sink, open_sink
from definitions import load_project
from pipelines.delivery import deliver
from pipelines.worlds import World
from sql import DuckDBSession

FILES = {
    **PEOPLE,
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
recipient: {relation: contacts}
steps:
  - {id: hello, email: {template: messages/hello.md, subject: "Hello {{ account.name }}"}}
  - {id: hook, webhook: {url: "http://localhost:PORT/in", body: {name: "{{ account.name }}"}}}
  - {id: rest, wait: 90 days}
""",
    "messages/hello.md": "Hi **{{ account.name }}**",
}
SINKS = """
name: test
timezone: UTC
sources: {crm: {kind: files, path: data}}
sinks:
  hooks: {kind: webhook, allow_hosts: [localhost], allow_http: true, secrets: [env:KEY], timeout: 2}
  mail: {kind: smtp, host: localhost, port: MAIL, security: none, sender: hello@acme.example, timeout: 2}
routes: {email: mail, webhook: hooks}
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def box() -> Iterator[Postbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, receiver: Receiver, box: Postbox) -> Iterator[World]:
    files = {"project.yaml": SINKS.replace("MAIL", str(box.port)), **FILES}
    files["workflows/care.yaml"] = files["workflows/care.yaml"].replace("PORT", str(receiver.port))
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        made = World(load_project(files), session)
        made.apply()
        people = {f"c{i}": {"account_id": f"x{i}", "mail": f"p{i}@example.com"} for i in range(3)}
        made.set({"account": {f"x{i}": {"name": f"Name {i}"} for i in range(3)}, "contact": people})
        made.evaluate(START)
        yield made


def sinks(world: World) -> dict[str, Sink]:
    variables = {"KEY": base64.b64encode(b"k" * 32).decode()}
    return {name: open_sink(spec, Path(), variables) for name, spec in world.project.settings.sinks.items()}


def statuses(world: World) -> dict[tuple[str, str], str]:
    rows = world.session.rows("SELECT step_id, record, status FROM outbox.actions ORDER BY 1, 2")
    return {(row["step_id"], row["record"]): row["status"] for row in rows}


def test_each_action_leaves_once(world: World, receiver: Receiver, box: Postbox) -> None:
    for hours in (0, 1, 24):
        deliver(world.session, world.project, sinks(world), START + timedelta(hours=hours))
    assert set(statuses(world).values()) == {"sent"}
    assert sorted(post[1][0] for post in box.post) == ["p0@example.com", "p1@example.com", "p2@example.com"]
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == len(receiver.asked) == 3


def test_a_lost_reply_to_a_webhook_is_tried_again_with_its_key_and_to_an_email_waits_for_a_person(
    world: World, receiver: Receiver, box: Postbox
) -> None:
    receiver.answers = [Answer(cut=0)] * 3
    box.after = {f"p{i}@example.com": lambda server: server.transport.abort() for i in range(3)}
    deliver(world.session, world.project, sinks(world), START + timedelta(hours=1))
    found = statuses(world)
    assert {found["hook", f"x{i}"] for i in range(3)} == {"planned"}
    assert {found["hello", f"x{i}"] for i in range(3)} == {"uncertain"}
    deliver(world.session, world.project, sinks(world), START + timedelta(hours=3))
    ids = [asked.headers["webhook-id"] for asked in receiver.asked]
    assert sorted(ids[:3]) == sorted(ids[3:]) and len(box.post) == 3
    assert {statuses(world)["hook", f"x{i}"] for i in range(3)} == {"sent"}


def test_a_sink_that_closes_keeps_what_is_left(world: World, receiver: Receiver) -> None:
    receiver.answers = [Answer(401)] * 3
    made = deliver(world.session, world.project, sinks(world), START + timedelta(hours=1))
    assert [one.closed for one in made if one.kind == "webhook"] == ["credentials are refused"]
    assert {statuses(world)["hook", f"x{i}"] for i in range(3)} == {"planned"}
