"""An action -> the bytes of an email: text as it was written, HTML made from it, and headers that hold nothing else.

What a CRM holds was typed by strangers. A value that ends up in a header is decoded and refused when control characters or
encoded words are in it, and what was serialised is read again and compared, because a value that looks harmless before
encoding may be a line of its own after (CVE-2024-6923).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from pydantic import SecretStr

from connectors.contracts import Action
from connectors.unsubscribing import token_for

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\Z")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_AROUND = "\u200b\u200c\u200d\u2060\ufeff\u00a0 \t\r\n"
_POLICY = policy.SMTP.clone(max_line_length=120)
MAX_SUBJECT = 500


class Refused(Exception):
    """One email that cannot be sent, and why: a code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Letterhead:
    """What all emails of a sink have in common."""

    sender: str
    sender_name: str | None = None
    unsubscribe_url: str | None = None
    unsubscribe_secret: SecretStr | None = None


@dataclass(frozen=True)
class Letter:
    """One email: to whom the server is told to bring it, from whom, and its bytes."""

    to: str
    sender: str
    content: bytes


def letter_of(action: Action, head: Letterhead, now: datetime) -> Letter:
    """The email of an action; raises `Refused`."""
    content = action.content
    to = address_of(content.get("to"), "recipient")
    own = content.get("from_address")
    sender = address_of(own or head.sender, "sender")
    name = content.get("from_name") if own else head.sender_name
    headers: dict[str, Any] = {
        "From": Address(display_name=_clean(name or "", "sender name"), addr_spec=sender),
        "To": Address(addr_spec=to),
        "Subject": _clean(content.get("subject"), "subject"),
        "Date": format_datetime(now),
        "Message-ID": message_id(action.action_id, sender),
        "Auto-Submitted": "auto-generated",
        **_unsubscribing(action.action_id, head),
    }
    return Letter(to, sender, _serialised(headers, str(content.get("text") or "")))


def address_of(value: Any, what: str) -> str:
    """One plain address, its domain in the form that mail servers know; raises `Refused`.

    >>> address_of("\\u00a0A.B@Example.COM\\u200b", "recipient"), address_of("info@b\\u00fccher.example", "recipient")
    ('A.B@example.com', 'info@xn--bcher-kva.example')
    """
    if not isinstance(value, str) or not value.strip(_AROUND):
        raise Refused("no-address", f"the {what} has no email address")
    local, _, domain = value.strip(_AROUND).rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
        written = f"{local}@{domain}"
        if len(written) > 254 or len(local) > 64 or not _LOCAL.match(local) or not _DOMAIN.match(domain):
            raise ValueError
        if Address(addr_spec=written).addr_spec != written:
            raise ValueError
    except (ValueError, MessageError, IndexError):
        raise Refused("address", f"the {what} has no email address that can be written to") from None
    return written


def message_id(action_id: str, sender: str) -> str:
    """The same for every try of an action."""
    return f"<{action_id}@{sender.rpartition('@')[2]}>"


def _clean(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise Refused("header", f"the {what} is missing")
    if "=?" in value or any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in value):
        raise Refused("header", f"the {what} holds control characters or encoded words")
    if len(value) > MAX_SUBJECT:
        raise Refused("header", f"the {what} is longer than {MAX_SUBJECT} characters")
    return value.strip()


def _unsubscribing(action_id: str, head: Letterhead) -> dict[str, str]:
    if head.unsubscribe_url is None or head.unsubscribe_secret is None:
        return {}
    joint = "&" if "?" in head.unsubscribe_url else "?"
    url = f"{head.unsubscribe_url}{joint}token={token_for(action_id, head.unsubscribe_secret)}"
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _serialised(headers: dict[str, Any], text: str) -> bytes:
    message = EmailMessage(_POLICY)
    try:
        for name, value in headers.items():
            message[name] = value
        message.set_content(_written(text), subtype="plain", charset="utf-8", cte="quoted-printable")
        message.add_alternative(html_of(text), subtype="html", charset="utf-8", cte="quoted-printable")
        made = message.as_bytes()
    except (ValueError, MessageError, IndexError) as error:  # UnicodeEncodeError is a ValueError
        raise Refused("not-text", f"the email cannot be written: {type(error).__name__}") from error
    if not _same(made, headers):
        raise Refused("header", "the headers read otherwise than they were written")
    return made


def _same(made: bytes, headers: dict[str, Any]) -> bool:
    """Are the headers of the bytes those that were meant, each once, with the values meant."""
    lines = made.partition(b"\r\n\r\n")[0]
    if b"\0" in made or re.search(rb"(?<!\r)\n|\r(?!\n)", lines):
        return False
    again = message_from_bytes(made, policy=_POLICY)
    meant = {*headers, "MIME-Version", "Content-Type"}
    if sorted(again.keys()) != sorted(meant) or again.defects:
        return False
    return all(_told(str(again[name])) == _told(str(value)) for name, value in headers.items())


def _told(value: str) -> str:
    return " ".join(value.split())


def _written(text: str) -> str:
    """Markdown as people read it who see its source: without the backslashes that keep a sign a sign."""
    return _ESCAPED.sub(r"\1", text)


def html_of(text: str) -> str:
    """Markdown as HTML. Tags in it are text, images are left out, links lead only where links may.

    >>> html_of("Hi <img src=x onerror=alert(1)> **you**").split("<body>")[1]
    '<p>Hi &lt;img src=x onerror=alert(1)&gt; <strong>you</strong></p>\\n</body></html>\\n'
    """
    return "".join(_page(_markdown().render(text)))


def _page(body: str) -> Iterator[str]:
    yield '<!doctype html><html><head><meta charset="utf-8"></head><body>'
    yield body
    yield "</body></html>\n"


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "linkify": False}).disable("image")
