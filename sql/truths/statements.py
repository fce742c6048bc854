"""TruthPlan -> SQL statements: what was true before, each relation grouped once, then wide rows in chunks.

A chunk holds 64 expressions: DuckDB plans statements of more than some 252 in quadratic time (issue 26036), and smaller
ones keep their intermediates in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from definitions.conditions import DIALECT
from sql.aggregates import cast_to
from sql.names import ENTRY_VALUES, EPISODES, OPEN_PARTICIPANTS, RESERVED, history_table, quoted, record_table
from sql.places import (
    PARTICIPANT_ROW,
    RECORD,
    Needs,
    column,
    entry_alias,
    held_alias,
    member_alias,
    result_alias,
)
from sql.statements import Statement, room
from sql.truths.grouping import Family, family_of, join_groups
from sql.truths.joining import aliased, among_affected, join_related, within
from sql.truths.plan import Kind, ObjectPlan, TruthPlan, numbers_in

CHUNK = 64
_RESULTS: dict[Kind, tuple[str, str]] = {
    "entry": ("truths", "condition"),
    "inside": ("truths", "condition"),
    "recipient": ("recipients", "value"),
    "measure": ("measures", "value"),
    "value": ("found_values", "value"),
    "entry_value": ("values_at_entry", "value"),
    "personal": ("personal_truths", "condition"),
    "pool": ("pools", "value"),
    "date": ("dates", "value"),
}
_SCOPES: dict[Kind, str | None] = {
    "entry": None,
    "inside": "needed",
    "recipient": "passing",
    "measure": "observed",
    "value": "addressed",
    "entry_value": "entrants",
    "personal": None,
    "pool": None,
    "date": "needed",
}
"""The temporary table that limits for which records a kind is computed."""


def previous_statements(plan: TruthPlan, stage: str) -> Iterator[Statement]:
    """What records looked like at the previous evaluation, for objects whose conditions ask."""
    for name, object_plan in sorted(plan.objects.items()):
        if object_plan.needs.uses_previous:
            key = plan.project.catalog[name].key
            columns = [quoted(n) for n in (key, *sorted(object_plan.needs.previous - {key}))]
            instant = "CAST($previous_snapshot AS TIMESTAMPTZ)"
            among = f"\n    AND {chosen}" if (chosen := _among(plan, name)) else ""
            sql = (
                f"CREATE OR REPLACE TEMP TABLE previous_{name} AS\n"
                f"SELECT {', '.join(columns)}\nFROM {history_table(name)}\n"
                f"WHERE valid_from <= {instant} AND (valid_to IS NULL OR valid_to > {instant}){among}"
            )
            yield Statement(stage, f"previous_{name}", f"The {name} records as the previous evaluation saw them.", sql)
        if object_plan.needs.changed:
            yield Statement(
                stage,
                f"changes_{name}",
                f"What changed in tracked fields of {name}, and when.",
                _changes_sql(object_plan, f"WHERE {chosen}\n" if (chosen := _among(plan, name)) else ""),
            )


def _among(plan: TruthPlan, name: str) -> str | None:
    """The condition that history is read of affected records only; None where it is read of others too."""
    if not plan.is_increment or _carried_past(plan.objects[name]):
        return None
    key = plan.project.catalog[name].key
    return among_affected(exp.column(key, quoted=key in RESERVED), name).sql(dialect=DIALECT)


def _carried_past(plan: ObjectPlan) -> bool:
    """Do actions carry values from before, which may be those of a recipient that is not affected."""
    read = {c.table for kind in ("value", "pool") for _, t in numbers_in(plan, kind) for c in t.find_all(exp.Column)}
    groups = (group for alias, (_, group) in plan.needs.groups.items() if alias in read)
    return "previous" in read or any("@" in group.hops[-1].target for group in groups)


def _changes_sql(plan: ObjectPlan, among: str) -> str:
    """Spells that follow upon another without a gap are changes; what was not there before did not change."""
    name, fields = plan.needs.object, sorted(plan.needs.changed)
    key = quoted(plan.needs.catalog[name].key)
    window = f"OVER (PARTITION BY {key} ORDER BY valid_from)"
    before = ", ".join(f"{quoted(f)}, LAG({quoted(f)}) {window} AS {quoted(f + '_before')}" for f in fields)
    return (
        f"CREATE OR REPLACE TEMP TABLE changes_{name} AS\n"
        f"SELECT {key}, valid_from AS changed_at, {before}\nFROM {history_table(name)}\n{among}"
        f"QUALIFY LAG(valid_to) {window} = valid_from"
    )


def result_statements(plan: TruthPlan, kind: Kind, stage: str, *needs: str) -> Iterator[Statement]:
    """The expressions of one kind: wide rows in chunks, then one row for each result that is there."""
    for name, object_plan in sorted(plan.objects.items()):
        numbered = numbers_in(object_plan, kind)
        chunks = [numbered[i : i + CHUNK] for i in range(0, len(numbered), CHUNK)]
        for i, chunk in enumerate(chunks, start=1):
            table = f"{kind}_{name}_{i}"
            wide = f"CREATE OR REPLACE TEMP TABLE {table} AS\n{_wide(object_plan, kind, chunk, family_of(kind, plan), _scope(kind, plan)).sql(dialect=DIALECT, pretty=True)}"
            what = "condition" if kind in ("entry", "inside") else kind.replace("_", " ")
            many = "s" if len(chunk) != 1 else ""
            yield Statement(stage, table, f"{len(chunk)} {what}{many} of {name}, judged together.", wide, needs)
            rows = _rows(table, kind, chunk, plan.uses)
            yield Statement(stage, f"{table}_rows", f"One row for each result in {table}.", rows, (table,))


def personal_statements(plan: TruthPlan, scope: str, stage: str) -> Iterator[Statement]:
    """The conditions that ask about participants, for the participants in a temporary table."""
    for name, object_plan in sorted(plan.objects.items()):
        numbered = numbers_in(object_plan, "personal")
        chunks = [numbered[i : i + CHUNK] for i in range(0, len(numbered), CHUNK)]
        for i, chunk in enumerate(chunks, start=1):
            table = f"personal_{name}_{i}_{scope}"
            workflows = sorted({w for number, _ in chunk for w in plan.askers[number]})
            query = _wide(object_plan, "personal", chunk, family_of("personal", plan))
            there = exp.In(
                this=exp.column("workflow", table=PARTICIPANT_ROW),
                expressions=[exp.Literal.string(w) for w in workflows],
            )
            among = exp.select("participant_id").from_(scope)
            chosen = exp.In(this=exp.column("participant_id", table=PARTICIPANT_ROW), query=exp.Subquery(this=among))
            wide = query.where(there, chosen, copy=False).sql(dialect=DIALECT, pretty=True)
            many = "s" if len(chunk) != 1 else ""
            sentence = f"{len(chunk)} condition{many} about participants of {name}, judged together."
            yield Statement(stage, table, sentence, f"CREATE OR REPLACE TEMP TABLE {table} AS\n{wide}", (scope,))
            rows = _rows(table, "personal", chunk, plan.uses)
            yield Statement(stage, f"{table}_rows", f"One row for each result in {table}.", rows, (table,))


def asked_statements(plan: TruthPlan, stage: str) -> Iterator[Statement]:
    """The steps and workflows that conditions ask about by name."""
    needs = [p.needs for p in plan.objects.values()]
    steps = sorted({step for n in needs for step in n.results})
    workflows = sorted({workflow for n in needs for workflow in n.members})
    for table, column_, names, what in (
        ("asked_steps", "step_id", steps, "steps whose results"),
        ("asked_workflows", "workflow", workflows, "workflows whose members"),
    ):
        if not names:
            yield room(stage, table, f"The {what} conditions ask about: none.", f"{column_} VARCHAR")
            continue
        listed = ", ".join(f"('{name}')" for name in names)
        sql = f"CREATE OR REPLACE TEMP TABLE {table} AS\nSELECT {column_} FROM (VALUES {listed}) AS v({column_})"
        yield Statement(stage, table, f"The {what} conditions ask about.", sql)


def _scope(kind: Kind, plan: TruthPlan) -> str | None:
    """The temporary table of the records that a kind is worked out for."""
    return _SCOPES[kind] or ("affected" if plan.is_increment and kind == "entry" else None)


def _wide(
    plan: ObjectPlan,
    kind: Kind,
    chunk: Sequence[tuple[int, exp.Expr]],
    family: Family = "",
    scope: str | None = None,
) -> exp.Select:
    needs = plan.needs
    key = column(needs.catalog[needs.object].key, RECORD)
    columns = [exp.alias_(_as_result(kind, tree), f"x{number}", copy=False) for number, tree in chunk]
    record = cast_to(key.copy(), "VARCHAR")
    columns.insert(0, exp.alias_(record, "record"))
    participant = exp.column("participant_id", table=PARTICIPANT_ROW)
    if kind == "personal":
        columns.insert(1, participant)
    query = exp.select(*columns, copy=False).from_(aliased(record_table(needs.object), RECORD), copy=False)
    if kind == "personal":
        same = exp.and_(
            exp.column("object", table=PARTICIPANT_ROW).eq(needs.object),
            exp.EQ(this=exp.column("record", table=PARTICIPANT_ROW), expression=record.copy()),
        )
        query.join(aliased(OPEN_PARTICIPANTS, PARTICIPANT_ROW), on=same, copy=False)
    used = {c.table for _, tree in chunk for c in tree.find_all(exp.Column)}
    wanted = _closure(used, needs)
    join_related(query, {a: j for a, j in needs.joins.items() if a in wanted}, needs.catalog)
    join_groups(query, {a: g for a, g in needs.groups.items() if a in used}, needs, family)
    if "previous" in used:
        on = exp.EQ(this=column(key.name, "previous"), expression=key.copy())
        query.join(aliased(f"previous_{needs.object}", "previous"), on=on, join_type="left", copy=False)
    for number in sorted(n for n in needs.held if held_alias(n) in used):
        on = _held_on(number, needs.object, record)
        query.join(aliased(EPISODES, held_alias(number)), on=on, join_type="left", copy=False)
    for workflow in sorted(w for w in needs.members if member_alias(w) in used):
        _join_keyed(query, "members", member_alias(workflow), {"workflow": workflow}, "record", record)
    for number in sorted(n for n in needs.entry_values if entry_alias(n) in used):
        _join_keyed(query, ENTRY_VALUES, entry_alias(number), {"value": number}, "participant_id", participant)
    for step in sorted(s for s in needs.results if result_alias(s) in used):
        _join_keyed(query, "step_results", result_alias(step), {"step_id": step}, "participant_id", participant)
    if scope is not None:
        query.where(within(scope, key, needs.object), copy=False)
    return query


def _join_keyed(
    query: exp.Select, table: str, alias: str, where: Mapping[str, str | int], key: str, on: exp.Expr
) -> None:
    """At most one row of a table: chosen by constants, and by a key of the row that is being judged."""
    chosen = [exp.column(name, table=alias).eq(value) for name, value in where.items()]
    same = exp.EQ(this=exp.column(key, table=alias), expression=on.copy())
    query.join(aliased(table, alias), on=exp.and_(*chosen, same), join_type="left", copy=False)


def _closure(used: set[str], needs: Needs) -> set[str]:
    """Aliases used, and those they are joined from."""
    bases = {base for alias, (base, _) in needs.groups.items() if alias in used}
    wanted, pending = set[str](), [a for a in used | bases if a in needs.joins]
    while pending:
        alias = pending.pop()
        if alias not in wanted:
            wanted.add(alias)
            base = needs.joins[alias][0]
            pending.extend([base] if base in needs.joins else [])
    return wanted


def _held_on(number: int, object_: str, record: exp.Expr) -> exp.Expr:
    alias = held_alias(number)
    return exp.and_(
        exp.column("subject", table=alias).eq(f"held:{number}"),
        exp.column("object", table=alias).eq(object_),
        exp.EQ(this=exp.column("record", table=alias), expression=record.copy()),
        exp.Is(this=exp.column("matched_to", table=alias), expression=exp.null()),
    )


def _as_result(kind: Kind, tree: exp.Expr) -> exp.Expr:
    match kind:
        case "entry" | "inside" | "personal":
            return tree.copy()
        case "recipient":
            return cast_to(tree.copy(), "VARCHAR")
        case "date":
            return cast_to(tree.copy(), "TIMESTAMPTZ")
        case "measure" | "pool":
            return cast_to(tree.copy(), "DOUBLE")
        case "value" | "entry_value":
            return cast_to(exp.func("TO_JSON", tree.copy(), dialect=DIALECT), "VARCHAR")


def _rows(table: str, kind: Kind, chunk: Sequence[tuple[int, exp.Expr]], uses: Mapping[int, Sequence[str]]) -> str:
    target, number_column = _RESULTS[kind]
    truths = kind in ("entry", "inside", "personal")
    subject = "participant_id" if kind == "personal" else "record"
    lines: list[str] = []
    for number, _ in chunk:
        result = "" if truths else f", x{number} AS result"
        there = f"x{number}" if truths else f"x{number} IS NOT NULL"
        use = f" -- {', '.join(uses[number])}" if number in uses else ""
        lines.append(f"SELECT {number} AS {number_column}, {subject}{result} FROM {table} WHERE {there}{use}")
    return f"INSERT INTO {target}\n" + "\nUNION ALL\n".join(lines)


def held_statement(plan: TruthPlan, stage: str) -> Iterator[Statement]:
    """The conditions whose spells are kept for `held_for`."""
    held = [(n, name) for name, p in sorted(plan.objects.items()) for n in sorted(p.needs.held)]
    sentence = "The conditions whose spells are kept for held_for."
    if not held:
        yield room(stage, "held", sentence, "condition BIGINT, object VARCHAR")
        return
    values = ", ".join(f"({n}, '{name}')" for n, name in held)
    source = f"(VALUES {values}) AS v(condition, object)"
    sql = f"CREATE OR REPLACE TEMP TABLE held AS\nSELECT CAST(condition AS BIGINT) AS condition, object FROM {source}"
    yield Statement(stage, "held", sentence, sql)


def records_statement(plan: TruthPlan, stage: str) -> Iterator[Statement]:
    """Which records are there at all, of every object that takes part."""
    if not plan.objects:
        yield room(stage, "records", "No object takes part.", "object VARCHAR, record VARCHAR")
        return
    parts = [
        f"SELECT '{name}' AS object, CAST({quoted(plan.project.catalog[name].key)} AS VARCHAR) AS record FROM {record_table(name)}"
        for name in sorted(plan.objects)
    ]
    sql = "CREATE OR REPLACE TEMP TABLE records AS\n" + "\nUNION ALL\n".join(parts)
    yield Statement(stage, "records", "The records that are there.", sql)


def wide_query(
    plan: ObjectPlan,
    numbered: Sequence[tuple[int, exp.Expr]],
    family: Family = "",
    scope: str | None = None,
) -> exp.Select:
    """One row for each record, with a column `x<number>` for each expression as it stands: nothing is made true or false."""
    return _wide(plan, "entry", numbered, family, scope)


def participant_query(plan: ObjectPlan, numbered: Sequence[tuple[int, exp.Expr]]) -> exp.Select:
    """The same for each participant."""
    return _wide(plan, "personal", numbered)
