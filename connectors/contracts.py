"""What a source gives and what a sink takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Source(Protocol):
    """Gives the rows of a table."""

    def read(self, table: str, columns: Sequence[str]) -> Any:
        """The rows of a table as a pyarrow table with exactly these columns; raises EnvironmentFault with the place."""
        ...


@dataclass(frozen=True)
class Action:
    """One action as it is delivered: its key, whom it concerns, and its rendered content."""

    action_id: str
    workflow: str
    step_id: str
    object: str
    record: str
    recipient: str | None
    planned_at: str
    due_at: str | None
    content: dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Actions of one kind, planned by one evaluation, in the order of their keys. `name` is the same on every try."""

    name: str
    kind: str
    evaluation_id: int
    as_of: str
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Receipt:
    """What a sink did with a batch: where it lies and the SHA-256 of what was written."""

    location: str
    checksum: str


class Sink(Protocol):
    """Takes batches. Writing the same batch twice leaves what writing it once leaves."""

    def write(self, batch: Batch) -> Receipt:
        """Deliver a batch; raises EnvironmentFault when it cannot."""
        ...
