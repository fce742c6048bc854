"""Workflow tests: rows and a clock in, decisions out, on a warehouse in memory through the very same evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow

from definitions import Project
from pipelines.apply import apply_project
from pipelines.evaluation import Evaluation, broken_invariants, evaluate
from pipelines.snapshot import take_snapshot
from sql import DuckDBSession
from sql.names import SUPPRESSIONS

Rows = dict[str, dict[str, dict[str, Any]]]
"""Rows by object and key."""


@dataclass(frozen=True)
class RowSource:
    """A source that gives rows held in memory; columns that a row lacks are missing values."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]

    def read(self, table: str, columns: Sequence[str]) -> Any:
        """The rows of a table as Arrow text columns; the snapshot reads them as the catalog's types."""
        arrow: Any = pyarrow  # has no type stubs
        found = self.rows.get(table, ())
        data = {c: arrow.array([_text(row.get(c)) for row in found], type=arrow.string()) for c in columns}
        return arrow.table(data)


@dataclass(frozen=True)
class Observed:
    """What one evaluation decided, by record: enough to compare with what a test expects."""

    entered: tuple[str, ...]
    held_out: tuple[str, ...]
    exited: dict[str, str]
    completed: tuple[str, ...]
    actions: tuple[str, ...]
    refused: dict[str, str]
    resting: dict[str, str]
    measures: dict[str, float]
    sends: dict[str, dict[str, str]]
    dropped: dict[str, str]


@dataclass
class World:
    """A project with rows that a test changes over time."""

    project: Project
    session: DuckDBSession
    rows: Rows = field(default_factory=Rows)

    def apply(self, project: Project | None = None) -> None:
        """Make the project, or another one in its place, live."""
        self.project = project or self.project
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
            spec.table.split(".")[1]: list(self.rows.get(name, {}).values())
            for name, spec in self.project.catalog.objects.items()
        }
        source = RowSource(tables)
        sources = dict.fromkeys(self.project.settings.sources, source)
        take_snapshot(self.session, self.project, sources, as_of, accept=True)
        return evaluate(self.session, as_of)

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
            sends={f"{named(r)}/{r['step_id']}": r for r in messages if r["dropped"] is None},
            dropped={f"{named(r)}/{r['step_id']}": r["dropped"] for r in messages if r["dropped"] is not None},
            measures={named(r): float(r["detail"]) for r in of("measure") if r["detail"] is not None},
        )

    def broken(self) -> dict[str, list[dict[str, Any]]]:
        """Invariants that do not hold."""
        return broken_invariants(self.session)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
