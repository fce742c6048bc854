"""Rows of related objects that matter by themselves: those that are participants, and those that are goals."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from definitions.catalog import Activity
from definitions.conditions import DIALECT
from definitions.workflow import Each
from sql.aggregates import Group, cast_to
from sql.leaves import compile_row_filter, compile_value
from sql.names import record_table
from sql.places import RECORD, RELATED, ROOT, Needs, column
from sql.statements import Statement, room
from sql.truths.joining import aliased, among_affected, follow, join_related, path_aliases
from sql.truths.plan import TruthPlan
from sql.truths.reach import Reach, inside


def happening_statements(plan: TruthPlan, stage: str) -> Iterator[Statement]:
    """What people did by themselves: the rows of objects that are activities, with their own time."""
    parts = [
        _happening_sql(plan, name, kind, activity)
        for name, spec in sorted(plan.project.catalog.objects.items())
        for kind, activity in sorted(spec.activities.items())
    ]
    sentence = "Answers, calls, meetings and outcomes of anybody inside, by their own time."
    if not parts:
        columns = "kind VARCHAR, object VARCHAR, record VARCHAR, value VARCHAR, happened_at TIMESTAMPTZ"
        yield room(stage, "happenings", sentence, columns)
        return
    sql = "CREATE OR REPLACE TEMP TABLE happenings AS\n" + "\nUNION ALL\n".join(parts)
    yield Statement(stage, "happenings", sentence, sql)


def _happening_sql(plan: TruthPlan, object_: str, kind: str, activity: Activity) -> str:
    catalog = plan.project.catalog
    needs = Needs(object_, plan.project)
    hops = catalog.checked(object_, (activity.of,))
    there = [compile_value(activity.where.tree, needs)] if activity.where is not None else []
    target = catalog[hops[-1].target]
    who, alias = column(hops[0].source_field, RECORD), RECORD
    for hop in hops[:-1]:
        needs.joins.setdefault(f"{alias}__{hop.name}", (alias, hop))
        alias = f"{alias}__{hop.name}"
        who = column(hops[-1].source_field, alias)
    at = cast_to(column(activity.at, RECORD), "TIMESTAMPTZ")
    value = cast_to(column(activity.outcome, RECORD), "VARCHAR") if activity.outcome else cast_to(exp.null(), "VARCHAR")
    query = exp.select(
        exp.alias_(exp.Literal.string(kind), "kind"),
        exp.alias_(exp.Literal.string(target.object), "object"),
        exp.alias_(cast_to(who, "VARCHAR"), "record"),
        exp.alias_(value, "value"),
        exp.alias_(at, "happened_at"),
    ).from_(aliased(record_table(object_), RECORD))
    join_related(query, needs.joins, catalog)
    now = cast_to(exp.Placeholder(this="as_of"), "TIMESTAMPTZ")
    # nothing older than the oldest open passage can be a goal
    oldest = exp.Subquery(this=exp.select("MIN(entered_at)").from_("watched_participants"))
    return query.where(*there, exp.LTE(this=at.copy(), expression=now), exp.GT(this=at.copy(), expression=oldest)).sql(
        dialect=DIALECT, pretty=True
    )


def each_statements(plan: TruthPlan, stage: str) -> Iterator[Statement]:
    """The related rows that become participants of their own."""
    parts: list[str] = []
    for name, object_plan in sorted(plan.objects.items()):
        for number, each in sorted(object_plan.each.items()):
            parts.append(_each_sql(plan, name, number, each))
    sentence = "Related rows that are participants of their own."
    if not parts:
        yield room(stage, "each_rows", sentence, "each BIGINT, record VARCHAR, occasion VARCHAR")
        return
    sql = "CREATE OR REPLACE TEMP TABLE each_rows AS\n" + "\nUNION ALL\n".join(parts)
    yield Statement(stage, "each_rows", sentence, sql)


def each_reach(plan: TruthPlan, object_: str, each: Each, reach: Reach) -> None:
    """Add what decides which related rows are participants to what an object's truths depend on."""
    group, where = _rows_of(plan, object_, each)
    reach.add_path(group.hops)
    if where is not None:
        reach.note(where.copy(), inside((), group))


def _rows_of(plan: TruthPlan, object_: str, each: Each) -> tuple[Group, exp.Expr | None]:
    """The related rows, and which of them count."""
    needs = Needs(object_, plan.project)
    hops = tuple(plan.project.catalog.checked(object_, (each.relation,)))
    group = needs.aggregates.group(object_, (each.relation,), hops)
    return group, compile_row_filter(each, group, needs)


def _each_sql(plan: TruthPlan, object_: str, number: int, each: Each) -> str:
    catalog = plan.project.catalog
    group, where = _rows_of(plan, object_, each)
    hops = group.hops
    key = column(catalog[hops[-1].target].key, RELATED)
    aliases = path_aliases(hops)
    query = exp.select(
        exp.alias_(exp.Literal.number(number), "each"),
        exp.alias_(cast_to(column(catalog[object_].key, ROOT), "VARCHAR"), "record"),
        exp.alias_(cast_to(key, "VARCHAR"), "occasion"),
    )
    tables = [record_table(object_), *(record_table(hop.target) for hop in hops)]
    follow(query, hops, aliases, [aliased(*named) for named in zip(tables, aliases, strict=True)], catalog)
    join_related(query, group.joins, catalog)
    among = [among_affected(column(catalog[object_].key, ROOT), object_)] if plan.is_increment else []
    return query.where(where, *among).sql(dialect=DIALECT, pretty=True)
