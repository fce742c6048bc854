"""What the warehouse knows of deliveries: claims, outcomes, and how far it has read the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors import Outcome, Traits
from definitions.values import Rate
from pipelines.delivery.journal import Entry, Journal, Position, Written
from pipelines.delivery.verdicts import INTERRUPTED, Tried, Verdict, verdict
from sql import DuckDBSession
from sql.names import BATCHES


@dataclass(frozen=True)
class Noted:
    """What came of one try."""

    action_id: str
    attempt: int
    batch_id: str
    sink: str
    verdict: Verdict
    code: str | None = None
    provider_id: str | None = None
    payload_hash: str | None = None


@dataclass
class Ledger:
    """The outbox of one warehouse, as delivery reads and writes it at one instant."""

    session: DuckDBSession
    now: datetime
    in_time: bool = False
    """This is a replay: messages went when they were due, whatever the clock says."""
    cap: Rate | None = None
    """How many messages one recipient may get."""
    _is_found: bool = False

    def due_kinds(self) -> list[str]:
        """The kinds of actions that are due."""
        return [row["kind"] for row in self.session.ask("due_kinds", now=self.now)]

    def drop_unwanted(self, expires: Mapping[str, timedelta]) -> None:
        """Whoever is suppressed or has unsubscribed by now gets nothing, and what is too old is not sent any more.

        `expires` says how old actions of some kinds may become.
        """
        oldest = [{"kind": kind, "before": self.now - age} for kind, age in expires.items()]
        self.session.load_rows("expiring", oldest or [{"kind": "", "before": self.now}])
        dropped = {
            r["action_id"]: r["reason"] for r in self.session.ask("unwanted", now=self.now, in_time=self.in_time)
        }
        self._note([Noted(key, 0, "", "", Verdict("dropped", reason)) for key, reason in dropped.items()])

    def resolve(self, action_id: str, delivered: bool) -> None:
        """What a person found out about an action whose outcome was unknown: it is done, or is to be tried again."""
        follows = Verdict("sent" if delivered else "planned", "resolved by hand")
        self._note([Noted(action_id, 0, "", "", follows)])

    def settle(self, found: Mapping[str, Verdict]) -> None:
        """What became of actions whose outcome was unknown, as their providers say."""
        self._note([Noted(action_id, 0, "", "", follows) for action_id, follows in found.items()])

    def claim(self, kinds: Sequence[str], at_most: int) -> list[dict[str, Any]]:
        """Claim due actions of some kinds; committed before anything is handed over."""
        self._find()
        with self.session.transaction():
            self.session.execute_query("take_deliverable", kinds=list(kinds), at_most=at_most)
            self.session.execute_query("forget_deliverable")
            self.session.execute_query("claim_actions")
            return self.session.ask("claimed")

    def _find(self) -> None:
        """What may go out now is found once a run: nothing is planned meanwhile, and what is put off comes another time."""
        if self._is_found:
            return
        self.session.execute_query("find_deliverable", now=self.now, in_time=self.in_time)
        if self.cap is not None and not self.in_time:
            self.session.execute_query("leave_over_cap", now=self.now, unit=self.cap.unit, at_most=self.cap.number)
        self._is_found = True

    def give_back(self, action_ids: Sequence[str]) -> None:
        """Claimed actions that were not handed over are planned again."""
        if not action_ids:
            return
        with self.session.transaction():
            self.session.load_rows("claiming", [{"action_id": action_id} for action_id in action_ids])
            self.session.execute_query("note_given_back")
            self.session.execute_query("give_back")

    def note(self, made: Sequence[Noted], batches: Sequence[Written], position: Position) -> None:
        """Note outcomes, and that the journal is known up to a position, in one transaction."""
        with self.session.transaction():
            self._note(made)
            if batches:
                self.session.append(BATCHES, [asdict(batch) | {"written_at": self.now} for batch in batches])
                self.session.execute_query("seal_batches")
            self.session.execute_query("note_position", file=position.file, position=position.offset)

    def _note(self, made: Sequence[Noted]) -> None:
        if made:
            with self.session.transaction():
                self.session.load_rows("delivered", [_row(noted) for noted in made])
                self.session.execute_query("note_attempts", now=self.now)
                self.session.execute_query("mark_actions", now=self.now)

    def position(self) -> Position:
        """How far the warehouse has read the journal."""
        rows = self.session.ask("journal_position")
        return Position(rows[0]["file"], rows[0]["position"]) if rows else Position()

    def recover(self, journal: Journal, traits: dict[str, Traits]) -> list[Noted]:
        """Take up what a run left behind, and what a restored warehouse does not know of.

        `traits` are those of each kind's sink. What the journal says was done was done; of a try without a result nobody
        knows what came; what was claimed and never tried is planned again.
        """
        last: dict[str, tuple[Entry, datetime, str | None]] = {}
        batches: dict[str, Written] = {}
        for entry in journal.since(self.position()):
            if isinstance(entry, Written):
                batches[entry.batch_id] = entry
                continue
            before = last.get(entry.action_id)
            first_at = before[1] if before else datetime.fromisoformat(entry.at)
            said = entry.detail if entry.kind == "A" else before[2] if before else None
            last[entry.action_id] = (entry, first_at, said)
        self.session.load_rows("journalled", [{"action_id": key} for key in ("", *last)])
        rows = {row["action_id"]: row for row in self.session.ask("open_deliveries")}
        made = [
            _recovered(rows[key], entry, first_at, said, traits.get(rows[key]["kind"], Traits()), self.now)
            for key, (entry, first_at, said) in last.items()
            if key in rows
            and not (entry.kind == "R" and entry.detail in ("later", "not_tried") and rows[key]["status"] == "planned")
        ]
        self.note(made, self._unknown(batches), journal.end)
        self.give_back([key for key, row in rows.items() if row["status"] == "claimed" and key not in last])
        return made

    def _unknown(self, batches: Mapping[str, Written]) -> list[Written]:
        if not batches:
            return []
        known = {row["batch_id"] for row in self.session.ask("known_batches", names=list(batches))}
        return [batch for name, batch in batches.items() if name not in known]


def _recovered(
    row: dict[str, Any], entry: Entry, first_at: datetime, said: str | None, traits: Traits, now: datetime
) -> Noted:
    tried = Tried(entry.action_id, entry.attempt, row["first_attempt_at"] or first_at)
    if entry.kind == "R":
        result: Any = entry.detail
        outcome = Outcome(entry.action_id, result, entry.code, None, entry.provider_id, entry.retry_after)
    else:
        outcome = Outcome(entry.action_id, "unknown", INTERRUPTED, "delivery ended before the sink's answer was noted")
    follows = verdict(outcome, traits, tried, now)
    told = None if outcome.result == "not_tried" else said
    return Noted(
        entry.action_id, entry.attempt, entry.batch, entry.sink, follows, outcome.code, outcome.provider_id, told
    )


def _row(noted: Noted) -> dict[str, Any]:
    return {
        "action_id": noted.action_id,
        "batch_id": noted.batch_id,
        "sink": noted.sink,
        "outcome": noted.verdict.status if noted.verdict.status != "planned" else "later",
        "message": noted.verdict.reason,
        "retry_at": noted.verdict.retry_at,
        "code": noted.code,
        "provider_id": noted.provider_id,
        "payload_hash": noted.payload_hash,
    }
