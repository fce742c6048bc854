"""A process that runs cycles until it is done or killed: `python worker.py FOLDER CYCLES`. Says `ready` once it begins."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.apply import apply_project
from pipelines.cycle import finish_cycle, run_cycle
from pipelines.workspace import Workspace

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def main(folder: Path, cycles: int) -> None:
    """Apply, then one cycle a day from where the warehouse stands."""
    workspace = Workspace(folder)
    with workspace.session("worker", create=True, wait_seconds=10) as session:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        apply_project(session, workspace.project, at=START, by="worker")
        finish_cycle(session, workspace)
        last = session.ask("last_evaluation")
        for day in range(cycles):
            instant = START + timedelta(days=day)
            if not last or instant > last[0]["as_of"]:
                run_cycle(session, workspace, instant)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
