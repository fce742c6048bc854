"""Take up what came back: from the inbox, from folders, and from tables of events, in one transaction.

Each event becomes one result, however often it is met: what it is known by are its source and its id. Files stay as they
are; the warehouse notes how far it has read them, together with what it read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors import Source
from definitions.results import ResultSource
from pipelines.delivery.ledger import Ledger
from pipelines.delivery.verdicts import Verdict
from pipelines.places import inbox_of
from pipelines.results.events import FIELDS, Event, Malformed, read_event
from pipelines.results.inbox import Line, lines_since, read_line
from pipelines.results.tabular import rows_of_csv
from sql import DuckDBSession
from sql.listing import LISTED, listing_query

LONGEST = 2_000
"""Characters that are kept of what cannot be read."""


@dataclass(frozen=True)
class Collected:
    """What was taken up. `suppressed` are recipients who are written to no more, `settled` actions that were uncertain."""

    result_count: int = 0
    unknown_count: int = 0
    foreign_count: int = 0
    malformed: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Places:
    """Where events may lie: folders and tables as project.yaml says, and the project's root and timezone."""

    root: Path
    timezone: str
    results: Sequence[ResultSource] = ()
    sources: Mapping[str, Source] = field(default_factory=dict[str, Source])


def collect(session: DuckDBSession, places: Places, now: datetime) -> Collected:
    """Take up what came back and is not known yet. Tables are read where `places` has their sources open."""
    taking = _Taking(session, places, now, {r["file"]: r["position"] for r in session.ask("file_positions")})
    try:
        taking.everything()
    finally:
        for source in places.sources.values():
            source.close()
    if not (taking.events or taking.malformed or taking.read):
        return Collected(foreign_count=taking.foreign_count)
    with session.transaction():
        return taking.note()


@dataclass
class _Taking:
    """Events that were read, with their places, and what could not be read."""

    session: DuckDBSession
    places: Places
    now: datetime
    positions: dict[str, int]
    read: dict[str, int] = field(default_factory=dict[str, int])
    events: list[tuple[str, Event]] = field(default_factory=list[tuple[str, Event]])
    malformed: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    foreign_count: int = 0

    def everything(self) -> None:
        """Read all places."""
        self.waiting()
        if self.session.path is not None:
            self.inbox(inbox_of(self.session.path))
        for listed in self.places.results:
            if listed.folder is not None:
                self.folder(listed, listed.folder)
            elif listed.source is not None and listed.source in self.places.sources:
                self.table(listed, self.places.sources[listed.source])

    def waiting(self) -> None:
        """What came before its action was known."""
        for row in self.session.ask("waiting_events", now=self.now):
            made = read_event(json.loads(row["event"]), row["source"], row["received_at"])
            if made is not None:
                self.events.append((row["place"], made))

    def inbox(self, folder: Path) -> None:
        """What a receiver took."""
        for line in lines_since(folder, self.positions, folder.name):
            self.read[line.file] = line.end
            try:
                found = read_line(line.text)
                made = read_event(found.fields, found.source, found.received_at)
            except (Malformed, ValueError, KeyError, TypeError) as error:
                self._refuse(line.place, "inbox", error, line.text.decode(errors="replace"))
                continue
            if made is not None:
                self.events.append((line.place, _in_time(made)))

    def folder(self, listed: ResultSource, written: str) -> None:
        """The files of a folder."""
        folder, prefix = self.places.root / written, written.rstrip("/")
        for line in lines_since(folder, self.positions, prefix, unfinished=True):
            self.read[line.file] = line.end
            if line.text.strip():
                self._take(listed, line.place, _fields_of(line), line.text.decode(errors="replace"))
        for path in sorted(folder.glob("*.csv")):
            name, size = f"{prefix}/{path.name}", path.stat().st_size
            if self.positions.get(name) != size:
                self.read[name] = size
                for number, row in rows_of_csv(path):
                    self._take(listed, f"{name}:{number}", row, json.dumps(row, default=str, ensure_ascii=False))

    def table(self, listed: ResultSource, source: Source) -> None:
        """The rows of a table that are not known and are about actions of ours."""
        columns: Mapping[str, str] = {**listed.map}
        rows = source.read(str(listed.table), list(dict.fromkeys(columns.values())))
        with self.session.reading(LISTED, rows):
            self.session.execute(listing_query(columns, FIELDS), name="listed events")
        self.foreign_count += self.session.ask("foreign_listed")[0]["event_count"]
        for row in self.session.ask("fresh_listed", source=listed.name):
            self._take(listed, f"{listed.name} {row['event_id']}", row, json.dumps(row, ensure_ascii=False), row)

    def _take(
        self,
        listed: ResultSource,
        place: str,
        row: Mapping[str, Any] | None,
        text: str,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            if row is None:
                raise Malformed("the line is not a JSON object")
            named: Mapping[str, str] = {**listed.map}
            fields = fields or {part: row.get(named.get(part, part)) for part in FIELDS}
            zone = ZoneInfo(self.places.timezone)
            made = read_event(fields, listed.name, self.now, zone=zone, words=listed.words)
        except Malformed as error:
            self._refuse(place, listed.name, error, text)
            return
        if made is not None:
            self.events.append((place, made))

    def _refuse(self, place: str, source: str, error: Exception, text: str) -> None:
        message = str(error) if isinstance(error, Malformed) else "the line is not what a receiver writes"
        row = {"place": place, "source": source, "reason": "malformed", "message": message}
        self.malformed.append(row | {"event": text.strip()[:LONGEST], "received_at": self.now})

    def note(self) -> Collected:
        """Write all of it, and how far was read; inside a transaction."""
        session = self.session
        if self.read:
            session.load_rows("read_files", [{"file": f, "position": p} for f, p in self.read.items()])
            session.execute_query("note_file_positions")
        if self.malformed:
            session.load_rows("malformed_events", self.malformed)
            session.execute_query("keep_malformed")
        malformed = tuple(f"{row['place']}: {row['message']}" for row in self.malformed)
        if not self.events:
            return Collected(foreign_count=self.foreign_count, malformed=malformed)
        session.load_rows("arrived_events", [_row(place, event) for place, event in self.events])
        session.execute_query("match_events")
        counts = session.ask("arrived_counts")[0]
        session.execute_query("add_results")
        suppressed = [f"{r['object']} {r['recipient']}: {r['reason']}" for r in session.ask("add_suppressions")]
        settled = {
            row["action_id"]: Verdict(row["status"], f"the provider says {row['result']}")
            for row in session.ask("settled_by_events")
        }
        Ledger(session, self.now).settle(settled)
        session.execute_query("keep_unknown")
        session.execute_query("forget_known", now=self.now)
        return Collected(
            result_count=counts["result_count"],
            unknown_count=counts["unknown_count"],
            foreign_count=self.foreign_count,
            malformed=malformed,
            suppressed=tuple(sorted(suppressed)),
            settled=tuple(sorted(settled)),
        )


def _fields_of(line: Line) -> dict[str, Any] | None:
    try:
        found = json.loads(line.text)
    except ValueError:
        return None
    return dict(found) if isinstance(found, dict) else None  # pyright: ignore[reportUnknownArgumentType]


def _in_time(event: Event) -> Event:
    """Nothing happens after it became known: a provider's clock that is ahead delays nothing."""
    return replace(event, happened_at=min(event.happened_at, event.received_at))


def _row(place: str, event: Event) -> dict[str, Any]:
    return {"place": place, "event": event.text, **asdict(event)}
