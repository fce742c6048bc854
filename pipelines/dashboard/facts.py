"""Report tables -> frozen facts. The only place of the dashboard that asks the warehouse; everything behind it is pure.

Times are turned into the project's zone here, so that a page shows the dates by which the evaluator counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from definitions import load_project
from sql import DuckDBSession
from sql.labels import labels_query
from sql.statements import load_statements

MOST_PARTICIPANTS = 200
"""More would cost a phone seconds; the tables hold them all."""


@dataclass(frozen=True)
class Clock:
    """What the pages show: the evaluation, its instant in the project's zone, and the project."""

    evaluation_id: int
    as_of: datetime
    project: str
    timezone: str


@dataclass(frozen=True)
class Headline:
    """One workflow: a row of `report.workflow_overview` with what is live of it."""

    workflow_id: str
    workflow_version: int
    objective_version: str | None
    state: str
    object: str
    description: str
    owner: str
    launch: str | None
    reentry: str
    leave_on_objective: bool
    holdout_share: float
    definition: Mapping[str, Any]
    objective_name: str | None
    objective_text: str | None
    d_max_days: int
    maturity_days: int
    entered_count: int
    holdout_count: int
    customer_count: int
    active_count: int
    exited_count: int
    completed_count: int
    error_count: int
    late_count: int
    stuck_count: int
    met_at_entry_count: int
    observed_count: int
    matured_count: int
    matured_met_count: int
    met_share: float | None
    met_lo: float | None
    met_hi: float | None
    matured_customer_count: int
    matured_met_customer_count: int
    met_customer_share: float | None
    met_so_far_count: int
    met_days_p50: float | None
    first_matures_at: datetime | None
    h_days: int
    n_treat: int
    x_treat: int
    n_hold: int
    x_hold: int
    actions_planned_count: int
    actions_sent_count: int
    actions_failed_count: int
    actions_failed_day_count: int
    actions_cancelled_count: int
    actions_dropped_count: int
    newest_entered_at: datetime | None
    usual_gap_days: float | None


@dataclass(frozen=True)
class Week:
    """Entries and objectives met of one ISO week; `met_count` is None before the current objective."""

    week: date
    entered_count: int
    heldout_count: int
    met_count: int | None


@dataclass(frozen=True)
class FlowStep:
    """One step of the flow that newcomers enter, with its counts."""

    step_id: str
    position: int
    kind: str
    action_kind: str | None
    label: str
    parent_step_id: str | None
    arm: str | None
    arms: tuple[str, ...]
    reached_count: int
    completed_count: int
    here_count: int
    left_count: int
    late_count: int
    error_count: int
    eligible_count: int
    eligible_reached_count: int
    reach_share: float | None
    pass_share: float | None
    median_stay_days: int | None
    p90_stay_days: int | None


@dataclass(frozen=True)
class FlowEdge:
    """How many went from one step to another, by the arm they took."""

    from_step_id: str
    branch_label: str | None
    to_step_id: str
    run_count: int


@dataclass(frozen=True)
class Exit:
    """How many left for one reason, and how many of them met the objective before or after."""

    reason_code: str
    reason_name: str
    exit_count: int
    exit_share: float
    met_before_count: int
    met_after_count: int


@dataclass(frozen=True)
class Event:
    """Something that happened to a run, in words."""

    date: date
    kind: str
    reason_code: str | None
    why_text: str


@dataclass(frozen=True)
class Run:
    """One participant with its label and everything that happened to it."""

    run_id: str
    label: str
    arm: str
    entered_date: date
    status: str
    current_step_id: str | None
    exit_reason: str | None
    exit_override_name: str | None
    exited_date: date | None
    met_at_entry: bool
    met_in_window: bool
    first_met_date: date | None
    matured: bool
    events: tuple[Event, ...]


@dataclass(frozen=True)
class WorkflowFacts:
    """Everything that one workflow's page shows."""

    headline: Headline
    weeks: tuple[Week, ...]
    steps: tuple[FlowStep, ...]
    edges: tuple[FlowEdge, ...]
    exits: tuple[Exit, ...]
    runs: tuple[Run, ...]


Row = dict[str, Any]
_T = TypeVar("_T")


def load_facts(session: DuckDBSession) -> tuple[Clock, tuple[WorkflowFacts, ...]] | None:
    """All facts of the last report, by workflow name; None before the first report."""
    found = _ask(session, "report_clock")
    if not found:
        return None
    zone = ZoneInfo(found[0]["timezone"] or "UTC")
    clock = Clock(found[0]["evaluation_id"], found[0]["as_of"].astimezone(zone), found[0]["name"] or "", str(zone))
    labels = _Labels(session, json.loads(found[0]["files"] or "{}"))
    shared = {name: _ask(session, name) for name in ("weeks", "flow_steps", "flow_edges", "exits")}
    cards = [_headline(row, zone) for row in _ask(session, "workflow_cards")]
    return clock, tuple(_workflow(session, card, shared, labels) for card in cards)


def _workflow(
    session: DuckDBSession, card: Headline, shared: Mapping[str, list[Row]], labels: _Labels
) -> WorkflowFacts:
    own = {name: [r for r in rows if r["workflow_id"] == card.workflow_id] for name, rows in shared.items()}
    return WorkflowFacts(
        headline=card,
        weeks=tuple(_typed(Week, row) for row in own["weeks"]),
        steps=tuple(_typed(FlowStep, row, arms=tuple(json.loads(row["arms"]))) for row in own["flow_steps"]),
        edges=tuple(_typed(FlowEdge, row) for row in own["flow_edges"]),
        exits=tuple(_typed(Exit, row) for row in own["exits"]),
        runs=_runs(session, card.workflow_id, labels),
    )


def _runs(session: DuckDBSession, workflow: str, labels: _Labels) -> tuple[Run, ...]:
    newest = {"workflow": workflow, "most": MOST_PARTICIPANTS}
    rows = _ask(session, "participants", newest)
    events: dict[str, list[Event]] = {row["run_id"]: [] for row in rows}
    for row in _ask(session, "timelines", newest):
        events[row["run_id"]].append(_typed(Event, row))
    names = labels.of({(row["object"], row["customer_id"]) for row in rows})
    return tuple(
        _typed(Run, row, label=names[row["object"], row["customer_id"]], events=tuple(events[row["run_id"]]))
        for row in rows
    )


class _Labels:
    """What people call records. The catalog is read once, and only if the warehouse keeps the project's files."""

    def __init__(self, session: DuckDBSession, files: Mapping[str, str]) -> None:
        self.session = session
        self.catalog = load_project(files).catalog if "project.yaml" in files else None

    def of(self, records: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Labels by object and record; the key where there is none."""
        named = {record: record[1] for record in records}
        for object_ in sorted({object_ for object_, _ in records}):
            sql = labels_query(self.catalog, object_) if self.catalog else None
            if sql is not None:
                keys = sorted(key for of_object, key in records if of_object == object_)
                rows = self.session.rows(sql, {"records": keys})
                named |= {(object_, row["record"]): row["label"] for row in rows if row["label"]}
        return named


def _headline(row: Row, zone: ZoneInfo) -> Headline:
    moments = ("first_matures_at", "newest_entered_at")
    local = {name: row[name].astimezone(zone) if row[name] else None for name in moments}
    return _typed(Headline, row, definition=json.loads(row["definition"]), **local)


def _typed(model: type[_T], row: Row, **different: Any) -> _T:
    """A row as a dataclass: the fields it names, by name."""
    wanted = [field.name for field in fields(model)]  # pyright: ignore[reportArgumentType]
    return model(**{name: different[name] if name in different else row[name] for name in wanted})


def _ask(session: DuckDBSession, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    statement = next(s for s in load_statements("reporting_queries") if s.name == name)
    return session.rows(statement.sql, parameters)
