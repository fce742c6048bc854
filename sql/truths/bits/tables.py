"""Aggregates as tables, for tests that only the engine can judge: what numpy worked out, and the rest by the engine itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow

from sql.aggregates import Group
from sql.snapshot import COLUMN_TYPES
from sql.truths.bits.places import ordinals_table
from sql.truths.bits.rows import Rows
from sql.truths.bits.values import Kind, Values
from sql.truths.grouping import group_statements, group_table
from sql.truths.plan import ObjectPlan, TruthPlan

pa: Any = pyarrow
_ARROW: Mapping[Kind, Any] = {
    "whole": pa.int64(),
    "real": pa.float64(),
    "truth": pa.bool_(),
    "day": pa.date32(),
    "instant": pa.timestamp("us", tz="UTC"),
}


def provide_groups(
    truths: TruthPlan,
    plan: ObjectPlan,
    records: Rows,
    found: Mapping[tuple[str, str], Values],
    wanted: Mapping[str, Collection[str]],
) -> None:
    """Make the tables of the groups that tests read, with the columns `wanted`, by the groups' names.

    `found` has what was worked out already, by alias and column.
    """
    aliases = {group.name: alias for alias, (_, group) in plan.needs.groups.items()}
    left = {name: {c for c in columns if (aliases.get(name, ""), c) not in found} for name, columns in wanted.items()}
    for statement in group_statements(truths, plan, left, "04_truths", "_rest"):
        records.session.run(statement, records.parameters)
    for group in plan.needs.aggregates.groups:
        if group.name in wanted and group.name in aliases:
            ours = {c: found[aliases[group.name], c] for c in sorted(wanted[group.name]) if c not in left[group.name]}
            _put_together(plan, records, group, ours, sorted(left[group.name]))


def _put_together(plan: ObjectPlan, records: Rows, group: Group, ours: Mapping[str, Values], rest: list[str]) -> None:
    name, session = plan.needs.object, records.session
    made, other = group_table(name, group, "_judged"), group_table(name, group, "_rest")
    if not ours:
        session.execute(f"CREATE OR REPLACE TEMP TABLE {made} AS SELECT * FROM {other}", name=made)
        return
    spec = plan.needs.catalog[name]
    key = spec.spec(spec.key)
    columns = [f"CAST(n.record AS {COLUMN_TYPES[key.type] if key else 'VARCHAR'}) AS record"]
    columns += [f"w.{column}" for column in ours] + [f"s.{column}" for column in rest]
    joined = f"\nLEFT JOIN {other} AS s ON CAST(s.record AS VARCHAR) = n.record" if rest else ""
    table = pa.table(
        {"ordinal": pa.array(np.arange(records.count, dtype=np.int32))} | {c: _array(v) for c, v in ours.items()}
    )
    with session.reading("worked_out", table):
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE {made} AS\nSELECT {', '.join(columns)}\nFROM {ordinals_table(name)} AS n\n"
            f"JOIN worked_out AS w ON w.ordinal = n.ordinal{joined}",
            name=made,
        )


def _array(found: Values) -> Any:
    mask = None if found.known is None else ~found.known
    if found.kind == "day":
        return pa.array(found.values.astype(np.int32), mask=mask).cast(pa.date32())
    if found.kind == "instant":
        return pa.array(found.values.astype(np.int64), mask=mask).cast(_ARROW["instant"])
    return pa.array(found.values, type=_ARROW[found.kind], mask=mask)
