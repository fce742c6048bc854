"""Who may apply and give orders: what is live says it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from definitions import Project, UserError, load_project
from pipelines.apply import apply_project
from pipelines.roles import see_allowed
from sql import DuckDBSession

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


def project(roles: str) -> Project:
    return load_project({"project.yaml": f"name: p\nroles: {roles}\n"})


def test_before_the_first_apply_the_folder_says_who_may(memory: DuckDBSession) -> None:
    see_allowed(memory, "ann", "apply", project("{apply: [ann]}"))
    with pytest.raises(UserError, match="`eve` may not apply"):
        see_allowed(memory, "eve", "apply", project("{apply: [ann]}"))


def test_nobody_lets_himself_in_with_the_apply_that_he_may_not_make(memory: DuckDBSession) -> None:
    apply_project(memory, project("{apply: [ann]}"), at=AT, by="ann")
    with pytest.raises(UserError, match="names `ann`"):
        see_allowed(memory, "eve", "apply", project("{apply: [ann, eve]}"))


def test_without_names_everybody_may(memory: DuckDBSession) -> None:
    apply_project(memory, project("{apply: [ann]}"), at=AT, by="ann")
    see_allowed(memory, "eve", "order")


@pytest.fixture
def memory() -> DuckDBSession:
    session = DuckDBSession(threads=1)
    session.migrate()
    return session
