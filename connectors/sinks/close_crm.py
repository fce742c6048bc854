"""Close: tasks, emails and changes of leads, one request each.

- developer.close.com/api/resources/tasks/create: `_type` is `lead` or `outgoing_call`
- developer.close.com/api/resources/activities/emails/create: `draft` waits for a person, `outbox` sends, and needs a sender
- developer.close.com/api/resources/leads/update: fields that are not named stay
- developer.close.com/api/overview/rate-limits: 429 says `rate_reset` in seconds

Close knows no task and no email again; changes of leads may be made twice.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, cast

from connectors.contracts import Action, Outcome, Traits
from connectors.sinks.exchange import Reply
from connectors.sinks.http import Request, said_so
from connectors.sinks.picking import fields_of
from connectors.sinks.replies import LATEST, SOONEST
from connectors.sinks.templated import path_of

_SETTING = {"update", "assign"}


@dataclass(frozen=True)
class Close:
    """Which kinds are taken, and whether emails are drafts or leave at once."""

    kinds: Collection[str]
    email_status: str

    @property
    def traits(self) -> Traits:
        """Setting fields twice is setting them once; tasks and emails would be there twice."""
        return Traits(dedupes="naturally" if set(self.kinds) <= _SETTING else "never")

    def requests(self, kind: str, actions: tuple[Action, ...]) -> Iterator[Request | Outcome]:
        """One request an action."""
        for action in actions if kind in self.kinds else ():
            read = said_so("id")
            if kind in _SETTING:
                path = path_of("/api/v1/lead/{record}/", action, kind)
                if path is None:
                    yield Outcome(
                        action.action_id, "rejected", "no-value", "the record has no key that can be asked for"
                    )
                    continue
                yield Request("PUT", path, fields_of(action), (action,), read)
            elif kind == "email":
                yield Request("POST", "/api/v1/activity/email/", self._email(action), (action,), read, repeatable=False)
            elif kind in ("task", "call"):
                yield Request("POST", "/api/v1/task/", _task(kind, action), (action,), read, repeatable=False)

    def limited(self, reply: Reply) -> float | None:
        """`rate_reset` of a 429, where no `Retry-After` says it."""
        if reply.status != 429 or "retry-after" in reply.headers:
            return None
        try:
            found: Any = json.loads(reply.body)
            told = cast("dict[str, Any]", found.get("error", found))
            return min(max(float(told["rate_reset"]), SOONEST), LATEST)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def _email(self, action: Action) -> dict[str, Any]:
        content = action.content
        made: dict[str, Any] = {
            "lead_id": action.record,
            "status": self.email_status,
            "subject": content.get("subject") or "",
            "body_text": content.get("text") or "",
            "to": [content["to"]] if content.get("to") else [],
        }
        return made | ({"sender": content["from_address"]} if content.get("from_address") else {})


def _task(kind: str, action: Action) -> dict[str, Any]:
    content = action.content
    text = "\n\n".join(part for part in (content.get("title"), content.get("text")) if part)
    return {
        "_type": "lead" if kind == "task" else "outgoing_call",
        "lead_id": action.record,
        "text": text,
        **({"assigned_to": content["assign"]} if content.get("assign") else {}),
        **({"date": action.due_at[:10]} if action.due_at else {}),
    }
