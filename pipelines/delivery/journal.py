"""The journal of attempts: what was tried and what came of it, on disk before and after each try, outside the warehouse.

A warehouse may lose what it knew last (a restored backup, a deleted write-ahead log); what has left the house has left
it. So a line `A` (attempt) is synced before an action is handed over and a line `R` (result) before the warehouse notes
it. Lines hold keys and hashes, no names and no words. One file a month; a torn last line counts as not written.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from definitions import EnvironmentFault


@dataclass(frozen=True, order=True)
class Position:
    """A place in the journal: a file and the bytes before it."""

    file: str = ""
    offset: int = 0


@dataclass(frozen=True)
class Entry:
    """One line. `detail` is the payload's hash of an attempt and the outcome of a result."""

    kind: Literal["A", "R"]
    action_id: str
    attempt: int
    at: str
    detail: str
    code: str | None = None
    provider_id: str | None = None
    retry_after: float | None = None


class Journal(Protocol):
    """Where attempts are noted."""

    def append(self, entries: Iterable[Entry], month: datetime) -> Position:
        """Write lines and sync them; the position of the first of them."""
        ...

    def since(self, position: Position) -> Iterator[Entry]:
        """The lines from a position on; raises EnvironmentFault where they are not there any more."""
        ...

    @property
    def end(self) -> Position:
        """The position of the next line."""
        ...


class FileJournal:
    """A folder of monthly files beside the warehouse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, entries: Iterable[Entry], month: datetime) -> Position:
        """Write lines and sync them; the position of the first of them."""
        lines = b"".join(_line(entry) for entry in entries)
        name = f"{month:%Y-%m}.log"
        newest = self.end.file
        path = self.folder / max(name, newest)  # a replay of the past goes on in the newest file
        is_new = not path.is_file()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                start = _whole(path) if not is_new else 0
                file.truncate(start)
                file.write(lines)
                file.flush()
                os.fdatasync(file.fileno())
            if is_new:
                _sync_folder(self.folder)
        except OSError as error:
            hint = "delivery does not go on without its journal: make room, or repair the disk"
            raise EnvironmentFault("journal-unwritable", f"`{path}` cannot be written: {error}", hint) from error
        return Position(path.name, start)

    def since(self, position: Position) -> Iterator[Entry]:
        """The lines from a position on; raises EnvironmentFault where they are not there any more."""
        names = self._names()
        if position.file and (
            position.file not in names or (self.folder / position.file).stat().st_size < position.offset
        ):
            raise EnvironmentFault(
                "journal-missing",
                f"the warehouse has read `{self.folder / position.file}` up to byte {position.offset}, and it is not there",
                "restore the journal that belongs to the warehouse; without it, sent actions might be sent again",
            )
        for name in names:
            if name >= position.file:
                content = (self.folder / name).read_bytes()
                yield from _entries(content[position.offset if name == position.file else 0 :])

    @property
    def end(self) -> Position:
        """The position of the next line."""
        names = self._names()
        return Position(names[-1], _whole(self.folder / names[-1])) if names else Position()

    def _names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.log")) if self.folder.is_dir() else []


class MemoryJournal:
    """For warehouses in memory: both are gone at the same time."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, entries: Iterable[Entry], month: datetime) -> Position:
        """Keep lines; the position of the first of them."""
        start = self.end
        self.entries.extend(entries)
        return start

    def since(self, position: Position) -> Iterator[Entry]:
        """The lines from a position on."""
        yield from self.entries[position.offset :]

    @property
    def end(self) -> Position:
        """The position of the next line."""
        return Position("memory", len(self.entries))


def _line(entry: Entry) -> bytes:
    fields = [entry.kind, entry.action_id, entry.attempt, entry.at, entry.detail]
    if entry.kind == "R":
        fields += [entry.code, entry.provider_id, entry.retry_after]
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _entries(content: bytes) -> Iterator[Entry]:
    for line in content.split(b"\n")[:-1]:
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            raise EnvironmentFault(
                "journal-damaged",
                f"a line of the delivery journal does not fit its checksum: {line[:60]!r}",
                "restore the journal from a backup; without it, sent actions might be sent again",
            )
        yield Entry(*json.loads(text))


def _whole(path: Path) -> int:
    """The bytes up to the end of the last whole line."""
    size = path.stat().st_size
    with path.open("rb") as file:
        back = min(size, 65_536)
        file.seek(size - back)
        tail = file.read()
    return size - len(tail) + tail.rfind(b"\n") + 1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
