"""Emails through a mail server, one recipient each, over one connection a batch.

Mail servers know no email again. When the reply to a whole email is lost it may have been taken, and says so: `unknown`.
Until the last byte of an email is on its way nothing can have happened, and the action comes back `later`.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import SecretStr

from connectors.contracts import Action, Batch, Outcome, Receipt, Traits
from connectors.secrets import hidden
from connectors.sinks.mail import Letter, Letterhead, Refused, letter_of
from connectors.sinks.replies import plain, utc_now


@dataclass(frozen=True)
class MailServer:
    """How a mail server is reached, and who logs in."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str | None
    password: SecretStr | None
    seconds: float
    tls: ssl.SSLContext


class _Closed(Exception):
    """The server lets nobody in: why."""


class _Away(Exception):
    """The server is not there now."""


@dataclass(frozen=True)
class SmtpSink:
    """One mail server. With `allow_domains` only recipients there get mail."""

    server: MailServer
    head: Letterhead
    bounces: str | None = None
    allow_domains: frozenset[str] | None = None
    batch_size: int = 50
    at_once: int = 1
    now: Callable[[], datetime] = utc_now

    @property
    def traits(self) -> Traits:
        """A mail server knows no email again."""
        return Traits(dedupes="never", batch_size=self.batch_size, at_once=self.at_once)

    def write(self, batch: Batch) -> Receipt:
        """Send each email. After a lost connection the rest goes over another."""
        line = _Line(self.server)
        sent = hashlib.sha256()
        try:
            outcomes = tuple(self._send(line, action, sent.update) for action in batch.actions)
        finally:
            line.hang_up()
        return Receipt(f"{self.server.host}:{self.server.port}", sent.hexdigest(), outcomes, line.closed)

    def ask(self, action: Action) -> Outcome | None:
        """Mail servers cannot be asked."""
        return None

    def close(self) -> None:
        """Nothing is kept open between batches."""

    def _send(self, line: _Line, action: Action, note: Callable[[bytes], object]) -> Outcome:
        try:
            letter = letter_of(action, self.head, self.now())
        except Refused as error:
            return Outcome(action.action_id, "rejected", error.code, error.message)
        domain = letter.to.rpartition("@")[2]
        if self.allow_domains is not None and domain not in self.allow_domains:
            return Outcome(action.action_id, "rejected", "domain-not-allowed", f"`{domain}` is not in `allow_domains`")
        note(letter.content)
        return line.bring(action.action_id, letter, self.bounces)


class _Line:
    """A connection that is made when it is needed, and not again once the server was away."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.closed: str | None = None
        self._away: str | None = None
        self._smtp: smtplib.SMTP | None = None

    def bring(self, action_id: str, letter: Letter, bounces: str | None) -> Outcome:
        """Hand one email over."""
        try:
            smtp = self._connected()
        except (_Away, _Closed) as error:
            result, code = ("not_tried", "closed") if self.closed else ("later", "no-connection")
            return Outcome(action_id, result, code, str(error))
        try:
            for ask in (lambda: smtp.mail(bounces or letter.sender), lambda: smtp.rcpt(letter.to)):
                code, said = ask()
                if code // 100 != 2:
                    return self._refused(action_id, code, said)
            code, said = smtp.docmd("DATA")
            if code != 354:
                return self._refused(action_id, code, said)
        except (OSError, smtplib.SMTPException) as error:
            self.hang_up()
            return Outcome(action_id, "later", "no-connection", f"the connection broke: {type(error).__name__}")
        return self._content(smtp, action_id, letter.content)

    def hang_up(self) -> None:
        """End the connection, politely if the server still listens."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    def _content(self, smtp: smtplib.SMTP, action_id: str, content: bytes) -> Outcome:
        try:
            smtp.send(_dotted(content))
            code, said = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Outcome(action_id, "unknown", "no-reply", f"no reply to the email: {type(error).__name__}")
        if code == -1:
            self._drop()
            return Outcome(action_id, "unknown", "no-reply", "no reply to the email")
        if code // 100 == 2:
            return Outcome(action_id, "accepted", str(code), provider_id=plain(said))
        return self._refused(action_id, code, said)

    def _refused(self, action_id: str, code: int, said: bytes) -> Outcome:
        message = self._said(said)
        if code in (-1, 421):
            self.hang_up()
            return Outcome(action_id, "later", "no-connection" if code == -1 else "421", message)
        with suppress(OSError, smtplib.SMTPException):
            if smtp := self._smtp:
                smtp.rset()
        if code in (530, 535, 538):
            self.closed = f"the mail server refuses who logs in: {code}"
            return Outcome(action_id, "later", str(code), message)
        return Outcome(action_id, "later" if code // 100 == 4 else "rejected", str(code), message)

    def _connected(self) -> smtplib.SMTP:
        if self.closed is not None:
            raise _Closed(self.closed)
        if self._away is not None:
            raise _Away(self._away)
        if self._smtp is None:
            try:
                self._smtp = self._connect()
            except smtplib.SMTPAuthenticationError as error:
                permanent = error.smtp_code // 100 == 5
                why = f"the mail server refuses who logs in: {error.smtp_code}"
                self.closed, self._away = (why if permanent else None), why
                raise _Away(why) from error
            except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: a password that is not ASCII
                self._away = f"no connection to the mail server: {_what(error)}"
                raise _Away(self._away) from error
        return self._smtp

    def _connect(self) -> smtplib.SMTP:
        at = self.server
        if at.security == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(at.host, at.port, timeout=at.seconds, context=at.tls)
        else:
            smtp = smtplib.SMTP(at.host, at.port, timeout=at.seconds)
        try:
            if at.security == "starttls":
                smtp.starttls(context=at.tls)
            if at.user is not None and at.password is not None:
                smtp.login(at.user, at.password.get_secret_value())
            else:
                smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    def _said(self, said: bytes) -> str | None:
        password = self.server.password
        return hidden(plain(said) or "", (password,) if password else ()) or None


def _dotted(content: bytes) -> bytes:
    """An email as the protocol has it: lines that begin with a dot have two, and a dot alone ends it."""
    body = content.replace(b"\r\n.", b"\r\n..")
    body = b"." + body if body.startswith(b".") else body
    return (body if body.endswith(b"\r\n") else body + b"\r\n") + b".\r\n"


def _what(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it has no STARTTLS or no login"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it says {error.smtp_code}"
    return getattr(error, "strerror", None) or type(error).__name__
