"""The engines that histories are played on, by name. Any two can be compared; another warehouse is one more factory.

A factory opens what is slow to open once, and gives a stage: a world of a project lives on it and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, cast

from support.soak.tally import tally_of

from definitions import Project
from pipelines.delivery.journal import Position
from pipelines.delivery.ledger import Ledger, Noted
from pipelines.delivery.verdicts import Verdict
from pipelines.evaluation import Execution, Increments
from pipelines.worlds import Engine, World
from sql import DuckDBSession
from sql.truths.bits import rows

Passage = tuple[tuple[str, Any], ...]
"""A passage through a workflow: what an outsider may know of it, by name."""

PASSAGE = (
    "workflow", "record", "occasion", "entry_no", "entry_mode", "arm", "recipient", "matched_from", "entered_at", "status",
    "step_id", "arrived_at", "due_at", "exit_reason", "halt_reason", "left_at", "goal_at", "objective_met_at",
)  # fmt: skip
NAMES = {
    "engine": "support.soak.engines:warehouse",
    "optimised": "support.soak.engines:optimised",
    "unoptimised": "support.soak.engines:unoptimised",
    "full": "support.soak.engines:full",
    "increments": "support.soak.engines:increments",
    "bitmaps": "support.soak.engines:bitmaps",
    "all": "support.soak.engines:everything",
    "oracle": "support.soak.engines:oracle",
}


@dataclass(frozen=True)
class Seat:
    """An engine with a project in it, and what can be asked of it beside the protocol."""

    name: str
    engine: Engine
    passages: Callable[[], list[Passage]]
    deliver: Callable[[datetime], None]
    tally: Callable[[], Counter[str]] | None = None
    inspect: DuckDBSession | None = None


Stage = Callable[[Project], AbstractContextManager[Seat]]


def open_stage(name: str) -> AbstractContextManager[Stage]:
    """The stage of an engine, by a name above or as `module:factory`."""
    module, _, factory = NAMES.get(name, name).partition(":")
    return getattr(importlib.import_module(module), factory)()


rows.BLOCK = 8
"""The fewest records that a block may have: small worlds are judged in several, too."""


@contextlib.contextmanager
def warehouse() -> Generator[Stage]:
    """The engine itself, on DuckDB in memory.

    In all but one world of sixteen DuckDB's optimiser is off: plans differ, answers may not, and small worlds are judged a
    quarter faster.
    Every other world is judged by increments, and of both kinds every other one as bits.
    """
    with _opened() as session:

        def stage(project: Project) -> AbstractContextManager[Seat]:
            drawn = hashlib.md5(project.settings.seed.encode()).digest()
            session.execute(f"PRAGMA {'enable' if drawn[0] % 16 == 0 else 'disable'}_optimizer")
            ways = "always" if drawn[1] % 2 else "never", "bitmaps" if drawn[2] % 2 else "sql"
            return _world("engine", project, session, *ways)

        yield stage


@contextlib.contextmanager
def full() -> Generator[Stage]:
    """The engine itself, judging everybody at every evaluation."""
    with _opened() as session:
        session.execute("PRAGMA disable_optimizer")
        yield lambda project: _world("full", project, session, "never", "sql")


@contextlib.contextmanager
def increments() -> Generator[Stage]:
    """The engine itself, judging only what may differ."""
    with _opened() as session:
        session.execute("PRAGMA disable_optimizer")
        yield lambda project: _world("increments", project, session, "always", "sql")


@contextlib.contextmanager
def bitmaps() -> Generator[Stage]:
    """The engine itself, judging everybody as bits."""
    with _opened() as session:
        session.execute("PRAGMA disable_optimizer")
        yield lambda project: _world("bitmaps", project, session, "never", "bitmaps")


@contextlib.contextmanager
def everything() -> Generator[Stage]:
    """The engine itself, judging what may differ as bits."""
    with _opened() as session:
        session.execute("PRAGMA disable_optimizer")
        yield lambda project: _world("all", project, session, "always", "bitmaps")


@contextlib.contextmanager
def optimised() -> Generator[Stage]:
    """The engine itself, always with DuckDB's optimiser."""
    with _opened() as session:
        yield lambda project: _world("optimised", project, session)


@contextlib.contextmanager
def unoptimised() -> Generator[Stage]:
    """The engine itself, always without it."""
    with _opened() as session:
        session.execute("PRAGMA disable_optimizer")
        yield lambda project: _world("unoptimised", project, session)


@contextlib.contextmanager
def _opened() -> Generator[DuckDBSession]:
    with DuckDBSession(threads=1) as session:
        session.migrate(documented=False)
        yield session


@contextlib.contextmanager
def _world(
    name: str,
    project: Project,
    session: DuckDBSession,
    increments: Increments | None = None,
    execution: Execution | None = None,
) -> Generator[Seat]:
    with session.rehearsal():
        world = World(project, session, increments=increments, execution=execution)
        yield Seat(
            name,
            world,
            lambda: _rows_of(session),
            lambda now: _deliver(session, now),
            lambda: tally_of(session, world.project),
            session,
        )


def _deliver(session: DuckDBSession, now: datetime) -> None:
    """Every planned action whose time has come is sent; what it would say is not looked at."""
    ledger = Ledger(session, now, in_time=True)
    kinds = ledger.due_kinds()
    if not kinds:
        return
    rows = ledger.claim(kinds, 1_000_000)
    ledger.note([Noted(row["action_id"], 1, "soak", "out", Verdict("sent")) for row in rows], [], Position())


def _rows_of(session: DuckDBSession) -> list[Passage]:
    rows = session.rows(f"SELECT {', '.join(PASSAGE)} FROM state.participants")
    return in_order(tuple((name, row[name]) for name in PASSAGE) for row in rows)


def in_order(found: Iterable[Passage]) -> list[Passage]:
    """Passages in an order of their own, so that lists of them can be compared."""
    return sorted(found, key=lambda passage: [str(value) for _, value in passage])


@contextlib.contextmanager
def oracle() -> Generator[Stage]:
    """The second meaning, in plain Python."""
    made: Any = importlib.import_module("support.oracle.world").OracleWorld
    yield lambda project: _second(made(project))


@contextlib.contextmanager
def _second(world: Any) -> Generator[Seat]:
    yield Seat(
        "oracle",
        world,
        lambda: in_order(_passage(one) for one in world.passages()),
        lambda now: _deliver_there(world, now),
    )


def _deliver_there(world: Any, now: datetime) -> None:
    """The same in the oracle: nothing for whoever is stopped, nothing from the archive."""
    for live in world.state.live.values():
        for participant in live.passages:
            if participant.status in ("paused", "error") or (live.state == "archived" and not live.is_gone):
                continue
            for action in participant.actions:
                if action.status == "planned" and (action.sends_at is None or action.sends_at <= now):
                    action.status, action.status_at = "sent", now
                    action.sends_at = now if action.sends_at is not None else None


def _passage(one: Any) -> Passage:
    """What the oracle tells of a passage; names that it does not tell are left out of the comparison."""
    known = {f.name: getattr(one, f.name) for f in fields(one)} if is_dataclass(one) else cast("dict[str, Any]", one)
    known |= {"step_id": known["step"]} if "step" in known else {}
    return tuple((name, known[name]) for name in PASSAGE if name in known)
