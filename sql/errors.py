"""Errors of this room. They are the project's roots, so that callers need no engine's own.

UserError            ClockWentBack, and whatever an author can mend
EnvironmentFault     WarehouseBusy, WarehouseUnreadable
InternalError        StatementFailed: a statement of ours that the engine refused
"""

from __future__ import annotations

from definitions import EnvironmentFault, InternalError


class WarehouseBusy(EnvironmentFault):
    """Another process holds the warehouse."""


class StatementFailed(InternalError):
    """A statement of ours that the engine refused; `name` says which."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the statement `{name}` failed: {reason}")
        self.name = name
        self.reason = reason
