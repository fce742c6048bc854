"""What came from outside -> an event, or why it is none.

Whatever is read here was written by somebody else: every part has a type, a length, and no control characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, get_args

from definitions.results import EventField, ResultWord

FIELDS: tuple[str, ...] = get_args(EventField)
RESULTS: tuple[str, ...] = get_args(ResultWord)
LONGEST = 500
"""Characters of a part."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Malformed(Exception):
    """What came is no event: why."""


@dataclass(frozen=True)
class Event:
    """One thing that happened to an action, named by the action's id or by the provider's own name for what it did."""

    source: str
    event_id: str
    result: str
    action_id: str | None
    provider_id: str | None
    happened_at: datetime
    value: str | None
    bounce: str | None
    recipient: str | None
    received_at: datetime

    @property
    def fields(self) -> dict[str, Any]:
        """Its own parts, as they may be written down and read again."""
        made = asdict(self) | {"happened_at": self.happened_at.isoformat()}
        return {key: made[key] for key in FIELDS if made[key] is not None}

    @property
    def text(self) -> str:
        """The same, as text."""
        return json.dumps(self.fields, ensure_ascii=False)


def read_event(
    fields: Mapping[str, Any],
    source: str,
    received_at: datetime,
    *,
    zone: tzinfo | None = None,
    words: Mapping[str, str] | None = None,
) -> Event | None:
    """Read an event; None for one that means `nothing`. Without a `zone` its instant must have an offset.

    Nothing happens after it became known: a clock that is ahead does not make an event late.

    >>> read_event({"event_id": 7, "result": "open"}, "s", datetime(2026, 1, 5, tzinfo=UTC), words={"open": "nothing"})
    """
    unknown = sorted({*fields} - {*FIELDS})
    if unknown:
        raise Malformed(f"`{unknown[0][:50]}` is no part of an event")
    text = {key: _text(key, fields.get(key)) for key in FIELDS if key != "happened_at"}
    event_id, word = text["event_id"], text["result"]
    if event_id is None or word is None:
        raise Malformed(f"`{'event_id' if event_id is None else 'result'}` is missing")
    result = (words or {}).get(word, word)
    if result == "nothing":
        return None
    if result not in RESULTS:
        raise Malformed(f"`{word[:50]}` is no result; it is one of {', '.join(RESULTS)}")
    if text["action_id"] is None and text["provider_id"] is None:
        raise Malformed("neither `action_id` nor `provider_id` says which action it is about")
    if text["bounce"] not in (None, "hard", "soft") or (text["bounce"] and result != "bounced"):
        raise Malformed("`bounce` is hard or soft, and only of `bounced`")
    if result == "outcome" and text["value"] is None:
        raise Malformed("an `outcome` has a `value`")
    return Event(
        source=source,
        event_id=event_id,
        result=result,
        action_id=text["action_id"],
        provider_id=text["provider_id"],
        happened_at=_instant(fields.get("happened_at"), zone),
        value=text["value"],
        bounce=text["bounce"],
        recipient=text["recipient"],
        received_at=received_at,
    )


def _text(key: str, value: Any) -> str | None:
    match value:
        case None | "":
            return None
        case bool():
            pass
        case int():
            return str(value)
        case str() if len(value) <= LONGEST and not _CONTROLS.search(value):
            return value
        case _:
            pass
    raise Malformed(f"`{key}` is not a text of up to {LONGEST} characters on one line")


def _instant(value: Any, zone: tzinfo | None) -> datetime:
    match value:
        case bool() | None:
            raise Malformed("`happened_at` is missing")
        case int() | float():
            try:
                return datetime.fromtimestamp(value, UTC)
            except (ValueError, OverflowError, OSError):
                raise Malformed("`happened_at` is not in seconds since 1970") from None
        case _:
            pass
    try:
        found = datetime.fromisoformat(str(value))
        found = found.replace(tzinfo=zone) if found.tzinfo is None and zone is not None else found
        if found.tzinfo is None:
            raise Malformed("`happened_at` has no offset from UTC")
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("`happened_at` is not an instant such as 2026-01-05T09:00:00Z") from None
