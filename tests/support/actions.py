"""Actions and batches with one thing different."""

from __future__ import annotations

from typing import Any

from connectors import Action, Batch


def action(action_id: str = "a1", record: str = "A-1", **content: Any) -> Action:
    return Action(
        action_id=action_id,
        workflow="renewal",
        step_id="hello",
        object="account",
        record=record,
        recipient="C-1",
        planned_at="2026-01-05T09:00:00Z",
        due_at=None,
        content=content,
    )


def batch(kind: str, *actions: Action) -> Batch:
    return Batch(f"000001-{kind}", kind, 1, "2026-01-05T09:00:00Z", actions)
