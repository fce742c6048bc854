"""Which rows are judged: the records of an object, and the rows of a relation with the records that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlglot import exp

from definitions.conditions import DIALECT
from sql.aggregates import Group, cast_to
from sql.names import record_table
from sql.places import RECORD, RELATED, ROOT, column
from sql.statements import Statement
from sql.truths.bits.groups import Grouped, text_of
from sql.truths.bits.judging import Judging, Question, constants_of, prepare
from sql.truths.bits.related import RelatedRows
from sql.truths.bits.rows import Part, Rows
from sql.truths.bits.values import Values
from sql.truths.bits.windows import Finder, Windows, times_in
from sql.truths.grouping import is_own
from sql.truths.joining import aliased, follow, join_related, path_aliases
from sql.truths.plan import ObjectPlan
from sql.truths.recent import recent
from sql.truths.statements import wide_query
from sql.warehouses.duckdb import DuckDBSession


def ordinals_table(object_: str) -> str:
    """The temporary table that numbers the records that are judged."""
    return f"ordinals_{object_}"


def ordinals_statement(plan: ObjectPlan, is_increment: bool) -> Statement:
    """Number the records that are judged, from 0, in the order in which they lie in their table."""
    name = plan.needs.object
    record = cast_to(column(plan.needs.catalog[name].key, RECORD), "VARCHAR").sql(dialect=DIALECT)
    reached = "a.is_reached" if is_increment else "TRUE AS is_reached"
    among = f"\nJOIN affected AS a ON a.object = '{name}' AND a.record = {record}" if is_increment else ""
    sql = (
        f"CREATE OR REPLACE TEMP TABLE {ordinals_table(name)} AS\n"
        f"SELECT {record} AS record, {RECORD}.rowid AS place, CAST(ROW_NUMBER() OVER (ORDER BY {RECORD}.rowid) - 1 AS INTEGER) AS ordinal, {reached}\n"
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

    return Rows(session, parameters, wide, session.count(ordinals_table(name)))


def is_judged_here(group: Group, plan: ObjectPlan) -> bool:
    """Does each of its rows belong to one of the records, and read nothing that is grouped itself."""
    return (
        all(hop.many and "@" not in hop.target for hop in group.hops) and not group.groups and is_own(group, plan.needs)
    )


@dataclass
class Relation:
    """A relation whose rows were fetched, and what is worked out of it for each block of records."""

    single: Mapping[str, Grouped]
    windows: Sequence[Windows]
    numbers: Mapping[str, int]
    """The filters, by their SQL: conditions about the relation's rows."""
    rows: Rows
    judging: Judging

    @property
    def names(self) -> set[str]:
        """The columns that are worked out here."""
        return {*self.single, *(name for one in self.windows for name in one.named)}

    def parts(self) -> Iterator[dict[str, Values]]:
        """The columns for each block of records."""
        return map(self.worked_out, self.rows.parts())

    def worked_out(self, part: Part) -> dict[str, Values]:
        """The columns for the records of a block."""
        judged = self.judging.judge(part)
        truths = {text: judged[number] for text, number in self.numbers.items()}
        related = RelatedRows(part, truths, self._edges)
        made = related.worked_out(self.single)
        for windows in self.windows:
            made |= related.in_windows(windows)
        return made

    @cached_property
    def _edges(self) -> dict[str, NDArray[np.int64]]:
        found: dict[str, set[int]] = {}
        for one in self.windows:
            found.setdefault(one.of_text, set()).update(one.edges)
        return {text: np.array(sorted(edges), np.int64) for text, edges in found.items()}


def relation_of(
    plan: ObjectPlan, group: Group, records: Rows, asked: Mapping[str, Grouped], inexact: Collection[str]
) -> Relation | None:
    """Fetch the rows of a group for the columns that are asked for; those that are not worked out here are the engine's.

    `inexact` are values, by their SQL, that cannot be put together exactly.
    """
    since = recent(one.where for one in asked.values())

    def wide(trees: Sequence[exp.Expr]) -> str:
        return _related(plan, group, trees, since)

    rows = Rows(records.session, records.parameters, wide, records.count, is_related=True)
    rows.look_at(tree for one in asked.values() if (tree := one.fetched) is not None)
    asked = {name: one for name, one in asked.items() if one.value_text not in inexact and _is_held(one, rows)}
    if not asked:
        return None
    single, windows = _windows(asked, rows)
    grouped = [*single.values(), *(one.asked for one in windows)]
    filters = {one.where_text: tree for one in grouped if (tree := one.where) is not None}
    filters |= {one.value_text: tree for one in grouped if one.how in ("any", "every") and (tree := one.value)}
    fetched = [tree for one in grouped if (tree := one.fetched) is not None]
    question = Question(tuple(enumerate(filters.values())))
    judging = prepare(question, rows, also=(*fetched, *(one.of for one in windows)))
    return Relation(single, windows, {text: i for i, text in enumerate(filters)}, rows, judging)


def _is_held(asked: Grouped, rows: Rows) -> bool:
    """Can numpy put such values together."""
    kind = "truth" if asked.fetched is None else rows.kind(asked.fetched)
    match asked.how:
        case "rows" | "any" | "every":
            return kind is not None
        case "different":
            return kind not in (None, "real")
        case "sum" | "exact":
            return kind == "whole"
        case "min" | "max":
            return kind in ("whole", "real", "day", "instant")


def _windows(asked: Mapping[str, Grouped], rows: Rows) -> tuple[dict[str, Grouped], list[Windows]]:
    """What of it is about windows of time."""
    found = list(times_in(asked.values()))
    rows.look_at(term for term, _ in found)
    constants = constants_of({text_of(constant) for _, constant in found}, rows)
    return Finder(rows.kind, lambda tree: constants[text_of(tree)]).split(asked)


def _related(plan: ObjectPlan, group: Group, trees: Sequence[exp.Expr], since: exp.Expr | None) -> str:
    """The rows of a relation, each with the number of the record that it belongs to; only those that meet `since`."""
    catalog = plan.needs.catalog
    spec, first = catalog[group.object], group.hops[0]
    aliases = path_aliases(group.hops)
    columns = [exp.alias_(tree.copy(), f"x{i}") for i, tree in enumerate(trees)]
    columns += [
        exp.alias_(exp.column("rowid", table=RELATED), "place"),
        exp.alias_(exp.column("ordinal", table="n"), "owner"),
    ]
    chosen = () if since is None else (since,)
    read = {c.table for tree in (*trees, *chosen) for c in tree.find_all(exp.Column)}
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
    return query.where(*chosen).sql(dialect=DIALECT)


def _is_needed(alias: str, read: set[str], group: Group) -> bool:
    """Is a joined table read, or on the way to one that is."""
    return any(table == alias or table.startswith(f"{alias}__") for table in read) and alias in group.joins
