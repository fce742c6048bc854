"""Meaning first: every case under `cases/`, on the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cases import Case, load_cases, run_case

from pipelines.evaluation import Execution, prepare
from pipelines.worlds import World
from sql import DuckDBSession

CASES = load_cases(Path(__file__).parent / "cases")


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        prepare(made)
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_case(case: Case, session: DuckDBSession) -> None:
    with session.rehearsal():
        run_case(case, lambda project: World(project, session))


@pytest.mark.parametrize("execution", ["sql", "bitmaps"])
@pytest.mark.parametrize("case", [case for case in CASES if case.file == "found"], ids=lambda case: case.name)
def test_a_case_that_was_found_looks_at_those_alone_that_may_differ(
    case: Case, execution: Execution, session: DuckDBSession
) -> None:
    with session.rehearsal():
        run_case(case, lambda project: World(project, session, increments="always", execution=execution))
