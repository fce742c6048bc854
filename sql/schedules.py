"""Windows and calendars of a project as rows of the live tables."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any

from definitions.communication import MINUTES_A_DAY, Communication, Window
from definitions.communication_rules import calendars_of
from definitions.project import Project
from definitions.workflow import Workflow
from sql.names import BLACKOUTS, WINDOWS, WORKFLOW_CALENDARS

Segment = tuple[int, int, int]
"""A weekday, the first minute and the first minute after."""


def publish_communication(project: Project) -> dict[str, list[dict[str, Any]]]:
    """The windows, blackouts and calendars of all workflows, by table."""
    schedules = {schedule_id(w): segments_of(_of(w).window) for _, w in sorted(project.workflows.items())}
    return {
        WINDOWS: [
            {"schedule_id": schedule, "weekday": weekday, "from_minute": opens, "to_minute": closes}
            for schedule, segments in schedules.items()
            for weekday, opens, closes in segments
        ],
        BLACKOUTS: [
            {
                "calendar": name,
                "first_date": blackout.first,
                "last_date": blackout.last,
                "is_yearly": blackout.yearly,
                "is_holiday": calendar.holidays,
                "name": blackout.name,
            }
            for name, calendar in sorted(project.calendars.items())
            for blackout in calendar.dates
        ],
        WORKFLOW_CALENDARS: [
            {"workflow": name, "calendar": calendar}
            for name, workflow in sorted(project.workflows.items())
            for calendar in calendars_of(workflow, project)
        ],
    }


def schedule_id(workflow: Workflow) -> str:
    """The hash of a workflow's windows: workflows that mean the same have the same."""
    return hashlib.md5(str(segments_of(_of(workflow).window)).encode()).hexdigest()[:16]


def fallback_zone(workflow: Workflow, project: Project) -> str:
    """The zone of recipients whose own is not known."""
    return _of(workflow).timezone.fallback or project.settings.timezone


def _of(workflow: Workflow) -> Communication:
    return workflow.communication or Communication()


def segments_of(windows: tuple[Window, ...]) -> tuple[Segment, ...]:
    """Windows by weekday: one that spans midnight is two, and those that touch are one.

    >>> segments_of((Window.model_validate({"days": "sat", "from": "22:00", "to": "02:00"}),))
    ((6, 1320, 1440), (7, 0, 120))
    """
    pieces: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for window in windows:
        for day in window.days:
            if window.from_ < window.to:
                pieces[day].append((window.from_, window.to))
            else:
                pieces[day].append((window.from_, MINUTES_A_DAY))
                pieces[day % 7 + 1].append((0, window.to))
    return tuple((day, *piece) for day in sorted(pieces) for piece in _joined(pieces[day]))


def _joined(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for opens, closes in sorted(piece for piece in pieces if piece[0] < piece[1]):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined
