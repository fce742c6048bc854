"""Notes to channels by incoming webhooks, as Slack has them (api.slack.com/messaging/webhooks).

The url of a channel is its secret. A channel knows no message again, so a lost reply is `unknown`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import SecretStr

from connectors.contracts import Action, Batch, Outcome, Receipt, Traits
from connectors.secrets import hidden
from connectors.sinks.exchange import Door
from connectors.sinks.replies import Answered, answered, utc_now
from definitions import EnvironmentFault
from definitions.urls import Url, WrongUrl, read_url, refusal

MAX_TEXT = 40_000
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True)
class SlackSink:
    """The channels and where their messages go; `default` takes those of all others."""

    door: Door
    channels: Mapping[str, SecretStr]
    default: SecretStr | None = None
    now: Callable[[], datetime] = field(default=utc_now, repr=False)

    @property
    def traits(self) -> Traits:
        """A channel knows no message again; Slack takes about one a second."""
        return Traits(dedupes="never")

    def write(self, batch: Batch) -> Receipt:
        """Send each message. Once the sink is closed nothing more is tried."""
        outcomes: list[Outcome] = []
        sent, closed = hashlib.sha256(), None
        for action in batch.actions:
            if closed is not None:
                outcomes.append(Outcome(action.action_id, "not_tried", "closed", closed))
                continue
            made = self._send(action, sent.update)
            closed = made.closed if made.code in ("401", "403") else None  # one channel may be gone, the others are not
            outcomes.append(made.outcome(action.action_id))
        return Receipt("slack", sent.hexdigest(), tuple(outcomes), closed)

    def ask(self, action: Action) -> Outcome | None:
        """Channels cannot be asked."""
        return None

    def close(self) -> None:
        """Nothing is kept open."""

    def _send(self, action: Action, note: Callable[[bytes], object]) -> Answered:
        channel = str(action.content.get("channel"))
        secret = self.channels.get(channel, self.default)
        if secret is None:
            return Answered("rejected", "no-channel", f"no url is known for channel `{channel[:100]}`")
        text = action.content.get("text")
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
            return Answered("rejected", "text", f"a message has 1 to {MAX_TEXT} characters")
        try:
            body = json.dumps({"text": text.translate(_ESCAPED)}, ensure_ascii=False).encode()
        except ValueError:
            return Answered("rejected", "not-text", "the message holds something that is not text")
        note(body)
        url, headers = url_of(secret, self.door), {"Content-Type": "application/json"}
        made = answered(lambda: self.door.ask("POST", url, headers, body), self.now, repeatable=False)
        return replace(made, reply=None, message=made.message and hidden(made.message, (secret,)))


def url_of(secret: SecretStr, door: Door) -> Url:
    """The url of a channel; what is wrong with it is told without it."""
    try:
        url = read_url(secret.get_secret_value())
        why = refusal(url, door.hosts, door.plain)
    except WrongUrl as error:
        raise EnvironmentFault("secret-unusable", f"the url of a channel may not be used: {error}") from None
    if why is not None:
        raise EnvironmentFault("secret-unusable", f"the url of a channel may not be used: {why}")
    return url
