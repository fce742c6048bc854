"""Events as mail providers send them -> the parts of ours. What is no result of ours (processed, deferred) is passed over.

An action is named by a custom value `action_id` that the mail was sent with, or by a `Message-ID` of ours, or else by
the provider's own id, as its sink noted it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from definitions.results import Provider
from pipelines.results.events import Malformed

Fields = dict[str, Any]
_OURS = re.compile(r"<?([0-9a-f]{20})@")


def sendgrid(body: Any, request_id: str) -> Iterator[Fields]:
    """A list of events: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.

    `sg_message_id` is the id that sending returned, and more behind a dot. A bounce of type `blocked` may pass.
    """
    words = {"open": "opened", "click": "clicked", "bounce": "bounced", "spamreport": "complained"}
    words |= {"unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed"}
    words |= {"delivered": "delivered", "dropped": "dropped"}
    for event in body if isinstance(body, list) else [body]:  # pyright: ignore[reportUnknownVariableType]
        found = _object(event)
        result = words.get(str(found.get("event")))
        if result is not None:
            yield {
                "event_id": found.get("sg_event_id"),
                "result": result,
                "happened_at": found.get("timestamp"),
                "bounce": ("soft" if found.get("type") == "blocked" else "hard") if result == "bounced" else None,
                **_action(
                    found.get("action_id"),
                    found.get("smtp-id"),
                    str(found.get("sg_message_id") or "").partition(".")[0],
                ),
            }


def postmark(body: Any, request_id: str) -> Iterator[Fields]:
    """One event: https://postmarkapp.com/developer/webhooks/webhooks-overview.

    A recipient who unsubscribes comes as a SubscriptionChange with the reason ManualSuppression. Events have no id.
    """
    found = _object(body)
    kinds = {
        "Delivery": ("delivered", "DeliveredAt"),
        "Open": ("opened", "ReceivedAt"),
        "Click": ("clicked", "ReceivedAt"),
        "Bounce": ("bounced", "BouncedAt"),
        "SpamComplaint": ("complained", "BouncedAt"),
        "SubscriptionChange": ("unsubscribed", "ChangedAt"),
    }
    kind = str(found.get("RecordType"))
    if kind not in kinds:
        return
    result, clock = kinds[kind]
    own_wish = found.get("SuppressSending") is True and found.get("SuppressionReason") == "ManualSuppression"
    if result == "unsubscribed" and not own_wish:
        return  # a hard bounce and a complaint come as such
    yield {
        "event_id": f"{found.get('MessageID')}/{kind}/{found.get(clock)}",
        "result": result,
        "happened_at": found.get(clock),
        "bounce": ("hard" if found.get("Type") == "HardBounce" else "soft") if result == "bounced" else None,
        **_action(_object(found.get("Metadata") or {}).get("action_id"), None, found.get("MessageID")),
    }


def mailgun(body: Any, request_id: str) -> Iterator[Fields]:
    """One event: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads.

    A failure that is temporary will be tried again. An id is unique within a day.
    """
    found = _object(_object(body).get("event-data"))
    words = {name: name for name in ("delivered", "opened", "clicked", "unsubscribed", "complained")}
    result = (words | {"failed": "bounced", "rejected": "dropped"}).get(str(found.get("event")))
    if result is None or (result == "bounced" and found.get("severity") != "permanent"):
        return
    if str(found.get("reason", "")).startswith("suppress-"):
        result = "dropped"  # on Mailgun's own list: it never left
    happened_at, message = found.get("timestamp"), _object(found.get("message") or {})
    day = int(happened_at // 86_400) if isinstance(happened_at, int | float) else happened_at
    name = _object(message.get("headers") or {}).get("message-id")
    yield {
        "event_id": f"{found.get('id')}/{day}",
        "result": result,
        "happened_at": happened_at,
        "bounce": "hard" if result == "bounced" else None,
        **_action(_object(found.get("user-variables") or {}).get("action_id"), name, name),
    }


def resend(body: Any, request_id: str) -> Iterator[Fields]:
    """One event: https://resend.com/docs/dashboard/webhooks/event-types. A bounce is permanent unless it says otherwise."""
    found = _object(body)
    words = ("delivered", "opened", "clicked", "bounced", "complained")
    result = str(found.get("type")).removeprefix("email.")
    if result not in words:
        return
    data = _object(found.get("data"))
    tags, bounce = data.get("tags"), _object(data.get("bounce") or {})
    custom = cast("Mapping[str, Any]", tags).get("action_id") if isinstance(tags, dict) else None
    yield {
        "event_id": request_id,
        "result": result,
        "happened_at": found.get("created_at"),
        "bounce": ("hard" if bounce.get("type", "Permanent") == "Permanent" else "soft")
        if result == "bounced"
        else None,
        **_action(custom, None, data.get("email_id")),
    }


READERS: dict[Provider, Callable[[Any, str], Iterator[Fields]]] = {
    "sendgrid": sendgrid,
    "postmark": postmark,
    "mailgun": mailgun,
    "resend": resend,
}
"""What reads each provider's events, given the body and the request's own id."""


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("the body does not have the form of this provider")
    return cast("Mapping[str, Any]", value)


def _action(custom: Any, message_id: Any, provider_id: Any) -> Fields:
    """Which action it is about.

    >>> _action(None, "<a7bd1c4edf05b04befde@example.com>", "x")
    {'action_id': 'a7bd1c4edf05b04befde'}
    """
    ours = _OURS.match(str(message_id or ""))
    if custom or ours:
        return {"action_id": custom or (ours and ours[1])}
    return {"provider_id": provider_id}
