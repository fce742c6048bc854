"""What a reply means for an action: done, never, later, or unknown."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors.contracts import Outcome, Result
from connectors.sinks.exchange import Lost, NotSent, Refused, Reply

SOONEST, LATEST = 1.0, 6 * 3600.0
_LATER = {408, 421, 425, 429, 500, 503}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Answered:
    """What became of one request, for whichever actions it carried; `closed` is why the sink takes no more."""

    result: Result
    code: str | None = None
    message: str | None = None
    retry_after: float | None = None
    closed: str | None = None
    reply: Reply | None = None

    def outcome(self, action_id: str, provider_id: str | None = None) -> Outcome:
        """The same for one action."""
        return Outcome(action_id, self.result, self.code, self.message, provider_id, self.retry_after)


def answered(ask: Callable[[], Reply], now: Callable[[], datetime], repeatable: bool) -> Answered:
    """Ask, and say what the reply or its absence means. Without `repeatable` a gateway's fault may hide a delivery."""
    try:
        reply = ask()
    except Refused as error:
        return Answered("rejected", "url-refused", str(error))
    except NotSent as error:
        return Answered("later", "no-connection", str(error))
    except Lost as error:
        return Answered("unknown", "no-reply", str(error))
    return read(reply, now(), repeatable)


def read(reply: Reply, now: datetime, repeatable: bool = True) -> Answered:
    """What a reply means, by its status."""
    status, code, said = reply.status, str(reply.status), plain(reply.body)
    if 200 <= status < 300:
        return Answered("accepted", code, reply=reply)
    if status in _LATER or (status >= 500 and repeatable):
        return Answered("later", code, said, retry_after(reply.headers.get("retry-after"), now), reply=reply)
    if status >= 500 or status < 200:
        return Answered("unknown", code, said, reply=reply)
    if status == 401:  # it is about who asks, not about what is asked
        return Answered("not_tried", code, said, closed="credentials are refused", reply=reply)
    closed = {403: "access is refused", 410: "the address is gone"}.get(status)
    return Answered("rejected", code, said, closed=closed, reply=reply)


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait, from seconds or an HTTP date, between a second and six hours.

    >>> retry_after("-5", datetime(2026, 1, 1, tzinfo=UTC)), retry_after("soon", datetime(2026, 1, 1, tzinfo=UTC))
    (1.0, 1.0)
    """
    if text is None:
        return None
    try:
        seconds = float(text) if re.fullmatch(r"\s*[-+]?[0-9.]{1,20}\s*", text) else _until(text, now)
    except (ValueError, TypeError, OverflowError):
        seconds = SOONEST
    return min(max(seconds, SOONEST), LATEST)


def _until(text: str, now: datetime) -> float:
    moment = parsedate_to_datetime(text)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()


def plain(body: bytes) -> str | None:
    """What a stranger wrote, as one line of at most 2 kB that forges no other.

    >>> plain(b"no\\nINFO approved")
    'no INFO approved'
    """
    text = _CONTROL.sub(" ", body[:2_000].decode("utf-8", "replace")).strip()
    return text.encode("utf-8")[:2_000].decode("utf-8", "ignore") or None
