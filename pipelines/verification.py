"""The proof that a warehouse holds what its inputs lead to: inputs are what was sealed, and made again they give every row.

A warehouse is only read. What is found wrong has a place: table, key, column, what is due and what is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from definitions import UserError
from pipelines.apply import fingerprint_of
from pipelines.replay import Remade, replay, replay_rest
from pipelines.starts import keep_start, load_start, starts_of
from sql import DuckDBSession
from sql.comparison import FOUND, Compared, compared_tables
from sql.names import EVALUATIONS, PROJECTS, RECORDS, SNAPSHOTS

SHOWN = 20
"""Rows of one table that are named; the rest is counted."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be. Without a column it is about the whole row, without a key about the table."""

    table: str
    key: str
    column: str | None
    expected: str
    found: str

    @property
    def text(self) -> str:
        """The finding in a line."""
        place = " ".join(part for part in (self.table, f"[{self.key}]" if self.key else "", self.column or "") if part)
        return f"{place}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class Proof:
    """What was made again and compared, and what was found; it holds when nothing was.

    `unmade` are the evaluations that come out otherwise than they did, or cannot be made again; `kept` is the start that
    was kept.
    """

    first: int
    last: int
    made_count: int
    table_count: int
    row_count: int
    unmade: tuple[Remade, ...]
    findings: tuple[Finding, ...]
    kept: Path | None = None

    @property
    def holds(self) -> bool:
        """Nothing was found."""
        return not self.unmade and not self.findings

    def lines(self) -> list[str]:
        """What was found, in the order in which to look at it."""
        return [*self._evaluations(), *(finding.text for finding in self.findings)]

    def _evaluations(self) -> Iterator[str]:
        for one in self.unmade[:1]:
            place = f"evaluation {one.evaluation_id} of {one.as_of.isoformat()}"
            if one.problem is not None:
                yield f"{place} cannot be made again: {one.problem}"
                return
            hashes = Finding(
                EVALUATIONS,
                f"evaluation_id {one.evaluation_id}",
                "chain_hash",
                _worded(one.hash),
                _worded(one.found_hash),
            )
            yield f"{place} comes out otherwise"
            yield hashes.text
        if len(self.unmade) > 1:
            yield f"and so do {len(self.unmade) - 1} later ones, which build on it"
        if not self.unmade and self.made_count:
            yield "every evaluation comes out as it did: what differs was changed afterwards"


@dataclass(frozen=True)
class Asked:
    """What to prove: from which evaluation to which, each a number or an instant; and whether to keep a start after it."""

    since: str | datetime | None = None
    until: str | datetime | None = None
    keep: bool = False


@dataclass(frozen=True)
class _Range:
    """The first and the last evaluation to compare, the last one that there is, and the start to begin from."""

    first: int
    last: int
    end: int
    start: Path | None


def verify(
    path: Path,
    asked: Asked = Asked(),
    tell: Callable[[int, int], None] = lambda done, of: None,
    threads: int | None = None,
) -> Proof:
    """Prove a warehouse. Evaluations before the first one asked for are made again too, for all build on them, but from
    the last start before it. `tell` hears how many are done, of how many.

    Raises `UserError` where evaluations were made before inputs were kept, unless a start is to be kept: that is then all
    that is done. And where there are no evaluations.
    """
    try:
        return _verify(path, asked, tell, threads)
    except UserError as error:
        if error.code != "inputs-not-kept" or not asked.keep:
            raise
        return Proof(0, 0, 0, 0, 0, (), (), _start_unproved(path))


def _verify(path: Path, asked: Asked, tell: Callable[[int, int], None], threads: int | None) -> Proof:
    with DuckDBSession(threads=threads) as again:
        with DuckDBSession(path, read_only=True) as found:
            wanted = _range(found, asked, starts_of(path))
            if wanted.start is not None:
                load_start(again, wanted.start)
            again.migrate()
            broken = tuple(_broken_inputs(found, again.ask("reached")[0]))
            if broken:
                return Proof(wanted.first, wanted.last, 0, 0, 0, (), broken)
            remade: list[Remade] = []
            for one in replay(found, again, wanted.last):
                remade.append(one)
                tell(one.evaluation_id, wanted.last)
            is_whole = wanted.last == wanted.end and all(one.problem is None for one in remade)
            if is_whole:
                replay_rest(found, again)
        proof = _proof(again, path, wanted, remade, is_whole)
        again.execute(f"DETACH {FOUND}")
        kept = keep_start(again, path) if asked.keep and proof.holds and is_whole else None
        return replace(proof, kept=kept)


def _proof(again: DuckDBSession, path: Path, wanted: _Range, remade: list[Remade], is_whole: bool) -> Proof:
    """Compare what was made again; unless it is all, only what belongs to single evaluations."""
    again.set_timezone("UTC")
    again.attach(path, FOUND)
    first, last = wanted.first, wanted.last
    unmade = tuple(r for r in remade if r.hash != r.found_hash and first <= r.evaluation_id)
    tables = [t for t in compared_tables(again.columns()) if is_whole or t.is_journal]
    findings = tuple(f for table in tables for f in _compare(again, table, first, last))
    rows = sum(again.count(table.name) for table in tables)
    return Proof(first, last, len(remade), len(tables), rows, unmade, findings)


def _start_unproved(path: Path) -> Path:
    """Keep a start of a warehouse as it is."""
    with DuckDBSession() as again:
        again.copy_from(path)
        return keep_start(again, path)


def _range(found: DuckDBSession, asked: Asked, starts: Mapping[int, Path]) -> _Range:
    """What is asked for: from the last start before the evaluation that is named, else from as early as can be."""
    end = found.ask("reached")[0]["evaluation_id"]
    if not end:
        raise UserError("nothing-evaluated", "there is no evaluation to verify", "run `drumbeat evaluate` first")
    every = found.ask("evaluations_between", after=0, until=end)
    since, last = _numbered(every, asked.since, 0, True), _numbered(every, asked.until, end, False)
    kept = found.ask("kept_since")[0]["evaluation_id"]
    usable = [n for n in starts if n >= kept - 1 and n <= (since - 1 if since else last)]
    # everything that can be proved, unless less is asked for
    start = 0 if not usable else usable[-1] if since else usable[0] if kept > 1 else 0
    if start < kept - 1:
        message = f"what evaluations 1 to {kept - 1} were made from is not kept, and all later ones build on them"
        hint = "`drumbeat verify --keep` makes a start: evaluations after it can be proved"
        raise UserError("inputs-not-kept", message, hint)
    return _Range(max(since, start + 1, 1), last, end, starts.get(start))


def _numbered(every: list[dict[str, Any]], asked: str | datetime | None, otherwise: int, is_first: bool) -> int:
    """The evaluation meant by a number or an instant: the first one from it on, or the last one up to it."""
    match asked:
        case None:
            return otherwise
        case str():
            fitting = [row["evaluation_id"] for row in every if str(row["evaluation_id"]) == asked]
        case datetime():
            of = [(row["evaluation_id"], row["as_of"]) for row in every]
            fitting = [number for number, as_of in of if (as_of >= asked if is_first else as_of <= asked)]
    if not fitting:
        message = f"there is no evaluation {'from' if is_first else 'up to'} `{asked}`"
        raise UserError(
            "no-evaluation", message, f"the last one is {every[-1]['evaluation_id']}, of {every[-1]['as_of']}"
        )
    return fitting[0] if is_first else fitting[-1]


def _broken_inputs(found: DuckDBSession, reached: Mapping[str, int]) -> Iterator[Finding]:
    """Inputs that are not what was sealed, are gone, or are too many. With these nothing can be made again."""
    for row in found.ask("broken_seals", snapshot_id=reached["snapshot_id"], evaluation_id=reached["evaluation_id"]):
        yield Finding(row["source"], row["key"], f"({row['columns']})", "what was sealed", f"({row['row']})")
    for row in found.ask("broken_totals"):
        yield Finding(
            row["source"],
            f"seen by evaluation {row['evaluation_id']}",
            None,
            *_counted(row["noted_count"], row["row_count"]),
        )
    for row in found.ask("broken_snapshots", snapshot_id=reached["snapshot_id"]):
        place = (RECORDS, f"snapshot {row['snapshot_id']}", None)
        if row["noted_count"] == row["row_count"]:
            place = (SNAPSHOTS, f"snapshot_id {row['snapshot_id']}", "(as_of, project_id, chain_hash)")
        yield Finding(*place, *_counted(row["noted_count"], row["row_count"]))
    for row in found.ask("broken_applies", project_id=reached["project_id"]):
        column = (
            "files"
            if _fingerprint(row["files"]) != row["fingerprint"]
            else "(files, applied_at, applied_by, chain_hash)"
        )
        yield Finding(PROJECTS, f"project_id {row['project_id']}", column, "what was chained", row["row"])


def _counted(noted: int | None, there: int | None) -> tuple[str, str]:
    if noted == there:
        return "what was sealed", "other values"
    return f"{noted or 0} rows", f"{there or 0} rows"


def _fingerprint(files: str) -> str:
    try:
        return fingerprint_of(json.loads(files))
    except ValueError:
        return "unreadable"


def _compare(again: DuckDBSession, table: Compared, first: int, last: int) -> Iterator[Finding]:
    parameters = {"first": first, "last": last} if table.is_journal else {}
    lack = again.rows(table.difference(missing=True, limit=SHOWN), parameters)
    excess = again.rows(table.difference(missing=False, limit=SHOWN), parameters)
    due = {_key(table, row): row for row in lack}
    there = {_key(table, row): row for row in excess}
    for key in sorted({*due, *there}):
        yield from _differences(table, key, due.get(key), there.get(key))
    more = max((row["row_count"] for row in (*lack, *excess)), default=0) - SHOWN
    if more > 0:
        yield Finding(table.name, "", None, "no other difference", f"{more} more rows that differ")


def _differences(
    table: Compared, key: str, due: Mapping[str, Any] | None, there: Mapping[str, Any] | None
) -> Iterator[Finding]:
    if due is None or there is None:
        yield Finding(table.name, key, None, "a row" if due else "no row", "a row" if there else "none")
        return
    for column in (c for c in table.columns if due[c] != there[c]):
        yield Finding(table.name, key, column, _worded(due[column]), _worded(there[column]))


def _key(table: Compared, row: Mapping[str, Any]) -> str:
    return ", ".join(f"{c} {_worded(row[c])}" for c in table.key)


def _worded(value: Any) -> str:
    match value:
        case None:
            return "null"
        case datetime():
            return value.isoformat()
        case _:
            return f"`{value}`"
