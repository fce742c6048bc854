"""Random histories: the engine against a second meaning, and planted bugs that they must find."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.soak.directed import FROM
from support.soak.engines import Stage, open_stage
from support.soak.fleet import Played, Summary
from support.soak.mutants import ROOT, judge, remembered
from support.soak.page import never_fired
from support.soak.planted import MUTANTS, Mutant
from support.soak.running import Outcome, run_seed

SEEDS, STEPS = [*range(260), *range(FROM, FROM + 40)], 60
"""Of the first ones each theme has its turn many times; of the others each directed theme once."""
PART = 5
"""Seeds of one test: enough to keep every process busy to the end."""
FOUND_BEFORE = [m for m in MUTANTS if m.name in remembered() or m.is_tested]
"""Those that a seed is known for. `make soak` plays all mutants, and many more seeds."""


def test_a_guard_counts_in_the_seeds_in_which_it_fired() -> None:
    summary = Summary(STEPS, ("engine", "oracle"))
    for seed, times in enumerate((0, 3, 2)):
        summary.add(Played(seed, 10, 0, 1.0, Counter({"approval: approved": times}), None))
    assert (summary.fired["approval: approved"], summary.times["approval: approved"]) == (2, 5)
    assert "approval: approved" not in never_fired(summary) and "occasion: row" in never_fired(summary)


@pytest.fixture(scope="module")
def stages() -> Iterator[list[Stage]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(open_stage(name)) for name in ("engine", "oracle")]


@pytest.mark.parametrize("first", range(0, len(SEEDS), PART))
def test_engines_agree_on_random_histories(first: int, stages: list[Stage]) -> None:
    outcomes = [run_seed(seed, STEPS, stages) for seed in SEEDS[first : first + PART]]
    failed = [_told(outcome) for outcome in outcomes if outcome.difference is not None]
    assert not failed, "\n".join([*failed, "`python -m support.soak --seed N --shrink` makes a case of it"])
    early = {outcome.seed: outcome.declined for outcome in outcomes if outcome.declined}
    assert not early, f"the second meaning does not know what came, and compared nothing from there on: {early}"


@pytest.mark.parametrize("mutant", FOUND_BEFORE, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_found(mutant: Mutant) -> None:
    verdict = judge(mutant, STEPS)
    assert verdict.seed is not None, f"{mutant.name} ({mutant.what}) survived {verdict.tried} seeds"


def test_a_seed_gives_the_same_history_twice(stages: list[Stage]) -> None:
    one, other = (run_seed(7, 20, stages) for _ in range(2))
    assert one.history == other.history
    assert one.tally == other.tally


def test_nothing_plays_on_when_a_soak_is_killed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    command = [sys.executable, "-m", "support.soak", "--seeds", "0..100000", "--steps", "1", "--engines", "oracle"]
    soak = subprocess.Popen(
        [*command, "--jobs", "2", "--keep", str(kept)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert soak.stdout is not None
    with soak.stdout:
        while not kept.exists() and soak.poll() is None:
            time.sleep(0.1)
        assert soak.poll() is None
        soak.kill()
        soak.wait()
        assert soak.stdout.read() == b""  # comes to its end when the last process that holds the pipe has ended


def test_a_planted_bug_ends_with_whoever_plants_it(tmp_path: Path) -> None:
    module = tmp_path / "endless.py"
    module.write_text("import time\nprint('here', flush=True)\ntime.sleep(1000)\n", encoding="utf-8")
    asks = "import sys; from pathlib import Path; from support.soak.nursery import run_in; run_in(Path(sys.argv[1]), 'endless', [], Path(sys.argv[2]))"
    said = tmp_path / "said"
    asker = subprocess.Popen(
        [sys.executable, "-c", asks, str(tmp_path), str(said)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        stderr=subprocess.PIPE,
    )
    assert asker.stderr is not None
    with asker.stderr:
        while not (said.exists() and said.read_text(encoding="utf-8")) and asker.poll() is None:
            time.sleep(0.1)
        assert asker.poll() is None
        asker.kill()
        asker.wait()
        asker.stderr.read()


def _told(outcome: Outcome) -> str:
    found = outcome.difference
    assert found is not None
    return f"seed {outcome.seed} at {found.at}: {found.what}: {found.text[:400]}"
