"""Who may do what, by the names that the command line knows people by.

What is live says it, not the folder: nobody lets himself in with the very apply that he may not make.
"""

from __future__ import annotations

from typing import Literal

from definitions import Project, UserError
from pipelines.live import live_project
from sql import DuckDBSession


def see_allowed(
    session: DuckDBSession, who: str, what: Literal["apply", "order"], folder: Project | None = None
) -> None:
    """Raise unless somebody may apply or give orders. Before the first apply the folder's roles count."""
    project = live_project(session)[1] if session.ask("live_project") else folder
    allowed = getattr(project.settings.roles, what) if project is not None else ()
    if allowed and who not in allowed:
        names = ", ".join(f"`{name}`" for name in allowed)
        raise UserError("not-allowed", f"`{who}` may not {what}: `roles` in project.yaml names {names}")
