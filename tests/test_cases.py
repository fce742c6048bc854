"""Meaning first: every case under `cases/`, on the engine itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cases import Case, load_cases, run_case

CASES = load_cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_case(case: Case) -> None:
    run_case(case)
