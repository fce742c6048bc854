"""The journal of attempts: what was tried and what came of it, on disk before and after each try, outside the warehouse.

A warehouse may lose what it knew last (a restored backup, a deleted write-ahead log); what has left the house has left
it. So a line `A` (attempt) is synced before an action is handed over and lines `R` (result) and `B` (batch) before the
warehouse notes them. Lines hold keys and hashes, no names and no words. One file a month; a torn last line counts as not
written.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from definitions import EnvironmentFault
from pipelines.line_files import end_of_lines, sync_folder


@dataclass(frozen=True, order=True)
class Position:
    """A place in the journal: a file and the bytes before it."""

    file: str = ""
    offset: int = 0


@dataclass(frozen=True)
class Entry:
    """A line of one action. `detail` is the payload's hash of an attempt and the outcome of a result."""

    kind: Literal["A", "R"]
    action_id: str
    attempt: int
    at: str
    detail: str
    sink: str = ""
    batch: str = ""
    code: str | None = None
    provider_id: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Written:
    """A batch that a sink has taken, as the warehouse keeps it."""

    batch_id: str
    sink: str
    kind: str
    evaluation_id: int
    action_count: int
    checksum: str
    location: str


Line = Entry | Written


class Journal(Protocol):
    """Where attempts are noted."""

    def append(self, lines: Iterable[Line], month: datetime) -> Position:
        """Write lines and sync them; the position of the first of them."""
        ...

    def since(self, position: Position) -> Iterator[Line]:
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
        self._last = Position()
        """Where the last append of our own ended, on whole lines."""

    def append(self, lines: Iterable[Line], month: datetime) -> Position:
        """Write lines and sync them; the position of the first of them."""
        content = b"".join(map(_line, lines))
        end = self.end
        name = max(f"{month:%Y-%m}.log", end.file)  # a replay of the past goes on in the newest file
        path, start = self.folder / name, end.offset if name == end.file else 0
        try:
            if name != end.file:
                self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                if file.tell() > start:
                    file.truncate(start)
                file.write(content)
                file.flush()
                os.fdatasync(file.fileno())
            if name != end.file:
                sync_folder(self.folder)
        except OSError as error:
            hint = "delivery does not go on without its journal: make room, or repair the disk"
            raise EnvironmentFault("journal-unwritable", f"`{path}` cannot be written: {error}", hint) from error
        self._last = Position(name, start + len(content))
        return Position(name, start)

    def since(self, position: Position) -> Iterator[Line]:
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
                yield from _lines(content[position.offset if name == position.file else 0 :])

    @property
    def end(self) -> Position:
        """The position of the next line."""
        if self._last.file and _size(self.folder / self._last.file) == self._last.offset:
            return self._last
        names = self._names()
        return Position(names[-1], end_of_lines(self.folder / names[-1])) if names else Position()

    def _names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.log")) if self.folder.is_dir() else []


class MemoryJournal:
    """For warehouses in memory: both are gone at the same time."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def append(self, lines: Iterable[Line], month: datetime) -> Position:
        """Keep lines; the position of the first of them."""
        start = self.end
        self.lines.extend(lines)
        return start

    def since(self, position: Position) -> Iterator[Line]:
        """The lines from a position on."""
        yield from self.lines[position.offset :]

    @property
    def end(self) -> Position:
        """The position of the next line."""
        return Position("memory", len(self.lines))


def _line(line: Line) -> bytes:
    fields: list[Any] = ["B"] if isinstance(line, Written) else []
    fields += vars(line).values()  # in the order in which they are declared
    while fields[-1] is None:
        fields.pop()
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _lines(content: bytes) -> Iterator[Line]:
    for line in content.split(b"\n")[:-1]:
        checksum, _, text = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            raise EnvironmentFault(
                "journal-damaged",
                f"a line of the delivery journal does not fit its checksum: {line[:60]!r}",
                "restore the journal from a backup; without it, sent actions might be sent again",
            )
        fields = json.loads(text)
        yield Written(*fields[1:]) if fields[0] == "B" else Entry(*fields)


def _size(path: Path) -> int:
    """The bytes of a file; -1 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
