"""What emails promise, over a real mail server on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from support.actions import action, batch
from support.receivers import Postbox, mail_server, receiving

from connectors import Action, Outcome, Receipt, open_sink
from connectors.sinks.mail import Letterhead, Refused, letter_of
from connectors.sinks.replies import utc_now
from connectors.sinks.smtp import SmtpSink
from connectors.unsubscribing import action_of, token_for
from definitions.sinks import SmtpSinkSettings

VARIABLES = {"PASSWORD": "open sesame", "LEAVING": "l" * 32}


@pytest.fixture(scope="module")
def server() -> Iterator[Postbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def box(server: Postbox) -> Postbox:
    server.post.clear()
    server.says.clear()
    server.after.clear()
    server.connections = 0
    return server


def sink_of(port: int, **settings: Any) -> SmtpSink:
    made = {"host": "localhost", "security": "none", "sender": "hello@acme.example", "timeout": 2} | settings
    sink = open_sink(SmtpSinkSettings(kind="smtp", port=port, **made), Path(), VARIABLES)
    assert isinstance(sink, SmtpSink)
    return sink


def mail(action_id: str = "a1", to: object = "cleo@example.com", **content: Any) -> Action:
    return action(action_id, **{"to": to, "subject": "Hello", "text": "Hi *there*", **content})


def send(port: int, *actions: Action, **settings: Any) -> Receipt:
    return sink_of(port, **settings).write(batch("email", *actions))


def results(receipt: Receipt) -> list[str]:
    return [outcome.result for outcome in receipt.outcomes]


def only(receipt: Receipt) -> Outcome:
    (outcome,) = receipt.outcomes
    return outcome


def read(content: bytes) -> EmailMessage:
    made = message_from_bytes(content, policy=policy.default)
    assert isinstance(made, EmailMessage)
    return made


def test_an_email_is_text_as_written_and_html_of_it(box: Postbox) -> None:
    text = "Hi Cleo,\n\n.a line with a dot\n\n**Bold** and [here](https://example.com) Ü"
    receipt = send(box.port, mail(subject="Your renewal, größer", text=text), sender_name="Acme, Inc.")
    assert only(receipt) == Outcome("a1", "accepted", "250", provider_id="taken")
    ((sender, recipients, content),) = box.post
    assert (sender, recipients) == ("hello@acme.example", ["cleo@example.com"])
    message = read(content)
    assert message["subject"] == "Your renewal, größer"
    assert message["from"].addresses[0].display_name == "Acme, Inc."
    assert message["message-id"] == "<a1@acme.example>"
    plain, html = message.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == text + "\n"
    assert "<strong>Bold</strong>" in html.get_content()
    assert '<a href="https://example.com">here</a>' in html.get_content()


def test_tags_of_strangers_are_text_and_their_links_lead_nowhere(box: Postbox) -> None:
    text = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![p](https://spy.example/p.gif) www.spy.example"
    send(box.port, mail(text=text))
    html = list(read(box.post[0][2]).iter_parts())[1].get_content()
    assert "&lt;img src=x" in html
    assert "<img" not in html and 'href="javascript' not in html and 'href="www' not in html


def test_a_users_own_address_takes_the_senders_place(box: Postbox) -> None:
    content = {"from_address": "uma@acme.example", "from_name": "Uma Ü"}
    send(box.port, mail(**content), sender_name="Acme", bounces="bounces@acme.example")
    message = read(box.post[0][2])
    assert (str(message["from"]), box.post[0][0]) == ("Uma Ü <uma@acme.example>", "bounces@acme.example")


def test_a_batch_goes_over_one_connection_with_an_outcome_each(box: Postbox) -> None:
    box.says = {"b@example.com": "550 no such user", "c@example.com": "451 try again", "d@example.com": "421 closing"}
    box.after = {"e@example.com": "554 spam", "f@example.com": "452 full"}
    people = [mail(f"{name}1", f"{name}@example.com") for name in "abcefgdh"]
    receipt = send(box.port, *people)
    assert results(receipt) == ["accepted", "rejected", "later", "rejected", "later", "accepted", "later", "accepted"]
    assert [outcome.code for outcome in receipt.outcomes][1:5] == ["550", "451", "554", "452"]
    assert [o.message for o in receipt.outcomes][1] == "no such user"
    assert [post[1] for post in box.post] == [[f"{name}@example.com"] for name in "aefgh"]
    assert box.connections == 2


def test_a_lost_reply_is_unknown_and_the_rest_goes_over_another_connection(box: Postbox) -> None:
    box.after = {"b@example.com": lambda server: server.transport.abort()}
    receipt = send(box.port, *(mail(f"{name}1", f"{name}@example.com") for name in "abc"))
    assert results(receipt) == ["accepted", "unknown", "accepted"]
    assert len(box.post) == 3


def test_a_server_that_is_not_there_is_later_for_all(box: Postbox) -> None:
    with receiving() as gone:
        port = gone.port
    receipt = send(port, mail("a1"), mail("a2"))
    assert results(receipt) == ["later", "later"]
    assert receipt.closed is None


def test_something_else_that_answers_is_later() -> None:
    with receiving() as web:
        assert results(send(web.port, mail(), timeout=1)) == ["later"]


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (None, "no-address"),
        ("", "no-address"),
        (" \u200b", "no-address"),
        (12, "no-address"),
        ("a@example.com\nRCPT TO:<evil@example.net>", "address"),
        ("a@example.com\r\nBcc: evil@example.net", "address"),
        ("a@example.com,b@example.com", "address"),
        ("a@example.com b@example.com", "address"),
        ("Ann <a@example.com>", "address"),
        ("jörg@example.de", "address"),
        ("a@example.com>", "address"),
        ("<a@example.com>", "address"),
        ('"a b"@example.com', "address"),
        ("a@b", "address"),
        ("a@localhost", "address"),
        ("a@127.0.0.1", "address"),
        ("a@[127.0.0.1]", "address"),
        ("a@exa\x00mple.com", "address"),
        ("a@-example.com", "address"),
        ("@example.com", "address"),
        ("a@", "address"),
        ("a", "address"),
        (".a@example.com", "address"),
        ("a@example..com", "address"),
        ("x" * 65 + "@example.com", "address"),
        ("a@" + "x" * 250 + ".com", "address"),
        ("=?utf-8?q?a?=@example.com\x0b", "address"),
    ],
)
def test_an_address_that_is_not_one_gets_nothing(box: Postbox, to: object, code: str) -> None:
    receipt = send(box.port, mail("a1", to), mail("a2"))
    assert results(receipt) == ["rejected", "accepted"]
    assert receipt.outcomes[0].code == code
    assert len(box.post) == 1


def test_an_address_is_read_without_what_surrounds_it(box: Postbox) -> None:
    send(box.port, mail(to="\u00a0A@Example.COM\u200b"), mail("a2", "info@bücher.example"))
    assert [post[1] for post in box.post] == [["A@example.com"], ["info@xn--bcher-kva.example"]]


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("=?utf-8?q?A=0D=0ABcc:_evil@example.net?=", "header"),
        ("A\r\nBcc: evil@example.net", "header"),
        ("A\nBcc: evil@example.net", "header"),
        ("A\u2028Bcc: evil@example.net", "header"),
        ("A\u0085Bcc: evil@example.net", "header"),
        ("A\x00B", "header"),
        ("a\ud800b", "header"),
        ("x" * 501, "header"),
    ],
)
@pytest.mark.parametrize("key", ["subject", "from_name"])
def test_a_header_that_holds_more_than_itself_is_refused(box: Postbox, key: str, subject: object, code: str) -> None:
    receipt = send(box.port, mail("a1", from_address="u@acme.example", **{key: subject}), mail("a2"))
    assert results(receipt) == ["rejected", "accepted"]
    assert receipt.outcomes[0].code == code


def test_an_email_without_a_subject_is_refused_and_one_without_a_senders_name_is_not(box: Postbox) -> None:
    receipt = send(box.port, mail("a1", subject=None), mail("a2", from_address="u@acme.example", from_name=None))
    assert results(receipt) == ["rejected", "accepted"]


def test_a_text_that_is_none_stops_one_email_alone(box: Postbox) -> None:
    receipt = send(box.port, mail("a1", text="a\ud800b"), mail("a2"))
    assert results(receipt) == ["rejected", "accepted"]
    assert receipt.outcomes[0].code == "not-text"


HEAD = Letterhead("hello@acme.example")
MEANT = ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"]


@settings(max_examples=60, deadline=None)
@given(
    subject=st.text(max_size=120) | st.text(alphabet='a =?_\r\n:,<>"@\u00e9\u2028.', max_size=60),
    name=st.text(max_size=60),
    text=st.text(max_size=200),
)
def test_whatever_is_in_them_the_headers_are_those_that_were_meant(subject: str, name: str, text: str) -> None:
    try:
        letter = letter_of(
            mail(subject=subject, from_address="u@acme.example", from_name=name, text=text), HEAD, utc_now()
        )
    except Refused:
        return
    message = read(letter.content)
    assert sorted(message.keys()) == MEANT
    assert " ".join(str(message["subject"]).split()) == " ".join(subject.split())
    assert [a.addr_spec for a in message["to"].addresses] == ["cleo@example.com"]
    assert [a.addr_spec for a in message["from"].addresses] == ["u@acme.example"]
    assert max(len(line) for line in letter.content.split(b"\r\n")) <= 998
    assert letter.content.isascii()


@settings(max_examples=60, deadline=None)
@given(st.emails() | st.text(max_size=80) | st.text(alphabet='a@.<>,;: \r\n"é=?', max_size=30))
def test_whatever_is_in_it_an_address_is_one_recipient_or_none(to: str) -> None:
    try:
        letter = letter_of(mail(to=to), HEAD, utc_now())
    except Refused:
        return
    assert letter.to.count("@") == 1 and letter.to.isascii() and not set(letter.to) & set(' <>,;:"\r\n')
    assert [a.addr_spec for a in read(letter.content)["to"].addresses] == [letter.to]


def test_unsubscribing_takes_one_click_and_tells_nothing(box: Postbox) -> None:
    leaving = {"url": "https://acme.example/leave?v=1", "secret": "env:LEAVING"}
    receipt = send(box.port, mail("k" * 32), unsubscribe=leaving)
    assert results(receipt) == ["accepted"]
    message = read(box.post[0][2])
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    url = str(message["list-unsubscribe"]).replace(" ", "").strip("<>")
    assert url.startswith("https://acme.example/leave?v=1&token=")
    assert "cleo" not in url
    sink = sink_of(box.port, unsubscribe=leaving)
    assert sink.head.unsubscribe_secret is not None
    assert action_of(url.partition("token=")[2], sink.head.unsubscribe_secret) == "k" * 32


def test_a_token_made_with_another_secret_or_changed_is_none() -> None:
    from pydantic import SecretStr

    ours, theirs = SecretStr("o" * 32), SecretStr("t" * 32)
    token = token_for("a1", ours)
    assert action_of(token, theirs) is None
    flipped = [token[:i] + chr(ord(token[i]) ^ 1) + token[i + 1 :] for i in range(len(token))]
    assert [action_of(one, ours) for one in flipped] == [None] * len(token)
    assert [action_of(one, ours) for one in ("", ".", "a1.", "a1", token + "x", token * 2)] == [None] * 6


def test_on_a_test_system_only_its_own_domains_get_mail(box: Postbox) -> None:
    receipt = send(box.port, mail("a1", "a@example.com"), mail("a2", "b@acme.test"), allow_domains=["acme.test"])
    assert results(receipt) == ["rejected", "accepted"]
    assert receipt.outcomes[0].code == "domain-not-allowed"
    assert [post[1] for post in box.post] == [["b@acme.test"]]
    assert results(send(box.port, mail(), allow_domains=[])) == ["rejected"]


def certificates(folder: Path, name: str) -> ssl.SSLContext:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return context


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_the_way_to_the_server_is_encrypted_and_the_server_is_who_it_says(tmp_path: Path, security: str) -> None:
    context = certificates(tmp_path, "localhost")
    with mail_server(**{security: context}) as box:
        trusted, stranger = ({"security": security, "ca": ca} for ca in (str(tmp_path / "ca.pem"), None))
        assert results(send(box.port, mail(), **trusted)) == ["accepted"]
        refused = send(box.port, mail(), **stranger)
        assert results(refused) == ["later"]
        assert "certificate is not valid" in (only(refused).message or "")


def test_who_logs_in_is_let_in_or_the_sink_closes(tmp_path: Path) -> None:
    safe = {"security": "starttls", "ca": str(tmp_path / "ca.pem")}
    login = {"user": "acme", "password": "env:PASSWORD"}
    context = certificates(tmp_path, "localhost")
    with mail_server("open sesame", starttls=context) as box:
        assert results(send(box.port, mail(), login=login, **safe)) == ["accepted"]
        nobody = send(box.port, mail("a1"), mail("a2"), **safe)
        assert (results(nobody), nobody.closed) == (["later", "not_tried"], "the mail server refuses who logs in: 530")
    with mail_server("another", starttls=context) as box:
        refused = send(box.port, mail("a1"), mail("a2"), login=login, **safe)
        assert (results(refused), refused.closed) == (["not_tried"] * 2, "the mail server refuses who logs in: 535")
        assert "sesame" not in repr(refused)


def test_a_server_that_cannot_encrypt_gets_nothing(box: Postbox) -> None:
    assert results(send(box.port, mail(), security="starttls")) == ["later"]
    assert box.post == []


def test_mail_servers_know_no_email_again(box: Postbox) -> None:
    traits = sink_of(box.port).traits
    assert (traits.dedupes, traits.batch_size, traits.can_be_asked) == ("never", 50, False)
