"""Many seeds on several processes, and the sum of what they did."""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from support.soak.engines import open_stage
from support.soak.nursery import MEMORY
from support.soak.playing import Difference
from support.soak.running import run_seed

_STAGES: list[Any] = []
"""The engines of this process, opened once and closed with it."""


@dataclass(frozen=True)
class Played:
    """What one seed did, small enough to be handed over."""

    seed: int
    evaluations: int
    rejected: int
    seconds: float
    tally: Counter[str]
    difference: Difference | None


@dataclass
class Summary:
    """The sum over all seeds; a guard's count is the number of seeds in which it fired."""

    steps: int
    engines: tuple[str, ...]
    seeds: int = 0
    evaluations: int = 0
    rejected: int = 0
    seconds: float = 0.0
    fired: Counter[str] = field(default_factory=Counter[str])
    times: Counter[str] = field(default_factory=Counter[str])
    failures: list[Played] = field(default_factory=list[Played])

    def add(self, played: Played) -> None:
        """Count one more seed."""
        self.seeds += 1
        self.evaluations += played.evaluations
        self.rejected += played.rejected
        self.seconds += played.seconds
        self.fired.update(guard for guard, times in played.tally.items() if times)
        self.times.update(played.tally)
        if played.difference is not None:
            self.failures.append(played)

    @property
    def declined(self) -> int:
        """Histories that ended before their last step, since the second meaning does not know what came."""
        return self.fired["history: ended by what the second meaning does not know"]

    def text(self) -> str:
        """The sum for people."""
        share = self.rejected / max(self.seeds + self.rejected, 1)
        lines = [
            f"{self.seeds} seeds, {self.evaluations} evaluations, {self.seconds / max(self.seeds, 1):.2f} s a seed"
        ]
        lines.append(f"{share:.1%} of the worlds drawn were refused by the checker")
        lines.append(f"{self.declined} histories ended early at something that the second meaning does not know")
        lines += [failure_text(one) for one in sorted(self.failures, key=lambda p: p.seed)]
        return "\n".join([*lines, f"{len(self.failures)} seeds failed"])


def failure_text(played: Played) -> str:
    """One failing seed for people."""
    found = played.difference
    assert found is not None
    return f"seed {played.seed}, evaluation {played.evaluations} at {found.at:%Y-%m-%d %H:%M}: {found.text[:1500]}"


def run_fleet(
    seeds: Sequence[int],
    steps: int,
    engines: Sequence[str],
    jobs: int,
    say: Callable[[str], None] = lambda _: None,
    kept: Path | None = None,
) -> Summary:
    """Play all seeds; failures are told as they come.

    `kept` is a file of what was played, a line a seed: hours of it may be interrupted and gone on with. A seed that failed is
    played again.
    """
    summary = Summary(steps, tuple(engines))
    before = {one.seed: one for one in _read(kept) if one.difference is None} if kept else {}
    for seed in seeds:
        if seed in before:
            summary.add(before[seed])
    context = multiprocessing.get_context("spawn")
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    with ProcessPoolExecutor(jobs, context, initializer=_open, initargs=(tuple(engines),)) as pool:
        asked = [pool.submit(_play, seed, steps) for seed in seeds if seed not in before]
        for done in as_completed(asked):
            played = done.result()
            summary.add(played)
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(_line(played))
            if played.difference is not None:
                say(failure_text(played))
    return summary


def _line(played: Played) -> str:
    difference = played.difference and asdict(played.difference)
    return json.dumps({**vars(played), "difference": difference}, default=str) + "\n"


def _read(kept: Path) -> Iterator[Played]:
    for line in kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else ():
        found = json.loads(line)
        difference = found["difference"] and Difference(
            **found["difference"] | {"at": datetime.fromisoformat(found["difference"]["at"])}
        )
        yield Played(**found | {"tally": Counter(found["tally"]), "difference": difference})


def _open(engines: tuple[str, ...]) -> None:
    ending = threading.Event()
    watching = threading.Thread(target=_end_with_parent, args=(ending,), daemon=True)
    watching.start()
    atexit.register(lambda: (ending.set(), watching.join()))
    stack = contextlib.ExitStack()
    _STAGES.extend(stack.enter_context(open_stage(name)) for name in engines)
    _STAGES.append(stack.pop_all())  # kept open for as long as the process lives


def _end_with_parent(ending: threading.Event) -> None:
    """A worker whose parent was killed would wait for ever."""
    parent = multiprocessing.parent_process()
    while not ending.wait(1):
        if parent is None or not parent.is_alive():
            os._exit(1)


def _play(seed: int, steps: int) -> Played:
    outcome = run_seed(seed, steps, _STAGES[:-1])
    evaluations = len(outcome.history.moments)
    return Played(seed, evaluations, outcome.rejected, outcome.seconds, outcome.tally, outcome.difference)
