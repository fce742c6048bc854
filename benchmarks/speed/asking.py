"""What a task is asked, and what it finds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.meter import cpu_seconds
from benchmarks.speed.world import World


@dataclass(frozen=True)
class Row:
    """One measurement: seconds of CPU and wall; `sampled` ones were extrapolated."""

    name: str
    cpu: float
    wall: float
    note: str = ""
    sampled: bool = False


@dataclass
class Found:
    """What a task found: its rows, the counts that others must find too, and its slowest statements."""

    rows: list[Row] = field(default_factory=list[Row])
    counts: dict[str, Any] = field(default_factory=dict[str, Any])
    statements: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    peak_mb: float = 0.0

    def measure(self, name: str, work: Callable[[], Any], times: float = 1.0, note: str = "") -> Any:
        """Do the work and note what it took; `times` is what a sample stands for."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        made = work()
        cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
        self.rows.append(Row(name, cpu * times, wall * times, note, sampled=times > 1))
        return made


@dataclass(frozen=True)
class Asking:
    """What a task is asked: the world, how many conditions or steps to sample, and the share of accounts touched."""

    world: World
    sample: int
    share: float
