"""A generated world on disk: its rows, its project, and warehouses that measurements begin from. Each part is made once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from benchmarks.crm_rows import LATER, NOW, write_changes, write_rows, write_whole
from benchmarks.meter import Meter, MeteredSession
from benchmarks.project_files import Generated
from connectors import Source, open_source
from definitions import load_project, read_folder
from definitions.connections import FileSourceSettings
from pipelines.apply import apply_project
from pipelines.evaluation import evaluate
from pipelines.live import live_plan, live_project
from pipelines.snapshot import take_snapshot

SETTLED = NOW + timedelta(seconds=1)
"""By then the evaluation after everybody entered is over, which looks at all of them once more; and the snapshot after all rows
were new, which forgets that they were."""
DUE_SHARE = 0.02


@dataclass(frozen=True)
class World:
    """Where a world of a scale, a number of workflows and settings of the evaluation lies under a folder."""

    home: Path
    scale: float
    workflows: int
    everyone: int
    seed: int = 7
    how: str | None = None

    @property
    def rows(self) -> Path:
        """The rows as they stand at first, as Parquet files."""
        return self._rows("first", lambda folder: write_rows(folder, self.scale, self.seed))

    @property
    def no_changes(self) -> Path:
        """The same files without rows, as nothing has changed; users are always read whole."""
        return self._rows("no-changes", self._empty)

    def changes(self, share: float) -> Path:
        """The rows that ten minutes changed, at a share of the accounts."""
        return self._rows(f"changes-{share}", lambda folder: write_changes(folder, self.scale, self.seed, share))

    def whole(self, share: float) -> Path:
        """All rows as they stand after that."""
        rows, changes = self.rows, self.changes(share)
        return self._rows(f"whole-{share}", lambda folder: write_whole(folder, rows, changes))

    @cached_property
    def generated(self) -> Generated:
        """The project's definitions."""
        return Generated(self.workflows, self.seed, self.everyone, self.how)

    @property
    def folder(self) -> Path:
        """The project folder."""
        parts = (f"{self.scale:g}", self.workflows, min(self.everyone, self.workflows), self.seed, self.how)
        return self.home / "-".join(["project", *(str(part) for part in parts if part is not None)])

    @property
    def loaded(self) -> Path:
        """A warehouse with the project applied and the first snapshot taken; nothing is evaluated yet."""
        return self._warehouse("loaded", lambda path: build_loaded(self, path, Meter()))

    @property
    def evaluated(self) -> Path:
        """The same after two evaluations, with a share of the participants due at `LATER`."""
        return self._warehouse("evaluated", self._evaluate)

    def sources(self, rows: Path) -> dict[str, Source]:
        """The project's sources, with their rows from a folder."""
        settings = FileSourceSettings(kind="files", path=str(rows.absolute()), format="parquet")
        return {"crm": open_source(settings, self.folder)}

    def build(self, meter: Meter) -> dict[str, int]:
        """Make the loaded warehouse again, measured; the first one is kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made, kept = self.folder / "measured.duckdb", self.folder / "loaded.duckdb"
        made.unlink(missing_ok=True)
        counts = build_loaded(self, made, meter)
        if kept.exists():
            made.unlink()
        else:
            made.rename(kept)
        return counts

    @contextmanager
    def copy(self, warehouse: Path) -> Iterator[Path]:
        """A copy of a warehouse to be changed; it is deleted afterwards."""
        made = self.folder / "copy.duckdb"
        shutil.copyfile(warehouse, made)
        try:
            yield made
        finally:
            for path in self.folder.glob("copy.duckdb*"):
                path.unlink()

    def _rows(self, name: str, write: Callable[[Path], object]) -> Path:
        made = self.home / f"rows-{self.scale:g}-{self.seed}" / name
        return _once(made, write)

    def _empty(self, folder: Path) -> None:
        folder.mkdir()
        for file in self.rows.glob("*.parquet"):
            rows = pl.scan_parquet(file)
            (rows if file.stem == "users" else rows.head(0)).sink_parquet(folder / file.name)

    def _warehouse(self, name: str, build: Callable[[Path], object]) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return _once(self.folder / f"{name}.duckdb", build)

    def _evaluate(self, path: Path) -> None:
        shutil.copyfile(self.loaded, path)
        with session_of(path) as session:
            evaluate(session, NOW)
            snapshot(session, self, self.no_changes, SETTLED)
            evaluate(session, SETTLED)
            spread_due(session, LATER)
            session.execute("CHECKPOINT")


def _once(made: Path, build: Callable[[Path], object]) -> Path:
    """What is made halfway is not taken for whole when it is asked for again."""
    if not made.exists():
        half = made.with_name(f"half-{made.name}")
        if half.is_dir():
            shutil.rmtree(half)
        half.unlink(missing_ok=True)
        build(half)
        half.rename(made)
    return made


def session_of(path: Path, memory: str | None = None) -> MeteredSession:
    """A session of a warehouse. Unless told, half of the machine's memory is the engine's: beside it stand the bits."""
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return MeteredSession(path, timezone="UTC", memory=memory or f"{half >> 20}MiB")


def build_loaded(world: World, path: Path, meter: Meter) -> dict[str, int]:
    """Write the project, apply it and take the first snapshot; returns what the plan counts."""
    rows = world.rows
    with meter.measure("generate workflows"):
        world.generated.write(world.folder)
    with meter.measure("load and check the files"):
        project = load_project(read_folder(world.folder))
    with session_of(path) as session:
        session.migrate()
        with meter.measure("apply"):
            apply_project(session, project, at=NOW, by="benchmark")
        with meter.measure("compile"):
            _, plan = live_plan(session, NOW)
        with meter.measure("snapshot, all new"):
            snapshot(session, world, rows, NOW)
        session.execute("CHECKPOINT")
    return {"statements": len(plan.statements), "sql_kb": sum(len(s.sql) for s in plan.statements) // 1000}


def snapshot(session: MeteredSession, world: World, rows: Path, instant: datetime, whole: bool = False) -> None:
    """Take a snapshot of the rows in a folder."""
    _, project = live_project(session)
    take_snapshot(session, project, world.sources(rows), instant, whole=whole)


def spread_due(session: MeteredSession, instant: datetime) -> None:
    """Participants entered together and would be due together: make a share of them due at an instant, as after weeks."""
    session.execute(
        "UPDATE state.open_participants SET due_at = $instant "
        f"WHERE status = 'active' AND due_at IS NOT NULL AND hash(participant_id) % 1000 < {DUE_SHARE * 1000:.0f}",
        {"instant": instant},
    )
