"""What follows from an outcome: a pure function of the outcome, of what the sink can do, and of the tries so far."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from connectors import Outcome, Traits

Status = Literal["sent", "failed", "uncertain", "planned", "dropped"]
PAUSES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds between tries, as Standard Webhooks recommends: ten tries in some 75 hours."""
INTERRUPTED = "interrupted"
"""The code of a try during which delivery itself ended."""
SHORTEST, LONGEST = 1.0, 21_600.0
"""The bounds, in seconds, within which a sink may say when to come again."""


@dataclass(frozen=True)
class Tried:
    """An action's tries so far, the one that just ended included."""

    action_id: str
    attempt: int
    first_at: datetime


@dataclass(frozen=True)
class Verdict:
    """The status that follows, why, and for another try: not before when."""

    status: Status
    reason: str | None = None
    retry_at: datetime | None = None


def verdict(outcome: Outcome, traits: Traits, tried: Tried, now: datetime) -> Verdict:
    """What follows. Nothing whose outcome is unknown is tried again where that could do it twice."""
    said = ": ".join(part for part in (outcome.code, outcome.message) if part) or None
    match outcome.result:
        case "accepted":
            return Verdict("sent")
        case "rejected":
            return Verdict("failed", said or "rejected")
        case "later":
            return _again(tried, now, outcome.retry_after, said)
        case "not_tried":
            return Verdict("planned", said)
        case "unknown":
            if traits.dedupes == "naturally" and outcome.code == INTERRUPTED:
                return replace(_again(tried, now, None, said), retry_at=now)  # the sink did nothing to wait for
            if traits.dedupes == "naturally" or (traits.dedupes == "by_key" and _is_young(traits, tried, now)):
                return _again(tried, now, outcome.retry_after, said)
            return Verdict("uncertain", said or "the outcome is unknown")
        case _:
            assert_never(outcome.result)


def _is_young(traits: Traits, tried: Tried, now: datetime) -> bool:
    """Within half of the time for which the sink knows a key, it will know this one."""
    return traits.dedupes_for is None or now - tried.first_at < traits.dedupes_for / 2


def _again(tried: Tried, now: datetime, retry_after: float | None, said: str | None) -> Verdict:
    if tried.attempt > len(PAUSES):
        return Verdict("failed", f"given up after {tried.attempt} tries" + (f": {said}" if said else ""))
    pause = PAUSES[tried.attempt - 1] * (1 + _spread(tried) / 5)
    if retry_after is not None:
        pause = max(pause, min(max(retry_after, SHORTEST), LONGEST))
    return Verdict("planned", said, now + timedelta(seconds=round(pause)))


def _spread(tried: Tried) -> float:
    """A stable draw in [0, 1): many that failed together do not come again together."""
    return int(hashlib.md5(f"{tried.action_id}|{tried.attempt}".encode()).hexdigest()[:8], 16) / 2**32
