"""Versions of workflows that are no longer live: those inside finish them, and are observed by them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.projects import SETTINGS

from definitions import ProblemsFound, Project, UserError, load_project
from pipelines.apply import apply_project
from pipelines.live import live_plan
from pipelines.worlds import Observed, World
from sql import DuckDBSession

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ACCOUNT = """
object: account
table: crm.accounts
key: id
fields: {id: text, health: text, seats: integer}
computed: {score: seats * 2}
"""
CARE = """
object: account
state: enabled
launch: everyone
description: d
entry: {when: health = 'poor'}
objective: {name: More, when: OBJECTIVE}
exit: {when: EXIT, on_objective: stay}
on_structural_change: finish_old
steps: STEPS
"""
STEPS = (
    "[{id: w, wait: 2 days}, {id: tell, task: {title: TITLE}}, {id: rest, wait: 50 days}, {id: end, task: {title: x}}]"
)
OTHER = "[{id: other, task: {title: x}}]"


def project(
    computed: bool = True,
    objective: str = "seats > 90",
    exit_when: str = "health = 'good'",
    steps: str = STEPS,
    title: str = "x",
    **files: str | None,
) -> Project:
    care = CARE.replace("OBJECTIVE", objective).replace("EXIT", exit_when)
    account = ACCOUNT if computed else ACCOUNT.replace("computed: {score: seats * 2}\n", "")
    texts: dict[str, str | None] = {
        "project.yaml": SETTINGS,
        "catalog/account.yaml": account,
        "workflows/care.yaml": care.replace("STEPS", steps).replace("TITLE", title),
    }
    texts |= files
    return load_project({name: text for name, text in texts.items() if text is not None})


@pytest.fixture
def session() -> Iterator[DuckDBSession]:
    with DuckDBSession(threads=1) as made:
        made.migrate()
        yield made


def begin(session: DuckDBSession, first: Project) -> World:
    world = World(first, session)
    world.apply()
    world.set({"account": {"a1": {"health": "poor", "seats": 3}, "a2": {"health": "poor", "seats": 4}}})
    assert evaluate(world, 0).entered == ("a1", "a2")
    return world


def evaluate(world: World, days: float) -> Observed:
    at = START + timedelta(days=days)
    world.evaluate(at)
    assert not world.broken()
    return world.observe(at)


def refused(world: World, other: Project) -> list[tuple[str, str]]:
    live = world.project
    with pytest.raises(ProblemsFound) as found:
        world.apply(other)
    world.project = live
    return [(problem.code, problem.message) for problem in found.value.problems]


def answers(session: DuckDBSession) -> list[dict[str, Any]]:
    sql = """
    SELECT p.record, o.is_met, o.measure
    FROM state.observations AS o JOIN state.participants AS p ON p.participant_id = o.participant_id
    ORDER BY o.observed_at, p.record
    """
    return session.rows(sql)


@pytest.mark.parametrize(
    "asks",
    [
        {"exit_when": "score > 90"},
        {"steps": STEPS.replace("TITLE", '"{{ account.score }}"')},
        {"steps": STEPS.replace("task: {title: TITLE}", "update: {seats: {expression: score + 1}}")},
        {"steps": STEPS.replace("wait: 2 days", "wait: {until: score > 7, at_most: 9 days}")},
    ],
)
def test_steps_that_are_finished_still_keep_what_they_ask_for(session: DuckDBSession, asks: dict[str, str]) -> None:
    world = begin(session, project(**asks))
    (problem,) = refused(world, project(computed=False, steps=OTHER))
    assert problem[0] == "old-version"
    assert "score" in problem[1]
    # the same when the steps go first and the field later
    world.apply(project(steps=OTHER))
    (problem,) = refused(world, project(computed=False, steps=OTHER))
    assert problem[0] == "old-version"


def test_an_objective_that_is_observed_still_keeps_what_it_asks_for(session: DuckDBSession) -> None:
    world = begin(session, project(objective="score > 20"))
    world.apply(project(objective="seats > 20"))
    evaluate(world, 1)
    (problem,) = refused(world, project(computed=False, objective="seats > 20"))
    assert problem[0] == "old-version"
    assert "`score`" in problem[1]
    world.set({"account": {"a1": {"seats": 11}}})
    evaluate(world, 2)
    assert [row["record"] for row in answers(session) if row["is_met"]] == ["a1"]


def test_what_nobody_asks_for_any_more_may_go(session: DuckDBSession) -> None:
    world = begin(session, project(title='"{{ account.score }}"'))
    world.apply(project(computed=False, title='"{{ account.seats }}"'))
    evaluate(world, 1)
    assert evaluate(world, 2).actions == ("a1/tell", "a2/tell")
    world.set({"account": {"a2": {"seats": 91}}})
    evaluate(world, 3)
    assert [row["record"] for row in answers(session) if row["is_met"]] == ["a2"]


def test_when_a_workflow_has_gone_its_objective_may_go_too(session: DuckDBSession) -> None:
    world = begin(session, project(objective="score > 20"))
    world.set({"account": {"a1": {"seats": 11}}})
    evaluate(world, 1)
    disabled = project(objective="score > 20").files["workflows/care.yaml"].replace("enabled", "disabled")
    world.apply(project(**{"workflows/care.yaml": disabled}))
    assert evaluate(world, 2).exited == {"a1": "workflow_disabled", "a2": "workflow_disabled"}
    seen = answers(session)
    world.apply(project(computed=False, **{"workflows/care.yaml": None}))
    world.set({"account": {"a1": {"seats": 1}, "a2": {"seats": 12}}})
    evaluate(world, 3)
    assert answers(session) == seen  # what was seen last stands
    world.apply(project(**{"workflows/care.yaml": None}))
    evaluate(world, 4)
    assert [row["record"] for row in answers(session) if row["is_met"]] == ["a1", "a2"]


def test_messages_are_those_of_the_project_as_it_is(session: DuckDBSession) -> None:
    steps = STEPS.replace(
        "task: {title: TITLE}", "email: {template: messages/note.md, subject: x, from: a@example.com}"
    )
    people = {
        "catalog/contact.yaml": "object: contact\ntable: crm.contacts\nkey: id\nfields: {id: text, mail: text}\nemail: mail\n",
        "catalog/account.yaml": ACCOUNT.replace("seats: integer", "seats: integer, main_id: text")
        + "relations: {main: {object: contact, key: main_id}}\n",
    }

    def mailing(steps: str, words: str) -> Project:
        care = CARE.replace("OBJECTIVE", "seats > 90").replace("EXIT", "health = 'good'").replace("STEPS", steps)
        files = {"workflows/care.yaml": care + "recipient: {relation: main}\n", "messages/note.md": words}
        return project(**people, **files)

    world = begin(session, mailing(steps, "old {{ account.seats }}"))
    world.apply(mailing(OTHER, "new {{ account.score }}"))
    assert evaluate(world, 2).actions == ("a1/tell", "a2/tell")
    (row,) = session.rows(
        "SELECT DISTINCT c.body FROM outbox.actions AS a JOIN live.contents AS c USING (content_id) WHERE a.record = 'a1'"
    )
    assert "new {{ account.score }}" in row["body"]


def test_what_another_release_compiled_is_applied_again(session: DuckDBSession) -> None:
    one = project()
    apply_project(session, one, at=START, by="test")
    assert not apply_project(session, one, at=START, by="test").written
    live_plan(session, START)
    session.execute("UPDATE live.workflows SET logic_fingerprint = 'of another release'")
    with pytest.raises(UserError) as found:
        live_plan(session, START)
    assert found.value.code == "compiled-otherwise"
    assert apply_project(session, one, at=START, by="test").changes == {"care": "logic"}
    live_plan(session, START)


def test_any_text_is_read_again_as_it_was(session: DuckDBSession) -> None:
    title = '"Grüße \U0001f389 \\x85 \\u2028 \\x07 {{ account.score }}"'
    world = begin(session, project(title=title))
    first = session.rows("SELECT content_id FROM live.steps WHERE step_id = 'tell'")
    world.apply(project(steps=OTHER))
    assert evaluate(world, 2).actions == ("a1/tell", "a2/tell")
    made = session.rows("SELECT DISTINCT content_id FROM outbox.actions")
    assert made == first
