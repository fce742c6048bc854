"""Files of lines that outlive a crash: where the last whole line ends, and that a new file is known to its folder."""

from __future__ import annotations

import os
from pathlib import Path


def end_of_lines(path: Path) -> int:
    """The bytes up to the end of the last whole line."""
    end = path.stat().st_size
    with path.open("rb") as file:
        step = 1  # nearly always the last byte ends a line
        while end > 0:
            start = max(0, end - step)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end, step = start, 65_536
    return 0


def sync_folder(folder: Path) -> None:
    """Sync a folder: a file that was made in it is still there after a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
