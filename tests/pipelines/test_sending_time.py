"""What delivery looks at again just before sending: age, how much a recipient got by now, and what was never tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.projects import DAY, PEOPLE, SETTINGS, START, changed

from connectors import Action, Batch, Outcome, Receipt, Traits
from definitions import ProblemsFound
from pipelines.delivery import deliver
from pipelines.delivery.verdicts import PAUSES
from pipelines.evaluation import broken_invariants
from pipelines.worlds import World
from sql import DuckDBSession

HOUR = timedelta(hours=1)
FILES = {
    "project.yaml": SETTINGS,
    **PEOPLE,
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
recipient: {relation: contacts}
communication: {window: {days: mon-sun, from: "00:00", to: "24:00"}}
steps:
  - {id: mail, email: {template: messages/hello.md, subject: Hello}}
  - {id: text, sms: {text: Hello}}
  - {id: note, notify: {channel: team, text: Hello}}
  - {id: task, task: {title: Call}}
  - {id: rest, wait: 90 days}
""",
    "messages/hello.md": "Hello",
}
TWO_DAYS = """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
recipient: {relation: contacts}
steps:
  - {id: monday, email: {template: messages/hello.md, subject: Hello}}
  - {id: rest, wait: 10 hours}
  - {id: tuesday, email: {template: messages/hello.md, subject: Hello}}
  - {id: stay, wait: 90 days}
"""


class Told:
    """A sink that takes all, until it is told that it is closed."""

    def __init__(self, batch_size: int = 1) -> None:
        self.traits = Traits(batch_size=batch_size)
        self.taken = Counter[str]()
        self.closed: str | None = None

    def write(self, batch: Batch) -> Receipt:
        if self.closed is None:
            self.taken.update(action.step_id for action in batch.actions)
            return Receipt("there", "", tuple(Outcome(a.action_id, "accepted") for a in batch.actions))
        made = [("later" if a.record == "x0" else "not_tried", a.action_id) for a in batch.actions]
        return Receipt("", "", tuple(Outcome(action_id, result) for result, action_id in made), self.closed)

    def ask(self, action: Action) -> Outcome | None:
        return None

    def close(self) -> None: ...


def planned(session: DuckDBSession, settings: str = "", accounts: int = 1, **files: str) -> World:
    made = World(changed(FILES | {"project.yaml": SETTINGS + settings}, files), session)
    made.apply()
    made.set(
        {
            "account": {f"x{n}": {"name": "Acme"} for n in range(accounts)},
            "contact": {f"c{n}": {"account_id": f"x{n}", "mail": "ann@example.com"} for n in range(accounts)},
        }
    )
    made.evaluate(START)
    return made


@pytest.fixture
def session(tmp_path: Path) -> Iterator[DuckDBSession]:
    with DuckDBSession(tmp_path / "w.duckdb", threads=1) as made:
        made.migrate()
        yield made


def statuses(world: World) -> dict[str, str]:
    return {row["step_id"]: row["status"] for row in world.session.rows("SELECT step_id, status FROM outbox.actions")}


def run(world: World, sink: Any, after: timedelta, **more: Any) -> None:
    deliver(world.session, world.project, {"out": sink}, START + after, **more)
    assert broken_invariants(world.session) == {}


# ---- age


@pytest.mark.parametrize(
    ("settings", "after", "left"),
    [
        ("", 2 * DAY, {"mail", "note", "task"}),
        ("", 4 * DAY, {"task"}),
        ("expires: {email: 2 hours, sms: never}", 4 * HOUR, {"text", "note", "task"}),
        ("expires: {email: never, notify: never, sms: never}", 40 * DAY, {"mail", "text", "note", "task"}),
    ],
)
def test_a_message_that_is_too_old_is_dropped(
    session: DuckDBSession, settings: str, after: timedelta, left: set[str]
) -> None:
    world, sink = planned(session, settings), Told()
    run(world, sink, after)
    assert {*sink.taken} == left
    assert {step for step, status in statuses(world).items() if status == "dropped"} == {
        "mail",
        "text",
        "note",
        "task",
    } - left


def test_an_age_has_a_fixed_length() -> None:
    with pytest.raises(ProblemsFound, match="`1 month` has no fixed length"):
        changed(FILES | {"project.yaml": f"{SETTINGS}expires: {{email: 1 month}}"}, {})


# ---- how much a recipient got


NIGHT = 11 * HOUR


def late(session: DuckDBSession, limit: str) -> tuple[World, Told]:
    """An email planned for Monday and one for Tuesday, and nothing delivered before Tuesday noon."""
    world, sink = planned(session, f"limits: {{recipient: {{at_most: {limit}}}}}", workflows__care=TWO_DAYS), Told()
    world.evaluate(START + NIGHT)
    run(world, sink, DAY + 3 * HOUR)
    return world, sink


def test_a_message_waits_where_its_recipient_got_as_many_as_the_limit_allows(session: DuckDBSession) -> None:
    world, sink = late(session, "1 per day")
    assert statuses(world) == {"monday": "sent", "tuesday": "planned"}
    run(world, sink, DAY + 4 * HOUR)
    assert statuses(world)["tuesday"] == "planned"
    run(world, sink, 2 * DAY)
    assert sink.taken == {"monday": 1, "tuesday": 1}


def test_messages_within_the_limit_go_out_together(session: DuckDBSession) -> None:
    world, _ = late(session, "2 per day")
    assert statuses(world) == {"monday": "sent", "tuesday": "sent"}


def test_what_waits_for_the_limit_is_dropped_by_the_next_evaluation_that_finds_it_too_much(
    session: DuckDBSession,
) -> None:
    world, sink = late(session, "1 per week")
    world.evaluate(START + DAY + NIGHT)
    run(world, sink, 2 * DAY)
    assert statuses(world) == {"monday": "sent", "tuesday": "dropped"}


def test_a_replay_goes_by_the_plan_and_not_by_its_own_haste(session: DuckDBSession) -> None:
    world, sink = planned(session, "limits: {recipient: {at_most: 1 per day}}", workflows__care=TWO_DAYS), Told()
    world.evaluate(START + NIGHT)
    run(world, sink, DAY + 3 * HOUR, in_time=True)
    assert sink.taken == {"monday": 1, "tuesday": 1}


# ---- what was never tried


def test_what_a_closed_sink_did_not_try_uses_up_no_try(session: DuckDBSession) -> None:
    world, sink = planned(session, "expires: {email: never}", accounts=2), Told(batch_size=2)
    sink.closed, at = "the credentials are refused", HOUR
    for pause in (0, *PAUSES):
        at += timedelta(seconds=1.3 * pause + 60)
        run(world, sink, at)
    found = world.session.rows(
        "SELECT status, COUNT(payload_hash) AS tries FROM outbox.actions JOIN outbox.attempts USING (action_id) "
        "WHERE step_id = 'mail' GROUP BY action_id, status ORDER BY tries"
    )
    assert found == [{"status": "planned", "tries": 0}, {"status": "failed", "tries": 10}]
    sink.closed = None
    run(world, sink, at + HOUR)
    assert sink.taken["mail"] == 1
