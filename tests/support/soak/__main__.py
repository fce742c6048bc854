"""Random histories, from the command line:

PYTHONPATH=.:tests python -m support.soak --seeds 0..300
PYTHONPATH=.:tests python -m support.soak --seed 17 --shrink
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path

from support.soak.engines import NAMES, open_stage
from support.soak.fleet import run_fleet
from support.soak.page import page
from support.soak.running import run_seed
from support.soak.shrinking import printed, shrink


def main(arguments: list[str]) -> int:
    """Play seeds; the exit code says whether all engines agreed throughout."""
    asked = _parser().parse_args(arguments)
    engines = asked.engines.split(",")
    if asked.seed is not None:
        return _one(asked.seed, asked.steps, engines, asked.shrink)
    ranges = [part.split("..") for part in asked.seeds.split(",")]
    seeds = [seed for first, last in ranges for seed in range(int(first), int(last))]
    summary = run_fleet(seeds, asked.steps, engines, asked.jobs, _say, asked.keep)
    _say(summary.text())
    if asked.report:
        Path(asked.report).write_text(page(summary, asked.seeds), encoding="utf-8")
    return 1 if summary.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m support.soak", description=__doc__)
    parser.add_argument(
        "--seeds", default="0..300", help="the first and the one behind the last; several such, with commas"
    )
    parser.add_argument("--steps", type=int, default=60, help="steps of a history; about one in five is an evaluation")
    parser.add_argument(
        "--engines", default="engine,oracle", help=f"what is compared: {', '.join(NAMES)}, or module:factory"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, help="one seed alone")
    parser.add_argument(
        "--shrink",
        type=float,
        nargs="?",
        const=120.0,
        help="make the seed's history small, for so many seconds, and print it as a case",
    )
    parser.add_argument("--keep", type=Path, help="a file of seeds that were played: those in it are not played again")
    parser.add_argument("--report", help="write the page with what fired")
    return parser


def _one(seed: int, steps: int, engines: list[str], shrinks: float | None) -> int:
    with contextlib.ExitStack() as stack:
        stages = [stack.enter_context(open_stage(name)) for name in engines]
        outcome = run_seed(seed, steps, stages)
        difference, history = outcome.difference, outcome.history
        if difference is None:
            _say(f"seed {seed}: no difference in {len(history.moments)} evaluations, {outcome.seconds:.1f} s")
            return 0
        if shrinks:
            history, difference = shrink(history, difference, stages, shrinks)
        _say(printed(history, difference, seed))
    return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
