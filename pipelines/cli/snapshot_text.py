"""A snapshot in words, and its progress on a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pipelines.incoming import Tell
    from pipelines.snapshot import Snapshot


def snapshot_lines(taken: Snapshot) -> Iterator[str]:
    """One line an object."""
    if not taken.taken:
        yield f"nothing to do: there is a snapshot of {taken.as_of.isoformat()} already"
        return
    put_aside = 0
    for counts in taken.objects:
        odd = [
            f", {count} {what}"
            for count, what in (
                (counts.null_key_count, "without key left out"),
                (counts.duplicate_count, "duplicates left out"),
                (counts.unreadable_count, "unreadable values"),
            )
            if count
        ]
        put_aside += counts.null_key_count + counts.unreadable_count
        changes = f"+{counts.created_count} ~{counts.updated_count} -{counts.deleted_count}"
        read = f", {counts.row_count} rows read" if counts.is_partial else ""
        records = f"{counts.record_count} record{'s' if counts.record_count != 1 else ''}"
        yield f"  {counts.object}: {records} ({changes}{read})" + "".join(odd)
    if put_aside:
        yield "see journal.quarantine for what was put aside, and why"


@contextlib.contextmanager
def progress(stream: TextIO | None = None) -> Generator[Tell]:
    """Inside, whoever is told of rows shows them, each object on a line of its own; nothing where nobody looks."""
    shown = stream or sys.stderr
    if not shown.isatty():
        from pipelines.incoming import tell_nobody

        yield tell_nobody
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,} rows"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(file=shown), transient=True) as made:
        tasks: dict[str, TaskID] = {}

        def tell(object_: str, rows: int) -> None:
            if object_ not in tasks:
                tasks[object_] = made.add_task(object_, total=None)
            made.update(tasks[object_], advance=rows)

        yield tell
