"""The oracle means what the cases say and what the page shows: only then may it judge the evaluator."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cases import Case, load_cases, run_case
from support.oracle.world import OracleWorld
from support.pages import Block, read_page

from pipelines import testing

ROOT = Path(__file__).resolve().parents[1]
CASES = load_cases(Path(__file__).parent / "cases")
PAGE = read_page(ROOT / "docs" / "language.md")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_case(case: Case) -> None:
    run_case(case, OracleWorld)


@pytest.mark.parametrize("block", PAGE.tests, ids=str)
def test_a_test_block_of_the_language_page(block: Block) -> None:
    run_case(PAGE.case(block), OracleWorld)


def test_the_workflow_tests_of_the_language_page() -> None:
    failures = [
        testing.play(OracleWorld(test.project), test.given, test.timeline) for test in testing.tests_of(PAGE.load())
    ]
    assert [failure.text() for failure in failures if failure] == []
