"""A delivery to a sink which writes each copy it takes to a file, in a process that may kill itself on the way.

At the given pass of a point (or in the sink, `handed over`, or `answered`) the process is gone as by a power button; the
point `none` lets it end. What is delivered is of the project that is live.
"""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import Action, Batch, Outcome, Receipt, Traits
from pipelines.delivery import deliver
from pipelines.lease import lease
from pipelines.live import live_project
from sql import DuckDBSession

AT_ONCE = 4
POINTS = (
    "claimed",
    "attempt journalled",
    "handed over",
    "answered",
    "reply read",
    "result journalled",
    "before the note",
    "noted",
)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Dying:
    """Counts the passes of one point, and dies at the last one."""

    def __init__(self, point: str, passes: int) -> None:
        self.point, self.left, self.lock = point, passes, threading.Lock()

    def at(self, point: str) -> None:
        """Pass a point."""
        with self.lock:
            if point == self.point:
                self.left -= 1
                if self.left <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)


class Copies:
    """A sink that takes every copy: one line of a file each, written at once and never taken back."""

    def __init__(self, file: Path, dedupes: Any, dying: Dying) -> None:
        self.file = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self.traits = Traits(dedupes=dedupes, dedupes_for=timedelta(days=1), at_once=AT_ONCE)
        self.dying = dying

    def write(self, batch: Batch) -> Receipt:
        """Take a batch of one."""
        (action,) = batch.actions
        self.dying.at("handed over")
        os.write(self.file, f"{action.action_id}\n".encode())
        self.dying.at("answered")
        return Receipt("file", "", (Outcome(action.action_id, "accepted"),))

    def ask(self, action: Action) -> Outcome | None:
        """It cannot be asked."""
        return None

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.file)


def deliver_once(warehouse: Path, copies: Path, dedupes: str, point: str, passes: int, minutes: int) -> None:
    """Deliver once."""
    dying = Dying(point, passes)
    with lease(warehouse, "sender", 10), DuckDBSession(warehouse) as session:
        _, project = live_project(session)
        sink = Copies(copies, dedupes, dying)
        deliver(session, project, {"out": sink}, START + timedelta(minutes=minutes), crash_point=dying.at)
