"""One writer at a time. The engine's own lock is not enough: it can vanish when a file is copied or a process forks.

The lease is an advisory lock on a file beside the warehouse; the kernel lets go of it when its process dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Generator
from pathlib import Path

from pipelines.errors import LeaseHeld


@contextlib.contextmanager
def lease(warehouse: Path, purpose: str, wait_seconds: float = 0.0) -> Generator[None]:
    """Hold the lease of a warehouse; raises `LeaseHeld` with the holder when it is not free in time."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    path = warehouse.with_name(f"{warehouse.name}.lease")
    with path.open("a+") as file:
        _acquire(file.fileno(), path, time.monotonic() + wait_seconds)
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"pid": os.getpid(), "purpose": purpose}))
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def _acquire(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LeaseHeld(_holder(path)) from None
            time.sleep(0.05)


def _holder(path: Path) -> str:
    try:
        held = json.loads(path.read_text())
        return f"process {held['pid']} (`{held['purpose']}`)"
    except (ValueError, KeyError, OSError):
        return "another process"
