"""What a webhook promises, over real connections on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.actions import action, batch
from support.receivers import Answer, Receiver, dripping, receiving, resetting

from connectors import Outcome, Receipt, open_sink
from connectors.sinks.exchange import Door, Lost, NotSent, Refused
from connectors.sinks.replies import retry_after
from connectors.sinks.webhook import WebhookSink
from definitions import EnvironmentFault
from definitions.sinks import WebhookSinkSettings
from definitions.urls import read_url

NEW, OLD = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
VARIABLES = {"NEW": f"whsec_{NEW}", "OLD": OLD}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def sink_of(url: str | None, **settings: Any) -> WebhookSink:
    made = {"allow_hosts": ["localhost"], "allow_http": True, "secrets": ["env:NEW"], "timeout": 2} | settings
    sink = open_sink(WebhookSinkSettings(kind="webhook", url=url, **made), Path(), VARIABLES)
    assert isinstance(sink, WebhookSink)
    return sink


def send(receiver: Receiver, **content: Any) -> Receipt:
    return sink_of(receiver.url).write(batch("webhook", action(**content)))


def only(receipt: Receipt) -> Outcome:
    (outcome,) = receipt.outcomes
    return outcome


def test_a_request_carries_the_actions_id_and_is_signed_with_every_secret(receiver: Receiver) -> None:
    sink = sink_of(f"{receiver.url}/in?x=1", secrets=["env:NEW", "env:OLD"])
    receipt = sink.write(batch("webhook", action("a1", body={"seats": 3, "who": "Ü"})))
    assert only(receipt) == Outcome("a1", "accepted", "200")
    (asked,) = receiver.asked
    assert (asked.method, asked.path, asked.headers["webhook-id"]) == ("POST", "/in?x=1", "a1")
    assert json.loads(asked.body)["data"]["content"] == {"seats": 3, "who": "Ü"}
    signed = b"a1." + asked.headers["webhook-timestamp"].encode() + b"." + asked.body
    wanted = [
        base64.b64encode(hmac.digest(base64.b64decode(key), signed, hashlib.sha256)).decode() for key in (NEW, OLD)
    ]
    assert asked.headers["webhook-signature"] == f"v1,{wanted[0]} v1,{wanted[1]}"
    assert asked.headers["host"] == f"localhost:{receiver.port}"


def test_another_try_has_the_same_id_and_body_and_its_own_time(receiver: Receiver) -> None:
    sink = sink_of(receiver.url)
    for day in (5, 6):
        again = replace(sink, now=lambda day=day: datetime(2026, 1, day, tzinfo=UTC))
        again.write(batch("webhook", action("a1", body={"b": 1, "a": 2})))
    first, second = receiver.asked
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


@pytest.mark.parametrize(
    ("status", "result", "closed"),
    [
        *((status, "accepted", False) for status in (200, 201, 202, 204)),
        *((status, "rejected", False) for status in (301, 302, 307, 400, 404, 409, 413, 422)),
        (401, "not_tried", True),
        *((status, "rejected", True) for status in (403, 410)),
        *((status, "later", False) for status in (408, 429, 500, 502, 503, 504)),
    ],
)
def test_a_status_says_what_became_of_an_action(receiver: Receiver, status: int, result: str, closed: bool) -> None:
    receiver.answers = [Answer(status, b"" if status == 204 else b"so it is", {"location": "http://127.0.0.1:1/"})]
    receipt = send(receiver)
    assert (only(receipt).result, only(receipt).code) == (result, str(status))
    assert (receipt.closed is not None) is closed
    assert len(receiver.asked) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 1),
        ("-3", 1),
        ("1.5", 1.5),
        ("999999999", 21_600),
        ("soon", 1),
        ("", 1),
        ("1e9", 1),
        ("Mon, 05 Jan 2026 00:02:00 GMT", 120),
        ("Mon, 05 Jan 2026 00:02:00", 120),
        ("Sun, 04 Jan 2026 00:00:00 GMT", 1),
        ("Tue, 06 Jan 2026 00:00:00 GMT", 21_600),
        ("Tue, 99 Jan 2026 00:00:00 GMT", 1),
        ("1.2.3", 1),
        ("٣", 1),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(text: str, seconds: float) -> None:
    assert retry_after(text, datetime(2026, 1, 5, tzinfo=UTC)) == seconds


def test_retry_after_reaches_the_outcome(receiver: Receiver) -> None:
    receiver.answers = [Answer(429, headers={"Retry-After": "90"})]
    assert only(send(receiver)).retry_after == 90


def test_once_closed_nothing_more_is_tried(receiver: Receiver) -> None:
    receiver.answers = [Answer(200), Answer(401)]
    receipt = sink_of(receiver.url).write(batch("webhook", *(action(f"a{n}") for n in range(4))))
    assert [o.result for o in receipt.outcomes] == ["accepted", "not_tried", "not_tried", "not_tried"]
    assert receipt.closed == "credentials are refused"
    assert len(receiver.asked) == 2


def test_an_address_of_an_action_that_is_gone_closes_nothing(receiver: Receiver) -> None:
    receiver.answers = [Answer(410)]
    receipt = sink_of(None).write(batch("webhook", action("a1", url=receiver.url), action("a2", url=receiver.url)))
    assert [o.result for o in receipt.outcomes] == ["rejected", "accepted"]
    assert receipt.closed is None


def test_a_reply_that_never_comes_is_unknown(receiver: Receiver) -> None:
    receiver.answers = [Answer(cut=0)]
    assert only(send(receiver)).result == "unknown"


def test_a_slow_reply_is_unknown(receiver: Receiver) -> None:
    def slowly(_: object) -> Answer:
        time.sleep(1.5)
        return Answer()

    receiver.answer = slowly
    began = time.monotonic()
    receipt = sink_of(receiver.url, timeout=1).write(batch("webhook", action()))
    assert only(receipt).result == "unknown"
    assert time.monotonic() - began < 1.4


def test_an_endless_reply_is_cut_and_its_status_counts(receiver: Receiver) -> None:
    receiver.answers = [Answer(200, forever=True), Answer(400, forever=True)]
    assert only(send(receiver)).result == "accepted"
    rejected = only(send(receiver))
    assert rejected.result == "rejected"
    assert len((rejected.message or "").encode()) <= 2_000


def test_no_connection_is_later() -> None:
    with receiving() as gone:
        url = gone.url
    receipt = sink_of(url).write(batch("webhook", action()))
    assert (only(receipt).result, only(receipt).code) == ("later", "no-connection")


def test_a_body_over_twenty_kilobytes_is_refused_before_it_is_sent(receiver: Receiver) -> None:
    assert only(send(receiver, body={"x": "y" * 20_000})).code == "too-large"
    assert receiver.asked == []


@pytest.mark.parametrize("value", ["a\ud800b", float("nan"), float("inf")])
def test_a_poisoned_value_stops_one_action_alone(receiver: Receiver, value: object) -> None:
    receipt = sink_of(receiver.url).write(batch("webhook", action("a1", body={"x": value}), action("a2")))
    assert [o.result for o in receipt.outcomes] == ["rejected", "accepted"]


def test_what_a_stranger_says_is_one_line_without_our_secrets(receiver: Receiver) -> None:
    receiver.answers = [Answer(400, f"bad whsec_{NEW}\n2026-01-01 INFO approved\x1b[31m".encode())]
    said = only(send(receiver)).message or ""
    assert said == "bad *** 2026-01-01 INFO approved [31m"


def test_secrets_are_in_no_repr() -> None:
    assert NEW not in repr(sink_of("http://localhost/", secrets=["env:NEW"]))


def test_a_secret_that_is_missing_or_short_is_told_at_opening() -> None:
    for variables, code in (({}, "no-secret"), ({"NEW": "abc"}, "secret-unusable"), ({"NEW": " "}, "no-secret")):
        settings = WebhookSinkSettings(kind="webhook", secrets=("env:NEW",))
        with pytest.raises(EnvironmentFault) as caught:
            open_sink(settings, Path(), variables)
        assert caught.value.code == code


def test_dedupes_for_is_a_day_unless_said_otherwise() -> None:
    traits = sink_of(None).traits
    assert (traits.dedupes, traits.dedupes_for, traits.at_once) == ("by_key", timedelta(days=1), 4)
    assert sink_of(None, dedupes_for="never", at_once=9).traits.dedupes == "never"
    assert sink_of(None, dedupes_for="90 minutes").traits.dedupes_for == timedelta(minutes=90)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://[::ffff:169.254.169.254]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "https://[::1]/",
        "https://[fe80::1%25eth0]/",
        "https://224.0.0.1/",
        "https://10.0.0.1/",
        "https://0.0.0.0/",
        "file:///etc/passwd",
        "gopher://localhost/",
        "//localhost/",
        "https://user:pass@localhost/",
        "https://localhost@evil.example/",
        "https://localhost\\@evil.example/",
        "https://localhost /",
        "https://localhost/\r\nX: y",
        "https://localhost:99999/",
        "https://localhost.evil.example/",
        "https://ⓛocalhost/",
        "https:///",
        "",
        "https://evil.example/#@localhost/",
    ],
)
def test_an_action_reaches_only_hosts_that_are_listed(receiver: Receiver, url: str) -> None:
    sink = sink_of(None, allow_hosts=["localhost"])
    receipt = sink.write(batch("webhook", action(url=url)))
    assert (only(receipt).result, only(receipt).code) == ("rejected", "url-refused")


def test_a_private_address_stays_out_of_reach_though_listed() -> None:
    for host in ("169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::"):
        door = Door(frozenset({host}))
        shown = f"[{host}]" if ":" in host else host
        with pytest.raises(Refused):
            door.addresses(read_url(f"https://{shown}/"))


def test_plain_http_needs_to_be_allowed() -> None:
    receipt = sink_of(None, allow_http=False).write(batch("webhook", action(url="http://localhost:1/")))
    assert "https" in (only(receipt).message or "")


def test_one_address_that_is_not_public_refuses_the_name() -> None:
    door = Door(frozenset({"hook.example"}), resolve=lambda host, port: ("93.184.216.34", "127.0.0.1"))
    with pytest.raises(Refused):
        door.addresses(read_url("https://hook.example/"))


def test_a_name_is_asked_for_once_and_its_checked_address_is_used(receiver: Receiver) -> None:
    answers = iter([("127.0.0.1",), ("127.0.0.2",)])
    door = Door(frozenset({"localhost"}), plain=True, resolve=lambda host, port: next(answers))
    reply = door.ask("POST", read_url(receiver.url), {}, b"{}")
    assert reply.status == 200
    assert next(answers) == ("127.0.0.2",)


def test_a_name_without_an_address_is_not_skipped() -> None:
    def nothing(host: str, port: int) -> tuple[str, ...]:
        raise OSError("no such name")

    for resolve in (nothing, lambda host, port: (), lambda host, port: ("what",)):
        with pytest.raises(NotSent):
            Door(frozenset({"hook.example"}), resolve=resolve).ask("GET", read_url("https://hook.example/"), {}, b"")


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert only(send(receiver)).result == "accepted"


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize(
    ("said", "result"),
    [
        (b"", "unknown"),
        (b"HTTP/1.1 20", "unknown"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", "accepted"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", "accepted"),
        (b"HTTP/1.1 400 Bad\r\n\r\n", "rejected"),
    ],
)
def test_a_server_that_drips_is_left_in_time(tmp_path: Path, encrypted: bool, said: bytes, result: str) -> None:
    ca, context = certificate(tmp_path, "localhost") if encrypted else (None, None)
    with dripping(said, context) as port:
        sink = sink_of(f"http{'s' * encrypted}://localhost:{port}", timeout=1, ca=ca and str(ca))
        began = time.monotonic()
        receipt = sink.write(batch("webhook", action()))
        assert only(receipt).result == result
        assert time.monotonic() - began < 3


def test_a_reply_that_is_reset_after_its_status_is_a_reply() -> None:
    with resetting(b"HTTP/1.1 503 Busy\r\nX-Cut: ") as port:
        reply = Door(frozenset({"localhost"}), plain=True).ask("POST", read_url(f"http://localhost:{port}"), {}, b"{}")
    assert (reply.status, reply.whole) == (503, False)
    with resetting(b"HTTP/1.1 5") as port, pytest.raises(Lost):
        Door(frozenset({"localhost"}), plain=True).ask("POST", read_url(f"http://localhost:{port}"), {}, b"{}")


def certificate(tmp_path: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem", context


def test_a_certificate_must_be_for_the_name_that_was_written(tmp_path: Path) -> None:
    for name, result in (("localhost", "accepted"), ("other.example", "later")):
        ca, context = certificate(tmp_path, name)
        with receiving(context) as receiver:
            receipt = sink_of(receiver.url, ca=str(ca)).write(batch("webhook", action()))
            assert only(receipt).result == result
            assert len(receiver.asked) == (result == "accepted")


def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "localhost")
    with receiving(context) as receiver:
        receipt = sink_of(receiver.url).write(batch("webhook", action()))
        assert only(receipt).result == "later"
        assert "certificate is not valid" in (only(receipt).message or "")
        assert receiver.asked == []
