"""What is known of the rows: every snapshot as it was seen, and what came, changed and went between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from support.oracle.clock import Clock
from support.oracle.reading import NotInOracle, read

from definitions import Project
from definitions.catalog import CatalogObject
from definitions.tracking import tracked_fields

Row = dict[str, Any]
"""A record as it is seen: its declared fields and its key, each as its type; missing values are None."""
Rows = Mapping[str, Mapping[str, Row]]
"""Records that are there, by object and key; keys in order."""
Written = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Rows by object and key, values as a test writes them."""


@dataclass(frozen=True)
class Spell:
    """A value of a tracked field without a break: from the snapshot that first saw it to the one that no longer did."""

    value: Any
    since: datetime
    until: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """The value stood at the instant. The last one stands for all time to come."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True)
class Change:
    """A tracked field of a record that was there before and after differs; `at` is the snapshot that saw it first."""

    before: Any
    after: Any
    at: datetime


@dataclass
class _Past:
    """What is known of one record that may be there or not."""

    came: list[datetime] = field(default_factory=list[datetime])
    updated: list[datetime] = field(default_factory=list[datetime])
    spells: dict[str, list[Spell]] = field(default_factory=dict[str, list[Spell]])


class Records:
    """All rows of all objects as snapshots saw them, with their past.

    What a function asks "as of" an instant it is answered from what was known then: later snapshots do not count.
    """

    def __init__(self, project: Project) -> None:
        self._instants: list[datetime] = []
        self._snapshots: list[Rows] = []
        self._pasts: dict[tuple[str, str], _Past] = {}
        self._merged: dict[str, dict[str, str]] = {}
        self._tracked: dict[str, set[str]] = {}
        self.use(project)

    def use(self, project: Project) -> None:
        """Another project is live: it is what the next snapshot reads and tracks."""
        self.project = project
        self.clock = Clock(ZoneInfo(project.settings.timezone))
        self._asked = tracked_fields(project)

    def snapshot(self, rows: Written, at: datetime) -> None:
        """See the rows at an instant. At the instant of the snapshot before, nothing is looked at: nothing happens."""
        if self._instants and at <= self._instants[-1]:
            if at < self._instants[-1]:
                raise NotInOracle("a clock that goes back")
            return
        before = self.rows
        seen: dict[str, dict[str, Row]] = {}
        for name, spec in self.project.catalog.objects.items():
            read_rows = self._read_all(name, spec, rows.get(name, {}), at)
            there = {key: row for key, row in sorted(read_rows.items()) if self._is_there(spec, row, at)}
            seen[name] = {key: self._known(spec, row, at) for key, row in there.items()}
            self._see_merges(name, spec, read_rows, there)
        for name in {*before, *seen}:
            # what once had a history keeps it
            self._tracked.setdefault(name, set()).update(self._asked.get(name, ()))
            self._remember(name, before.get(name), seen.get(name, {}), at)
        self._instants.append(at)
        self._snapshots.append(seen)

    # ---- the present

    @property
    def now(self) -> datetime:
        """The instant of the latest snapshot."""
        return self._instants[-1]

    @property
    def rows(self) -> Rows:
        """The records of the latest snapshot."""
        return self._snapshots[-1] if self._snapshots else {}

    def instant_before(self, moment: datetime) -> datetime | None:
        """The instant of the snapshot before the one at an instant."""
        found = bisect_left(self._instants, moment)
        return self._instants[found - 1] if found else None

    def rows_at(self, moment: datetime) -> Rows:
        """The records as the latest snapshot at or before an instant saw them."""
        found = bisect_right(self._instants, moment)
        return self._snapshots[found - 1] if found else {}

    def keys(self, object_: str) -> list[str]:
        """The keys of the records that are there, in order."""
        return list(self.rows.get(object_, {}))

    def row(self, object_: str, key: str) -> Row | None:
        """A record that is there."""
        return self.rows.get(object_, {}).get(key)

    def survivor(self, object_: str, key: str) -> str | None:
        """The record that one which is gone was merged into, over all merges in between.

        None where it was not merged, or into nothing that is there, or in a circle.
        """
        merged, seen, here = self._merged.get(object_, {}), {key}, key
        while here in merged:
            here = merged[here]
            if here in seen:
                return None
            seen.add(here)
        return here if here != key and here in self.rows.get(object_, {}) else None

    # ---- the past

    def came(self, object_: str, key: str, now: datetime) -> list[datetime]:
        """The snapshots at which the record came, or came back. The first snapshot of an object creates nothing."""
        return [at for at in self._past(object_, key).came if at <= now]

    def updated(self, object_: str, key: str, now: datetime) -> list[datetime]:
        """The snapshots at which one of the record's declared fields differed from before, since it came or came back."""
        since = max(self.came(object_, key, now), default=None)
        return [at for at in self._past(object_, key).updated if at <= now and (since is None or at > since)]

    def spells(self, object_: str, key: str, field: str, now: datetime) -> list[Spell]:
        """The values of a tracked field, in order; while the record was gone there are none."""
        found = [s for s in self._past(object_, key).spells.get(field, []) if s.since <= now]
        return [replace(s, until=None) if s.until is not None and s.until > now else s for s in found]

    def changes(self, object_: str, key: str, field: str, now: datetime) -> list[Change]:
        """The changes of a tracked field, in order: from one spell to the next without a gap."""
        spells = self.spells(object_, key, field, now)
        return [Change(a.value, b.value, b.since) for a, b in pairwise(spells) if a.until == b.since]

    # ---- reading

    def _read_all(
        self, name: str, spec: CatalogObject, rows: Mapping[str, Mapping[str, Any]], at: datetime
    ) -> dict[str, Row]:
        """Every row as its types say, by key; the same row delivered twice is one row, of different ones the newest counts."""
        found: dict[str, Row] = {}
        for key, written in rows.items():
            row = self._read(spec, {spec.key: key, **written})
            if row[spec.key] is None:
                continue
            known = found.setdefault(str(row[spec.key]), row)
            if known != row:
                found[str(row[spec.key])] = _newest(name, spec, known, row)
        return found

    def _read(self, spec: CatalogObject, written: Mapping[str, Any]) -> Row:
        fields = {spec.key: "text", **{name: f.type for name, f in spec.fields.items()}}
        return {name: read(type_, written.get(name), self.clock) for name, type_ in fields.items()}

    def _see_merges(self, name: str, spec: CatalogObject, rows: Mapping[str, Row], there: Mapping[str, Row]) -> None:
        """Into which record a row went is what it said last; of a record that is there it is forgotten."""
        known = {key: into for key, into in self._merged.get(name, {}).items() if key not in there}
        flag = spec.merged_into
        said = {key: str(row[flag]) for key, row in rows.items() if row[flag] is not None} if flag is not None else {}
        self._merged[name] = known | {key: into for key, into in said.items() if key not in there and into != key}

    def _is_there(self, spec: CatalogObject, row: Row, at: datetime) -> bool:
        """Not deleted, not merged away, and its `exists_from` has come; a missing date never comes."""
        if any(row[gone] is not None for gone in (spec.deleted_at, spec.merged_into) if gone is not None):
            return False
        return spec.exists_from is None or self._has_come(row[spec.exists_from], at)

    def _known(self, spec: CatalogObject, row: Row, at: datetime) -> Row:
        """The row with what is not known yet: before its `known_from` a field is missing, or what `before` says."""
        seen = dict(row)
        for name, one in spec.fields.items():
            if one.known_from is not None and not self._has_come(row[one.known_from], at):
                seen[name] = read(one.type, one.before, self.clock)
        return seen

    def _has_come(self, moment: date | datetime | None, at: datetime) -> bool:
        """A date has come when it is today, an instant when it is now."""
        if isinstance(moment, datetime):
            return moment <= at
        return moment is not None and moment <= self.clock.date(at)

    # ---- remembering

    def _past(self, object_: str, key: str) -> _Past:
        return self._pasts.get((object_, key)) or _Past()

    def _remember(self, name: str, before: Mapping[str, Row] | None, seen: Mapping[str, Row], at: datetime) -> None:
        """What came, changed and went at a snapshot; `before` is None at the first one of an object."""
        for key in {*(before or {}), *seen}:
            past = self._pasts.setdefault((name, key), _Past())
            was, is_ = (before or {}).get(key), seen.get(key)
            if before is not None and was is None:
                past.came.append(at)
            if was is not None and is_ is not None and any(was[f] != is_[f] for f in was.keys() & is_.keys()):
                past.updated.append(at)
            self._follow(past, self._tracked.get(name, ()), is_, at)

    def _follow(self, past: _Past, tracked: Collection[str], row: Row | None, at: datetime) -> None:
        """End the spells of values that no longer stand, begin those of new ones."""
        for name in {*past.spells, *tracked}:
            spells = past.spells.setdefault(name, [])
            last = spells[-1] if spells and spells[-1].until is None else None
            stands = row is not None and name in tracked and name in row
            if last is not None and not (stands and row is not None and row[name] == last.value):
                spells[-1] = replace(last, until=at)
                last = None
            if last is None and stands and row is not None:
                spells.append(Spell(row[name], at))


def _newest(name: str, spec: CatalogObject, one: Row, other: Row) -> Row:
    """Of two rows of one record the one that changed last; one that does not say when is older."""
    times = [row[spec.updated_at] for row in (one, other)] if spec.updated_at is not None else [None, None]
    if times[0] == times[1]:
        raise NotInOracle(f"two different rows of {name} with one key")
    return one if times[1] is None or (times[0] is not None and times[0] > times[1]) else other
