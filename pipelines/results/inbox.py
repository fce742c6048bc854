"""The inbox: a folder beside the warehouse in which events lie that were accepted, until they are taken up.

A line is on disk before its sender is told so. One file a day; a torn last line counts as not written. Several processes
may write, and the warehouse reads without asking them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from definitions import EnvironmentFault
from pipelines.line_files import end_of_lines, sync_folder

REMEMBERED = 100_000
"""Events that a process knows again without reading the folder."""


@dataclass(frozen=True)
class Arrived:
    """An event as it lies in the inbox: its parts, from where and when."""

    source: str
    fields: Mapping[str, Any]
    received_at: datetime


@dataclass(frozen=True)
class Line:
    """A line of a file, and its end: file and bytes."""

    file: str
    end: int
    text: bytes

    @property
    def place(self) -> str:
        """Where it is: the file and the byte at which it ends."""
        return f"{self.file}:{self.end}"


class Inbox:
    """The folder, as one process writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._broken = False

    def add(self, events: Sequence[Arrived]) -> int:
        """Write events that are not known yet and sync them; how many. After a failure nothing more is taken."""
        with self._lock:
            if self._broken:
                raise EnvironmentFault("inbox-unwritable", f"`{self.folder}` could not be written before")
            fresh = [event for event in events if _key(event) not in self._known]
            if fresh:
                try:
                    self._write([_line(event) for event in fresh], fresh[0].received_at)
                except OSError as error:
                    self._broken = True  # what the disk says after a failed sync is not to be believed
                    hint = "make room, or repair the disk, and start again"
                    message = f"`{self.folder}` cannot be written: {error}"
                    raise EnvironmentFault("inbox-unwritable", message, hint) from error
            for event in fresh:
                self._remember(_key(event))
            return len(fresh)

    def _write(self, lines: list[bytes], day: datetime) -> None:
        path = self.folder / f"{day:%Y-%m-%d}.jsonl"
        self.folder.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        with path.open("ab") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            file.truncate(end_of_lines(path))
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            for folder in (self.folder, self.folder.parent):
                sync_folder(folder)

    def _remember(self, key: tuple[str, str] | None) -> None:
        if key is not None:
            self._known[key] = None
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def lines_since(folder: Path, positions: Mapping[str, int], prefix: str, *, unfinished: bool = False) -> Iterator[Line]:
    """The whole lines of a folder's .jsonl files that were not read before; files are named `prefix/name`.

    With `unfinished` a last line without an end is one too, once it is whole JSON.
    """
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        name = f"{prefix}/{path.name}"
        position = positions.get(name, 0)
        with path.open("rb") as file:
            size = _settled(file.fileno(), position)
            if size < position:
                position = 0  # another file by the same name; what is known is known by its id
            file.seek(position)
            while position < size:
                text = file.readline()
                is_whole = text.endswith(b"\n") or (unfinished and _is_json(text))
                if position + len(text) > size or not is_whole:
                    break
                position += len(text)
                yield Line(name, position, text)


def _settled(descriptor: int, position: int) -> int:
    """The size of a file when nobody was writing; what is read of it is on disk, so that positions never point past it."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        size = os.fstat(descriptor).st_size
        if size > position:
            with contextlib.suppress(OSError):  # a folder of somebody else's may not let itself be synced
                os.fsync(descriptor)
        return size
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def read_line(text: bytes) -> Arrived:
    """A line of the inbox; raises ValueError, KeyError or TypeError for what is none."""
    found = json.loads(text)
    return Arrived(str(found["source"]), dict(found["event"]), datetime.fromisoformat(found["received_at"]))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _key(event: Arrived) -> tuple[str, str] | None:
    found = event.fields.get("event_id")
    return (event.source, str(found)) if found is not None else None


def _line(event: Arrived) -> bytes:
    made = {"source": event.source, "received_at": event.received_at.isoformat(), "event": dict(event.fields)}
    return json.dumps(made, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
