"""Asset checks: is a snapshot plausible, and does the state keep its invariants.

The invariants are looked at once, by one op, and shown twice: each by itself on the evaluation, where it blocks
nothing, and all together on the outbox, where a broken one stops delivery. A block holds for its own run only, so
delivery looks again.
"""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.dagster.folder import POOL, ProjectFolder
from pipelines.dagster.keys import EVALUATION, GATE, PLANNED, SANITY, object_key
from pipelines.evaluation import broken_invariants
from pipelines.snapshot import ObjectCounts
from sql.statements import load_statements

EXAMPLES = 5
"""So many rows are shown of those that break an invariant."""


def object_check(name: str) -> dg.AssetCheckSpec:
    """The check of one CRM object in a snapshot."""
    return dg.AssetCheckSpec(
        SANITY,
        asset=object_key(name),
        description="Records were found (error), each with a key of its own and readable values (warning).",
    )


def object_result(name: str, counts: ObjectCounts | None) -> dg.AssetCheckResult:
    """How one CRM object fared; without counts it is in the folder but was not applied."""
    if counts is None:
        return dg.AssetCheckResult(
            passed=False,
            asset_key=object_key(name),
            check_name=SANITY,
            severity=dg.AssetCheckSeverity.WARN,
            description="not live: `drumbeat apply` makes it so",
        )
    odd = {
        "without_key": counts.null_key_count,
        "duplicates": counts.duplicate_count,
        "unreadable": counts.unreadable_count,
    }
    empty = counts.record_count == 0
    return dg.AssetCheckResult(
        passed=not empty and not any(odd.values()),
        asset_key=object_key(name),
        check_name=SANITY,
        severity=dg.AssetCheckSeverity.ERROR if empty else dg.AssetCheckSeverity.WARN,
        metadata={"records": counts.record_count, **odd},
    )


def build_invariants() -> dg.AssetChecksDefinition:
    """One op: every invariant on the evaluation, and on the outbox the gate that delivery waits for."""
    single = [
        dg.AssetCheckSpec(s.name, asset=EVALUATION, description=s.sentence) for s in load_statements("invariants")
    ]
    gate = dg.AssetCheckSpec(
        GATE, asset=PLANNED, blocking=True, description="Every invariant of the state holds: only then is delivered."
    )

    @dg.multi_asset_check(specs=[*single, gate], can_subset=True, pool=POOL)
    def invariants(context: dg.AssetCheckExecutionContext, folder: ProjectFolder) -> Iterator[dg.AssetCheckResult]:
        """Promises that the state keeps whatever the definitions say; a broken one is a bug of ours or a changed table."""
        with folder.session(folder.workspace, "check invariants") as session:
            broken = broken_invariants(session)
        for key in sorted(context.selected_asset_check_keys):
            yield _gate(broken) if key.name == GATE else _single(key.name, broken.get(key.name, []))

    return invariants


def _single(name: str, rows: list[dict[str, Any]]) -> dg.AssetCheckResult:
    examples = json.dumps(rows[:EXAMPLES], default=str, indent=1)
    return dg.AssetCheckResult(
        passed=not rows,
        asset_key=EVALUATION,
        check_name=name,
        metadata={"rows": len(rows), "examples": dg.MetadataValue.text(examples)} if rows else {"rows": 0},
    )


def _gate(broken: dict[str, list[dict[str, Any]]]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not broken,
        asset_key=PLANNED,
        check_name=GATE,
        description=f"broken: {', '.join(broken)}" if broken else None,
    )
