"""The dispatcher: claim, journal, hand over, journal, note.

An action is claimed in the warehouse, its try is synced to the journal, it is handed to its sink, the result is synced
to the journal, and then noted in the warehouse. Dying anywhere between loses nothing and, for a sink that cannot tell
a second copy from the first, sends nothing twice: what nobody knows is `uncertain` and waits for a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from connectors import Action, Outcome, Receipt, Sink
from definitions import Project, UserError
from definitions.project import Expires
from definitions.steps import ACTION_KINDS
from definitions.values import Duration
from pipelines.delivery.contents import instant, rendered
from pipelines.delivery.journal import Entry, FileJournal, Journal, MemoryJournal, Written
from pipelines.delivery.lanes import Claimed, Ended, Lane, Parcel, claimed, receipt_of, written
from pipelines.delivery.ledger import Ledger, Noted
from pipelines.delivery.verdicts import Tried, Verdict, verdict
from pipelines.places import journal_of_file, stop_file_of
from sql import DuckDBSession

CLAIM = 1_000
"""Actions that a lane claims at once."""
FOLD = 500
"""Outcomes that are noted in one transaction, if so many are there."""
PATIENCE = 0.25
"""Seconds after which a run looks again whether it is to stop."""


class Code(NamedTuple):
    """What a sink called what it did, and the hash of what it was told; what it was not told is no try."""

    code: str | None
    provider_id: str | None
    payload_hash: str | None


@dataclass(frozen=True)
class Delivered:
    """What one run did with the actions of one kind. `locations` are those of batches; `closed` is why a sink stopped."""

    sink: str
    kind: str
    locations: tuple[str, ...]
    action_count: int
    failed_count: int
    later_count: int
    uncertain_count: int
    closed: str | None


def deliver(
    session: DuckDBSession,
    project: Project,
    sinks: Mapping[str, Sink],
    now: datetime,
    *,
    journal: Journal | None = None,
    in_time: bool = False,
    crash_point: Callable[[str], None] = lambda _: None,
) -> tuple[Delivered, ...]:
    """Deliver every planned action whose time has come. `in_time` is for replays, which deliver later than they say.

    `crash_point` is for tests: it is told each point passed.
    """
    limit = project.settings.limits.recipient
    ledger = Ledger(session, now, in_time, limit and limit.at_most)
    journal = journal or journal_of(session)
    routes = _routes(project)
    ledger.recover(journal, {kind: sinks[name].traits for kind, name in routes.items() if name in sinks})
    lanes = _lanes(routes, sinks, ledger.due_kinds())
    stop = stop_file(session)
    run = _Run(ledger, journal, lanes, lambda: stop is not None and stop.exists(), crash_point)
    if not run.is_stopped():
        ledger.drop_unwanted(_ages(project.settings.expires))
    try:
        run.all()
    finally:
        for lane in lanes:
            lane.close()
    return tuple(run.delivered())


def journal_of(session: DuckDBSession) -> Journal:
    """The journal that belongs to a warehouse: a folder beside it."""
    if session.path is None:
        return MemoryJournal()
    return FileJournal(journal_of_file(session.path))


def stop_file(session: DuckDBSession) -> Path | None:
    """The stop file of a session's warehouse; one in memory has none."""
    return stop_file_of(session.path) if session.path else None


def _routes(project: Project) -> dict[str, str]:
    """The sink of each kind of action."""
    routes = project.settings.routes
    default = routes.get("default")
    return {kind: sink for kind in ACTION_KINDS if (sink := routes.get(kind) or default) is not None}


def _ages(expires: Expires) -> dict[str, timedelta]:
    """How old actions may become, by kind."""
    return {kind: age.fixed for kind, age in expires if isinstance(age, Duration)}


def _lanes(routes: Mapping[str, str], sinks: Mapping[str, Sink], due: list[str]) -> list[Lane]:
    for kind in due:
        if kind not in routes:
            raise UserError(
                "no-route",
                f"no sink takes actions of kind `{kind}`",
                "add it, or `default`, to `routes` in project.yaml",
            )
    names = sorted({routes[kind] for kind in due})
    return [Lane(name, sinks[name], tuple(k for k in due if routes[k] == name)) for name in names]


@dataclass
class Counts:
    """What became of the actions of one kind, so far."""

    lane: Lane
    statuses: Counter[str] = field(default_factory=Counter[str])
    locations: list[str] = field(default_factory=list[str])


@dataclass
class _Run:
    """One run of the dispatcher: all lanes move at once, and the warehouse and the journal are written by one hand."""

    ledger: Ledger
    journal: Journal
    lanes: list[Lane]
    is_stopped: Callable[[], bool]
    crash_point: Callable[[str], None]
    ended: list[Noted] = field(default_factory=list[Noted])
    batches: list[Written] = field(default_factory=list[Written])
    counts: dict[tuple[str, str], Counts] = field(default_factory=dict[tuple[str, str], "Counts"])

    def all(self) -> None:
        """Until nothing is due, nothing is on its way, or somebody stops it."""
        done: set[Future[Receipt]] = set()
        while True:
            ended = self._ended(done)
            is_stopped = self.is_stopped()
            starting = [] if is_stopped else self._next(ended)
            self._journal(ended, starting)
            self._note_all(ended)
            if len(self.ended) >= FOLD:
                self._fold()
            for lane in () if is_stopped else self.lanes:
                self._fill(lane)
            flying = [future for lane in self.lanes for future in lane.on_their_way]
            if flying:
                done, _ = wait(flying, timeout=PATIENCE, return_when=FIRST_COMPLETED)
            elif is_stopped or not any(lane.waiting and lane.free for lane in self.lanes):
                break
        self._fold()
        self.ledger.give_back([c.action.action_id for lane in self.lanes for p in lane.waiting for c in p.claims])

    def _fill(self, lane: Lane) -> None:
        """Claim more for a lane that has nothing waiting."""
        while not (lane.waiting or lane.is_done or lane.closed):
            rows = self.ledger.claim(lane.kinds, CLAIM)
            self.crash_point("claimed")
            lane.is_done = len(rows) < CLAIM
            lane.queue(claim for row in rows if (claim := self._claimed(row, lane)) is not None)

    def _claimed(self, row: dict[str, Any], lane: Lane) -> Claimed | None:
        """The action to hand over; what cannot be said, or says other words than at its first try, is parked."""
        made = rendered(row)
        if isinstance(made, Action):
            claim = claimed(row, made)
            if row["payload_hash"] in (None, claim.hash):
                return claim
            made = "its words are not those of its first try"
        self._note(row, lane, Verdict("failed", made), row["attempt_count"] + 1)
        return None

    def _ended(self, done: set[Future[Receipt]]) -> list[Ended]:
        """What came of parcels; a sink that closed takes nothing more."""
        ended = [
            Ended(future, lane, parcel, receipt_of(future, parcel.batch))
            for lane in self.lanes
            for future, (parcel, _) in lane.on_their_way.items()
            if future in done
        ]
        for _, lane, _, receipt in ended:
            lane.closed = lane.closed or receipt.closed
        return ended

    def _next(self, ended: list[Ended]) -> list[tuple[Lane, Parcel]]:
        """As much as the sinks take at once."""
        over = Counter(one.lane.name for one in ended)
        return [
            (lane, lane.waiting.popleft())
            for lane in self.lanes
            for _ in range(0 if lane.closed else min(lane.free + over[lane.name], len(lane.waiting)))
        ]

    def _journal(self, ended: list[Ended], starting: list[tuple[Lane, Parcel]]) -> None:
        """Sync results before the warehouse notes them, and tries before they are handed over: both at once."""
        if ended:
            self.crash_point("reply read")
        at = instant(self.ledger.now)
        lines = [line for one in ended for line in one.lines(at)]
        lines += [
            Entry("A", c.action.action_id, c.attempt, at, c.hash, lane.name, parcel.batch.name)
            for lane, parcel in starting
            for c in parcel.claims
        ]
        if not lines:
            return
        position = self.journal.append(lines, self.ledger.now)
        if ended:
            self.crash_point("result journalled")
        if starting:
            self.crash_point("attempt journalled")
        for lane, parcel in starting:
            lane.start(parcel, position)

    def _note_all(self, ended: list[Ended]) -> None:
        for future, lane, parcel, receipt in ended:
            self._take(lane, parcel, receipt)
            # only now: until its outcome waits to be noted, the journal must be read again from its try on
            del lane.on_their_way[future]

    def _take(self, lane: Lane, parcel: Parcel, receipt: Receipt) -> None:
        for claim, outcome in zip(parcel.claims, receipt.outcomes, strict=True):
            tried = Tried(outcome.action_id, claim.attempt, claim.row["first_attempt_at"] or self.ledger.now)
            outcome = self._asked(lane, claim, outcome)
            follows = verdict(outcome, lane.traits, tried, self.ledger.now)
            code = Code(outcome.code, outcome.provider_id, None if outcome.result == "not_tried" else claim.hash)
            self._note(claim.row, lane, follows, claim.attempt, parcel.batch.name, code)
        for batch in written(lane, parcel, receipt):
            self.batches.append(batch)
            self.counts[lane.name, batch.kind].locations.append(batch.location)

    def _asked(self, lane: Lane, claim: Claimed, outcome: Outcome) -> Outcome:
        """Where a sink can be asked what became of an action, it is asked."""
        if outcome.result != "unknown" or not lane.traits.can_be_asked:
            return outcome
        try:
            said = lane.sink.ask(claim.action)
        except Exception:
            return outcome
        return said or Outcome(outcome.action_id, "later", outcome.code, "the sink does not know it")

    def _note(
        self,
        row: dict[str, Any],
        lane: Lane,
        follows: Verdict,
        attempt: int,
        batch: str = "",
        code: Code | None = None,
    ) -> None:
        self.ended.append(Noted(row["action_id"], attempt, batch, lane.name, follows, *(code or ())))
        counts = self.counts.setdefault((lane.name, row["kind"]), Counts(lane))
        counts.statuses[follows.status] += 1

    def _fold(self) -> None:
        """Note what ended; the journal is known up to the oldest try that is still on its way."""
        flying = [position for lane in self.lanes for _, position in lane.on_their_way.values()]
        ended, batches, self.ended, self.batches = self.ended, self.batches, [], []
        position = min([*flying, self.journal.end])
        self.crash_point("before the note")
        if ended or batches:
            self.ledger.note(ended, batches, position)
        self.crash_point("noted")

    def delivered(self) -> list[Delivered]:
        """What was done, in the order in which it began."""
        return [
            Delivered(
                sink,
                kind,
                tuple(found.locations),
                found.statuses["sent"],
                found.statuses["failed"],
                found.statuses["planned"],
                found.statuses["uncertain"],
                found.lane.closed,
            )
            for (sink, kind), found in self.counts.items()
        ]
