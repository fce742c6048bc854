"""Report tables: those of the workflows whose rows can have changed are made anew, for the last evaluation.

A hash of everything that a workflow's rows are made from says whether they can have changed (`sql/reporting/00_scope.sql`). A
full refresh makes all of them and comes to the same rows; only what was published before and alerts are remembered.
A reader sees the old report or the new one: tables change in one transaction, files by renaming.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from definitions import load_project
from definitions.catalog import Catalog
from pipelines.evidence import EntryQuestions, entry_evidence
from sql import DuckDBSession
from sql.labels import labels_query
from sql.published import COPY, ORDER, parquet_copy, table_copy
from sql.statements import Statement, load_statements

COMPARISON = r"^([\w.]+) (>=|<=|<>|=|>|<) ('[^']*'|[-\w.]+)$"
"""An objective that is one comparison of a field with a value."""


def refresh_reports(
    session: DuckDBSession, *, full: bool = False, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> None:
    """Bring every report table up to the last evaluation; before the first one there is nothing to report.

    With `full` all rows are made anew, and not only those of workflows that can have changed. `now` dates the tables.
    """
    latest = session.rows(_query("latest_evaluation"))
    if not latest:
        return
    started = time.perf_counter()
    defined = _defined(latest[0]["files"] or "{}")
    evidence = entry_evidence(session, defined.questions, latest[0]["evaluation_id"])
    parameters: dict[str, Any] = {
        "as_of": latest[0]["as_of"],
        "evaluation_id": latest[0]["evaluation_id"],
        "full": full,
        "comparison": COMPARISON,
    }
    with session.transaction():
        session.append("report.entry_evidence", evidence)
        _name_customers(session, defined.catalog)
        statements = load_statements("reporting")
        _run_all(session, (s for s in statements if s.stage == "00_scope"), parameters)
        made = session.rows(_query("made_for"))[0]
        if not made["scope_count"] and made["evaluation_id"] == parameters["evaluation_id"]:
            return
        _run_all(session, (s for s in statements if s.stage != "00_scope"), parameters)
        parameters |= {"built_at": now(), "build_ms": round(1000 * (time.perf_counter() - started))}
        for name in ("clear_meta", "note_meta"):
            session.run(_statement(name), parameters)


def _run_all(session: DuckDBSession, statements: Iterable[Statement], parameters: dict[str, Any]) -> None:
    for statement in statements:
        # what is made of nothing is passed over: planning it would take as long as making it
        if not statement.needs or any(session.filled[table] for table in statement.needs):
            session.run(statement, parameters)


Row = dict[str, Any]


def keep_evidence(session: DuckDBSession) -> None:
    """Keep why those entered whom the last evaluation let in, without a report: for who replays many evaluations at once."""
    latest = session.rows(_query("latest_evaluation"))
    if latest:
        questions = _defined(latest[0]["files"] or "{}").questions
        found = entry_evidence(session, questions, latest[0]["evaluation_id"])
        session.append("report.entry_evidence", found)


def headlines_of(session: DuckDBSession) -> tuple[list[Row], dict[str, list[float | None]], list[Row]]:
    """Each workflow's headline, its rate at the end of each of the last twelve weeks, and the alerts that last."""
    trends: dict[str, list[float | None]] = {}
    for row in session.rows(_query("weekly_rates")):
        trends.setdefault(row["workflow_id"], []).append(row["met_share"])
    return session.rows(_query("headlines")), trends, session.rows(_query("open_alerts"))


@dataclass(frozen=True)
class _Defined:
    """What a report takes from the definitions that an evaluation was made with."""

    catalog: Catalog
    questions: EntryQuestions


# what is live changes rarely, and a replay asks for it again and again
@lru_cache(maxsize=4)
def _defined(files: str) -> _Defined:
    read = json.loads(files)
    if "project.yaml" not in read:
        return _Defined(Catalog({}), EntryQuestions(None))
    project = load_project(read)
    return _Defined(project.catalog, EntryQuestions(project))


def _name_customers(session: DuckDBSession, catalog: Catalog) -> None:
    """Two temporary tables: what people call participating records, and which fields say owner, segment and plan."""
    # a table takes its columns from its first row, and there may be no other
    names: list[Row] = [{"object": "", "record": "", "label": ""}]
    for row in session.rows(_query("participating")):
        sql = labels_query(catalog, row["object"])
        found = session.rows(sql, {"records": row["records"]}) if sql is not None else []
        names += [{"object": row["object"], **name} for name in found if name["label"]]
    attributes = [{"object": "", "role": "", "field": ""}]
    attributes += [
        {"object": name, "role": role, "field": field}
        for name, spec in catalog.objects.items()
        for role, field in spec.report.roles.items()
    ]
    session.load_rows("report_names", names)
    session.load_rows("report_attributes", attributes)


def publish_reports(session: DuckDBSession, folder: Path) -> list[Path]:
    """Write each report table as one Parquet file, named after it, and all of them as `report.duckdb`.

    Other programs read these while the evaluator writes to the warehouse. Whoever has a file open keeps the old one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    published: list[Path] = []
    for table in ORDER:
        path = folder / f"{table}.parquet"
        unfinished = path.with_suffix(".parquet.unfinished")
        session.execute(parquet_copy(table), {"path": str(unfinished)}, f"publish {table}")
        unfinished.replace(path)
        published.append(path)
    return [*published, _publish_file(session, folder / "report.duckdb")]


def _publish_file(session: DuckDBSession, path: Path) -> Path:
    unfinished = path.with_suffix(".duckdb.unfinished")
    for left_over in (unfinished, unfinished.with_suffix(".unfinished.wal")):
        left_over.unlink(missing_ok=True)
    words: dict[str, dict[str | None, str]] = {table: {} for table in ORDER}
    for row in session.rows(_query("report_words")):
        if row["table_name"] in words:
            words[row["table_name"]][row["column_name"]] = row["comment"]
    session.attach(unfinished, COPY, read_only=False)
    try:
        with session.transaction():
            for table in ORDER:
                for sql in table_copy(table, words[table]):
                    session.execute(sql, name=f"publish {table}")
        session.execute(f"CHECKPOINT {COPY}", name="finish the copy")
    finally:
        session.execute(f"DETACH {COPY}", name="close the copy")
    unfinished.replace(path)
    return path


def _query(name: str) -> str:
    return _statement(name).sql


def _statement(name: str) -> Statement:
    return next(s for s in load_statements("reporting_queries") if s.name == name)
