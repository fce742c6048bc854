"""Make everything again from what was kept, in a warehouse of its own, by the very functions that made it first.

Nothing that was decided is read: only definitions, kept records, orders, results, suppressions, what sinks said, and instants.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors import Since
from definitions import Project, UserError, load_project
from pipelines.apply import apply_project
from pipelines.evaluation import evaluate
from pipelines.live import live_project
from pipelines.snapshot import take_snapshot
from sql import DuckDBSession
from sql.errors import StatementFailed
from sql.inputs import ARRIVING, KEPT, kept_project, kept_rows
from sql.names import ATTEMPTS, BATCHES, COMMANDS, RESULTS, SUPPRESSIONS, record_table
from sql.statements import query

ARRIVALS = {
    COMMANDS: "arriving_commands",
    RESULTS: "arriving_results",
    SUPPRESSIONS: "arriving_suppressions",
    ATTEMPTS: "arriving_attempts",
    BATCHES: "arriving_batches",
}
"""The tables that are filled from outside, with the query for what arrived before an evaluation."""


@dataclass(frozen=True)
class Remade:
    """One evaluation made again: the hash it has in the warehouse, and the one it has now, or why it has none."""

    evaluation_id: int
    as_of: datetime
    found_hash: str
    hash: str | None
    problem: str | None = None


@dataclass(frozen=True)
class _Kept:
    """A source that gives the records of one snapshot: those before it with what it kept laid over them."""

    session: DuckDBSession
    project: Project
    tables: Mapping[str, Mapping[str, str]]

    def read(self, table: str, columns: Sequence[str], since: Since | None = None) -> Any:
        """All records of an object, typed."""
        found = self.tables.get(record_table(table))
        return self.session.arrow(kept_rows(self.project.catalog[table], found))

    def close(self) -> None:
        """Nothing is kept open."""


def replay(found: DuckDBSession, again: DuckDBSession, until: int) -> Iterator[Remade]:
    """Make evaluations again, from where `again` stands up to one of `found`; ends early at one that cannot be made."""
    after = again.ask("reached")[0]["evaluation_id"]
    for row in found.ask("evaluations_between", after=after, until=until):
        made, problem = None, None
        try:
            _catch_up(found, again, row["snapshot_id"], row["project_id"])
            _arrive(found, again, row["evaluation_id"])
            # everybody and in SQL, whatever execution wrote it: so increments and bits are proved as well
            made = evaluate(again, row["as_of"], increments="never", execution="sql").chain_hash
        except (UserError, StatementFailed) as error:
            problem = str(error).splitlines()[0]
        yield Remade(row["evaluation_id"], row["as_of"], row["chain_hash"], made, problem)
        if problem is not None:
            return


def replay_rest(found: DuckDBSession, again: DuckDBSession) -> None:
    """What came after the last evaluation: snapshots, applies, orders and deliveries that no evaluation has seen."""
    reached = found.ask("reached")[0]
    _catch_up(found, again, reached["snapshot_id"], reached["project_id"])
    _arrive(found, again, None)


def _catch_up(found: DuckDBSession, again: DuckDBSession, snapshot_id: int, project_id: int) -> None:
    """The snapshots up to one, each on the catalog that was live, and the applies up to one."""
    after = again.ask("reached")[0]["snapshot_id"]
    for row in found.ask("snapshots_between", after=after, until=snapshot_id):
        _apply(found, again, row["project_id"])
        _snapshot(found, again, row["snapshot_id"], row["as_of"])
    _apply(found, again, project_id)


def _apply(found: DuckDBSession, again: DuckDBSession, until: int) -> None:
    after = again.ask("reached")[0]["project_id"]
    if after == until:
        return
    for row in found.ask("applies_between", after=after, until=until):
        project = load_project(json.loads(row["files"]))
        apply_project(again, project, at=row["applied_at"], by=row["applied_by"])


def _snapshot(found: DuckDBSession, again: DuckDBSession, snapshot_id: int, as_of: datetime) -> None:
    project = kept_project(live_project(again)[1])
    source = _Kept(again, project, again.columns())
    kept = found.arrow(query("arriving_records").sql, {"snapshot_id": snapshot_id})
    with again.reading(ARRIVING, kept), again.transaction():
        take_snapshot(again, project, {KEPT: source}, as_of, accept=True)
        if not found.ask("unshown", snapshot_id=snapshot_id)[0]["row_count"]:
            return
        # what records do not show is noted after them, and then the snapshot's hash again
        again.execute_query("keep_again", snapshot_id=snapshot_id)
        again.execute_query("merge_again", as_of=as_of)
        again.execute_query("count_again", snapshot_id=snapshot_id)
        again.execute_query("forget_snapshot", snapshot_id=snapshot_id)
        again.execute_query("note_snapshot", snapshot_id=snapshot_id, as_of=as_of)


def _arrive(found: DuckDBSession, again: DuckDBSession, evaluation_id: int | None) -> None:
    """What came from outside before an evaluation; None for what none has seen."""
    tables = {row["source"] for row in found.ask("arriving", evaluation_id=evaluation_id)}
    for table, name in ARRIVALS.items():
        if evaluation_id is None or table in tables:
            again.extend(table, found.arrow(query(name).sql, {"evaluation_id": evaluation_id}))
    if evaluation_id is None or ATTEMPTS in tables:
        again.execute_query("follow_attempts")
