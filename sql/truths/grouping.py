"""Relations grouped: each with everything that is asked of it, once for all that ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal, get_args

from sqlglot import exp

from definitions.conditions import DIALECT
from sql.aggregates import Group, filter_of
from sql.names import history_table, record_table
from sql.places import RECORD, ROOT, Needs, column
from sql.statements import Statement
from sql.truths.joining import aliased, follow, join_related, path_aliases, within
from sql.truths.plan import Kind, ObjectPlan, TruthPlan, numbers_in
from sql.truths.recent import recent

Family = Literal["", "_judged", "_carried", "_pooled"]
"""Who asks: everybody, tests that are judged as bits but not by numpy, what actions carry, where users are chosen from.

A full evaluation in SQL groups a relation once for all. Others group it for the records that each of these is about.
"""
_FAMILY_SCOPES: Mapping[Family, str | None] = {
    "": "affected",
    "_judged": "affected",
    "_carried": "addressed",
    "_pooled": None,
}


_OWN: Mapping[Kind, Family] = {"value": "_carried", "pool": "_pooled"}


def family_of(kind: Kind, plan: TruthPlan) -> Family:
    """Whose aggregates an expression of a kind reads."""
    if plan.shares_groups:
        return ""
    if plan.by_bits and kind in ("entry", "inside"):
        return "_judged"
    return _OWN.get(kind, "")


def aggregate_statements(plan: TruthPlan, stage: str, family: Family = "", *needs: str) -> Iterator[Statement]:
    """Each relation that a family asks for, grouped once with everything it asks."""
    kinds = [kind for kind in get_args(Kind) if family_of(kind, plan) == family]
    for _, object_plan in sorted(plan.objects.items()) if kinds else ():
        own = object_plan.needs
        if plan.shares_groups:
            wanted = all_columns(own)
        else:
            wanted = columns_read(own, (tree for kind in kinds for _, tree in numbers_in(object_plan, kind)))
        yield from group_statements(plan, object_plan, wanted, stage, family, *needs)


def group_statements(
    plan: TruthPlan,
    object_plan: ObjectPlan,
    wanted: Mapping[str, Collection[str]],
    stage: str,
    family: Family,
    *needs: str,
) -> Iterator[Statement]:
    """The columns `wanted` of an object's groups, by the groups' names."""
    own = object_plan.needs
    for group in own.aggregates.deepest_first():
        if not (columns := wanted.get(group.name)):
            continue
        narrow = _FAMILY_SCOPES[family] if plan.is_increment or family == "_carried" else None
        scope = narrow if is_own(group, own) else None
        sentence = f"Each {group.object}'s {'.'.join(group.path)}, grouped once: {len(columns)} aggregates."
        sql = _aggregate_sql(own, group, columns, family, scope)
        yield Statement(stage, group_table(own.object, group, family), sentence, sql, needs)


def all_columns(needs: Needs) -> dict[str, set[str]]:
    """Every column of an object's groups, by the groups' names."""
    return {group.name: {name for name, _ in group.columns.values()} for group in needs.aggregates.groups}


def columns_read(needs: Needs, trees: Iterable[exp.Expr]) -> dict[str, set[str]]:
    """The columns of groups that expressions read, by the groups' names; with those that these read in turn."""
    found: dict[str, set[str]] = {}
    pending = [(tree, needs.groups) for tree in trees]
    while pending:
        tree, groups = pending.pop()
        for read in tree.find_all(exp.Column):
            if read.table not in groups:
                continue
            group = groups[read.table][1]
            if read.name not in found.setdefault(group.name, set()):
                found[group.name].add(read.name)
                pending.append((next(t for n, t in group.columns.values() if n == read.name), group.groups))
    return found


def is_own(group: Group, needs: Needs) -> bool:
    """Is a group read for the record itself and for no other."""
    bases = {base for base, known in needs.groups.values() if known is group}
    return group.layer == 0 and bases == {RECORD}


def _aggregate_sql(needs: Needs, group: Group, wanted: Collection[str], family: Family, scope: str | None) -> str:
    aliases = path_aliases(group.hops)
    # the record itself is only joined where something reads it, or where the path does not lead straight to many rows
    bare = group.hops[0].many and ROOT not in group.root_used
    key = column(group.hops[0].target_field, aliases[1]) if bare else column(needs.catalog[group.object].key, ROOT)
    aggregates = [(name, tree) for name, tree in group.columns.values() if name in wanted]
    query = exp.select(exp.alias_(key.copy(), "record"), *(exp.alias_(tree, name) for name, tree in aggregates))
    tables = [record_table(group.object), *(_table_of(hop.target) for hop in group.hops)]
    follow(
        query,
        group.hops,
        aliases,
        [aliased(*named) for named in zip(tables, aliases, strict=True)],
        needs.catalog,
        int(bare),
    )
    join_related(query, group.joins, needs.catalog)
    join_groups(query, group.groups, needs, family)
    if scope is not None:
        query.where(within(scope, key, group.object), copy=False)
    if (rows := recent(filter_of(tree) for _, tree in aggregates)) is not None:
        query.where(rows, copy=False)
    query.where(exp.not_(exp.Is(this=key.copy(), expression=exp.null())), copy=False)
    query.group_by(key.copy(), copy=False)
    table = group_table(needs.object, group, family)
    return f"CREATE OR REPLACE TEMP TABLE {table} AS\n{query.sql(dialect=DIALECT, pretty=True)}"


def _table_of(target: str) -> str:
    """The table of a hop's target: an object's records, its history, or its changes."""
    object_, _, kind = target.partition("@")
    return {"history": history_table(object_), "changes": f"changes_{object_}"}.get(kind, record_table(object_))


def join_groups(query: exp.Select, groups: Mapping[str, tuple[str, Group]], needs: Needs, family: Family) -> None:
    """Join the tables of groups that a query reads."""
    for alias, (base, group) in groups.items():
        there = column(needs.catalog[group.object].key, base)
        on = exp.EQ(this=exp.column("record", table=alias), expression=there)
        query.join(aliased(group_table(needs.object, group, family), alias), on=on, join_type="left", copy=False)


def group_table(object_: str, group: Group, family: Family) -> str:
    """The temporary table of a group."""
    return f"aggregates_{object_}_{group.name}{family}"
