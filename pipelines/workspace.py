"""A project folder at work: its definitions, its warehouse under lease, its sources and sinks.

Where the warehouse, the sources and the sinks are is read from project.yaml alone: a workflow file that is being edited
never stops a scheduled run, which reads what was applied.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from connectors import Sink, Source, open_sink
from definitions import EnvironmentFault, Project, ProjectSettings, load_project, load_settings, read_folder
from pipelines.lease import lease
from pipelines.places import inbox_of, stop_file_of
from pipelines.results import Places
from pipelines.sources import source_of
from sql import DuckDBSession


@dataclass(frozen=True)
class Workspace:
    """One project folder. Definitions are read when first asked for."""

    root: Path

    @cached_property
    def project(self) -> Project:
        """The definitions as they stand in the folder."""
        return load_project(read_folder(self.root))

    @cached_property
    def settings(self) -> ProjectSettings:
        """project.yaml as it stands in the folder."""
        return load_settings(self.root)

    @property
    def warehouse(self) -> Path:
        """The warehouse file."""
        return self.root / self.settings.warehouse

    @property
    def stop_file(self) -> Path:
        """While it is there nothing is delivered."""
        return stop_file_of(self.warehouse)

    @property
    def out(self) -> Path:
        """Where reports and the dashboard go."""
        return self.root / "out"

    def sources(self) -> dict[str, Source]:
        """Every source of the project, opened."""
        return {name: source_of(spec, self.root) for name, spec in self.settings.sources.items()}

    def sinks(self) -> dict[str, Sink]:
        """Every sink of the project, opened."""
        return {name: open_sink(spec, self.root) for name, spec in self.settings.sinks.items()}

    @property
    def inbox(self) -> Path:
        """Where a receiver puts what came back."""
        return inbox_of(self.warehouse)

    def places(self, *, tables: bool = True) -> Places:
        """Where results may lie; without `tables` only what is near: the inbox and folders."""
        listed = self.settings.results
        wanted = {spec.source for spec in listed if spec.source} if tables else set[str]()
        sources = {name: source_of(spec, self.root) for name, spec in self.settings.sources.items() if name in wanted}
        return Places(self.root, self.settings.timezone, listed, sources)

    @contextlib.contextmanager
    def session(self, purpose: str, *, create: bool = False, wait_seconds: float = 0.0) -> Generator[DuckDBSession]:
        """The warehouse, under lease and up to date. Without `create` a missing file is an `EnvironmentFault`."""
        if not create and not self.warehouse.is_file():
            raise EnvironmentFault(
                "no-warehouse", f"there is no warehouse `{self.warehouse}`", "run `drumbeat apply` first"
            )
        with (
            lease(self.warehouse, purpose, wait_seconds),
            DuckDBSession(self.warehouse, timezone=self.settings.timezone, memory=self.settings.memory) as session,
        ):
            session.migrate()
            yield session

    @contextlib.contextmanager
    def held(self, purpose: str) -> Generator[Path]:
        """The warehouse file, up to date and closed, under lease: nobody writes to it meanwhile."""
        with self.session(purpose):
            pass
        with lease(self.warehouse, purpose):
            yield self.warehouse
