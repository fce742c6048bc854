"""What of ours is measured: loading, the first evaluation, those after changes, and the report."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from benchmarks.crm_rows import LATER, NOW
from benchmarks.meter import Meter, MeteredSession, cpu_seconds
from benchmarks.speed.asking import Asking, Found, Row
from benchmarks.speed.table import EVERYBODY, HELD, PASSED
from benchmarks.speed.world import session_of, snapshot
from pipelines.evaluation import Increments, evaluate
from pipelines.live import live_project
from pipelines.reporting import refresh_reports

PARTS = {
    "judging": ("04_truths",),
    "truths": ("04",),
    "state": ("05", "06", "07", "08", "09_advance"),
    "actions": ("09_assign", "10"),
}
"""The stages of an evaluation by what they are about: how their names begin. Truths are judging and the answers asked for."""
MEMORY = "1610MB"
"""What the engine is held to where the row says so: `memory` of project.yaml."""
STATE = (
    "state.episodes",
    "state.participants",
    "state.transitions",
    "state.refusals",
    "outbox.actions",
)
"""The tables that must be equal, whatever execution wrote them."""
ENTRIES = """
SELECT substr(subject, 7) AS workflow, COUNT(*) AS n FROM state.episodes WHERE subject LIKE 'entry:%' GROUP BY subject
"""

PAST = """
INSERT INTO state.closed_participants BY NAME
SELECT * EXCLUDE (i) REPLACE (
    participant_id || '-' || i AS participant_id, 'completed' AS status, '(end)' AS step_id, NULL AS due_at,
    entered_at - to_days(400 + i) AS entered_at, arrived_at - to_days(399 + i) AS arrived_at,
    entered_at - to_days(399 + i) AS left_at, entered_at - to_days(369 + i) AS watched_until
)
FROM state.open_participants, range(9) AS r (i)
"""


def prepare(asking: Asking) -> Found:
    """Make the world's rows and warehouses; what the product's own part of it takes is measured."""
    found, meter = Found(), Meter()
    found.counts |= asking.world.build(meter)
    found.rows += [
        Row(spent.name, spent.cpu, spent.wall) for spent in meter.spent if spent.name != "generate workflows"
    ]
    return found


def keep(asking: Asking) -> Found:
    """Make what later tasks begin from, so that they do not measure it."""
    _ = asking.world.evaluated, asking.world.changes(asking.share)
    return Found()


def first(asking: Asking) -> Found:
    """The first evaluation: every condition for every record, and everybody enters at once."""
    found = Found()
    with asking.world.copy(asking.world.loaded) as path, session_of(path) as session:
        _evaluate(found, session, NOW, "first evaluation")
        nobody = dict.fromkeys((asked.workflow for asked in asking.world.generated.asked()), 0)
        found.counts["entries"] = nobody | {row["workflow"]: row["n"] for row in session.rows(ENTRIES)}
        found.counts["hashes"] = {"first": hashes(session)}
    return found


def later(asking: Asking) -> Found:
    """Ten minutes later: a snapshot of what changed at a share of the accounts, and an evaluation."""
    return _later(asking, _changed(asking.share))


def held(asking: Asking) -> Found:
    """The same with less memory for the engine."""
    return _later(asking, _changed(asking.share) + HELD, MEMORY)


def _later(asking: Asking, name: str, memory: str | None = None) -> Found:
    found, world = Found(), asking.world
    with world.copy(world.evaluated) as path, session_of(path, memory) as session:
        changes = world.changes(asking.share)
        live_project(session)
        found.measure(f"{name}: snapshot", lambda: snapshot(session, world, changes, LATER))
        _evaluate(found, session, LATER, name)
        taken, made = found.rows[0], next(row for row in found.rows if row.name == f"{name}: evaluation")
        found.rows.append(Row(f"{name}: snapshot and evaluation", taken.cpu + made.cpu, taken.wall + made.wall))
        found.counts["hashes"] = {_changed(asking.share): hashes(session)}
    return found


def everybody(asking: Asking) -> Found:
    """The same, but everybody is judged, as once a night; what comes out must not differ."""
    found, world = Found(), asking.world
    with world.copy(world.evaluated) as path, session_of(path) as session:
        snapshot(session, world, world.changes(asking.share), LATER)
        _evaluate(found, session, LATER, EVERYBODY, increments="never")
        found.counts["hashes"] = {_changed(asking.share): hashes(session)}
    return found


def past(asking: Asking) -> Found:
    """The same in a warehouse that has nine passages behind it for each that is open."""
    found, world = Found(), asking.world
    with world.copy(world.evaluated) as path, session_of(path) as session:
        session.execute(PAST)
        session.execute("CHECKPOINT")
        snapshot(session, world, world.changes(asking.share), LATER)
        _evaluate(found, session, LATER, _changed(asking.share) + PASSED)
    return found


def _changed(share: float) -> str:
    return f"{share:.1%} changed".replace(".0%", "%")


def midnight(asking: Asking) -> Found:
    """After the changes, an evaluation beyond midnight, to which only time has passed."""
    found, world = Found(), asking.world
    with world.copy(world.evaluated) as path, session_of(path) as session:
        snapshot(session, world, world.changes(asking.share), LATER)
        evaluate(session, LATER)
        _evaluate(found, session, LATER + timedelta(hours=13), "beyond midnight")
        found.counts["hashes"] = {"beyond midnight": hashes(session)}
    return found


def whole(asking: Asking) -> Found:
    """Ten minutes later, where the source does not tell what changed: whole tables are read and compared."""
    found, world = Found(), asking.world
    rows = world.whole(asking.share)
    with world.copy(world.evaluated) as path, session_of(path) as session:
        live_project(session)
        found.measure("snapshot of whole tables", lambda: snapshot(session, world, rows, LATER, whole=True))
    return found


def report(asking: Asking) -> Found:
    """The report after the first evaluation, and what is refreshed of it after ten minutes."""
    found, world = Found(), asking.world
    with world.copy(world.evaluated) as path, session_of(path) as session:
        found.measure("first evaluation: report", lambda: refresh_reports(session))
        snapshot(session, world, world.changes(asking.share), LATER)
        evaluate(session, LATER)
        found.measure(f"{_changed(asking.share)}: report", lambda: refresh_reports(session))
    return found


@dataclass
class _Clock:
    """Tells CPU seconds, and when it was first asked: then the plan is at hand, as in a process that stays."""

    began: tuple[float, float] | None = None

    def __call__(self) -> float:
        cpu = cpu_seconds()
        self.began = self.began or (cpu, time.perf_counter())
        return cpu


def _evaluate(
    found: Found, session: MeteredSession, instant: datetime, name: str, increments: Increments | None = None
) -> None:
    """Evaluate, counted from the first statement, and note the parts."""
    session.during, clock = name, _Clock()
    made = evaluate(session, instant, clock=clock, increments=increments)
    cpu, wall = clock.began or (0.0, 0.0)
    note = "an increment" if made.is_increment else ""
    found.rows.append(Row(f"{name}: evaluation", cpu_seconds() - cpu, time.perf_counter() - wall, note))
    for part, stages in PARTS.items():
        cpu = sum(seconds for stage, seconds in made.seconds.items() if stage.startswith(stages))
        found.rows.append(Row(f"{name}: {part}", cpu, 0.0))
    ran_now = [ran for ran in session.ran if ran.during == name]
    found.statements = [asdict(ran) for ran in sorted(ran_now, key=lambda ran: -ran.cpu)[:40]]
    totals = {
        kind: sum(getattr(workflow, f"{kind}_count") for workflow in made.workflows)
        for kind in ("qualifying", "entered", "refused", "left", "inside", "planned")
    }
    found.counts |= {"totals": totals, "stages": made.seconds, "chain_hash": made.chain_hash}


def hashes(session: MeteredSession) -> dict[str, str]:
    """A hash of the rows of each table that must be equal, whatever their order."""
    made: dict[str, str] = {}
    for table in STATE:
        row = session.rows(f"SELECT COUNT(*) AS n, bit_xor(hash(t)) AS x, SUM(hash(t)) AS s FROM {table} AS t")[0]
        made[table] = hashlib.md5(str(row).encode()).hexdigest()[:12]
    return made
