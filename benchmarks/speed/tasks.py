"""What is measured, a task at a time, each in a process of its own so that its peak memory is its own.

    python -m benchmarks.speed.tasks '{"task": "alone", ...}'

prints what it found as JSON on the last line. `benchmarks.speed` starts them.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.conditions import Condition, Related, Test, Trend, leaves
from benchmarks.crm_rows import LATER, NOW, accounts_at
from benchmarks.meter import Meter, MeteredSession, cpu_seconds, peak_mb
from benchmarks.project_files import Asked
from benchmarks.speed.alone import is_expressible, select
from benchmarks.speed.world import World, session_of, snapshot
from pipelines.evaluation import Evaluation, evaluate
from pipelines.live import live_plan
from sql.statements import Statement, parse_statements

STEPS = {s.name: s for s in parse_statements("steps", (Path(__file__).parent / "steps.sql").read_text("utf-8"))}
PARTS = {"truths": ("04",), "state": ("05", "06", "07", "08", "09_advance"), "actions": ("09_assign", "10")}
"""The stages of an evaluation by what they are about: how their names begin."""
STATE = (
    "state.episodes",
    "state.participants",
    "state.transitions",
    "state.refusals",
    "outbox.actions",
)
"""The tables that must be equal, whatever execution wrote them."""


@dataclass(frozen=True)
class Row:
    """One measurement: seconds of CPU and wall; `sampled` ones were extrapolated."""

    name: str
    cpu: float
    wall: float
    note: str = ""
    sampled: bool = False


@dataclass
class Found:
    """What a task found: its rows, the counts that others must find too, and its slowest statements."""

    rows: list[Row] = field(default_factory=list[Row])
    counts: dict[str, Any] = field(default_factory=dict[str, Any])
    statements: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    peak_mb: float = 0.0

    def measure(self, name: str, work: Callable[[], Any], times: float = 1.0, note: str = "") -> Any:
        """Do the work and note what it took; `times` is what a sample stands for."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        made = work()
        cpu, wall = cpu_seconds() - cpu, time.perf_counter() - wall
        self.rows.append(Row(name, cpu * times, wall * times, note, sampled=times > 1))
        return made


@dataclass(frozen=True)
class Asking:
    """What a task is asked: the world, how many conditions or steps to sample, and the share of accounts touched."""

    world: World
    sample: int
    share: float


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
        found.counts["entries"] = {
            row["subject"].removeprefix("entry:"): row["n"]
            for row in session.rows(
                "SELECT subject, COUNT(*) AS n FROM state.episodes WHERE subject LIKE 'entry:%' GROUP BY subject"
            )
        }
        found.counts["hashes"] = {"first": hashes(session)}
    return found


def later(asking: Asking) -> Found:
    """Ten minutes later: a snapshot of what changed at a share of the accounts, and an evaluation."""
    found, world = Found(), asking.world
    name = f"{asking.share:.1%} changed".replace(".0%", "%")
    with world.copy(world.evaluated) as path, session_of(path) as session:
        changes = world.changes(asking.share)
        found.measure(f"{name}: snapshot", lambda: snapshot(session, world, changes, LATER))
        _evaluate(found, session, LATER, name)
        taken, made = found.rows[0], next(row for row in found.rows if row.name == f"{name}: evaluation")
        found.rows.append(Row(f"{name}: snapshot and evaluation", taken.cpu + made.cpu, taken.wall + made.wall))
        found.counts["hashes"] = {name: hashes(session)}
    return found


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
        found.measure("snapshot of whole tables", lambda: snapshot(session, world, rows, LATER, whole=True))
    return found


def bounds(asking: Asking) -> Found:
    """What nothing that reads the tables can be below: every referenced column hashed, every related row grouped."""
    found = Found()
    columns: dict[str, set[str]] = {"crm.account": {"account_id"}}
    for asked in _expressible(asking.world):
        for table, column in _columns(asked.condition):
            columns.setdefault(table, {"account_id"}).add(column)
    with session_of(asking.world.loaded) as session:
        scans = [f"SELECT {', '.join(f'bit_xor(hash({c}))' for c in sorted(cs))} FROM {t}" for t, cs in columns.items()]
        groups = [
            f"SELECT SUM(n) FROM (SELECT account_id, COUNT(*) AS n FROM {table} GROUP BY account_id)"
            for table in columns
            if table != "crm.account"
        ]
        found.measure("bound: hash every referenced column", lambda: [session.rows(sql) for sql in scans])
        found.measure("bound: group every related table", lambda: [session.rows(sql) for sql in groups])
    return found


def alone(asking: Asking) -> Found:
    """One SELECT for each condition, of a sample; it only counts, and stores nothing."""
    found = Found()
    conditions = _expressible(asking.world)
    chosen = _sample(conditions, asking.sample)
    with session_of(asking.world.loaded) as session:
        counted = found.measure(
            "one SELECT a condition",
            lambda: [session.rows(select(asked.condition))[0]["count_star()"] for asked in chosen],
            _asked(asking.world) / len(chosen),
            f"{len(chosen)} of {_asked(asking.world)}",
        )
    found.counts["conditions"] = _named(chosen, counted)
    return found


def polars(asking: Asking) -> Found:
    """The same in polars: each distinct aggregate and leaf once."""
    from benchmarks.speed.frames import counts

    found = Found()
    conditions = _expressible(asking.world)
    chosen = _sample(conditions, asking.sample)
    counted = found.measure(
        "polars, lazily",
        lambda: counts([asked.condition for asked in chosen], asking.world.rows),
        _asked(asking.world) / len(chosen),
        f"{len(chosen)} of {_asked(asking.world)}",
    )
    found.counts["conditions"] = _named(chosen, counted)
    return found


def peers(asking: Asking) -> Found:
    """Rule engines that judge a record at a time: a sample of conditions for a sample of records."""
    from benchmarks.speed import peers as engines

    found = Found()
    own = _sample([asked for asked in _expressible(asking.world) if engines.is_own(asked.condition)], asking.sample)
    columns = sorted({leaf.column for asked in own for leaf in leaves(asked.condition) if isinstance(leaf, Test)})
    there = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    with session_of(asking.world.loaded) as session:
        sampled = f"SELECT account_id FROM crm.account WHERE {there} ORDER BY hash(account_id) LIMIT 300"
        rows = session.rows(f"SELECT {', '.join(columns)} FROM crm.account WHERE account_id IN ({sampled})")
        among = f" AND a.account_id IN ({sampled})"
        expected = [session.rows(f"{select(asked.condition)}{among}")[0]["count_star()"] for asked in own]
    records = [{name: engines.number_of(value) for name, value in row.items()} for row in rows]
    judged = len(own) * len(records)
    times = _asked(asking.world) * accounts_at(asking.world.scale) / judged
    for name, make in (("json-logic", engines.json_logic), ("rule-engine", engines.rule_engine)):
        rules = [make(asked.condition) for asked in own]
        counted = found.measure(
            f"{name}, record by record",
            lambda rules=rules: [sum(bool(rule(record)) for record in records) for rule in rules],
            times,
            f"{judged} judgements",
        )
        found.counts[name] = sum(got != wanted for got, wanted in zip(counted, expected, strict=True))
    return found


def steps(asking: Asking) -> Found:
    """Participants moved by statements for each step of each workflow, of a sample; their truths are given."""
    found, world = Found(), asking.world
    with world.copy(world.evaluated) as path, session_of(path) as session:
        _run(session, STEPS["truths"], as_of=LATER)
        due = session.rows(
            "SELECT COUNT(*) AS n FROM state.participants WHERE status = 'active' AND due_at <= $at", {"at": LATER}
        )
        ways: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for way in session.rows(STEPS["ways"].sql):
            ways.setdefault((way["workflow"], way["from_step"]), []).append(way)
        chosen = _sample(list(ways.values()), asking.sample)
        note = f"{len(chosen)} of {len(ways)} steps, {due[0]['n']:,} due"

        def move() -> None:
            for listed in chosen:
                with session.transaction():
                    for way in listed:
                        _take(session, way)

        found.measure("statements for each step", move, len(ways) / len(chosen), note)
    return found


def _take(session: MeteredSession, way: dict[str, Any]) -> None:
    values = {
        "as_of": LATER,
        "workflow": way["workflow"],
        "step": way["from_step"],
        "condition": way["condition"],
        "hop": way["hop_id"],
        "to_step": way["to_step"],
        "wait_days": way["wait_days"],
        "outcome": way["outcome"],
    }
    for name in ("going", "note", "queue", "move"):
        _run(session, STEPS[name], **values)


def _run(session: MeteredSession, statement: Statement, **values: Any) -> None:
    session.execute(statement.sql, {name: values[name] for name in statement.parameters}, statement.name)


def _evaluate(found: Found, session: MeteredSession, instant: datetime, name: str) -> None:
    """Evaluate with the plan at hand, as a process that stays has it, and note the parts."""
    live_plan(session, instant)
    session.during = name
    made: Evaluation = found.measure(f"{name}: evaluation", lambda: evaluate(session, instant, clock=cpu_seconds))
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


def _asked(world: World) -> int:
    return len(world.generated.asked())


def _expressible(world: World) -> list[Asked]:
    return [asked for asked in world.generated.asked() if is_expressible(asked.condition)]


def _sample(among: Sequence[Any], count: int) -> list[Any]:
    return list(among) if count >= len(among) else random.Random(1).sample(among, count)


def _named(chosen: Sequence[Asked], counted: Sequence[int]) -> dict[str, int]:
    return {f"{asked.workflow} {asked.use}": n for asked, n in zip(chosen, counted, strict=True)}


def _columns(condition: Condition) -> list[tuple[str, str]]:
    """The tables and columns that a condition reads."""
    from benchmarks.speed.alone import TABLES as RELATED

    found: list[tuple[str, str]] = []
    for leaf in leaves(condition):
        if isinstance(leaf, Test):
            own = ("seats_used", "seats") if leaf.column == "seat_utilization" else (leaf.column,)
            found += [("crm.account", column) for column in own]
        made = (
            [leaf.aggregate]
            if isinstance(leaf, Related)
            else [leaf.aggregate, leaf.other]
            if isinstance(leaf, Trend)
            else []
        )
        for aggregate in made:
            table = RELATED[aggregate.relation]
            found += [(table, test.column) for test in aggregate.tests]
            found += [(table, aggregate.column)] if aggregate.column else []
    return found


TASKS: dict[str, Callable[[Asking], Found]] = {
    task.__name__: task for task in (prepare, keep, first, later, midnight, whole, bounds, alone, polars, peers, steps)
}


def answer(asked: str) -> Found:
    """Do the task that some JSON asks for."""
    wanted = json.loads(asked)
    names = ("scale", "workflows", "everyone", "seed", "execution")
    world = World(Path(wanted["home"]), **{name: wanted[name] for name in names})
    found = TASKS[wanted["task"]](Asking(world, wanted["sample"], wanted["share"]))
    found.peak_mb = peak_mb()
    return found


if __name__ == "__main__":
    print(json.dumps(asdict(answer(sys.argv[1])), default=str))
