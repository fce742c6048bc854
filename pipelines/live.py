"""What is live: the definitions that were applied last, and their plan. The folder is never read here."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache

from definitions import Project, UserError, load_project
from definitions.older import OlderVersion, read_version
from pipelines.errors import NothingApplied
from sql import DuckDBSession, Plan, compile_plan


def live_project(session: DuckDBSession) -> tuple[int, Project]:
    """The number of the last apply and its project; raises `NothingApplied` without one."""
    project_id, files = _live(session)
    return project_id, _project(files)


def live_plan(session: DuckDBSession, as_of: datetime) -> tuple[int, Plan]:
    """The number of the last apply and its plan, with older versions that are still followed or observed."""
    project_id, files = _live(session)
    plan = _plan(files, retired_versions(session, as_of))
    _refuse_other_numbers(session, plan)
    return project_id, plan


def _refuse_other_numbers(session: DuckDBSession, plan: Plan) -> None:
    """What was applied with another release may be numbered otherwise: nothing would be found under its numbers."""
    if other := other_numbers(session, plan):
        message = f"`{other[0]}` was applied by another release of Drumbeat, which compiled it otherwise"
        raise UserError(
            "compiled-otherwise", message, "run `drumbeat apply` again; what `held_for` has seen counts from then on"
        )


def other_numbers(session: DuckDBSession, plan: Plan) -> list[str]:
    """Workflows that the present release compiles otherwise than the one that applied them."""
    live = {row["workflow"]: row["logic_fingerprint"] for row in session.ask("live_workflows")}
    return [name for name, made in plan.fingerprints.items() if live.get(name) != made]


def retired_versions(session: DuckDBSession, as_of: datetime) -> tuple[tuple[str, str], ...]:
    """Workflows' older versions that matter still, as (name, definition)."""
    return tuple((row["workflow"], row["definition"]) for row in session.ask("retired_versions", as_of=as_of))


def versions_of(retired: tuple[tuple[str, str], ...]) -> list[OlderVersion]:
    """The same, read."""
    return [read_version(name, text) for name, text in retired]


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
    return compile_plan(_project(files), versions_of(retired))
