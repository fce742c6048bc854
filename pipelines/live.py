"""What is live: the definitions that were applied last, and their plan. The folder is never read here."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache

from definitions import Project, Workflow, load_project
from pipelines.errors import NothingApplied
from sql import DuckDBSession, Plan, compile_plan


def live_project(session: DuckDBSession) -> tuple[int, Project]:
    """The number of the last apply and its project; raises `NothingApplied` without one."""
    project_id, files = _live(session)
    return project_id, _project(files)


def live_plan(session: DuckDBSession, as_of: datetime) -> tuple[int, Plan]:
    """The number of the last apply and its plan, with the objectives of older versions that are still observed."""
    project_id, files = _live(session)
    retired = tuple((row["workflow"], row["definition"]) for row in session.ask("retired_versions", as_of=as_of))
    return project_id, _plan(files, retired)


def _live(session: DuckDBSession) -> tuple[int, str]:
    """The last apply; the session takes its timezone, whatever the folder says by now."""
    rows = session.ask("live_project")
    if not rows:
        raise NothingApplied()
    session.set_timezone(rows[0]["timezone"])
    return rows[0]["project_id"], rows[0]["files"]


# what is live changes rarely, and a replay asks for it again and again


@lru_cache(maxsize=4)
def _project(files: str) -> Project:
    return load_project(json.loads(files))


@lru_cache(maxsize=4)
def _plan(files: str, retired: tuple[tuple[str, str], ...]) -> Plan:
    made = [(name, Workflow.model_validate(json.loads(text))) for name, text in retired]
    return compile_plan(_project(files), made)
