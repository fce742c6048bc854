"""What a source gives and what a sink takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Since:
    """Only rows whose `column` is at `moment` or later are wanted, and those without one.

    The moment is in the project's timezone, in which columns without an offset are read. A source may give more rows than
    these, never fewer.
    """

    column: str
    moment: datetime

    @property
    def clock(self) -> datetime:
        """The moment as a clock of the project shows it."""
        return self.moment.replace(tzinfo=None)


class Source(Protocol):
    """Gives the rows of a table."""

    def read(self, table: str, columns: Sequence[str], since: Since | None = None) -> Any:
        """The rows of a table with exactly these columns, as a pyarrow table or record batch reader.

        Raises EnvironmentFault with the place.
        """
        ...

    def close(self) -> None:
        """Let go of connections; another read makes them again. Between two closes all reads see one state where that is possible."""
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


Dedupes = Literal["naturally", "by_key", "never"]
Result = Literal["accepted", "rejected", "later", "not_tried", "unknown"]


@dataclass(frozen=True)
class Traits:
    """What a sink can do; what happens after an outcome that nobody knows follows from it.

    It `dedupes` naturally (doing it twice is doing it once), by the action's key for `dedupes_for`, or never. At most
    `batch_size` actions are handed over together, and `at_once` batches may be on their way.
    """

    dedupes: Dedupes = "never"
    dedupes_for: timedelta | None = None
    can_be_asked: bool = False
    batch_size: int = 1
    at_once: int = 1


@dataclass(frozen=True)
class Outcome:
    """What became of one action.

    `accepted`: it is done. `rejected`: it never will be, another try says the same. `later`: nothing was done, try again,
    not before `retry_after` seconds. `not_tried`: it was not even tried, since the sink had closed before. `unknown`: it may have been done, such as when a reply was lost.
    """

    action_id: str
    result: Result
    code: str | None = None
    message: str | None = None
    provider_id: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Receipt:
    """What a sink did with a batch: where it lies or went, the SHA-256 of what was written, one outcome an action.

    `closed` says that the sink takes nothing more for now (such as refused credentials) and why.
    """

    location: str
    checksum: str
    outcomes: tuple[Outcome, ...]
    closed: str | None = None


class Sink(Protocol):
    """Takes batches."""

    @property
    def traits(self) -> Traits:
        """What it can do."""
        ...

    def write(self, batch: Batch) -> Receipt:
        """Deliver a batch. Whatever a sink may answer is an outcome; EnvironmentFault: nothing was done, and why."""
        ...

    def ask(self, action: Action) -> Outcome | None:
        """What became of an action whose outcome is unknown, where `can_be_asked`; None where it never came."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
