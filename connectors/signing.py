"""Signatures as Standard Webhooks 1.0 has them (github.com/standard-webhooks/standard-webhooks).

They are HMACs over id, timestamp and body, one for each secret that is in use. Sinks make them, the receiver reads them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable

from pydantic import SecretStr

from definitions import EnvironmentFault


def signed(action_id: str, timestamp: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """The three headers of a signed request."""
    signature = " ".join(signatures(action_id, str(timestamp), body, keys))
    return {"webhook-id": action_id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def signatures(event_id: str, timestamp: str, body: bytes, keys: Iterable[bytes]) -> list[str]:
    """The signature of a request by each of some keys."""
    content = b".".join((event_id.encode(), timestamp.encode(), body))
    return [f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}" for key in keys]


def key_of(secret: SecretStr) -> bytes:
    """The bytes of a secret: base64 of 24 to 64 bytes, with or without `whsec_` before it."""
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise EnvironmentFault(
            "secret-unusable",
            "a secret for signing is not base64 of 24 to 64 bytes",
            "make one with `openssl rand -base64 32`",
        ) from None
    return key
