"""Which rows are judged: the records of an object, and the rows of a relation with the records that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from definitions.conditions import DIALECT
from sql.aggregates import Group, cast_to
from sql.names import record_table
from sql.places import RECORD, RELATED, ROOT, column
from sql.statements import Statement
from sql.truths.bits.groups import Grouped, RelatedRows, read, scaled
from sql.truths.bits.judging import Question, judge
from sql.truths.bits.rows import Rows
from sql.truths.bits.values import NotComparable, Values
from sql.truths.bits.words import Mask
from sql.truths.grouping import is_own
from sql.truths.joining import aliased, follow, join_related, path_aliases, within
from sql.truths.plan import ObjectPlan
from sql.truths.statements import wide_query
from sql.warehouses.duckdb import DuckDBSession


def ordinals_table(object_: str) -> str:
    """The temporary table that numbers the records that are judged."""
    return f"ordinals_{object_}"


def ordinals_statement(plan: ObjectPlan, scope: str | None) -> Statement:
    """Number the records that are judged, from 0, in the order in which they lie in their table."""
    name = plan.needs.object
    key = column(plan.needs.catalog[name].key, RECORD)
    record = cast_to(key.copy(), "VARCHAR").sql(dialect=DIALECT)
    among = f"\nWHERE {within(scope, key, name).sql(dialect=DIALECT)}" if scope else ""
    sql = (
        f"CREATE OR REPLACE TEMP TABLE {ordinals_table(name)} AS\n"
        f"SELECT {record} AS record, {RECORD}.rowid AS place, CAST(ROW_NUMBER() OVER (ORDER BY {RECORD}.rowid) - 1 AS INTEGER) AS ordinal\n"
        f"FROM {record_table(name)} AS {RECORD}{among}"
    )
    return Statement("04_truths", ordinals_table(name), f"The {name} records that are judged, numbered.", sql)


def records_of(plan: ObjectPlan, session: DuckDBSession, parameters: Mapping[str, Any]) -> Rows:
    """The records that are judged, in the order of their numbers."""
    name = plan.needs.object

    def wide(trees: Sequence[exp.Expr]) -> str:
        query = wide_query(plan, list(enumerate(trees)), "_judged")
        query.select(exp.column("place", table="n"), exp.column("ordinal", table="n").as_("owner"), copy=False)
        same = exp.EQ(this=exp.column("rowid", table=RECORD), expression=exp.column("place", table="n"))
        query.join(aliased(ordinals_table(name), "n"), on=same, join_type="inner", copy=False)
        return query.sql(dialect=DIALECT)

    return Rows(session, parameters, wide)


def is_judged_here(group: Group, plan: ObjectPlan) -> bool:
    """Does each of its rows belong to one of the records, and read nothing that is grouped itself."""
    return (
        all(hop.many and "@" not in hop.target for hop in group.hops) and not group.groups and is_own(group, plan.needs)
    )


def aggregates_of(plan: ObjectPlan, group: Group, records: Rows, wanted: Iterable[str]) -> dict[str, Values]:
    """Columns of a group, one value a record; those that are not here are the engine's to work out."""
    asked = {name: made for name, tree in group.columns.values() if name in wanted and (made := read(tree)) is not None}
    if not asked or not is_judged_here(group, plan):
        return {}
    rows = Rows(records.session, records.parameters, lambda trees: _related(plan, group, trees), in_order=False)
    filters = {_text(one.where): one.where for one in asked.values() if one.where is not None}
    filters |= {
        _text(one.value): one.value for one in asked.values() if one.value is not None and one.how in ("any", "every")
    }
    fetched = _fetched(asked.values())
    numbered = dict(enumerate(filters))
    judged = judge(Question(tuple((i, filters[text]) for i, text in numbered.items())), rows, also=fetched)
    truths = {text: judged[i] for i, text in numbered.items()}
    values = {_text(tree): found for tree in fetched if (found := rows.values(tree)) is not None}
    related = RelatedRows(
        rows.owners,
        records.count,
        lambda tree: truths[_text(tree)],
        lambda tree: values[_text(tree)],
        lambda tree: _numbered(tree, rows),
    )
    return related.worked_out(asked)


def _fetched(asked: Iterable[Grouped]) -> list[exp.Expr]:
    """The values that aggregates are made of, each once."""
    trees = [
        scaled(one.value) if one.how == "exact" else one.value
        for one in asked
        if one.value is not None and one.how not in ("any", "every")
    ]
    return list({_text(tree): tree for tree in trees}.values())


def _numbered(tree: exp.Expr, rows: Rows) -> tuple[NDArray[Any], int, Mask | None]:
    """The value of each row as a number from 0, how many different ones there are, and where there is one."""
    if rows.kind(tree) == "text":
        texts = rows.texts(tree)
        codes, count = texts.codes.codes, len(texts.words)
        return codes, count + 1, (codes < count if texts.has_missing else None)
    values = rows.values(tree)
    if values is None or values.kind == "real":  # what is the same number is the engine's to say
        raise NotComparable
    different, codes = np.unique(values.values, return_inverse=True)
    return codes, len(different), values.known


def _text(tree: exp.Expr) -> str:
    return tree.sql(dialect=DIALECT)


def _related(plan: ObjectPlan, group: Group, trees: Sequence[exp.Expr]) -> str:
    """The rows of a relation, each with the number of the record that it belongs to."""
    catalog = plan.needs.catalog
    spec, first = catalog[group.object], group.hops[0]
    aliases = path_aliases(group.hops)
    columns = [exp.alias_(tree.copy(), f"x{i}") for i, tree in enumerate(trees)]
    columns += [
        exp.alias_(exp.column("rowid", table=RELATED), "place"),
        exp.alias_(exp.column("ordinal", table="n"), "owner"),
    ]
    read = {c.table for tree in trees for c in tree.find_all(exp.Column)}
    roots = any(table == ROOT or table.startswith(f"{ROOT}__") for table in read)
    bare = first.source_field == spec.key and not roots
    query = exp.select(*columns)
    tables = [record_table(group.object), *(record_table(hop.target) for hop in group.hops)]
    follow(
        query, group.hops, aliases, [aliased(*named) for named in zip(tables, aliases, strict=True)], catalog, int(bare)
    )
    who = column(first.target_field, aliases[1]) if bare else column(spec.key, ROOT)
    mine = exp.EQ(this=exp.column("record", table="n"), expression=cast_to(who, "VARCHAR"))
    query.join(aliased(ordinals_table(group.object), "n"), on=mine, join_type="inner", copy=False)
    join_related(query, {a: j for a, j in group.joins.items() if _is_needed(a, read, group)}, catalog)
    return query.sql(dialect=DIALECT)


def _is_needed(alias: str, read: set[str], group: Group) -> bool:
    """Is a joined table read, or on the way to one that is."""
    return any(table == alias or table.startswith(f"{alias}__") for table in read) and alias in group.joins
