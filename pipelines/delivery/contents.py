"""Rows of planned actions -> actions as a sink takes them, or why their words cannot be made."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from connectors import Action
from pipelines.messages import RenderFailed, render_content

MARKDOWN = {"email": ("text",)}
"""What is Markdown, by kind of action."""


def rendered(row: dict[str, Any]) -> Action | str:
    """The action of a row; or, where its content cannot be rendered, why: that parks one action, and the others go on."""
    try:
        content = render_content(json.loads(row["body"]), json.loads(row["found"]), MARKDOWN.get(row["kind"], ()))
    except RenderFailed as error:
        return str(error)
    due = row["due_at"]
    return Action(
        action_id=row["action_id"],
        workflow=row["workflow"],
        step_id=row["step_id"],
        object=row["object"],
        record=row["record"],
        recipient=row["recipient"],
        planned_at=instant(row["planned_at"]),
        due_at=instant(due) if due is not None else None,
        content=content,
    )


def payload_hash(action: Action) -> str:
    """The SHA-256 of everything that a sink is told: it never changes from one try to the next."""
    return hashlib.sha256(json.dumps(vars(action), sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def instant(moment: datetime) -> str:
    """An instant as text in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
