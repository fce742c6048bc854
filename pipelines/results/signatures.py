"""Who sends: Standard Webhooks, Mailgun's own way, or a secret in the path.

Several secrets may be in use, so that one can be changed without a gap.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from connectors.signing import signatures
from definitions import EnvironmentFault

TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may be from now, either way."""
MAILGUN_TOLERANCE = timedelta(days=1)
"""Mailgun sends again for eight hours."""
_ID = re.compile(r"[!-~]{1,200}\Z")


class Unsigned(Exception):
    """Whoever sent this could not show who he is: why."""


def signed_id(headers: Mapping[str, str | None], body: bytes, keys: Iterable[bytes], now: datetime, of: str) -> str:
    """The id of a request that one of the keys signed just now; `of` begins the names of its headers."""
    event_id, timestamp, signature = (headers.get(f"{of}-{part}") or "" for part in ("id", "timestamp", "signature"))
    if not (_ID.match(event_id) and timestamp and signature):
        raise Unsigned(f"`{of}-id`, `{of}-timestamp` or `{of}-signature` is missing")
    _see_fresh(timestamp, now, TOLERANCE)
    due = signatures(event_id, timestamp, body, keys)
    given = signature.encode(errors="replace").split(b" ")
    if not any(hmac.compare_digest(one.encode(), other) for one in due for other in given):
        raise Unsigned("no signature fits")
    return event_id


def see_mailgun(signature: Mapping[str, Any], secrets: Sequence[SecretStr], now: datetime) -> None:
    """Raise unless one of the keys signed timestamp and token; Mailgun signs no body."""
    timestamp, token, given = (str(signature.get(part) or "") for part in ("timestamp", "token", "signature"))
    _see_fresh(timestamp, now, MAILGUN_TOLERANCE)
    due = [
        hmac.digest(s.get_secret_value().encode(), (timestamp + token).encode(errors="replace"), "sha256").hex()
        for s in secrets
    ]
    if not token or not any(hmac.compare_digest(one.encode(), given.encode(errors="replace")) for one in due):
        raise Unsigned("no signature fits")


def see_path(given: str, secrets: Sequence[SecretStr]) -> None:
    """Raise unless the path ends in one of the secrets."""
    if not any(hmac.compare_digest(s.get_secret_value().encode(), given.encode(errors="replace")) for s in secrets):
        raise Unsigned("the path holds no secret of ours")


def long_enough(secret: SecretStr) -> SecretStr:
    """A secret that nobody guesses."""
    if len(secret.get_secret_value()) < 16:
        hint = "make one with `openssl rand -hex 24`"
        raise EnvironmentFault("secret-unusable", "a secret of the receiver has fewer than 16 characters", hint)
    return secret


def _see_fresh(timestamp: str, now: datetime, tolerance: timedelta) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise Unsigned("the timestamp is not in seconds since 1970")
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise Unsigned(f"the timestamp is not within {tolerance} of now")
