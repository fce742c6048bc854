"""Tokens for unsubscribing at one click: they say which action and nothing about whom, and nobody else can make them."""

from __future__ import annotations

import base64
import hmac
import re

from pydantic import SecretStr

_TOKEN = re.compile(r"([A-Za-z0-9_-]{1,100})\.([A-Za-z0-9_-]{43})\Z")


def token_for(action_id: str, secret: SecretStr) -> str:
    """The token of an action. It never runs out: who got the mail may always unsubscribe."""
    return f"{action_id}.{_mark(action_id, secret)}"


def action_of(token: str, secret: SecretStr) -> str | None:
    """The action that a token was made for, or None where it was not made with this secret.

    >>> action_of(token_for("a1", SecretStr("s" * 32)), SecretStr("s" * 32))
    'a1'
    """
    found = _TOKEN.match(token)
    if found is None or not hmac.compare_digest(found[2], _mark(found[1], secret)):
        return None
    return found[1]


def _mark(action_id: str, secret: SecretStr) -> str:
    made = hmac.digest(secret.get_secret_value().encode(), b"unsubscribe." + action_id.encode(), "sha256")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
