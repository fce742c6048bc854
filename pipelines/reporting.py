"""Report tables: made anew from the state of the last evaluation, and handed out as Parquet.

Nothing is kept from one report to the next, so a report can be made again at will and two of the same state are the
same. A reader sees the old report or the new one: tables change in one transaction, files by renaming.
"""

from __future__ import annotations

from pathlib import Path

from sql import DuckDBSession
from sql.statements import load_statements


def refresh_reports(session: DuckDBSession) -> None:
    """Make every report table for the last evaluation; before the first one there is nothing to report."""
    queries = {s.name: s.sql for s in load_statements("reporting_queries")}
    latest = session.rows(queries["latest_evaluation"])
    if not latest:
        return
    with session.transaction():
        for statement in load_statements("reporting"):
            session.run(statement, latest[0])


def publish_reports(session: DuckDBSession, folder: Path) -> list[Path]:
    """Write each report table as one Parquet file, named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    published: list[Path] = []
    for statement in (s for s in load_statements("reporting_queries") if s.stage.endswith("publish")):
        path = folder / f"{statement.name}.parquet"
        unfinished = path.with_suffix(".parquet.unfinished")
        session.run(statement, {"path": str(unfinished)})
        unfinished.replace(path)
        published.append(path)
    return published
