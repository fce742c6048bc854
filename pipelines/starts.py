"""Starts: copies of a warehouse as of an evaluation, from which later ones can be made again without what came before.

A start lies beside the warehouse and is named after its evaluation and its own hash, so that a changed byte is seen.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from definitions import UserError
from sql import DuckDBSession

UNSEEN: tuple[str, ...] = ("commands", "results", "suppressions", "attempts", "batches")


def starts_of(warehouse: Path) -> dict[int, Path]:
    """The starts of a warehouse by evaluation, the oldest first."""
    found = sorted(_folder(warehouse).glob("*-*.duckdb"))
    return {int(path.stem.partition("-")[0]): path for path in found}


def load_start(session: DuckDBSession, path: Path) -> None:
    """Fill an empty warehouse in memory with a start; raises `UserError` when the file is not the one that was written."""
    if not path.stem.endswith(f"-{_hash(path)}"):
        message = f"the start `{path}` is not what was written"
        raise UserError("start-changed", message, "restore it from a backup, or move it away to begin before it")
    session.copy_from(path)


def keep_start(session: DuckDBSession, warehouse: Path) -> Path:
    """Write a warehouse in memory as a start of another one; returns its file. What the session holds is spoiled by it."""
    session.execute_query("forget_records")
    for name in UNSEEN:
        session.execute_query(f"start_without_{name}")
    folder = _folder(warehouse)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "unfinished"
    unfinished.unlink(missing_ok=True)
    session.copy_to(unfinished)
    evaluation_id = session.ask("reached")[0]["evaluation_id"]
    return unfinished.rename(folder / f"{evaluation_id:06d}-{_hash(unfinished)}.duckdb")


def forget_records(warehouse: Path) -> None:
    """Drop the kept records of a warehouse, for which a start made just now stands."""
    with DuckDBSession(warehouse) as session:
        session.execute_query("forget_records")


def _folder(warehouse: Path) -> Path:
    return warehouse.with_suffix(".starts")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
