"""Of the records of an object a condition is true, false or unknown for each: the three counts add up to all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from support.soak.playing import Difference, Disagreed

from definitions import Project
from pipelines.known import known_from
from sql import DuckDBSession
from sql.truths.inspection import Inspection, Part


def check_identities(session: DuckDBSession, project: Project, as_of: datetime) -> None:
    """Count the leaves of all entry conditions both ways; raises Disagreed where the counts do not add up."""
    parameters = _parameters(session, as_of)
    for object_ in project.catalog.objects:
        asked = [w.entry.condition for w in project.workflows.values() if w.object == object_]
        if not asked:
            continue
        inspection = Inspection(project, object_)
        parts = [inspection.add(condition) for condition in asked]
        for statement in inspection.statements():
            session.run(statement, parameters)
        counts = inspection.counts()
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE identities AS {counts.sql}", {k: parameters[k] for k in counts.parameters}
        )
        found = session.rows("SELECT * FROM identities")[0]
        for part in parts:
            _add_up(part, found, as_of)


def _parameters(session: DuckDBSession, as_of: datetime) -> dict[str, Any]:
    last = session.ask("last_evaluation")[0]
    return {
        "as_of": as_of,
        "previous_snapshot": last["snapshot_as_of"],
        **known_from(session),
    }


def _add_up(part: Part, found: dict[str, Any], as_of: datetime) -> None:
    """A group is never unknown; it holds for as many as its parts allow; a leaf is true and false for no record at once."""
    true, false, records = found[f"t{part.column}"], found[f"f{part.column}"], found["records"]
    wrong = true + false > records if part.kind == "leaf" else true + false != records
    inner = [found[f"t{p.column}"] for p in part.parts]
    match part.kind:
        case "all":
            wrong = wrong or true > min(inner)
        case "any":
            wrong = wrong or not max(inner) <= true <= sum(inner)
        case "none":
            wrong = wrong or true > records - max(inner) or true < records - sum(inner)
        case _:
            pass
    if wrong:
        text = f"{part.kind} `{part.text}`: true {true} + false {false} of {records}, parts true {inner}"
        raise Disagreed(Difference(as_of, "identity", text))
    for one in part.parts:
        _add_up(one, found, as_of)
