"""Report tables -> facts: the only place of the dashboard that asks the warehouse, and it asks schema `report` alone.

Times are turned into the project's zone here, so that a page shows the dates by which the evaluator counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pipelines.dashboard.facts import (
    Alert,
    Branch,
    Clock,
    CohortCell,
    Curve,
    CurvePoint,
    Day,
    Event,
    Exit,
    ExitDay,
    Figure,
    FlowEdge,
    FlowStep,
    Headline,
    Impact,
    Rate,
    Response,
    Run,
    Seen,
    SegmentRate,
    StateClass,
    Uplift,
    Version,
    WorkflowFacts,
)
from pipelines.dashboard.queue_facts import Failed, Metric, Queues, Upcoming, Waiting
from sql import DuckDBSession
from sql.statements import load_statements

Row = dict[str, Any]
_UTC = ZoneInfo("UTC")
_NAMES = {"customer_name", "name", "owner", "recipient", "label", "description", "message"}
_T = TypeVar("_T")

_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of all that follows them; a name may not do that to a page."""

_BY_WORKFLOW: Mapping[str, tuple[str, type[Any]]] = {
    "versions": ("versions", Version),
    "days": ("days", Day),
    "rates": ("rates", Rate),
    "curve_points": ("curve_points", CurvePoint),
    "curves": ("curves", Curve),
    "after_exit": ("after_exit", ExitDay),
    "cohorts": ("cohorts", CohortCell),
    "segments": ("segments", SegmentRate),
    "classes": ("classes", StateClass),
    "branches": ("branches", Branch),
    "responses": ("responses", Response),
    "impacts": ("impacts", Impact),
    "figures": ("figures", Figure),
    "alerts": ("alerts", Alert),
    "steps": ("flow_steps", FlowStep),
    "edges": ("flow_edges", FlowEdge),
    "exits": ("exits", Exit),
}
"""What a workflow's page shows -> the statement that finds it for all workflows, and what a row becomes."""


@dataclass(frozen=True)
class Report:
    """Everything but participants, which are asked for some workflows at a time."""

    clock: Clock
    workflows: tuple[WorkflowFacts, ...]
    queues: Queues
    dictionary: tuple[Metric, ...]


def load_report(session: DuckDBSession) -> Report | None:
    """All facts of the last report, by workflow name; None before the first report."""
    found = _ask(session, "report_clock")
    if not found:
        return None
    zone = ZoneInfo(found[0]["reporting_zone"])
    clock = _clock(found[0], zone)
    shared = {name: _grouped(session, *asked, zone) for name, asked in _BY_WORKFLOW.items()}
    uplifts = _grouped(session, "uplifts", Uplift, zone)
    cards = [_typed(Headline, row, zone) for row in _ask(session, "workflow_cards")]
    workflows = tuple(_workflow(card, shared, uplifts) for card in cards)
    return Report(clock, workflows, _queues(session, zone), tuple(_all(session, "dictionary", Metric, zone)))


def load_runs(session: DuckDBSession, workflows: Sequence[str], most: int) -> dict[str, list[Run]]:
    """All participants of some workflows, the newest first, and what happened to the newest `most` of each."""
    runs: dict[str, list[Run]] = {workflow: [] for workflow in workflows}
    events: dict[str, list[Event]] = {}
    for workflow, run_id, customer, name, *others in _tuples(session, "participants", {"workflows": list(workflows)}):
        events[run_id] = []
        runs[workflow].append(Run(run_id, customer, _straight(name), *others, events=events[run_id]))
    asked = {"workflows": list(workflows), "most": most}
    for run_id, date, kind, reason, why, value, step_id, trace in _tuples(session, "timelines", asked):
        seen = _seen(trace) if trace else ()
        events[run_id].append(Event(date, kind, reason, _straight(why), value, step_id, seen))
    return runs


def _clock(row: Row, zone: ZoneInfo) -> Clock:
    source_at = row["oldest_source_at"]
    return Clock(
        evaluation_id=row["evaluation_id"],
        as_of=row["as_of"].astimezone(zone),
        project=row["project"],
        timezone=str(zone),
        post_exit_days=row["post_exit_days"],
        source_at=source_at.astimezone(zone) if source_at else None,
    )


def _workflow(
    card: Headline, shared: Mapping[str, dict[str, list[Any]]], uplifts: dict[str, list[Any]]
) -> WorkflowFacts:
    own = {name: tuple(rows.get(card.workflow_id, ())) for name, rows in shared.items()}
    uplift = next(iter(uplifts.get(card.workflow_id, ())), None)
    return WorkflowFacts(headline=card, uplift=uplift, **own)


def _queues(session: DuckDBSession, zone: ZoneInfo) -> Queues:
    return Queues(
        upcoming=tuple(_all(session, "upcoming", Upcoming, zone)),
        waiting=tuple(_all(session, "waiting", Waiting, zone)),
        failed=tuple(_all(session, "failed", Failed, zone)),
        alerts=tuple(_all(session, "alerts", Alert, zone)),
        cleared_alerts=tuple(_all(session, "cleared_alerts", Alert, zone)),
    )


def _straight(words: str) -> str:
    return words if words.isascii() else _TURNING.sub("", words)


def _seen(trace: str) -> tuple[Seen, ...]:
    """What made the entry condition true, leaf by leaf; without evidence the fields that it names, as they were at entry."""
    told = json.loads(trace)
    leaves: list[Row] | None = told.get("leaves")
    if leaves is None:
        named: Row = told.get("record") or {}
        return tuple(Seen(_straight(name).replace("_", " "), (("", value),)) for name, value in named.items())
    return tuple(
        Seen(
            leaf["leaf"] if leaf["holds"] else f"not {leaf['leaf']}",
            tuple((s["what"], s["value"]) for s in leaf["saw"]),
        )
        for leaf in leaves
    )


def _grouped(session: DuckDBSession, statement: str, model: type[_T], zone: ZoneInfo) -> dict[str, list[_T]]:
    found: dict[str, list[_T]] = {}
    for row in _ask(session, statement):
        found.setdefault(row["workflow_id"], []).append(_typed(model, row, zone))
    return found


def _all(session: DuckDBSession, statement: str, model: type[_T], zone: ZoneInfo) -> Iterator[_T]:
    return (_typed(model, row, zone) for row in _ask(session, statement))


def _typed(model: type[_T], row: Row, zone: ZoneInfo) -> _T:
    """A row as a dataclass: the fields it names, by name; instants in the project's zone, JSON read."""
    return model(**{name: _value(name, row[name], zone) for name in _names(model) if name in row})


@cache
def _names(model: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(model))


def _value(name: str, value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone)
    if isinstance(value, str) and name in _NAMES:
        return _straight(value)
    if name == "definition":
        return json.loads(value or "{}")
    return tuple(json.loads(value or "[]")) if name == "arms" else value


def _ask(session: DuckDBSession, name: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
    return session.rows(_statements()[name], parameters)


def _tuples(session: DuckDBSession, name: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return session.tuples(_statements()[name], parameters)


@cache
def _statements() -> Mapping[str, str]:
    return {s.name: s.sql for s in load_statements("reporting_queries")}
