"""One lane a sink: what waits for it, what is on its way to it, and how much may be on its way at once."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, NamedTuple

from connectors import Action, Batch, Outcome, Receipt, Sink, Traits
from definitions import EnvironmentFault
from pipelines.delivery.contents import instant, payload_hash
from pipelines.delivery.journal import Entry, Line, Position, Written


@dataclass(frozen=True)
class Claimed:
    """An action that was claimed: its row, and what the sink is told."""

    row: dict[str, Any]
    action: Action
    hash: str

    @property
    def attempt(self) -> int:
        """The number of this try."""
        return self.row["attempt_count"] + 1


@dataclass(frozen=True)
class Parcel:
    """Claimed actions that are handed over together."""

    batch: Batch
    claims: tuple[Claimed, ...]


@dataclass
class Lane:
    """A sink with its kinds of actions. `closed` says why it takes nothing more in this run."""

    name: str
    sink: Sink
    kinds: tuple[str, ...]
    waiting: deque[Parcel] = field(default_factory=deque[Parcel])
    on_their_way: dict[Future[Receipt], tuple[Parcel, Position]] = field(
        default_factory=dict[Future[Receipt], tuple[Parcel, Position]]
    )
    closed: str | None = None
    is_done: bool = False
    _pool: ThreadPoolExecutor | None = None

    @property
    def traits(self) -> Traits:
        """What the sink can do."""
        return self.sink.traits

    @property
    def free(self) -> int:
        """How many more batches may be on their way."""
        return 0 if self.closed else self.traits.at_once - len(self.on_their_way)

    def queue(self, claims: Iterable[Claimed]) -> None:
        """Put claimed actions into parcels: of one evaluation and kind, and no larger than the sink takes."""
        key = "evaluation_id", "kind"
        for _, group in groupby(claims, key=lambda claim: tuple(claim.row[k] for k in key)):
            self.waiting.extend(_parcels(group, self.traits.batch_size))

    def start(self, parcel: Parcel, position: Position) -> None:
        """Hand a parcel over in a thread of the lane's own."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.traits.at_once, thread_name_prefix=f"sink-{self.name}")
        self.on_their_way[self._pool.submit(self.sink.write, parcel.batch)] = (parcel, position)

    def close(self) -> None:
        """Let go of threads and connections."""
        if self._pool is not None:
            self._pool.shutdown()
        self.sink.close()


class Ended(NamedTuple):
    """A parcel that came back, and what the sink did with it."""

    future: Future[Receipt]
    lane: Lane
    parcel: Parcel
    receipt: Receipt

    def lines(self, at: str) -> list[Line]:
        """What the journal keeps of it."""
        _, lane, parcel, receipt = self
        name = parcel.batch.name
        results = [
            Entry("R", o.action_id, c.attempt, at, o.result, lane.name, name, o.code, o.provider_id, o.retry_after)
            for c, o in zip(parcel.claims, receipt.outcomes, strict=True)
        ]
        return [*results, *written(lane, parcel, receipt)]


def _parcels(claims: Iterator[Claimed], size: int) -> Iterator[Parcel]:
    while chunk := tuple(islice(claims, size)):
        first = chunk[0].row
        # other actions of the same evaluation and kind, delivered at another time, get a name of their own
        keys = hashlib.sha256("".join(claim.action.action_id for claim in chunk).encode()).hexdigest()
        name = f"{first['evaluation_id']:06d}-{first['kind']}-{keys[:8]}"
        actions = tuple(claim.action for claim in chunk)
        batch = Batch(name, first["kind"], first["evaluation_id"], instant(first["planned_at"]), actions)
        yield Parcel(batch, chunk)


def receipt_of(future: Future[Receipt], batch: Batch) -> Receipt:
    """What came of a parcel, one outcome for each of its actions, whatever the sink did."""
    try:
        receipt = future.result()
    except EnvironmentFault as fault:  # nothing was done
        made = tuple(Outcome(a.action_id, "not_tried", fault.code, fault.message) for a in batch.actions)
        return Receipt("", "", made, closed=str(fault))
    except Exception as error:
        made = tuple(Outcome(a.action_id, "unknown", type(error).__name__) for a in batch.actions)
        return Receipt("", "", made)
    known = {outcome.action_id: outcome for outcome in receipt.outcomes}
    missing = "the sink did not say what became of it"
    made = tuple(known.get(a.action_id, Outcome(a.action_id, "unknown", "no_outcome", missing)) for a in batch.actions)
    return Receipt(receipt.location, receipt.checksum, made, receipt.closed)


def written(lane: Lane, parcel: Parcel, receipt: Receipt) -> list[Written]:
    """The batch that a sink of batches took, if it took any of it."""
    count = sum(outcome.result == "accepted" for outcome in receipt.outcomes)
    if lane.traits.batch_size == 1 or not count or not receipt.location:
        return []
    batch = parcel.batch
    return [Written(batch.name, lane.name, batch.kind, batch.evaluation_id, count, receipt.checksum, receipt.location)]


def claimed(row: dict[str, Any], action: Action) -> Claimed:
    """A claim with its payload's hash."""
    return Claimed(row, action, payload_hash(action))
