"""Signed requests, as Standard Webhooks 1.0 has them (github.com/standard-webhooks/standard-webhooks).

`webhook-id` is the action's id and the same on every try, `webhook-timestamp` is the try's, and `webhook-signature` is an
HMAC over id, timestamp and body for each secret. The body depends on the action alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from connectors.contracts import Action, Batch, Outcome, Receipt, Traits
from connectors.secrets import hidden
from connectors.signing import key_of, signed
from connectors.sinks.exchange import Door
from connectors.sinks.replies import Answered, answered, utc_now
from definitions.urls import Url, WrongUrl, read_url

MAX_BODY = 20_000


@dataclass(frozen=True)
class WebhookSink:
    """Where actions go that name no url themselves, and whom they may name."""

    door: Door
    url: Url | None
    secrets: tuple[SecretStr, ...]
    dedupes_for: timedelta | None
    at_once: int = 4
    now: Callable[[], datetime] = utc_now

    @property
    def traits(self) -> Traits:
        """One action a request; receivers know its id again for as long as they say."""
        dedupes = "by_key" if self.dedupes_for else "never"
        return Traits(dedupes=dedupes, dedupes_for=self.dedupes_for, at_once=self.at_once)

    def write(self, batch: Batch) -> Receipt:
        """Send each action. Once the sink is closed nothing more is tried."""
        outcomes: list[Outcome] = []
        sent, closed = hashlib.sha256(), None
        for action in batch.actions:
            if closed is not None:
                outcomes.append(Outcome(action.action_id, "not_tried", "closed", closed))
                continue
            made = self._send(action, batch.kind, sent.update)
            closed = made.closed
            outcomes.append(made.outcome(action.action_id))
        return Receipt(self.url.origin if self.url else "", sent.hexdigest(), tuple(outcomes), closed)

    def ask(self, action: Action) -> Outcome | None:
        """Receivers cannot be asked."""
        return None

    def close(self) -> None:
        """Nothing is kept open."""

    def _send(self, action: Action, kind: str, note: Callable[[bytes], object]) -> Answered:
        try:
            url, body = self._url(action), body_of(action, kind)
        except WrongUrl as error:
            return Answered("rejected", "url-refused", str(error))
        except ValueError as error:  # a lone surrogate, or a number that is not finite
            return Answered("rejected", "not-text", f"the content cannot be written as JSON: {type(error).__name__}")
        if len(body) > MAX_BODY:
            return Answered("rejected", "too-large", f"the body has {len(body)} bytes, {MAX_BODY} are allowed")
        note(body)
        now = self.now()
        keys = [key_of(secret) for secret in self.secrets]
        headers = {"Content-Type": "application/json", **signed(action.action_id, int(now.timestamp()), body, keys)}
        made = answered(lambda: self.door.ask("POST", url, headers, body), self.now, self.dedupes_for is not None)
        if made.code == "410" and url != self.url:
            made = replace(made, closed=None)  # that address is gone, the others are not
        return replace(made, reply=None, message=made.message and hidden(made.message, self.secrets))

    def _url(self, action: Action) -> Url:
        own = action.content.get("url")
        if own:
            return read_url(str(own))
        if self.url is None:
            raise WrongUrl("neither the action nor the sink has a url")
        return self.url


def body_of(action: Action, kind: str) -> bytes:
    """What is sent: a type, the moment of planning, and data, in an order of its own."""
    content = action.content.get("body", {}) if kind == "webhook" else action.content
    data: dict[str, Any] = {
        "action": action.action_id,
        "kind": kind,
        "object": action.object,
        "record": action.record,
        "recipient": action.recipient,
        "due_at": action.due_at,
        "content": content,
    }
    made = {"type": f"{action.workflow}.{action.step_id}", "timestamp": action.planned_at, "data": data}
    return json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
