"""The project's folder as a Dagster resource: it opens the warehouse for one step.

Every step takes the lease for itself and gives it back, so that the command line may work between two steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

import dagster as dg
from pydantic import Field

from definitions import EnvironmentFault, UserError
from pipelines.errors import LeaseHeld
from pipelines.workspace import Workspace
from sql import DuckDBSession
from sql.errors import WarehouseBusy

POOL = "duckdb_writer"
"""The pool of one that every op belongs to which opens the warehouse."""


class ProjectFolder(dg.ConfigurableResource["ProjectFolder"]):
    """One project folder, and its warehouse while a step needs it."""

    root: str = Field(description="the project's folder")
    wait_seconds: float = Field(
        default=15.0, description="how long a step waits for the lease before it is tried again"
    )

    @property
    def workspace(self) -> Workspace:
        """The folder at work; definitions and settings are read anew for each step."""
        return Workspace(Path(self.root))

    @contextlib.contextmanager
    def session(self, workspace: Workspace, purpose: str) -> Generator[DuckDBSession]:
        """The warehouse under lease. Held by another: the step is tried again; what a reader must mend: it fails at once."""
        try:
            with workspace.session(f"{purpose}, by Dagster", wait_seconds=self.wait_seconds) as session:
                yield session
        except (LeaseHeld, WarehouseBusy) as error:
            raise dg.RetryRequested(max_retries=3, seconds_to_wait=30) from error
        except (UserError, EnvironmentFault) as error:
            raise dg.Failure(str(error), allow_retries=False) from error
