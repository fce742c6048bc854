"""Delivery: what follows from what a sink says, what a run that died leaves behind, and what stops it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from support.projects import DAY, PEOPLE, SETTINGS, START, changed

from connectors import Action, Batch, Outcome, Receipt, Traits
from connectors.contracts import Result
from definitions import EnvironmentFault, Project, UserError
from pipelines.delivery import FileJournal, deliver
from pipelines.delivery.dispatcher import journal_of
from pipelines.delivery.journal import Entry, Position
from pipelines.delivery.verdicts import PAUSES, Tried, verdict
from pipelines.places import stop_file_of
from pipelines.worlds import World
from sql import DuckDBSession

FILES = {
    "project.yaml": SETTINGS,
    **PEOPLE,
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
steps:
  - id: tell
    notify: {channel: team, text: "{{ account.name }}"}
  - {id: rest, wait: 90 days}
""",
}
MAIL = {
    "workflows__care": """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
recipient: {relation: contacts}
steps:
  - id: hello
    email: {template: messages/hello.md, subject: "Hello {{ account.name }}"}
  - {id: rest, wait: 90 days}
"""
}
ACTION = Action("a1", "care", "tell", "account", "x", None, "2026-01-05T09:00:00Z", None, {})


@dataclass
class Scripted:
    """A sink that answers as it is told to; without orders it accepts. It counts every copy that it takes."""

    traits: Traits = field(default_factory=Traits)
    answers: dict[str, list[Outcome | Exception]] = field(default_factory=dict[str, "list[Outcome | Exception]"])
    known: dict[str, Outcome] = field(default_factory=dict[str, Outcome])
    copies: Counter[str] = field(default_factory=Counter[str])
    closes: str | None = None
    pause: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, batch: Batch) -> Receipt:
        time.sleep(self.pause)
        made: list[Outcome] = []
        for action in batch.actions:
            script = self.answers.get(action.record, [])
            answer = script.pop(0) if script else Outcome("", "accepted")
            if isinstance(answer, Exception):
                raise answer
            with self.lock:
                self.copies[action.record] += answer.result in ("accepted", "unknown")
            made.append(
                Outcome(action.action_id, answer.result, answer.code, None, answer.provider_id, answer.retry_after)
            )
        return Receipt("there", "checksum", tuple(made), self.closes)

    def ask(self, action: Action) -> Outcome | None:
        return self.known.get(action.record)

    def close(self) -> None: ...


def told(result: Result, *, code: str | None = None, retry_after: float | None = None) -> Outcome:
    return Outcome("", result, code, retry_after=retry_after)


class Crash(BaseException):
    """Stands for the end of the process: nothing after it runs."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three accounts, each with a message planned, in a warehouse with a journal beside it."""
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        yield planned(session, changed(FILES, {}), 3)


def planned(session: DuckDBSession, project: Project, accounts: int) -> World:
    made = World(project, session)
    made.apply()
    made.set({"account": {f"x{i}": {"name": f"Name {i}"} for i in range(accounts)}})
    made.evaluate(START)
    return made


def statuses(world: World) -> dict[str, str]:
    return {row["record"]: row["status"] for row in world.session.rows("SELECT record, status FROM outbox.actions")}


def run(world: World, sink: Scripted, after: timedelta = timedelta(), **more: object) -> None:
    deliver(world.session, world.project, {"out": sink}, START + after, **more)  # pyright: ignore[reportArgumentType]


def test_what_a_sink_accepts_is_sent_once(world: World) -> None:
    sink = Scripted()
    run(world, sink)
    run(world, sink, DAY)
    assert sink.copies == {"x0": 1, "x1": 1, "x2": 1}
    assert set(statuses(world).values()) == {"sent"}


def test_each_action_of_a_batch_has_its_own_outcome(world: World) -> None:
    sink = Scripted(Traits(batch_size=10), {"x0": [told("rejected", code="400")], "x1": [told("later", code="429")]})
    made = deliver(world.session, world.project, {"out": sink}, START)
    assert [(d.action_count, d.failed_count, d.later_count) for d in made] == [(1, 1, 1)]
    assert statuses(world) == {"x0": "failed", "x1": "planned", "x2": "sent"}


def test_an_outcome_that_a_sink_leaves_out_is_unknown(world: World) -> None:
    class Forgetful(Scripted):
        def write(self, batch: Batch) -> Receipt:
            whole = super().write(batch)
            return Receipt(whole.location, whole.checksum, whole.outcomes[:1])

    run(world, Forgetful(Traits(batch_size=10)))
    assert sorted(statuses(world).values()) == ["sent", "uncertain", "uncertain"]


def test_what_may_have_been_done_waits_for_a_person(world: World) -> None:
    sink = Scripted(answers={"x0": [told("unknown", code="timeout")]})
    run(world, sink)
    run(world, sink, 9 * DAY)
    assert statuses(world)["x0"] == "uncertain" and sink.copies["x0"] == 1


def test_a_sink_that_does_the_same_twice_as_once_is_tried_again(world: World) -> None:
    sink = Scripted(Traits(dedupes="naturally"), {"x0": [told("unknown")]})
    run(world, sink)
    assert statuses(world)["x0"] == "planned"
    run(world, sink, timedelta(minutes=1))
    assert statuses(world)["x0"] == "sent"


def test_a_key_protects_for_half_of_its_time() -> None:
    traits = Traits(dedupes="by_key", dedupes_for=timedelta(hours=24))
    lost = Outcome("a1", "unknown")
    young = verdict(lost, traits, Tried("a1", 1, START), START + timedelta(hours=11))
    old = verdict(lost, traits, Tried("a1", 2, START), START + timedelta(hours=12))
    assert (young.status, old.status) == ("planned", "uncertain")


def test_a_sink_that_can_be_asked_is_asked(world: World) -> None:
    sink = Scripted(
        Traits(can_be_asked=True),
        {"x0": [told("unknown")], "x1": [told("unknown")]},
        known={"x0": Outcome("", "accepted", provider_id="p0")},
    )
    run(world, sink)
    assert statuses(world) == {"x0": "sent", "x1": "planned", "x2": "sent"}


def test_tries_become_rarer_and_end() -> None:
    pauses: list[float] = []
    for attempt in range(1, 11):
        follows = verdict(Outcome("a1", "later", "503"), Traits(), Tried("a1", attempt, START), START)
        if follows.retry_at is None:
            assert (attempt, follows.status) == (10, "failed")
            break
        pauses.append((follows.retry_at - START).total_seconds())
    assert len(pauses) == len(PAUSES) == 9
    assert all(base <= pause <= base * 1.2 + 1 for base, pause in zip(PAUSES, pauses, strict=True))


@pytest.mark.parametrize(("said", "least", "most"), [(3_600.0, 3_600, 3_601), (-5.0, 5, 7), (1e9, 21_600, 21_601)])
def test_a_sink_may_say_when_to_come_again(said: float, least: int, most: int) -> None:
    follows = verdict(Outcome("a1", "later", retry_after=said), Traits(), Tried("a1", 1, START), START)
    assert follows.retry_at is not None and least <= (follows.retry_at - START).total_seconds() <= most


def test_nothing_is_tried_before_its_time(world: World) -> None:
    sink = Scripted(answers={"x0": [told("later", retry_after=600)]})
    run(world, sink)
    run(world, sink, timedelta(minutes=9))
    assert statuses(world)["x0"] == "planned" and sink.copies["x0"] == 0
    run(world, sink, timedelta(minutes=10, seconds=30))
    assert statuses(world)["x0"] == "sent"
    tries = world.session.rows("SELECT attempt, outcome FROM outbox.attempts ORDER BY ALL")
    assert tries == [{"attempt": 1, "outcome": "later"}] + [{"attempt": 1, "outcome": "sent"}] * 2 + [
        {"attempt": 2, "outcome": "sent"}
    ]


def test_a_sink_that_closes_takes_nothing_more_and_what_waited_stays_planned(world: World) -> None:
    sink = Scripted(answers={"x0": [told("rejected", code="401")]}, closes="the credentials are refused")
    made = deliver(world.session, world.project, {"out": sink}, START)
    assert made[0].closed == "the credentials are refused"
    assert sorted(statuses(world).values()) in (["planned", "planned", "sent"], ["failed", "planned", "planned"])


def test_a_fault_before_anything_was_done_leaves_all_for_later(world: World) -> None:
    sink = Scripted(answers={f"x{i}": [EnvironmentFault("no-host", "there is no such host")] for i in range(3)})
    run(world, sink)
    assert set(statuses(world).values()) == {"planned"} and not sink.copies
    run(world, Scripted(), DAY)
    assert set(statuses(world).values()) == {"sent"}


POINTS = ("claimed", "attempt journalled", "reply read", "result journalled", "before the note", "noted")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("dedupes", ["naturally", "never"])
def test_dying_at_any_point_loses_nothing_and_doubles_nothing(world: World, point: str, dedupes: str) -> None:
    sink = Scripted(Traits(dedupes=dedupes))  # pyright: ignore[reportArgumentType]

    def die(passed: str) -> None:
        if passed == point:
            raise Crash

    with pytest.raises(Crash):
        run(world, sink, crash_point=die)
    run(world, sink, timedelta(minutes=1))
    assert "claimed" not in statuses(world).values()
    assert point == "noted" or sink.copies  # what was left goes on at once
    run(world, sink, timedelta(minutes=30))
    after = Counter(statuses(world).values())
    if dedupes == "naturally":
        assert after == {"sent": 3}
    else:  # one at a time is on its way: no more than that is left to a person
        assert after["sent"] + after["uncertain"] == 3 and after["uncertain"] <= 1
        assert max(sink.copies.values()) == 1
        assert all(sink.copies[r] == 1 for r, status in statuses(world).items() if status == "sent")


def test_a_restored_warehouse_sends_nothing_again(world: World, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    world.session.execute(f"EXPORT DATABASE '{backup}' (FORMAT parquet)")
    sink = Scripted()
    run(world, sink)
    before = world.session.rows("SELECT action_id, status FROM outbox.actions ORDER BY ALL")
    for table in ("outbox.actions", "outbox.attempts", "outbox.journal"):
        name = table.replace(".", "_")
        world.session.execute(f"DELETE FROM {table}")
        world.session.execute(f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet('{backup}/{name}.parquet')")
    assert set(statuses(world).values()) == {"planned"}
    run(world, sink, DAY)
    assert world.session.rows("SELECT action_id, status FROM outbox.actions ORDER BY ALL") == before
    assert max(sink.copies.values()) == 1


def test_without_its_journal_a_warehouse_sends_nothing(world: World) -> None:
    run(world, Scripted())
    journal = journal_of(world.session)
    assert isinstance(journal, FileJournal)
    for path in journal.folder.glob("*"):
        path.unlink()
    with pytest.raises(EnvironmentFault, match="is not there"):
        run(world, Scripted(), DAY)


def test_a_torn_line_counts_as_not_written_and_a_changed_one_is_found(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "j")
    journal.append([Entry("A", "a1", 1, "t", "hash"), Entry("A", "a2", 1, "t", "hash")], START)
    path = tmp_path / "j" / "2026-01.log"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert [e.action_id for e in journal.since(Position())] == ["a1"]
    journal.append([Entry("R", "a1", 1, "t", "accepted", "out", "b1", "200", "p", 1.5)], START)
    assert [(e.kind, e.retry_after) for e in journal.since(Position())] == [("A", None), ("R", 1.5)]
    path.write_bytes(whole.replace(b"a1", b"a9"))
    with pytest.raises(EnvironmentFault, match="checksum"):
        list(journal.since(Position()))


def test_the_stop_file_stops_a_running_delivery_within_a_second(tmp_path: Path) -> None:
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        world = planned(session, changed(FILES, {}), 60)
        sink = Scripted(pause=0.1)
        stopper = threading.Timer(0.5, stop_file_of(tmp_path / "w.duckdb").touch)
        stopper.start()
        run(world, sink)
        taken = sum(sink.copies.values())
        assert 1 <= taken <= 20
        assert Counter(statuses(world).values()) == {"sent": taken, "planned": 60 - taken}


def test_a_slow_sink_does_not_hold_up_another(tmp_path: Path) -> None:
    settings = SETTINGS.replace(
        "{out: {kind: files, path: out}}", "{out: {kind: files, path: out}, team: {kind: files, path: team}}"
    )
    settings = settings.replace("{default: out}", "{default: out, notify: team}")
    flow = FILES["workflows/care.yaml"].replace("  - {id: rest", "  - {id: job, task: {title: x}}\n  - {id: rest")
    project = changed(FILES | {"project.yaml": settings}, {"workflows__care": flow})
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        planned(session, project, 8)
        slow, quick, ends = Scripted(pause=0.2), Scripted(), list[float]()
        quick_write = quick.write

        def timed(batch: Batch) -> Receipt:
            made = quick_write(batch)
            ends.append(time.monotonic())
            return made

        quick.write = timed  # pyright: ignore[reportAttributeAccessIssue]
        deliver(session, project, {"out": quick, "team": slow}, START)
        assert sum(slow.copies.values()) == sum(quick.copies.values()) == 8
        assert time.monotonic() - max(ends) > 0.2  # the quick one was done before the slow one


def mailed(session: DuckDBSession) -> World:
    """One account, with an email to its contact planned."""
    made = World(changed(FILES | {"messages/hello.md": "Hello"}, MAIL), session)
    made.apply()
    made.set({"account": {"x": {"name": "Acme"}}, "contact": {"c": {"account_id": "x", "mail": "ann@example.com"}}})
    made.evaluate(START)
    return made


def test_a_late_message_waits_for_its_window_and_an_old_one_is_dropped(tmp_path: Path) -> None:
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        world = mailed(session)
        told_: list[Action] = []
        sink = Scripted()
        write = sink.write

        def kept(batch: Batch) -> Receipt:
            told_.extend(batch.actions)
            return write(batch)

        sink.write = kept  # pyright: ignore[reportAttributeAccessIssue]
        run(world, sink, timedelta(hours=14))  # 23:00
        assert statuses(world) == {"x": "planned"}
        run(world, sink, timedelta(hours=25))  # ten in the morning
        assert statuses(world) == {"x": "sent"}
        assert told_[0].content["to"] == "ann@example.com"
        world.set(
            {"account": {"y": {"name": "Bolt"}}, "contact": {"d": {"account_id": "y", "mail": "bob@example.com"}}}
        )
        world.evaluate(START + 2 * DAY)
        run(world, sink, 7 * DAY)
        assert statuses(world)["y"] == "dropped"


def test_whoever_is_suppressed_after_planning_gets_nothing(tmp_path: Path) -> None:
    with DuckDBSession(tmp_path / "w.duckdb") as session:
        session.migrate()
        world = mailed(session)
        world.suppress("contact", {"c": "asked"}, START + timedelta(minutes=1))
        sink = Scripted()
        run(world, sink, timedelta(hours=3))
        assert statuses(world) == {"x": "dropped"} and not sink.copies


def test_an_action_without_a_route_is_a_fault_of_the_project(world: World) -> None:
    project = changed(FILES | {"project.yaml": SETTINGS.replace("routes: {default: out}", "routes: {task: out}")}, {})
    with pytest.raises(UserError, match="no sink takes actions of kind `notify`"):
        deliver(world.session, project, {"out": Scripted()}, START)
