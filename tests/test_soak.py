"""Random histories: the engine against a second meaning, and planted bugs that they must find."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from support.soak.directed import FROM
from support.soak.engines import Stage, open_stage
from support.soak.mutants import judge, remembered
from support.soak.planted import MUTANTS, Mutant
from support.soak.running import Outcome, run_seed

SEEDS, STEPS = [*range(260), *range(FROM, FROM + 40)], 60
"""Of the first ones each theme has its turn many times; of the others each directed theme once."""
PART = 5
"""Seeds of one test: enough to keep every process busy to the end."""
FOUND_BEFORE = [m for m in MUTANTS if m.name in remembered() or m.engines.endswith(".py")]
"""Those that a seed is known for. `make soak` plays all mutants, and many more seeds."""


@pytest.fixture(scope="module")
def stages() -> Iterator[list[Stage]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(open_stage(name)) for name in ("engine", "oracle")]


@pytest.mark.parametrize("first", range(0, len(SEEDS), PART))
def test_engines_agree_on_random_histories(first: int, stages: list[Stage]) -> None:
    outcomes = (run_seed(seed, STEPS, stages) for seed in SEEDS[first : first + PART])
    failed = [_told(outcome) for outcome in outcomes if outcome.difference is not None]
    assert not failed, "\n".join([*failed, "`python -m support.soak --seed N --shrink` makes a case of it"])


@pytest.mark.parametrize("mutant", FOUND_BEFORE, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_found(mutant: Mutant) -> None:
    verdict = judge(mutant, STEPS)
    assert verdict.seed is not None, f"{mutant.name} ({mutant.what}) survived {verdict.tried} seeds"


def test_a_seed_gives_the_same_history_twice(stages: list[Stage]) -> None:
    one, other = (run_seed(7, 20, stages) for _ in range(2))
    assert one.history == other.history
    assert one.tally == other.tally


def _told(outcome: Outcome) -> str:
    found = outcome.difference
    assert found is not None
    return f"seed {outcome.seed} at {found.at}: {found.what}: {found.text[:400]}"
