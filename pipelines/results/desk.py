"""What is answered to a request: a function of the request, of secrets, and of what the inbox takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from connectors.secrets import Secrets
from connectors.signing import key_of
from connectors.unsubscribing import action_of
from definitions import EnvironmentFault
from definitions.results import Provider, Receiving
from pipelines.results.events import Malformed, read_event
from pipelines.results.inbox import Arrived, Inbox
from pipelines.results.providers import READERS
from pipelines.results.signatures import Unsigned, long_enough, see_mailgun, see_path, signed_id

OURS = "webhook"
LEFT = "unsubscribe"
"""Where events of our own form, and those of one-click unsubscribing, say that they come from."""
MOST_EVENTS = 1_000
_ONE_CLICK = b"One-Click"
_PAGE = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True)
class Asked:
    """A request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str | None]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @staticmethod
    def problem(status: int, code: str, message: str) -> Answer:
        """Why not."""
        return Answer(status, json.dumps({"error": code, "message": message}) + "\n")


@dataclass(frozen=True)
class Keys:
    """The secrets of those who may send, each kind as many as are in use."""

    own: tuple[bytes, ...] = ()
    unsubscribe: tuple[SecretStr, ...] = ()
    providers: Mapping[Provider, tuple[SecretStr, ...]] = field(default_factory=dict[Provider, tuple[SecretStr, ...]])

    def __repr__(self) -> str:
        return "Keys(..)"

    @staticmethod
    def of(settings: Receiving, root: Path, variables: Mapping[str, str]) -> Keys:
        """Read them where project.yaml names them; raises EnvironmentFault for one that is missing or can be guessed."""
        secrets = Secrets(root, variables)
        made = Keys(
            tuple(key_of(secrets.read(name)) for name in settings.secrets),
            tuple(long_enough(secrets.read(name)) for name in settings.unsubscribe),
            {who: tuple(long_enough(secrets.read(n)) for n in names) for who, names in settings.providers.items()},
        )
        for secret in made.providers.get("resend", ()):
            key_of(secret)
        if not (made.own or made.unsubscribe or made.providers):
            hint = "add `receiver: {secrets: [env:NAME]}`"
            raise EnvironmentFault("no-secret", "`receiver` in project.yaml names no secrets: nobody may send", hint)
        return made


@dataclass(frozen=True)
class Desk:
    """Where requests are looked at. Events are in the inbox before the answer says so."""

    inbox: Inbox
    keys: Keys

    def answer(self, asked: Asked, now: datetime) -> Answer:
        """The answer to one request; nothing of it is kept unless it is signed and well-formed."""
        parts = urlsplit(asked.path)
        first, _, rest = parts.path.strip("/").partition("/")
        try:
            match first, asked.method:
                case "events", "POST":
                    return self._events(asked, rest, now)
                case "unsubscribe", _:
                    token = rest or parse_qs(parts.query).get("token", [""])[0]
                    return self._unsubscribe(asked, token, now)
                case "health", "GET":
                    return Answer(200, "{}\n")
                case "events" | "health", _:
                    return Answer.problem(405, "method", "this is not how it is asked")
                case _:
                    return Answer.problem(404, "no-such-path", "there is nothing here")
        except Unsigned as error:
            return Answer.problem(401, "unsigned", str(error))
        except Malformed as error:
            return Answer.problem(400, "malformed", str(error))
        except EnvironmentFault as error:
            return Answer.problem(503, error.code, "events cannot be kept now")

    def _events(self, asked: Asked, rest: str, now: datetime) -> Answer:
        who, _, secret = rest.partition("/")
        if not who:
            event_id = signed_id(asked.headers, asked.body, self.keys.own, now, "webhook")
            arrived = [*_own(_json(asked.body), event_id, now)]
        elif who in READERS and self.keys.providers.get(who):
            arrived = [*self._of_provider(who, secret, asked, now)]
        else:
            return Answer.problem(404, "no-such-path", "there is nothing here")
        if len(arrived) > MOST_EVENTS:
            raise Malformed(f"a request has at most {MOST_EVENTS} events")
        added = self.inbox.add(arrived)
        return Answer(202, json.dumps({"accepted": len(arrived), "new": added}) + "\n")

    def _of_provider(self, who: Provider, secret: str, asked: Asked, now: datetime) -> Iterator[Arrived]:
        secrets, request_id = self.keys.providers[who], ""
        if who == "resend":
            request_id = signed_id(asked.headers, asked.body, map(key_of, secrets), now, "svix")
        elif who != "mailgun":
            see_path(secret, secrets)
        body = _json(asked.body)
        if who == "mailgun":
            signature = cast("dict[str, Any]", body).get("signature") if isinstance(body, dict) else None
            if not isinstance(signature, dict):
                raise Unsigned("`signature` is missing")
            see_mailgun(cast("dict[str, Any]", signature), secrets, now)
        for fields in READERS[who](body, request_id):
            yield Arrived(who, {key: value for key, value in fields.items() if value is not None}, now)

    def _unsubscribe(self, asked: Asked, token: str, now: datetime) -> Answer:
        found = next((a for secret in self.keys.unsubscribe if (a := action_of(token, secret)) is not None), None)
        if found is None:
            return _page(404, "<p>This link is not one of ours, or was not copied whole.</p>")
        if asked.method == "GET":  # mail programs and scanners follow links: looking changes nothing
            form = '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
            return _page(200, f"{form}<p>No more of these messages?</p><button>Unsubscribe</button></form>")
        if _ONE_CLICK not in asked.body:
            raise Malformed("the body is `List-Unsubscribe=One-Click`")
        fields = {"event_id": found, "result": "unsubscribed", "action_id": found, "happened_at": now.isoformat()}
        self.inbox.add([Arrived(LEFT, fields, now)])
        return _page(200, "<p>You are unsubscribed.</p>")


def _own(body: Any, event_id: str, now: datetime) -> Iterator[Arrived]:
    """Events of our own form: one, or a list; the request's id is the event's unless it has its own."""
    events = cast("list[Any]", body) if isinstance(body, list) else [body]
    for number, event in enumerate(events):
        if not isinstance(event, dict):
            raise Malformed("an event is a JSON object")
        own = event_id if len(events) == 1 else f"{event_id}/{number}"
        made = read_event({"event_id": own, **cast("dict[str, Any]", event)}, OURS, now)
        if made is not None:
            yield Arrived(OURS, made.fields, now)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None


def _page(status: int, inner: str) -> Answer:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Unsubscribe</title>'
    return Answer(status, f'<!doctype html><html lang="en">{head}<body>{inner}</body></html>\n', _PAGE)
