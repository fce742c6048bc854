"""A project with rows that change over time, evaluated on a warehouse in memory: what workflow tests play in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow

from connectors import Since
from definitions import Project, UserError
from definitions.orders import words_of
from pipelines.apply import apply_project
from pipelines.commands import give
from pipelines.evaluation import Evaluation, Execution, Increments, broken_invariants, evaluate
from pipelines.live import retired_versions, versions_of
from pipelines.snapshot import take_snapshot
from sql import DuckDBSession, Plan, compile_plan
from sql.compiler import current_plan
from sql.names import RESULTS, SUPPRESSIONS

Rows = dict[str, dict[str, dict[str, Any]]]
"""Rows by object and key."""


@dataclass(frozen=True)
class RowSource:
    """A source that gives rows held in memory; columns that a row lacks are missing values."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]

    def read(self, table: str, columns: Sequence[str], since: Since | None = None) -> Any:
        """The rows of a table as Arrow text columns; the snapshot reads them as the catalog's types."""
        arrow: Any = pyarrow  # has no type stubs
        found = self.rows.get(table, ())
        data = {c: arrow.array([_text(row.get(c)) for row in found], type=arrow.string()) for c in columns}
        return arrow.table(data)

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(frozen=True)
class Observed:
    """What one evaluation decided, by record: a field for each thing that a test may expect."""

    entered: tuple[str, ...]
    held_out: tuple[str, ...]
    completed: tuple[str, ...]
    actions: tuple[str, ...]
    exited: dict[str, str]
    goals: dict[str, str]
    refused: dict[str, str]
    resting: dict[str, str]
    status: dict[str, str]
    measures: dict[str, float]
    orders: dict[str, str]
    users: dict[str, str]
    outcomes: dict[str, str]
    sends: dict[str, dict[str, str]]
    dropped: dict[str, str]
    values: dict[str, dict[str, Any]]


class Engine(Protocol):
    """Whatever evaluates a project with rows that change over time: tests, cases and random histories ask no more of it.

    Rows, orders and results given before an evaluation are those that it sees.
    """

    project: Project

    def apply(self, project: Project | None = None) -> None:
        """Make the project, or another one in its place, live; raises ProblemsFound where that is refused."""
        ...

    def set(self, changes: Mapping[str, Mapping[str, Mapping[str, Any] | None]]) -> None:
        """Add or change rows by object and key; None removes one."""
        ...

    def suppress(self, object_: str, recipients: Mapping[str, str], since: datetime) -> None:
        """Put recipients on the list of those who must not be written to, with reasons."""
        ...

    def order(self, order: str, at: datetime) -> None:
        """Give an order as on the command line: `pause renewal a1`, `archive renewal`, `approve renewal a1 step`."""
        ...

    def receive(self, results: Mapping[str, Sequence[Mapping[str, Any]]], at: datetime) -> None:
        """Note what came back of actions: by `record/step`, each with `result`, and `value` and `at` where they matter."""
        ...

    def evaluate(self, as_of: datetime) -> object:
        """Take a snapshot of the rows and evaluate."""
        ...

    def observe(self, as_of: datetime) -> Observed:
        """What the evaluation of an instant decided. With several workflows records are named `workflow:record`."""
        ...

    def qualifying(self) -> dict[str, frozenset[str]]:
        """The records whose entry condition held at the latest evaluation, by workflow."""
        ...

    def why_not(self, record: str) -> str:
        """Why a record is not in: the refusal that holds, or that it does not qualify."""
        ...

    def broken(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Invariants that do not hold."""
        ...


@dataclass
class World:
    """The engine itself, on a warehouse."""

    project: Project
    session: DuckDBSession
    rows: Rows = field(default_factory=Rows)
    plans: dict[tuple[tuple[str, str], ...], Plan] = field(default_factory=dict[tuple[tuple[str, str], ...], Plan])
    increments: Increments | None = None
    execution: Execution | None = None
    _latest: Plan | None = field(default=None, init=False)
    _is_increment: bool = field(default=False, init=False)
    _qualifying: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]], init=False)

    def apply(self, project: Project | None = None) -> None:
        """Make the project, or another one in its place, live."""
        self.project = project or self.project
        self.plans.clear()
        self.session.set_timezone(self.project.settings.timezone)
        apply_project(self.session, self.project, at=datetime(2000, 1, 1, tzinfo=UTC), by="test")

    def set(self, changes: Mapping[str, Mapping[str, Mapping[str, Any] | None]]) -> None:
        """Add or change rows by object and key; None removes one."""
        for object_, rows in changes.items():
            known = self.rows.setdefault(object_, {})
            for key, row in rows.items():
                if row is None:
                    known.pop(key, None)
                else:
                    known[key] = {**known.get(key, {self.project.catalog[object_].key: key}), **row}

    def suppress(self, object_: str, recipients: Mapping[str, str], since: datetime) -> None:
        """Put recipients on the list of those who must not be written to, with reasons."""
        rows = [{"object": object_, "recipient": r, "since": since, "reason": why} for r, why in recipients.items()]
        self.session.append(SUPPRESSIONS, rows)

    def evaluate(self, as_of: datetime) -> Evaluation:
        """Take a snapshot of the rows and evaluate."""
        tables = {
            spec.table.split(".")[1]: [
                {spec.column(field): value for field, value in row.items()} for row in self.rows.get(name, {}).values()
            ]
            for name, spec in self.project.catalog.objects.items()
        }
        source = RowSource(tables)
        sources = dict.fromkeys(self.project.settings.sources, source)
        take_snapshot(self.session, self.project, sources, as_of, accept=True)
        made = evaluate(self.session, as_of, plan_of=self._plan, increments=self.increments, execution=self.execution)
        self._is_increment = made.is_increment
        return made

    def _plan(self, session: DuckDBSession, as_of: datetime) -> tuple[int, Plan]:
        """The plan of the project at hand, with older versions that are still followed, as it would be live."""
        retired = retired_versions(session, as_of)
        if retired not in self.plans:
            older = versions_of(retired)
            self.plans[retired] = compile_plan(self.project, older) if older else current_plan(self.project)
        self._latest = self.plans[retired]
        return session.ask("live_project")[0]["project_id"], self._latest

    def qualifying(self) -> dict[str, frozenset[str]]:
        """The records whose entry condition held at the latest evaluation, by workflow; who was not judged is as before."""
        held: dict[int, set[str]] = {}
        for row in self.session.rows("SELECT condition, record FROM truths"):
            held.setdefault(row["condition"], set()).add(row["record"])
        judged: dict[str, set[str]] = {}
        for row in self.session.rows("SELECT object, record FROM affected WHERE is_reached"):
            judged.setdefault(row["object"], set()).add(row["record"])
        before = self._qualifying if self._is_increment else {}
        self._qualifying = {
            w.name: before.get(w.name, frozenset()) - judged.get(w.workflow.object, set()) | held.get(w.entry, set())
            for w in (self._latest.workflows if self._latest is not None else ())
        }
        return self._qualifying

    def why_not(self, record: str) -> str:
        """Why a record is not in: the refusal that holds, or that it does not qualify."""
        workflow, _, key = record.rpartition(":")
        found = self.session.ask("refusals_of_record", workflow=workflow or None, record=key)
        return f"refused, {found[0]['reason']}" if found else "it does not qualify"

    def order(self, order: str, at: datetime) -> None:
        """Give an order as on the command line: `pause renewal a1`, `archive renewal`, `approve renewal a1 step`."""
        command, workflow, rest = words_of(order)
        records, steps = rest[:1], rest[1:]
        give(self.session, command, workflow, records, at=at, by="test", step=steps[0] if steps else None)

    def receive(self, results: Mapping[str, Sequence[Mapping[str, Any]]], at: datetime) -> None:
        """Note what came back of actions: by `record/step`, each with `result`, and `value` and `at` where they matter."""
        rows: list[dict[str, Any]] = []
        for action, found in results.items():
            record, step = action.rsplit("/", 1)
            workflow, _, key = record.rpartition(":")
            known = self.session.ask("action_of", workflow=workflow or None, record=key, step=step)
            if not known:
                raise UserError("no-action", f"there is no action `{action}` that could have a result")
            for one in found:
                row = {"action_id": known[-1]["action_id"], "result": one["result"], "value": one.get("value")}
                row |= {"recipient": None, "happened_at": one.get("at") or at, "received_at": at}
                rows.append(row)
        self.session.append(RESULTS, rows)

    def observe(self, as_of: datetime) -> Observed:
        """What the evaluation of an instant decided. With several workflows records are named `workflow:record`."""
        one = len(self.project.workflows) == 1
        found = self.session.ask("decisions", as_of=as_of)
        messages = self.session.ask("sends", as_of=as_of)

        def named(row: Mapping[str, Any]) -> str:
            return row["record"] if one else f"{row['workflow']}:{row['record']}"

        def of(kind: str) -> list[dict[str, Any]]:
            return [row for row in found if row["kind"] == kind]

        return Observed(
            entered=tuple(sorted(named(r) for r in of("entered"))),
            held_out=tuple(sorted(named(r) for r in of("entered") if r["detail"] == "holdout")),
            exited={named(r): r["detail"] for r in of("exited")},
            completed=tuple(sorted(named(r) for r in of("completed"))),
            actions=tuple(sorted(f"{named(r)}/{r['detail']}" for r in of("action"))),
            refused={named(r): r["detail"] for r in of("refused")},
            resting={named(r): r["detail"] for r in of("resting")},
            goals={named(r): r["detail"] for r in of("goal")},
            status={named(r): r["detail"] for r in of("status")},
            orders={r["record"]: r["detail"] for r in of("order")},
            users={f"{named(r)}": r["detail"] for r in of("user")},
            outcomes={f"{named(r)}": r["detail"] for r in of("outcome")},
            sends={f"{named(r)}/{r['step_id']}": r for r in messages if r["dropped"] is None},
            dropped={f"{named(r)}/{r['step_id']}": r["dropped"] for r in messages if r["dropped"] is not None},
            values={named(r): said for r in of("value") if (said := _said(r["detail"]))},
            measures={named(r): float(r["detail"]) for r in of("measure") if r["detail"] is not None},
        )

    def broken(self) -> dict[str, list[dict[str, Any]]]:
        """Invariants that do not hold."""
        return broken_invariants(self.session)


def _said(values: str) -> dict[str, Any]:
    """The values that words are made of; where a message goes is not among them."""
    return {name: value for name, value in json.loads(values).items() if not name.startswith("address.")}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
