"""Which tasks a part needs, and running them, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

FEW = 100
"""Workflows of the smallest world of the part `workflows`; as many are launched for everyone in all of them."""
LAUNCHED = 240
"""Workflows that are launched for everyone, where there are as many: about five participants an account."""
SHARES = (0.001, 0.01, 0.05)
PARTS = ("conditions", "engines", "changes", "report", "state", "growth", "workflows", "exact")
WAYS = tuple(f"execution={e},increments={i}" for e in ("sql", "bitmaps") for i in ("never", "always"))
"""Settings of the evaluation that decide how it is worked out, and must not decide what comes out."""
DEFAULT = PARTS[:-1]


@dataclass(frozen=True)
class Job:
    """A task on a world. `once` prepares what others begin from."""

    task: str
    scale: float
    workflows: int
    everyone: int
    how: str | None = None
    share: float = 0.01
    sample: int = 0
    seed: int = 7
    once: bool = False

    @property
    def label(self) -> str:
        """How progress and failures name it."""
        about = [f"scale {self.scale:g}", f"{self.workflows} workflows"]
        about += [f"{self.share:.1%}"] if self.task in ("keep", "later", "whole") else []
        about += [self.how] if self.how else []
        return f"{self.task} ({', '.join(about)})"


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line."""

    scale: float
    workflows: int
    parts: tuple[str, ...]
    how: str | None
    seed: int
    sample: int


def jobs_of(wanted: Wanted) -> list[Job]:
    """The jobs of all parts, each once, what others begin from first."""
    base = Job(
        "",
        wanted.scale,
        wanted.workflows,
        min(LAUNCHED, wanted.workflows),
        how=wanted.how,
        seed=wanted.seed,
        sample=wanted.sample,
    )
    made = [job for part in wanted.parts for job in _part(part, base)]
    listed = list(dict.fromkeys(made))
    return [job for job in listed if job.once] + [job for job in listed if not job.once]


def _part(part: str, base: Job) -> Iterator[Job]:
    match part:
        case "conditions":
            yield replace(base, task="prepare", once=True)
            yield from (replace(base, task=task) for task in ("bounds", "alone", "polars", "first"))
        case "engines":
            yield replace(base, task="prepare", once=True)
            yield from (replace(base, task=task) for task in ("peers", "first"))
        case "changes":
            yield from _whole(base, SHARES)
            yield from (replace(base, task=task) for task in ("everybody", "held", "whole"))
        case "report":
            yield from _whole(base, (0.01,))
            yield replace(base, task="report")
        case "state":
            yield from _whole(base, (0.01,))
            yield replace(base, task="steps")
        case "growth":
            yield from _whole(base, (0.01,))
            yield replace(base, task="past")
            yield from _whole(replace(base, scale=base.scale * 3), (0.01,))
        case "workflows":
            for count in dict.fromkeys((min(FEW, base.workflows), base.workflows, 4 * base.workflows)):
                world = replace(base, workflows=count, everyone=min(FEW, base.workflows))
                yield replace(world, task="alone")
                yield from _whole(world, (0.01,))
        case _:
            for how in WAYS:
                world = replace(base, how=how)
                yield from _whole(world, (0.01,))
                yield replace(world, task="midnight")


def _whole(world: Job, shares: Iterable[float]) -> Iterator[Job]:
    """The first evaluation, and those after changes."""
    yield replace(world, task="prepare", once=True)
    yield replace(world, task="first")
    for share in shares:
        yield replace(world, task="keep", share=share, once=True)
        yield replace(world, task="later", share=share)


def asked(job: Job, home: Path) -> str:
    """The job as its process is told it."""
    return json.dumps(asdict(job) | {"home": str(home)})


def run(job: Job, home: Path) -> dict[str, Any]:
    """Do a job; what it found, or `failed` with the last that it said."""
    line = [sys.executable, "-m", "benchmarks.speed.tasks", asked(job, home)]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ, check=False)
    if done.returncode:
        # what DuckDB's binding says when a process ends would hide what went wrong
        told = done.stderr.split("nanobind: ")[0]
        said = [text for text in told.splitlines() if text.strip()]
        return {"failed": " ".join(said[-3:]) if said else f"ended by signal {-done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])
