"""What others do with the same rows and conditions, and what nobody can be below."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.conditions import Condition, Test, aggregates, leaves
from benchmarks.crm_rows import LATER, accounts_at
from benchmarks.meter import MeteredSession
from benchmarks.project_files import Asked
from benchmarks.speed.alone import TABLES, is_expressible, select
from benchmarks.speed.asking import Asking, Found
from benchmarks.speed.world import World, session_of
from sql.statements import Statement, parse_statements

STEPS = {s.name: s for s in parse_statements("steps", (Path(__file__).parent / "steps.sql").read_text("utf-8"))}
ALL_UP_TO = 0.1
"""Up to this scale polars is asked all conditions; above, they do not fit into memory."""


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
    # it shares what conditions have in common, so that a sample costs more than its part
    chosen = conditions if asking.world.scale <= ALL_UP_TO else _sample(conditions, asking.sample)
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
    found: list[tuple[str, str]] = []
    for leaf in leaves(condition):
        if isinstance(leaf, Test):
            own = ("seats_used", "seats") if leaf.column == "seat_utilization" else (leaf.column,)
            found += [("crm.account", column) for column in own]
    for aggregate in aggregates(condition):
        read = [test.column for test in aggregate.tests] + ([aggregate.column] if aggregate.column else [])
        found += [(TABLES[aggregate.relation], column) for column in read]
    return found
