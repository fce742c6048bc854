"""A task at a time, each in a process of its own so that its peak memory is its own.

    python -m benchmarks.speed.tasks '{"task": "alone", ...}'

prints what it found as JSON on the last line. `benchmarks.speed` starts them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks.meter import peak_mb
from benchmarks.speed import others, ours
from benchmarks.speed.asking import Asking, Found
from benchmarks.speed.world import World
from pipelines.collector import collect_rarely

TASKS: dict[str, Callable[[Asking], Found]] = {
    task.__name__: task
    for task in (
        *(ours.prepare, ours.keep, ours.first, ours.later, ours.everybody, ours.held, ours.past, ours.midnight),
        *(ours.whole, ours.report),
        *(others.bounds, others.alone, others.polars, others.peers, others.steps),
    )
}


def answer(asked: str) -> Found:
    """Do the task that some JSON asks for."""
    collect_rarely()  # as the command line does
    wanted = json.loads(asked)
    names = ("scale", "workflows", "everyone", "seed", "how")
    world = World(Path(wanted["home"]), **{name: wanted[name] for name in names})
    found = TASKS[wanted["task"]](Asking(world, wanted["sample"], wanted["share"]))
    found.peak_mb = peak_mb()
    return found


if __name__ == "__main__":
    print(json.dumps(asdict(answer(sys.argv[1])), default=str))
