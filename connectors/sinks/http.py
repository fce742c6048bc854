"""Actions as JSON requests to an API. What is asked and what replies mean is the API's; sending is done here.

A reply that has something to say of each item says what became of each action; of what it does not mention nobody knows. A
batch that is refused as a whole is cut in halves, so that one item that does not fit stops itself alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from connectors.contracts import Action, Batch, Outcome, Receipt, Traits
from connectors.secrets import hidden
from connectors.sinks.exchange import Door, Reply
from connectors.sinks.replies import Answered, answered, utc_now
from definitions.urls import Url

Read = Callable[[Any, tuple[Action, ...]], list[Outcome]]
_WHOLLY_REFUSED = {"400", "409", "413", "422"}


@dataclass(frozen=True)
class Request:
    """One request: what it carries, what a 2xx reply's JSON says of each action, and what follows where it was taken."""

    method: str
    path: str
    body: Any
    actions: tuple[Action, ...]
    read: Read
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    repeatable: bool = True
    follow: Callable[[list[Outcome], tuple[Action, ...]], Iterator[Request]] | None = None


class Api(Protocol):
    """What is asked of an API for actions of a kind."""

    @property
    def traits(self) -> Traits:
        """What it can do, for all kinds that it takes."""
        ...

    def requests(self, kind: str, actions: tuple[Action, ...]) -> Iterator[Request | Outcome]:
        """The requests for some actions, and the outcomes of those that cannot be asked for."""
        ...

    def limited(self, reply: Reply) -> float | None:
        """Seconds to wait, where a reply says so in the API's own way."""
        ...


@dataclass(frozen=True)
class HttpSink:
    """An API, where it is, and with which headers it is asked."""

    door: Door
    base: Url
    headers: Mapping[str, SecretStr]
    api: Api
    secrets: tuple[SecretStr, ...] = ()
    now: Callable[[], datetime] = field(default=utc_now, repr=False)

    @property
    def traits(self) -> Traits:
        """What the API can do."""
        return self.api.traits

    def write(self, batch: Batch) -> Receipt:
        """Ask for everything in a batch. Once the sink is closed nothing more is tried."""
        sending = _Sending(self, batch.kind)
        sending.send(batch.actions)
        missing = Outcome("", "rejected", "not-taken", f"this sink takes no `{batch.kind}`")
        outcomes = (sending.found.get(a.action_id, replace(missing, action_id=a.action_id)) for a in batch.actions)
        return Receipt(self.base.origin, sending.sent.hexdigest(), tuple(outcomes), sending.closed)

    def ask(self, action: Action) -> Outcome | None:
        """These APIs are not asked."""
        return None

    def close(self) -> None:
        """Nothing is kept open."""


class _Sending:
    """One batch on its way."""

    def __init__(self, sink: HttpSink, kind: str) -> None:
        self.sink = sink
        self.kind = kind
        self.found: dict[str, Outcome] = {}
        self.closed: str | None = None
        self.sent = hashlib.sha256()

    def send(self, actions: tuple[Action, ...]) -> None:
        for made in self.sink.api.requests(self.kind, actions):
            if isinstance(made, Outcome):
                self.found[made.action_id] = made
            else:
                self._request(made)

    def _request(self, request: Request) -> None:
        if self.closed is not None:
            return self._note([self._left(action) for action in request.actions])
        made = self._asked(request)
        if made.result == "rejected" and made.code in _WHOLLY_REFUSED and len(request.actions) > 1:
            middle = len(request.actions) // 2
            self.send(request.actions[:middle])
            return self.send(request.actions[middle:])
        self.closed = made.closed
        if made.result == "not_tried":
            return self._note([replace(self._left(a), code=made.code, message=made.message) for a in request.actions])
        if made.result != "accepted":
            return self._note([made.outcome(action.action_id) for action in request.actions])
        told = {one.action_id: one for one in request.read(_json(made.reply), request.actions)}
        lost = Outcome("", "unknown", "not-told", "the reply does not say what became of it")
        outcomes = [told.get(a.action_id, replace(lost, action_id=a.action_id)) for a in request.actions]
        self._note(outcomes)
        if request.follow is not None:
            taken = {one.action_id for one in outcomes if one.result == "accepted"}
            for following in request.follow(outcomes, tuple(a for a in request.actions if a.action_id in taken)):
                self._request(following)
        return None

    def _left(self, action: Action) -> Outcome:
        """Nothing was sent of it, or a first request of several was."""
        result = "later" if action.action_id in self.found else "not_tried"
        return Outcome(action.action_id, result, "closed", self.closed)

    def _note(self, outcomes: list[Outcome]) -> None:
        for one in outcomes:
            said = one.message and hidden(one.message, (*self.sink.headers.values(), *self.sink.secrets))
            before = self.found.get(one.action_id)
            self.found[one.action_id] = replace(one, message=said, provider_id=one.provider_id or _id_of(before))

    def _asked(self, request: Request) -> Answered:
        sink = self.sink
        try:
            body = json.dumps(request.body, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, TypeError):
            return Answered("rejected", "400", "the content cannot be written as JSON")
        self.sent.update(body)
        url = replace(sink.base, target=sink.base.target.rstrip("/") + request.path)
        headers = {"Content-Type": "application/json", "Accept": "application/json", **request.headers}
        headers |= {name: secret.get_secret_value() for name, secret in sink.headers.items()}
        made = answered(
            lambda: sink.door.ask(request.method, url, headers, body), sink.now, repeatable=request.repeatable
        )
        seconds = sink.api.limited(made.reply) if made.reply is not None and made.result != "accepted" else None
        return made if seconds is None else replace(made, result="later", retry_after=seconds, closed=None)


def _id_of(outcome: Outcome | None) -> str | None:
    return outcome.provider_id if outcome is not None else None


def _json(reply: Reply | None) -> Any:
    """What a reply holds, or nothing where it is cut or is no JSON."""
    if reply is None or not reply.whole:
        return None
    try:
        return json.loads(reply.body)
    except ValueError:
        return None


def said_so(provider_id: str | None = "id") -> Read:
    """A reply that speaks of one action only: its status has said it, and it may hold the id of what was made."""

    def read(found: Any, actions: tuple[Action, ...]) -> list[Outcome]:
        value = found
        for part in provider_id.split(".") if provider_id else ():
            value = value.get(part) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        shown = str(value)[:200] if isinstance(value, str | int) and provider_id else None  # pyright: ignore[reportUnknownArgumentType]
        return [Outcome(action.action_id, "accepted", provider_id=shown) for action in actions]

    return read


def rounds(actions: tuple[Action, ...], size: int) -> Iterator[tuple[Action, ...]]:
    """Actions in their order, so many at once, and no record twice in one request.

    >>> [len(group) for group in rounds((), 10)]
    []
    """
    group: list[Action] = []
    for action in actions:
        if len(group) == size or any(other.record == action.record for other in group):
            yield tuple(group)
            group = []
        group.append(action)
    if group:
        yield tuple(group)
