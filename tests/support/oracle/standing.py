"""What conditions may ask about passages: always as the evaluation began."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from support.oracle.passages import Action, Participant
from support.oracle.state import State


class Passages:
    """The passages of a state, asked by conditions."""

    state: State

    def __init__(self) -> None:
        self._inside: frozenset[tuple[str, str]] = frozenset()
        self._completed: frozenset[tuple[str, str]] = frozenset()
        self._stood: dict[str, tuple[str, str | None]] = {}

    def begin(self) -> None:
        """Orders and merges are taken up: who is inside now, who is through, and how actions stand is what conditions see."""
        passages = list(self.state.passages())
        self._inside = frozenset((p.workflow, p.record) for p in passages if p.is_open)
        self._completed = frozenset((p.workflow, p.record) for p in passages if p.status == "completed")
        self._stood = {action.id: (action.status, action.reason) for action in self.state.actions()}

    def in_workflow(self, workflow: str, record: str) -> bool:
        """The record was inside the workflow as the evaluation began."""
        return (workflow, record) in self._inside

    def completed_workflow(self, workflow: str, record: str) -> bool:
        """The record had reached the workflow's end at some time before the evaluation began."""
        return (workflow, record) in self._completed

    def entered_at(self, participant: object) -> datetime:
        """When the participant entered."""
        return cast(Participant, participant).entered_at

    def record_at_entry(self, participant: object) -> str:
        """The record it entered with."""
        return cast(Participant, participant).entered_as

    def kept_at_entry(self, participant: object) -> frozenset[str]:
        """What was asked about the entry when the participant entered."""
        return cast(Participant, participant).kept

    def result(self, participant: object, step: str, result: str) -> bool:
        """A result of a step's action was known before the evaluation began."""
        return any(self._has(action, result) for action in self._known(participant, step))

    def outcome(self, participant: object, step: str) -> str | None:
        """The outcome that was noted last by its own time."""
        noted = [
            r
            for a in self._known(participant, step)
            for r in a.results
            if r.name == "outcome" and r.happened_at <= self.state.at
        ]
        return max(noted, key=lambda r: r.happened_at).value if noted else None

    def _known(self, participant: object, step: str) -> list[Action]:
        """The step's actions that were planned before this evaluation: of those planned in it nothing is known."""
        actions = cast(Participant, participant).actions
        return [a for a in actions if a.step.id == step and a.planned_at < self.state.at]

    def _has(self, action: Action, result: str) -> bool:
        status, reason = self._stood.get(action.id, (action.status, action.reason))
        match result:
            case "approved":
                return action.approved_at is not None
            case "rejected":
                return status == "dropped" and reason == "rejected"
            case "not_actioned":
                return status == "awaiting_approval"
            case "dropped" if status == "dropped":
                return True
            case _:
                return any(r.name == result and r.happened_at <= self.state.at for r in action.results)
