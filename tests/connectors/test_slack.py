"""What notes to channels promise, over real connections on loopback."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.actions import action, batch
from support.receivers import Answer, Receiver, receiving

from connectors import Receipt, Sink, open_sink
from definitions import EnvironmentFault
from definitions.sinks import SlackSinkSettings


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path, context


@pytest.fixture
def receiver(ca: tuple[Path, ssl.SSLContext]) -> Iterator[Receiver]:
    with receiving(ca[1]) as made:
        yield made


@pytest.fixture
def sink(receiver: Receiver, ca: tuple[Path, ssl.SSLContext]) -> Sink:
    settings = SlackSinkSettings(
        kind="slack",
        channels={"#cs": "env:CS"},
        default="env:REST",
        allow_hosts=("localhost",),
        ca=str(ca[0]),
        timeout=2,
    )
    urls = {"CS": f"{receiver.url}/services/T0/B0/canary", "REST": f"{receiver.url}/services/T0/B1/canary"}
    return open_sink(settings, Path(), urls)


def send(sink: Sink, text: object = "hello", channel: str = "#cs") -> Receipt:
    return sink.write(batch("notify", action("a1", channel=channel, text=text)))


def test_a_note_goes_to_the_url_of_its_channel(sink: Sink, receiver: Receiver) -> None:
    for channel in ("#cs", "#other"):
        assert send(sink, "Ünal's up", channel).outcomes[0].result == "accepted"
    assert [asked.path for asked in receiver.asked] == ["/services/T0/B0/canary", "/services/T0/B1/canary"]
    assert [json.loads(asked.body) for asked in receiver.asked] == [{"text": "Ünal's up"}] * 2


def test_a_name_cannot_call_everybody(sink: Sink, receiver: Receiver) -> None:
    send(sink, "<!channel> & <https://evil.example|here>")
    assert json.loads(receiver.asked[0].body)["text"] == "&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;"


@pytest.mark.parametrize(
    ("answer", "result", "closed"),
    [
        (Answer(200, b"ok"), "accepted", False),
        (Answer(400, b"invalid_payload"), "rejected", False),
        (Answer(403, b"action_prohibited"), "rejected", True),
        (Answer(404, b"channel_not_found"), "rejected", False),
        (Answer(410, b"channel_is_archived"), "rejected", False),
        (Answer(429, b"", {"Retry-After": "30"}), "later", False),
        (Answer(500, b"rollup_error"), "later", False),
        (Answer(502, b""), "unknown", False),
        (Answer(504, b""), "unknown", False),
        (Answer(cut=0), "unknown", False),
    ],
)
def test_what_slack_says_is_what_became_of_it(
    sink: Sink, receiver: Receiver, answer: Answer, result: str, closed: bool
) -> None:
    receiver.answers = [answer]
    receipt = send(sink)
    (outcome,) = receipt.outcomes
    assert (outcome.result, receipt.closed is not None) == (result, closed)
    assert outcome.retry_after == (30 if answer.status == 429 else None)
    assert "canary" not in f"{receipt!r} {sink!r}"


@pytest.mark.parametrize("text", ["", "  ", None, 3, "x" * 40_001, "a\ud800"])
def test_a_note_without_text_is_not_sent(sink: Sink, receiver: Receiver, text: object) -> None:
    assert send(sink, text).outcomes[0].result == "rejected"
    assert receiver.asked == []


def test_a_channel_without_a_url_is_refused() -> None:
    sink = open_sink(SlackSinkSettings(kind="slack"), Path(), {})
    assert [outcome.code for outcome in send(sink).outcomes] == ["no-channel"]
    assert sink.traits.dedupes == "never"


@pytest.mark.parametrize(
    "url", ["https://evil.example/canary", "http://hooks.slack.com/canary", "canary", "https://127.0.0.1/canary"]
)
def test_a_url_that_leads_elsewhere_is_told_at_opening_and_not_shown(url: str) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        open_sink(SlackSinkSettings(kind="slack", channels={"#cs": "env:CS"}), Path(), {"CS": url})
    assert caught.value.code == "secret-unusable"
    assert "canary" not in str(caught.value)
