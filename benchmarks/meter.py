"""Wall and CPU seconds, and peak memory: of a piece of work, and of every statement of a session.

CPU seconds of all threads are what to compare: they hardly move when the machine is shared, wall seconds do.
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sql import DuckDBSession
from sql.statements import Statement


@dataclass(frozen=True)
class Spent:
    """What a piece of work took; `peak_mb` is the process's highest memory so far."""

    name: str
    wall: float
    cpu: float
    peak_mb: float


@dataclass
class Meter:
    """Pieces of work in the order they ended."""

    spent: list[Spent] = field(default_factory=list[Spent])

    @contextlib.contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        yield
        self.spent.append(Spent(name, time.perf_counter() - wall, cpu_seconds() - cpu, peak_mb()))

    def of(self, name: str) -> Spent:
        """The piece of work of that name that ended last."""
        return next(s for s in reversed(self.spent) if s.name == name)


@dataclass(frozen=True)
class Ran:
    """One statement that ran: during which piece of work, its stage and name, and what it took."""

    during: str
    stage: str
    name: str
    wall: float
    cpu: float


class MeteredSession(DuckDBSession):
    """A session that notes what every statement takes. `during` names the piece of work they belong to."""

    def __init__(self, path: Path, *, timezone: str, memory: str | None = None) -> None:
        self.during, self._stage = "", ""
        self.ran: list[Ran] = []
        super().__init__(path, timezone=timezone, memory=memory)

    def run(self, statement: Statement, parameters: Mapping[str, Any]) -> None:
        """Run one statement of a plan, and note its stage."""
        self._stage = statement.stage
        try:
            super().run(statement, parameters)
        finally:
            self._stage = ""

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None, name: str = "sql") -> int:
        """Run one statement for its effect, and note it."""
        with self._noted(name if name != "sql" else sql[:40]):
            return super().execute(sql, parameters, name)

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """All rows of a query as an Arrow table, noted by how the query begins and from where it reads."""
        read = sql.partition("FROM ")[2][:40]
        with self._noted(" ".join(f"fetch {sql[:40]} .. FROM {read}".split())):
            return super().arrow(sql, parameters)

    @contextlib.contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), cpu_seconds()
        yield
        spent = (time.perf_counter() - wall, cpu_seconds() - cpu)
        self.ran.append(Ran(self.during, self._stage, name, *spent))


def cpu_seconds() -> float:
    """User and system seconds of this process so far, all its threads, and of the processes that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def peak_mb() -> float:
    """The highest resident memory of this process so far, in MB; where Linux says it, without what it was forked from."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.is_file() else []:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> dict[str, str | int | float]:
    """What numbers are worth nothing without."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(memory, 1),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("duckdb", "numpy", "polars") if find_spec(name)},
    }


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
