"""Kill a delivery again and again, let it end, and count what the sink took and what the warehouse says."""

from __future__ import annotations

import multiprocessing
import random
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from support.projects import SETTINGS, START, changed
from support.sender import AT_ONCE, deliver_once

from pipelines.worlds import World
from sql import DuckDBSession

RARE = ("claimed", "before the note", "noted")
"""Points that are passed once for hundreds of actions."""
FRESH = multiprocessing.get_context("forkserver")
"""Each delivery is a process of its own, forked where everything is imported and no warehouse was ever open."""
FRESH.set_forkserver_preload(["support.sender"])
FILES = {
    "project.yaml": SETTINGS,
    "catalog/account.yaml": "object: account\ntable: crm.accounts\nkey: id\nfields: {id: text, name: text}\n",
    "workflows/care.yaml": """
object: account
state: enabled
launch: everyone
entry: {when: name is not null}
steps:
  - {id: tell, notify: {channel: team, text: "{{ account.name }}"}}
  - {id: rest, wait: 90 days}
""",
}


@dataclass(frozen=True)
class Survived:
    """What was left after all kills and a run to the end."""

    kills: int
    actions: int
    doubled: int
    lost: int
    uncertain: int
    sent_without_copy: int

    @property
    def most_uncertain(self) -> int:
        """What a kill may leave to a person: what was on its way."""
        return self.kills * AT_ONCE


def kill_deliveries(folder: Path, point: str, dedupes: str, kills: int, actions: int, seed: int = 0) -> Survived:
    """Deliver so many actions, killed so many times at one point, each time at another pass of it."""
    warehouse, copies = folder / "w.duckdb", folder / "copies"
    with DuckDBSession(warehouse, threads=1) as session:
        session.migrate()
        world = World(changed(FILES, {}), session)
        world.apply()
        world.set({"account": {f"x{i:05d}": {"name": "Acme"} for i in range(actions)}})
        world.evaluate(START)
    rng, killed = random.Random(seed), 0
    for number in range(kills):
        ended = _run(warehouse, copies, dedupes, point, 1 if point in RARE else rng.randint(1, 6), number)
        killed += ended == -signal.SIGKILL
    for later in range(3):  # what is to be tried again has its pauses
        assert _run(warehouse, copies, dedupes, "none", 1, kills + 60 * (later + 1)) == 0
    taken = Counter(copies.read_text().split())
    with DuckDBSession(warehouse, read_only=True) as session:
        found = {r["action_id"]: r["status"] for r in session.rows("SELECT action_id, status FROM outbox.actions")}
    return Survived(
        kills=killed,
        actions=len(found),
        doubled=sum(count > 1 for count in taken.values()),
        lost=sum(status not in ("sent", "uncertain") for status in found.values()),
        uncertain=sum(status == "uncertain" for status in found.values()),
        sent_without_copy=sum(status == "sent" and not taken[key] for key, status in found.items()),
    )


def _run(warehouse: Path, copies: Path, dedupes: str, point: str, passes: int, minutes: int) -> int | None:
    process = FRESH.Process(target=deliver_once, args=(warehouse, copies, dedupes, point, passes, minutes))
    process.start()
    process.join(600)
    return process.exitcode
