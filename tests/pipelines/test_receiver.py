"""The receiver over real HTTP on loopback: who signs is believed, and what was answered 202 is never lost."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from support.http import ask, signed
from support.projects import SETTINGS, write_project

from connectors.unsubscribing import token_for
from definitions import EnvironmentFault
from pipelines.results.desk import Keys
from pipelines.results.inbox import read_line
from pipelines.results.receiver import MOST_BYTES, listen

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
NEW, OLD = b"n" * 32, b"o" * 32
LINK = SecretStr("a secret for unsubscribing")
PATH = SecretStr("a-secret-in-the-path")
MAILGUN = SecretStr("the signing key of mailgun")
EVENT = {"result": "replied", "action_id": "a1", "happened_at": "2026-01-05T08:00:00Z"}


@dataclass
class Running:
    """A receiver at work, its inbox, and its clock."""

    port: int
    inbox: Path
    now: list[datetime] = field(default_factory=lambda: [NOW])

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        return ask(self.port, method, path, body, headers)

    def send(self, event: Any = EVENT, event_id: str = "m1", key: bytes = NEW, **changes: str) -> int:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return self.ask("POST", "/events", body, signed(body, event_id, key, self.now[0]) | changes)[0]

    def events(self) -> list[dict[str, Any]]:
        return lying(self.inbox)


def lying(inbox: Path) -> list[dict[str, Any]]:
    """The parts of the events that lie in an inbox."""
    lines = [line for path in sorted(inbox.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    return [{"source": (found := read_line(line)).source, **found.fields} for line in lines]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    now = [NOW]
    keys = Keys((NEW, OLD), (LINK,), {"sendgrid": (PATH,), "postmark": (PATH,), "mailgun": (MAILGUN,)})
    with listen(tmp_path / "inbox", keys, ("127.0.0.1", 0), lambda: now[0]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Running(server.server_port, tmp_path / "inbox", now)
        server.shutdown()
        thread.join()


def test_a_signed_event_lies_in_the_inbox(running: Running) -> None:
    assert running.send() == 202
    happened_at = "2026-01-05T08:00:00+00:00"
    assert running.events() == [
        {"source": "webhook", "event_id": "m1", "result": "replied", "action_id": "a1", "happened_at": happened_at}
    ]


def test_a_secret_that_is_being_changed_still_signs(running: Running) -> None:
    assert running.send(key=OLD) == 202
    body = json.dumps(EVENT).encode()
    both = signed(body, "m2", b"x" * 32, NOW)
    both["webhook-signature"] += " " + signed(body, "m2", NEW, NOW)["webhook-signature"] + " v2,other"
    assert running.ask("POST", "/events", body, both)[0] == 202


def test_a_replayed_event_is_taken_once(running: Running) -> None:
    assert [running.send(), running.send(), running.send(event_id="m2")] == [202, 202, 202]
    assert [event["event_id"] for event in running.events()] == ["m1", "m2"]


def test_several_events_come_in_one_request(running: Running) -> None:
    assert running.send([EVENT, EVENT | {"event_id": "own"}]) == 202
    assert [event["event_id"] for event in running.events()] == ["m1/0", "own"]


@pytest.mark.parametrize(
    ("changes", "later"),
    [
        ({"webhook-signature": "v1,AAAA"}, 0),
        ({"webhook-signature": ""}, 0),
        ({"webhook-signature": "v1a,\xff"}, 0),
        ({"webhook-id": "m2"}, 0),
        ({"webhook-id": ""}, 0),
        ({"webhook-timestamp": "now"}, 0),
        ({"webhook-timestamp": "1767603601"}, 0),
        ({}, 301),
        ({}, -301),
    ],
)
def test_what_is_not_signed_just_now_is_refused(running: Running, changes: dict[str, str], later: int) -> None:
    body = json.dumps(EVENT).encode()
    headers = signed(body, "m1", NEW, NOW) | changes
    running.now[0] = NOW + timedelta(seconds=later)
    assert running.ask("POST", "/events", body, headers)[0] == 401
    assert running.ask("POST", "/events", body)[0] == 401
    assert running.send(key=b"x" * 32) == 401
    assert running.events() == []


def test_a_body_other_than_the_signed_one_is_refused(running: Running) -> None:
    headers = signed(json.dumps(EVENT).encode(), "m1", NEW, NOW)
    assert running.ask("POST", "/events", json.dumps(EVENT | {"action_id": "a2"}).encode(), headers)[0] == 401


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b"7",
        [7],
        {},
        EVENT | {"result": "seen"},
        EVENT | {"result": ["replied"]},
        EVENT | {"action_id": None},
        EVENT | {"action_id": "a\n1"},
        EVENT | {"action_id": "a" * 501},
        EVENT | {"action_id": True},
        EVENT | {"happened_at": "soon"},
        EVENT | {"happened_at": "2026-01-05T08:00:00"},
        EVENT | {"happened_at": 1e300},
        EVENT | {"happened_at": "9999-12-31T23:59:59-23:59"},
        EVENT | {"result": "bounced", "bounce": "very"},
        EVENT | {"bounce": "hard"},
        EVENT | {"result": "outcome"},
        EVENT | {"more": 1},
        [EVENT] * 1_001,
    ],
    ids=lambda event: str(event)[:40],
)
def test_a_malformed_event_is_refused_whole(running: Running, event: Any) -> None:
    assert running.send(event) == 400
    assert running.send([EVENT, event] if not isinstance(event, bytes) else event) == 400
    assert running.events() == []


def test_too_large_a_request_is_refused_before_it_is_read(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as plain:
        plain.sendall(f"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: {MOST_BYTES + 1}\r\n\r\n".encode())
        assert b" 413 " in plain.recv(1_000)
    for header in ("Content-Length: -1", "Content-Length: 1e3", "Transfer-Encoding: chunked", "X: y"):
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as plain:
            plain.sendall(f"POST /events HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
            assert b" 411 " in plain.recv(1_000)


def test_a_request_that_ends_early_is_no_request(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as plain:
        plain.sendall(b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}")
        plain.shutdown(socket.SHUT_WR)
        assert b" 408 " in plain.recv(1_000)
    assert running.send() == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/events", 405),
        ("POST", "/events/nobody", 404),
        ("POST", "/events/resend", 404),
        ("POST", "/events/../etc", 404),
        ("GET", "/health", 200),
        ("PUT", "/events", 501),
    ],
)
def test_other_paths_lead_nowhere(running: Running, method: str, path: str, status: int) -> None:
    assert running.ask(method, path)[0] == status


def test_two_senders_at_once_lose_nothing(running: Running) -> None:
    statuses: list[int] = []

    def sender(name: str) -> None:
        statuses.extend([running.send(event_id=f"{name}{number}") for number in range(200)])

    threads = [threading.Thread(target=sender, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 400
    assert {e["event_id"] for e in running.events()} == {f"{name}{number}" for name in "ab" for number in range(200)}
    assert len(running.events()) == 400


def test_what_cannot_be_kept_is_not_accepted(running: Running) -> None:
    running.inbox.write_text("a file where the folder should be")
    assert running.send() == 503
    running.inbox.unlink()
    assert running.send() == 503  # what the disk says after a failure is not believed


def test_looking_at_the_link_changes_nothing_and_one_click_unsubscribes(running: Running) -> None:
    token = token_for("a1", LINK)
    for path in (f"/unsubscribe/{token}", f"/unsubscribe?token={token}"):
        status, page = running.ask("GET", path)
        assert status == 200 and '<form method="post">' in page
    assert running.events() == []
    status, page = running.ask("POST", f"/unsubscribe?token={token}", b"List-Unsubscribe=One-Click")
    assert status == 200 and "You are unsubscribed" in page
    running.ask("POST", f"/unsubscribe/{token}", b"List-Unsubscribe=One-Click")
    at = NOW.isoformat()
    assert running.events() == [
        {"source": "unsubscribe", "event_id": "a1", "result": "unsubscribed", "action_id": "a1", "happened_at": at}
    ]


@pytest.mark.parametrize("token", ["", "a1", "a1.", token_for("a1", SecretStr("another secret")), "<script>.x"])
def test_a_token_that_is_not_ours_unsubscribes_nobody(running: Running, token: str) -> None:
    for method, body in (("GET", b""), ("POST", b"List-Unsubscribe=One-Click")):
        status, page = running.ask(method, f"/unsubscribe/{token}", body)
        assert status == 404 and "script" not in page
    assert running.ask("POST", f"/unsubscribe/{token_for('a2', LINK)[:-1]}0", b"List-Unsubscribe=One-Click")[0] == 404
    assert running.ask("POST", f"/unsubscribe/{token_for('a2', LINK)}", b"")[0] == 400
    assert running.events() == []


SENDGRID = [
    {"event": "processed", "sg_event_id": "s0", "timestamp": 1767603600, "sg_message_id": "x.y"},
    {"event": "bounce", "sg_event_id": "s1", "timestamp": 1767603600, "sg_message_id": "x.y", "type": "bounce"},
    {"event": "bounce", "sg_event_id": "s2", "timestamp": 1767603600, "sg_message_id": "x.y", "type": "blocked"},
    {"event": "open", "sg_event_id": "s3", "timestamp": 1767603600, "smtp-id": "<0123456789abcdef0123@example.com>"},
    {"event": "spamreport", "sg_event_id": "s4", "timestamp": 1767603600, "action_id": "a1"},
]


def test_sendgrid(running: Running) -> None:
    body = json.dumps(SENDGRID).encode()
    assert running.ask("POST", "/events/sendgrid", body)[0] == 401
    assert running.ask("POST", "/events/sendgrid/a-secret-in-the-pat", body)[0] == 401
    assert running.ask("POST", f"/events/sendgrid/{PATH.get_secret_value()}", body)[0] == 202
    common = {"source": "sendgrid", "happened_at": 1767603600}
    assert running.events() == [
        common | {"event_id": "s1", "result": "bounced", "bounce": "hard", "provider_id": "x"},
        common | {"event_id": "s2", "result": "bounced", "bounce": "soft", "provider_id": "x"},
        common | {"event_id": "s3", "result": "opened", "action_id": "0123456789abcdef0123"},
        common | {"event_id": "s4", "result": "complained", "action_id": "a1"},
    ]


def test_postmark(running: Running) -> None:
    at, path = "2026-01-05T03:54:33.4160710-05:00", f"/events/postmark/{PATH.get_secret_value()}"
    for event in (
        {"RecordType": "Bounce", "MessageID": "m", "Type": "HardBounce", "BouncedAt": at, "Metadata": {}},
        {"RecordType": "Delivery", "MessageID": "m", "DeliveredAt": at, "Metadata": {"action_id": "a1"}},
        {"RecordType": "SubscriptionChange", "MessageID": "m", "ChangedAt": at, "SuppressSending": True, "SuppressionReason": "ManualSuppression"},
        {"RecordType": "SubscriptionChange", "MessageID": "m", "ChangedAt": at, "SuppressSending": False},
        {"RecordType": "Inbound", "MessageID": "m"},
    ):  # fmt: skip
        assert running.ask("POST", path, json.dumps(event).encode())[0] == 202
    assert running.ask("POST", path, b"[]")[0] == 400
    assert [(e["result"], e.get("bounce"), e.get("action_id"), e.get("provider_id")) for e in running.events()] == [
        ("bounced", "hard", None, "m"),
        ("delivered", None, "a1", None),
        ("unsubscribed", None, None, "m"),
    ]


def test_mailgun(running: Running) -> None:
    data = {"event": "failed", "severity": "permanent", "id": "g", "timestamp": 1767603600.5}
    data |= {"message": {"headers": {"message-id": "0123456789abcdef0123@example.com"}}, "user-variables": {}}
    timestamp = str(int(NOW.timestamp()))
    digest = hmac.new(MAILGUN.get_secret_value().encode(), f"{timestamp}token".encode(), "sha256").hexdigest()
    signature = {"timestamp": timestamp, "token": "token", "signature": digest}

    def send(event: dict[str, Any], **changes: str) -> int:
        body = json.dumps({"signature": signature | changes, "event-data": event}).encode()
        return running.ask("POST", "/events/mailgun", body)[0]

    assert send(data) == send(data | {"severity": "temporary"}) == 202
    assert send(data | {"id": "h", "reason": "suppress-bounce"}) == 202
    assert send(data, token="other") == send(data, signature="") == send(data, timestamp="1") == 401
    assert running.ask("POST", "/events/mailgun", b"{}")[0] == 401
    found = [(e["event_id"], e["result"], e.get("bounce"), e["action_id"]) for e in running.events()]
    assert found == [
        ("g/20458", "bounced", "hard", "0123456789abcdef0123"),
        ("h/20458", "dropped", None, "0123456789abcdef0123"),
    ]


def test_resend(tmp_path: Path) -> None:
    secret = SecretStr("whsec_" + base64.b64encode(NEW).decode())
    with listen(tmp_path / "i", Keys(providers={"resend": (secret,)}), ("127.0.0.1", 0), lambda: NOW) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        event = {"type": "email.bounced", "created_at": "2026-01-05T08:00:00Z"}
        body = json.dumps(event | {"data": {"email_id": "r", "bounce": {"type": "Permanent"}}}).encode()
        headers = {name.replace("webhook", "svix"): value for name, value in signed(body, "m1", NEW, NOW).items()}
        assert ask(server.server_port, "POST", "/events/resend", body)[0] == 401
        assert ask(server.server_port, "POST", "/events/resend", body, headers)[0] == 202
        server.shutdown()
        thread.join()
    assert [(e["event_id"], e["bounce"], e["provider_id"]) for e in lying(tmp_path / "i")] == [("m1", "hard", "r")]


def test_secrets_that_can_be_guessed_are_refused(tmp_path: Path) -> None:
    from definitions.results import Receiving

    for settings in (
        Receiving(),
        Receiving(secrets=("env:SHORT",)),
        Receiving(unsubscribe=("env:SHORT",)),
        Receiving(providers={"sendgrid": ("env:SHORT",)}),
        Receiving(secrets=("env:NONE",)),
    ):
        with pytest.raises(EnvironmentFault):
            Keys.of(settings, tmp_path, {"SHORT": "c2hvcnQ="})


def test_a_killed_receiver_has_all_that_it_accepted(tmp_path: Path) -> None:
    receiver = {"secrets": ["env:EVENTS"]}
    write_project(tmp_path, {"project.yaml": SETTINGS + f"receiver: {json.dumps(receiver)}\n"})
    variables = {**os.environ, "EVENTS": base64.b64encode(NEW).decode(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipelines.cli.main", "receive", "-p", str(tmp_path), "--port", "0"]
    accepted: list[str] = []
    for round_ in range(3):
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline().split("127.0.0.1:")[1].split(";")[0])
            killer = threading.Timer(0.4, process.send_signal, [signal.SIGKILL])
            killer.start()
            try:
                for number in range(100_000):
                    body, name = json.dumps(EVENT).encode(), f"{round_}-{number}"
                    headers = signed(body, name, NEW, datetime.now(UTC))
                    if ask(port, "POST", "/events", body, headers)[0] == 202:
                        accepted.append(name)
            except (OSError, http.client.HTTPException):
                pass
            killer.join()
    found = {event["event_id"] for event in lying(tmp_path / "warehouse.duckdb.inbox")}
    assert len(accepted) >= 3 and {*accepted} <= found


def test_a_receiver_that_is_asked_to_end_ends(tmp_path: Path) -> None:
    write_project(tmp_path, {"project.yaml": SETTINGS + "receiver: {secrets: [env:EVENTS]}\n"})
    variables = {**os.environ, "EVENTS": base64.b64encode(NEW).decode(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipelines.cli.main", "receive", "-p", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("127.0.0.1:")[1].split(";")[0])
        assert ask(port, "GET", "/health")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
