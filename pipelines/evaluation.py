"""One evaluation: a function of the state before, the latest snapshot, what is live, and `as_of`. Nothing else.

Everything it writes is committed in one transaction, or nothing is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal, assert_never, cast
from zoneinfo import ZoneInfo

from definitions import InternalError, Project, UserError, load_project
from definitions.slots import Slots
from pipelines.errors import ClockWentBack
from pipelines.known import known_from
from pipelines.live import live_plan
from sql import DuckDBSession, Plan, compile_plan
from sql.names import changes_table, history_table, link_before, record_table
from sql.statements import Lookup, Memory, Part, Rounds, Statement, Work, load_statements, room

Increments = Literal["auto", "always", "never"]
Execution = Literal["auto", "sql", "bitmaps"]
MANY = 20_000
"""Below so many records a full evaluation in SQL takes less time than anything that spares work."""
SLOTS = room(
    "03_begin", "slots", "Where entries wait for a slot.", "workflow VARCHAR, is_open BOOLEAN, next_at TIMESTAMPTZ"
)


@dataclass(frozen=True)
class WorkflowCounts:
    """What one evaluation did in one workflow."""

    workflow: str
    qualifying_count: int
    entered_count: int
    heldout_count: int
    refused_count: int
    left_count: int
    completed_count: int
    inside_count: int
    planned_count: int


@dataclass(frozen=True)
class Evaluation:
    """One evaluation and its counts; `made` is False when there was one of this instant already."""

    evaluation_id: int
    as_of: datetime
    workflows: tuple[WorkflowCounts, ...]
    chain_hash: str
    seconds: dict[str, float]
    made: bool = True
    is_increment: bool = False
    """Only records that may be judged otherwise than at the last evaluation were judged."""


def evaluate(
    session: DuckDBSession,
    as_of: datetime,
    clock: Callable[[], float] = time.perf_counter,
    plan_of: Callable[[DuckDBSession, datetime], tuple[int, Plan]] = live_plan,
    increments: Increments | None = None,
    execution: Execution | None = None,
) -> Evaluation:
    """Evaluate all live workflows as of an instant.

    A second evaluation of the same instant does nothing, an earlier one is refused. `clock` only measures stages, and
    `plan_of` finds what is live: the warehouse's own, unless a test holds it already. `increments` and `execution` stand in
    for the project's settings.
    """
    last = session.ask("last_evaluation")
    if last and as_of <= last[0]["as_of"]:
        if as_of < last[0]["as_of"]:
            raise ClockWentBack("evaluation", as_of, last[0]["as_of"])
        return _found(session, last[0]["evaluation_id"], {}, made=False)
    project_id, plan = plan_of(session, as_of)
    parameters = _parameters(session, last[0] if last else None, plan.project, project_id, as_of)
    refuse_outdated_snapshot(session, plan.project, plan.tracked)
    seconds: dict[str, float] = {}
    with session.transaction():
        run = _Run(session, parameters)
        run.part(SLOTS)
        session.append("slots", _slots(session, plan.project, last[0]["as_of"] if last else None, as_of))
        settings = plan.project.settings.evaluation
        is_large = session.ask("record_count")[0]["records"] >= MANY
        wanted = {"auto": is_large, "always": True, "never": False}[increments or settings.increments]
        is_increment = wanted and _may_be_increment(session, plan, parameters, last)
        by_bits = {"auto": is_large, "bitmaps": True, "sql": False}[execution or settings.execution]
        parts = plan.parts(is_increment, by_bits)
        run.ask({table for part in parts for table in part.needs})
        for statement in parts:
            started = clock()
            if isinstance(statement, Statement) and "seconds" in statement.parameters:
                parameters["seconds"] = json.dumps(seconds)
            run.part(statement)
            seconds[statement.stage] = round(seconds.get(statement.stage, 0.0) + clock() - started, 4)
    return replace(_found(session, parameters["evaluation_id"], seconds), is_increment=is_increment)


def _may_be_increment(
    session: DuckDBSession, plan: Plan, parameters: Mapping[str, Any], last: list[dict[str, Any]]
) -> bool:
    """May only what differs from the last evaluation be judged; where something about all records is new, it may not."""
    if not last or last[0]["project_id"] != parameters["project_id"]:
        return False
    if parameters["snapshot_id"] - last[0]["snapshot_id"] > 1:  # what changed is known of the latest snapshot alone
        return False
    tables = session.columns()
    for name in plan.project.catalog.objects:
        kept = tables.get(changes_table(name), {})
        if not all(link_before(field) in kept for field in plan.project.catalog.links(name)):
            return False
    return not session.ask("pending_state_orders", as_of=parameters["as_of"])[0]["orders"]


def _slots(session: DuckDBSession, project: Project, before: datetime | None, as_of: datetime) -> list[dict[str, Any]]:
    """For workflows that admit at certain times: does this evaluation use a slot, and when does the next one open.

    A slot is used by the first evaluation at or after it.
    """
    zone = ZoneInfo(project.settings.timezone)
    rows: list[dict[str, Any]] = []
    for row in session.ask("scheduled_workflows"):
        slots = Slots(row["entry_cron"], row["entry_cron"])
        latest = slots.latest(as_of.astimezone(zone))
        is_open = latest is not None and (before is None or latest > before)
        rows.append({"workflow": row["workflow"], "is_open": is_open, "next_at": slots.next(as_of.astimezone(zone))})
    return rows


@dataclass
class _Run:
    """One evaluation's parts being run. What has nothing to do is passed over: most have, in most evaluations."""

    session: DuckDBSession
    parameters: dict[str, Any]
    asked: dict[str, bool] = field(default_factory=dict[str, bool])
    """Tables that were there before the evaluation: have they rows."""

    memory: Memory = field(default_factory=Memory)

    def ask(self, tables: Collection[str]) -> None:
        """Find out which of the tables that were there before have rows."""
        wanted = [table for table in sorted(tables) if "." in table]
        found = self.session.with_rows(wanted)
        self.asked |= {table: table in found for table in wanted}

    def part(self, part: Part) -> None:
        """Run a part, or leave its table empty."""
        if part.needs and not any(self._is_filled(table) for table in part.needs):
            self._leave_empty(part)
            return
        match part:
            case Statement():
                if not (part.makes_room and self.session.filled.get(cast(str, part.makes)) is False):
                    self.session.run(part, self.parameters)
                if part.adds_to in self.asked:
                    del self.asked[part.adds_to]
            case Lookup():
                self.session.append(part.table, part.find(self.session.rows(part.sql)))
            case Rounds():
                self._rounds(part)
            case Work():
                part.do(self.session, self.parameters, self.memory)
            case _:
                assert_never(part)

    def _rounds(self, rounds: Rounds) -> None:
        for moves_made in range(rounds.at_most + 1):
            for statement in rounds.judge:
                self.part(statement)
            if not self._is_filled(rounds.left):
                return
            for statement in rounds.move if moves_made < rounds.at_most else rounds.give_up:
                self.part(statement)

    def _is_filled(self, table: str) -> bool:
        if table in self.session.filled:
            return self.session.filled[table]
        if table not in self.asked:
            self.asked[table] = self.session.has_rows(table)
        return self.asked[table]

    def _leave_empty(self, part: Part) -> None:
        made = part.makes if isinstance(part, Statement) else None
        if made is None:
            return
        if made not in self.session.filled:  # the first time, its columns are those that it gives itself
            self.session.run(cast(Statement, part), self.parameters)
        elif self.session.filled[made]:
            self.session.execute(f"DELETE FROM {made}", name=f"empty {made}")
            self.session.filled[made] = False


def prepare(session: DuckDBSession) -> None:
    """Make the temporary tables that every evaluation makes, so that one in a rehearsal finds them: it forgets its own."""
    bare = load_project({"project.yaml": "name: bare\ntimezone: UTC\n"})
    values: dict[str, Any] = dict.fromkeys(("evaluation_id", "snapshot_id", "project_id"), 0)
    values |= dict.fromkeys(("seed", "previous_chain", "seconds"), "")
    values |= dict.fromkeys(("as_of", "previous_snapshot", "first_snapshot"), datetime(2000, 1, 1, tzinfo=UTC))
    for part in (SLOTS, *compile_plan(bare).statements):
        if isinstance(part, Statement) and part.makes is not None:
            session.run(part, values)


def broken_invariants(session: DuckDBSession) -> dict[str, list[dict[str, Any]]]:
    """The rows that break each invariant of the state, by its name; empty when all hold."""
    statements = load_statements("invariants")
    filled = session.with_rows(dict.fromkeys(t for s in statements for t in s.needs))
    found = {s.name: session.rows(s.sql) for s in statements if not s.needs or not filled.isdisjoint(s.needs)}
    return {name: rows for name, rows in found.items() if rows}


def refuse_outdated_snapshot(session: DuckDBSession, project: Project, tracked: Mapping[str, tuple[str, ...]]) -> None:
    """What was applied may read fields that the latest snapshot did not load, or (`tracked`) did not keep."""
    tables = session.columns()
    for name, spec in project.catalog.objects.items():
        found, kept = tables.get(record_table(name), {}), tables.get(history_table(name), {})
        missing = [field for field in (spec.key, *spec.fields) if field not in found]
        missing += [field for field in tracked[name] if field not in kept]
        if missing:
            message = f"the latest snapshot has no {name}.{missing[0]}: it is older than what was applied"
            raise UserError("snapshot-outdated", message, "run `drumbeat snapshot` first")


def _parameters(
    session: DuckDBSession, last: dict[str, Any] | None, project: Project, project_id: int, as_of: datetime
) -> dict[str, Any]:
    snapshots = session.ask("last_snapshot")
    if not snapshots:
        raise UserError("no-snapshot", "there is no snapshot to evaluate", "run `drumbeat snapshot` first")
    if snapshots[0]["as_of"] > as_of:
        message = (
            f"the last snapshot is of {snapshots[0]['as_of'].isoformat()}: it knows what {as_of.isoformat()} did not"
        )
        raise UserError("snapshot-is-later", message, "evaluate as of the snapshot's instant or later")
    if last is None and session.count("state.participants"):
        raise InternalError("participants without an evaluation")
    return {
        "as_of": as_of,
        "evaluation_id": last["evaluation_id"] + 1 if last else 1,
        "snapshot_id": snapshots[0]["snapshot_id"],
        "project_id": project_id,
        "previous_snapshot": last["snapshot_as_of"] if last else None,
        **known_from(session),
        "previous_chain": last["chain_hash"] if last else "",
        "seed": project.settings.seed,
        "previous_as_of": last["as_of"] if last else None,
        "snapshot_before": last["snapshot_before"] if last else None,
        "has_changes": last is None or snapshots[0]["snapshot_id"] != last["snapshot_id"],
        "is_new_day": last is None or _day(last["as_of"], project) != _day(as_of, project),
    }


def _day(instant: datetime, project: Project) -> date:
    return instant.astimezone(ZoneInfo(project.settings.timezone)).date()


def _found(session: DuckDBSession, evaluation_id: int, seconds: dict[str, float], made: bool = True) -> Evaluation:
    row = session.ask("evaluation", evaluation_id=evaluation_id)[0]
    counts = tuple(WorkflowCounts(**r) for r in session.ask("workflow_counts", evaluation_id=evaluation_id))
    return Evaluation(evaluation_id, row["as_of"], counts, row["chain_hash"], seconds, made)
